#!/usr/bin/env bash
# The checklist for a machine with an NVIDIA GPU: builds for that GPU, tests on it, times, and writes down what came out.
# No network is needed: what gpudl requires, nvcc, pytest, pytest-benchmark, scikit-build-core, pybind11 and ninja must be there; CuPy for
# all but the truth tests; PyTorch for its columns.
#
#   benchmarks/on_gpu.sh [OUT] [SECONDS]      OUT: benchmarks/results/DATE_GPU if left out; SECONDS bound the whole, 530 if left out
#
# Parts come in the order of importance, each with a limit of its own. What passed is kept below build/on_gpu and not run again, until a
# source changes: call it once more to go on. OUT gets six files, to be committed: summary.md (date, GPU, driver, versions, commands, how
# each part ended), logs.tar.gz, ptx_seen.json (then: python benchmarks/ptx_wrappers.py --write), accuracy.md, and the timings as JSON.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
name=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1 | tr -cs 'A-Za-z0-9\n' -)
out=${1:-$here/benchmarks/results/$(date -u +%F)_${name:-no-gpu}}
deadline=$((SECONDS + ${2:-530}))
state=$here/build/on_gpu
command="benchmarks/on_gpu.sh $*"
mkdir -p "$out" "$state" && out=$(cd "$out" && pwd) || exit 2

