# `make demo` and `make test` set themselves up in .venv, in either order.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
TOOLS := build/tools
TORCH := 2.13.0

.PHONY: demo test test-all lint campaign lock audit bench docs clean

# The demo keeps data, runs and results in a folder of its own; a second run reuses them.
DEMO := demo
DEMO_DATA := $(DEMO)/trend-v1-n500.h5

demo: $(READY)
	@$(BIN)/trendbench make-data --n 500 --out $(DEMO_DATA)
	@$(BIN)/trendbench preview $(DEMO_DATA) --out $(DEMO)/data.png
	@$(BIN)/trendbench run --arch pix2pix-8 --data $(DEMO_DATA) --epochs 15 --no-c2st \
	    --runs $(DEMO)/runs --results $(DEMO)/results
	@$(BIN)/trendbench leaderboard --results $(DEMO)/results
	@cp $(DEMO)/runs/trend-v1/*/pix2pix-8/seed0/figures/result.png $(DEMO)/nf8.png
	@echo
	@echo "data         $(DEMO_DATA), drawn in $(DEMO)/data.png"
	@echo "samples      $(DEMO)/nf8.png: four of them beside ξ(k)"
	@echo "run          $(DEMO)/runs"
	@echo "results      $(DEMO)/results"

# One worker a core, each with one thread: more threads than cores cost many times what they save.
PYTEST := OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist worksteal

test: $(READY)
	$(PYTEST) -m "not slow"

test-all: $(READY)
	$(PYTEST)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The manual, under build/manual; a page whose commands have changed: python docs/refresh.py.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "manual       build/manual/index.html"

# Our parsers under a coverage-guided fuzzer; the table goes into docs/reliability.md. Minutes.
campaign: $(READY)
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m tests.campaign --write

# Newest versions within pyproject's ranges, with the hashes of every file that may be installed.
# Versions that are locked already stay: make lock UPGRADE=--upgrade takes newer ones.
lock: $(TOOLS)/ready
	$(TOOLS)/bin/uv pip compile --quiet pyproject.toml --extra dev --extra docs \
	    --extra tensorboard --extra fuzz --extra cluster --extra tune --python-version 3.11 --universal --generate-hashes \
	    --no-emit-package torch --no-annotate --custom-compile-command "make lock" \
	    $(UPGRADE) --output-file requirements.lock

# Known weaknesses of what is locked, as the Python Packaging Authority's advisory database has them.
audit: $(TOOLS)/ready
	$(TOOLS)/bin/pip-audit --disable-pip --require-hashes --requirement requirements.lock

# Speed and memory against peers and floors: a table, and with WRITE=--write docs/performance.md.
# A quarter of an hour, and the machine idle; FULL=--full scores 100 000 images, too. Peers that
# are not installed are left out: pip install ".[bench]" into .venv brings them.
bench: $(READY)
	$(BIN)/python -m benchmarks $(FULL) $(WRITE)

# Without an NVIDIA driver the CPU build of torch is asked for first; where the package index has
# none under that name, the index's own default is taken.
$(READY): Makefile requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	@if command -v nvidia-smi >/dev/null 2>&1; then \
	    $(BIN)/pip install --quiet torch==$(TORCH); \
	else \
	    $(BIN)/pip install --quiet torch==$(TORCH)+cpu \
	        || { echo "no CPU build of torch $(TORCH) on this index: taking its default build"; \
	             $(BIN)/pip install --quiet torch==$(TORCH); }; \
	fi
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(TOOLS)/ready:
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet uv==0.13.9 pip-audit==2.10.1
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) build
