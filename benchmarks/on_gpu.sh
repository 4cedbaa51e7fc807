#!/usr/bin/env bash
# The checklist for a machine with an NVIDIA GPU: builds for that GPU, runs the tests on it, times, and writes all down below OUT.
# No network is needed: what gpudl requires, CuPy, nvcc, scikit-build-core and pybind11 must be there; PyTorch for the peers' columns.
#
#   benchmarks/on_gpu.sh OUT [SECONDS]        SECONDS bounds the whole, 540 if left out
#
# Parts come in the order of importance. What passed is not run again: call it once more with the same OUT to go on.
# Commit what it writes under benchmarks/results/, with the date, and strike what it settled out of PENDING.md.
set -u
out=$(mkdir -p "${1:?where to write}" && cd "$1" && pwd)
deadline=$((SECONDS + ${2:-540}))
here=$(cd "$(dirname "$0")/.." && pwd)
site=$out/site

part() { # part NAME MOST COMMAND...: output and exit status go into OUT/NAME.txt; at most MOST seconds
    local name=$1 most=$2 left=$((deadline - SECONDS))
    shift 2
    if tail -n 1 "$out/$name.txt" 2>/dev/null | grep -qx "exit status 0"; then
        echo "== $name: passed before"
        return
    fi
    if [ "$left" -lt 5 ]; then
        echo "== $name: no time left"
        return
    fi
    printf '== %s\n' "$name"
    timeout "$((left < most ? left : most))" "$@" >"$out/$name.txt" 2>&1
    printf "\nexit status %d\n" $? >>"$out/$name.txt"
    tail -n 4 "$out/$name.txt"
}
tests() { # tests NAME MOST FILES...: of tests/, against the installed package
    local name=$1 most=$2
    shift 2
    (cd "$here/tests" && part "$name" "$most" python3 -P -m pytest -q -p no:cacheprovider -o addopts= --import-mode=importlib "$@")
}

part machine 30 bash -c 'date -u +%F; nvidia-smi; nvcc --version; python3 -m pip list 2>/dev/null | grep -i -E "numpy|cupy|torch|jax|pybind11|scikit-build"'
part build 300 env GPUDL_REQUIRE_NATIVE=1 GPUDL_CUDA=AUTO python3 -m pip install --no-build-isolation --no-deps --target "$site" "$here"
export PYTHONPATH=$site
(cd "$here/tests" && part show_config 60 python3 -P -m gpudl)
tests kernels 120 native
tests cases_cuda 240 test_cuda.py
GPUDL_BACKEND=numpy tests cases_cupy 240 test_cuda.py
(cd "$here/examples" && part demo_cuda 120 env GPUDL_DEVICE=cuda python3 demo.py "$out/curves_cuda.png")
cd "$here" || exit 1
bench="python3 -m pytest -q -p no:cacheprovider --benchmark-only"
part kernel_speed 240 env GPUDL_DEVICE=cuda PEER=torch $bench benchmarks/test_kernels.py --benchmark-json "$out/kernel_speed.json"
part steps 240 env GPUDL_DEVICE=cuda PEER=torch $bench benchmarks/test_training_steps.py --benchmark-json "$out/steps.json"
if command -v compute-sanitizer >/dev/null; then
    (cd "$here/tests" && part sanitizer 180 compute-sanitizer --error-exitcode 7 python3 -P -m pytest -q -p no:cacheprovider -o addopts= --import-mode=importlib test_cuda.py -k "relu or softmax or batch_norm")
fi
(cd "$here/examples" && part demo_cupy 120 env GPUDL_DEVICE=cuda GPUDL_BACKEND=numpy python3 demo.py "$out/curves_cupy.png")
grep -H "exit status" "$out"/*.txt