key=$(cd "$here" && find csrc gpudl tests benchmarks examples pyproject.toml CMakeLists.txt -type f -not -path '*/results/*' \
    -not -name '*.py[co]' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
if [ "$(cat "$state/key" 2>/dev/null)" != "$key" ]; then
    rm -f "$state"/*.txt "$state"/*.json "$state"/*.log
    printf '%s\n' "$key" >"$state/key"
fi

part() { # part NAME MOST COMMAND...: what it says, and how it ended, go into NAME.txt; after MOST seconds it is interrupted
    local part=$1 most=$2 left=$((deadline - SECONDS)) began=$SECONDS status
    shift 2
    if tail -n 1 "$state/$part.txt" 2>/dev/null | grep -q "^exit status 0 "; then
        echo "== $part: passed before"
        return 0
    fi
    if [ "$left" -lt 10 ]; then
        echo "== $part: no time left"
        return 1
    fi
    printf '== %s\n' "$part"
    printf '$ %s\n' "$*" >"$state/$part.txt"
    timeout -s INT -k 10 "$((left < most ? left : most))" "$@" >>"$state/$part.txt" 2>&1
    status=$?
    printf '\nexit status %d after %d s\n' "$status" "$((SECONDS - began))" >>"$state/$part.txt"
    tail -n 4 "$state/$part.txt"
    return "$status"
}
# Warnings of other libraries' versions are shown, and end nothing here; -P: gpudl is the one that was installed, not the source beside us.
pytest="python3 -P -m pytest -q -p no:cacheprovider -o addopts= -W default --import-mode=importlib"
spread() { python3 -c "import $1" 2>/dev/null && echo "$2"; } # options of a plugin, if it is there

cd "$here/tests" || exit 2
part machine 30 bash -c 'date -u; nvidia-smi; nvcc --version; python3 --version; python3 -m pip list 2>/dev/null |
    grep -i -E "^(numpy|ml_dtypes|cupy|torch|jax|pybind11|scikit-build|pytest|ninja|cmake|cuda-|nvidia-)"'
part build 300 env GPUDL_REQUIRE_NATIVE=1 GPUDL_CUDA=AUTO python3 -m pip install --no-build-isolation --no-deps --upgrade \
    --target "$state/site" "-Cbuild-dir=$state/build" "-Ccmake.define.GPUDL_EXTRA_KERNELS=$here/tests/native/kernels/truth.cu;$here/tests/native/kernels/hopper.cu" "$here"
export PYTHONPATH=$state/site

# 1. Does the GPU do what the emulation says? A process a test: an illegal access spoils a process for good, and a deadlock lasts.
cp -n "$here/benchmarks/results/ptx_seen.json" "$state/ptx_seen.json" 2>/dev/null
export GPUDL_REQUIRE_GPU=1 GPUDL_TRUTH_LOG=$state/truth.log
part truth 90 bash -c "rm -f '$GPUDL_TRUTH_LOG'; grep -o '^def test_[a-z0-9_]*' native/test_instructions.py | cut -c 5- |
    xargs -P 4 -I{} timeout -s INT -k 5 30 $pytest native/test_instructions.py::{}"
unset GPUDL_REQUIRE_GPU GPUDL_TRUTH_LOG
[ -s "$state/truth.log" ] && python3 "$here/benchmarks/ptx_wrappers.py" --log "$state/truth.log" --seen "$state/ptx_seen.json" |
    tee "$state/wrappers.txt" | head -n 1

# 2. All kernels: values, gradients, replay; then how exact they are with CUDA's own functions.
part show_config 60 bash -c "python3 -P -m gpudl && python3 -P -c 'from gpudl.backends.cuda import count; assert count()[0], count()'"
part hopper 120 bash -c "grep -o '^def test_[a-z0-9_]*' native/test_hopper_matmul.py native/test_hopper_convolution.py | sed 's/:def /::/' |
    xargs -P 4 -I{} timeout -s INT -k 5 60 $pytest {}"
part native 90 $pytest $(spread xdist "-n 4") native --deselect native/test_instructions.py --ignore-glob '*test_hopper_*'
part cases 150 $pytest $(spread xdist "-n 6") $(spread pytest_timeout "--timeout 60") test_cuda.py
part accuracy 60 env GPUDL_DEVICE=cuda python3 -P accuracy.py "$state/accuracy.md"

# 3. Small ones with each access checked.
small="relu or softmax or batch_norm or layer_norm or max_pool or take or adam or dropout"
if command -v compute-sanitizer >/dev/null; then
    part sanitizer_truth 60 compute-sanitizer --error-exitcode 7 $pytest native/test_instructions.py
    part sanitizer_races 60 compute-sanitizer --tool racecheck --error-exitcode 7 $pytest native/test_instructions.py
    part sanitizer_cases 90 compute-sanitizer --error-exitcode 7 $pytest test_cuda.py -k "$small"
fi

# 4. How fast: PyTorch, CuPy and a copy beside us; whole steps; the demo.
cd "$here/benchmarks" || exit 2
peers=$(python3 -c 'import torch' 2>/dev/null && echo torch,)cupy
part kernel_speed 170 env GPUDL_DEVICE=cuda "PEER=$peers" $pytest --benchmark-only test_kernels.py "--benchmark-json=$state/kernel_speed.json"
part steps 90 env GPUDL_DEVICE=cuda "PEER=${peers%cupy}numpy" $pytest --benchmark-only test_training_steps.py "--benchmark-json=$state/steps.json"
cd "$here/examples" || exit 2
part demo_cuda 60 env GPUDL_DEVICE=cuda python3 demo.py "$state/curves_cuda.png"
cd "$here/tests" || exit 2
part cases_cupy 120 env GPUDL_BACKEND=numpy $pytest $(spread xdist "-n 6") test_cuda.py

{
    echo "# What came out on a GPU"
    echo
    echo "- date: $(date -u '+%F %H:%M') UTC"
    echo "- command: \`$command\`"
    echo "- GPU, driver, memory: $(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -n 1)"
    echo "- sources: $(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo "no commit known"), sha256 ${key:0:16}"
    echo "- versions: $(sed -n 's/.*release \([0-9.]*\),.*/nvcc \1/p' "$state/machine.txt" | head -n 1); $(
        grep -i -E '^(Python |numpy|ml_dtypes|cupy|torch|jax )' "$state/machine.txt" | tr -s ' ' | paste -sd , | sed 's/,/, /g')"
    echo
    echo "| part | ended | its last words |"
    echo "|---|---|---|"
    for part in machine build truth show_config hopper native cases accuracy sanitizer_truth sanitizer_races sanitizer_cases kernel_speed steps \
        demo_cuda cases_cupy; do
        if [ -e "$state/$part.txt" ]; then
            echo "| $part | $(tail -n 1 "$state/$part.txt") | $(tail -n 3 "$state/$part.txt" | head -n 1 | cut -c -200 | tr '|' /) |"
        else
            echo "| $part | not run | |"
        fi
    done
    echo
    sed -n 's/^test_kernel\[/- &/p' "$state/kernel_speed.txt" 2>/dev/null
} >"$out/summary.md"
for file in ptx_seen.json accuracy.md kernel_speed.json steps.json; do
    [ -e "$state/$file" ] && cp "$state/$file" "$out/"
done
tar -C "$state" -czf "$out/logs.tar.gz" --exclude=build --exclude=site . 2>/dev/null
cat "$out/summary.md"
! grep -L "^exit status 0 " "$state"/*.txt | grep -v wrappers.txt | grep -q .
