#!/usr/bin/env bash
# The checklist for a machine with an NVIDIA GPU: builds for that GPU, runs the tests on it, trains, and writes all down below OUT.
# No network is needed: what gpudl requires, CuPy, nvcc, scikit-build-core and pybind11 must be there.
#   benchmarks/on_gpu.sh OUT [SECONDS]        SECONDS bounds each part, 240 if left out
# Commit what it writes under benchmarks/results/, with the date, and strike what it settled out of PENDING.md.
set -u
out=${1:?where to write}
seconds=${2:-240}
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$out"
site=$(mktemp -d)
part() { # part NAME COMMAND...: its output and its exit status go into OUT/NAME.txt
    local name=$1
    shift
    printf '== %s\n' "$name"
    timeout "$seconds" "$@" >"$out/$name.txt" 2>&1
    echo "exit status $?" | tee -a "$out/$name.txt"
    tail -3 "$out/$name.txt"
}

part machine bash -c 'date -u +%F; nvidia-smi; nvcc --version; python3 -m pip list 2>/dev/null | grep -i -E "numpy|cupy|torch|jax|pybind11|scikit-build"'
part build env GPUDL_REQUIRE_NATIVE=1 GPUDL_CUDA=AUTO python3 -m pip install --no-build-isolation --no-deps --target "$site" "$here"
export PYTHONPATH=$site
cd "$here/tests" || exit 1
part show_config python3 -P -m gpudl
part kernels python3 -P -m pytest -q -p no:cacheprovider -o addopts= --import-mode=importlib native
part cases_cuda python3 -P -m pytest -q -p no:cacheprovider -o addopts= --import-mode=importlib test_cuda.py
part cases_cupy env GPUDL_BACKEND=numpy python3 -P -m pytest -q -p no:cacheprovider -o addopts= --import-mode=importlib test_cuda.py
cd "$here/examples" || exit 1
part demo_cuda env GPUDL_DEVICE=cuda python3 demo.py "$out/curves_cuda.png"
part demo_cupy env GPUDL_DEVICE=cuda GPUDL_BACKEND=numpy python3 demo.py "$out/curves_cupy.png"
cd "$here" || exit 1
part steps env GPUDL_DEVICE=cuda PEER=torch python3 -m pytest -q -p no:cacheprovider --benchmark-only benchmarks/test_training_steps.py
grep -H "exit status" "$out"/*.txt
