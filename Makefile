# make demo      train two small networks on real data, and draw the curves
# make test      run every test
# make test-exhaustive   kernels on every small size, emulated: an hour
# make docs      the guides, the gallery and the API as pages: build/docs/index.html
# make bench     time ours beside the peers of PEER=torch,jax
# make kernels-report   what nvcc made of each CUDA kernel: registers, shared memory, spills, warnings
# make lint      ruff, mypy, clang-format       make format   let them rewrite
# make clean     remove .venv and what builds left
#
# Each works alone and on a fresh machine: it makes .venv and installs what it needs, and the next time it finds that done.
# PYTHON=python3.12 chooses the interpreter, JOBS=4 the number of processes that test.

PYTHON ?= python3
JOBS ?= 2
PEER ?= numpy

BIN := .venv/bin
CXX_FILES = $(shell find csrc tests benchmarks -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh')
# Two test processes on two cores: more threads would only fight over them.
QUIET := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

# A Python that .ci/prepare.py cannot run on must be told apart before it is tried.
define prepare
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { echo "gpudl: there is no '$(PYTHON)'. Fix: install Python 3.11 or newer, or name one: make $@ PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "gpudl: $$("$(PYTHON)" --version 2>&1) is too old, 3.11 is needed. Fix: name a newer one: make $@ PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" .ci/prepare.py
endef

.PHONY: demo test test-exhaustive docs bench kernels-report lint format clean

demo:
	$(prepare) --gpu demo
	@$(BIN)/python examples/demo.py

test:
	$(prepare) test
	$(QUIET) $(BIN)/pytest -q -n $(JOBS) tests
	$(QUIET) $(BIN)/pytest -q -n $(JOBS) --doctest-modules gpudl
	$(QUIET) $(BIN)/pytest -q --benchmark-disable benchmarks

test-exhaustive:
	$(prepare) test
	GPUDL_EXHAUSTIVE=1 $(QUIET) $(BIN)/pytest -q -n $(JOBS) tests/native -k "full_grid or exhaustive"

docs:
	$(prepare) docs
	$(BIN)/python -m sphinx -q -W --keep-going -j $(JOBS) -d build/doctrees docs build/docs
	@echo "gpudl: the pages are in build/docs/index.html"

bench:
	$(prepare) test $(if $(findstring torch,$(PEER)),oracle)
	PEER=$(PEER) $(BIN)/pytest -q --benchmark-only benchmarks

kernels-report:
	$(prepare) test
	@$(BIN)/python benchmarks/kernels_report.py

lint:
	$(prepare) dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)

format:
	$(prepare) dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CXX_FILES)

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .benchmarks
