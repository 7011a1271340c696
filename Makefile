# One file of commands; `make help` lists them. Everything runs in .venv, which `make setup` fills with the versions
# pinned in constraints.txt.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
READY := .venv/.ready

# A Python to set up with: `make setup PYTHON=/path/to/python3.12`. By default the first of these that is 3.11 or newer.
PYTHON ?= python3.11 python3.12 python3.13 python3

.PHONY: help setup demo demo-clean static check apart test long docs site picture gallery invariants parity faults cold-starts cluster-test determinism calibration conformance mutation bench bench-peers bench-scale bench-workers bench-memory search-bench release-check format clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY)  ## create .venv with the pinned dependencies; instant when nothing changed
	@echo "Ready: .venv"

# PIP_CONSTRAINT also pins what pip installs for itself to build the package.
$(READY): pyproject.toml constraints.txt
	@for candidate in $(PYTHON); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
	    echo "backsweep needs Python 3.11 or newer; none of these is: $(PYTHON)." >&2; \
	    echo "Install one, or name it: make setup PYTHON=/path/to/python3.11" >&2; \
	    exit 2; \
	fi; \
	$(BIN)/pip --version >/dev/null 2>&1 || { echo "Creating .venv with $$("$$found" --version)"; "$$found" -m venv --clear .venv; }
	PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## run the demo sweep on the shipped data and show its best trials; again: resumes it
	$(BIN)/backsweep run sweeps/demo.yaml
	$(BIN)/backsweep show studies/demo

demo-clean:  ## delete the demo study, so that `make demo` starts afresh
	rm -rf studies/demo

static: $(READY)  ## linters, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: static  ## `make static` and the quick tests: four minutes
	$(BIN)/pytest -m "not slow and not apart and not thorough and not long and not cluster" -n 2 --dist loadfile

# These wait for most of their time.
apart: $(READY)  ## tests that start Ray, or interrupt or starve processes
	$(BIN)/pytest -m "apart and not long and not cluster" -n 2 --dist loadfile

test: $(READY)  ## `make static` and every test but the long suites; some fifteen minutes
	$(MAKE) -j 2 static apart
	$(BIN)/pytest -m "not apart and not long and not cluster" -n 2 --dist loadfile
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest tests/engine/test_loop.py tests/engine/orders -m "not slow and not long" -n 2 --dist loadfile

# The oracles judge compiled runs, and tests/parity says that interpreted runs are the same: once is enough.
long: $(READY)  ## tests that make test leaves out, some fifteen minutes: the engine without the compiler, runs asleep and awake, the report in Chromium, exports in other programs, edits under a study, quotes
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet -c constraints.txt -e '.[dashboards]'
	$(BIN)/pytest -m long --timeout 3600 -n 2 --dist loadfile
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest tests/engine -m "not slow and not long" -n 2 --dist loadfile \
	    --ignore tests/engine/rules/test_oracle.py --ignore tests/engine/rules/test_account_oracle.py

invariants: $(READY)  ## the properties of tests/invariants on 500 scenarios each, and 1,000 desks of 50 steps; half an hour
	$(BIN)/pytest tests/invariants --hypothesis-profile long --timeout 7200 -n 2 --dist worksteal

parity: $(READY)  ## compiled = interpreted over the whole matrix of profiles, accounts, costs and fills; more scripts for the oracle
	$(BIN)/pytest tests/parity tests/engine/rules/test_oracle.py tests/engine/rules/test_account_oracle.py \
	    tests/engine/rules/test_currencies.py --hypothesis-profile long --timeout 7200 -n 2

faults: $(READY)  ## kill, starve and damage studies; print what was tried and what survived
	$(BIN)/python tests/faults/run.py

STARTS ?= 50

cold-starts: $(READY)  ## run the demo with an empty cache and two workers on a busy machine, 50 times or STARTS=5; about an hour
	$(BIN)/python tests/faults/cold_starts.py $(STARTS)

cluster-test: $(READY)  ## start a cluster of three nodes, kill a node and the driver under a study, compare; minutes
	$(BIN)/pytest tests/cluster -m cluster -v

determinism: $(READY)  ## run one study in every way, inline, on Ray and on nodes that go, and compare the bytes
	$(BIN)/python tests/determinism/run.py
	$(BIN)/pytest -W ignore::pytest.PytestUnraisableExceptionWarning tests/determinism/nodes.py

calibration: $(READY)  ## search noise and planted edges and print how often they survive; about ten minutes
	$(BIN)/python tests/calibration/run.py 200

docs: $(READY)  ## write the reference pages of docs/reference from the code
	PYTHONPATH=docs $(BIN)/python -m generate

site: $(READY)  ## build the documentation as a site without a server: open build/site/index.html
	PYTHONPATH=docs $(BIN)/python -m generate.site build

picture: $(READY)  ## run the demo, or find it finished, and draw docs/demo.svg
	$(BIN)/backsweep run sweeps/demo.yaml
	PYTHONPATH=docs $(BIN)/python -m generate.picture studies/demo docs/demo.svg

gallery: $(READY)  ## run the studies of docs/gallery.md and picture their reports in headless Chromium, in docs/pictures
	rm -rf build/gallery
	$(BIN)/backsweep check sweeps/demo.yaml
	$(BIN)/backsweep check sweeps/walk_forward.yaml
	$(BIN)/backsweep run sweeps/demo.yaml --out build/gallery/demo
	$(BIN)/backsweep run sweeps/walk_forward.yaml --out build/gallery/walk-forward
	$(BIN)/backsweep compare build/gallery/demo build/gallery/walk-forward --out build/gallery/comparison.html
	PYTHONPATH=docs $(BIN)/python -m generate.gallery build/gallery docs/pictures

PEERS := .venv-conformance

conformance: $(PEERS)/.ready .venv-zipline/.ready  ## play the same intents with other engines and print whose fills agree; about eight minutes
	PYTHONPATH=tests/conformance $(PEERS)/bin/python -m sidebyside

# The peers live in an environment of their own: the project never depends on them.
$(PEERS)/.ready: $(READY) pyproject.toml constraints.txt constraints-conformance.txt
	$(PEERS)/bin/pip --version >/dev/null 2>&1 || $(BIN)/python -m venv --clear $(PEERS)
	PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(PEERS)/bin/pip install --quiet \
	    -c constraints.txt -c constraints-conformance.txt -e '.[dev,conformance]'
	@touch $@

.venv-zipline/.ready: $(READY) constraints-zipline.txt
	.venv-zipline/bin/pip --version >/dev/null 2>&1 || $(BIN)/python -m venv --clear .venv-zipline
	PIP_DISABLE_PIP_VERSION_CHECK=1 .venv-zipline/bin/pip install --quiet -c constraints-zipline.txt zipline-reloaded
	@touch $@

MUTANTS ?= 120
SEED ?= 0

mutation: $(READY)  ## make MUTANTS=120 wrong changes of the code, chosen by SEED, and print which no quick test notices; an hour
	$(BIN)/python tests/mutation/run.py --number $(MUTANTS) --seed $(SEED) --jobs 2

bench: $(READY)  ## measure the engine, nanoseconds per bar, and what a trial costs beside it
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/overheads.py

bench-peers: $(PEERS)/.ready  ## compare what a bar costs with other engines that leave the same trades, and write docs/performance.md; minutes
	$(addsuffix _NUM_THREADS=1,RAYON NUMBA OMP) POLARS_MAX_THREADS=1 RAPTORBT_NO_VERSION_CHECK=1 \
	    PYTHONPATH=tests/bench $(PEERS)/bin/python -m peers

bench-scale: $(READY)  ## measure whole studies from 10^5 to 10^10 bars of trials, and write docs/performance.md; some six minutes
	$(BIN)/python tests/bench/scale.py

bench-workers: $(READY)  ## measure what a trial costs under 100 workers, and two workers against one; minutes
	$(BIN)/python tests/bench/overheads.py --workers

bench-memory: $(READY)  ## measure what workers hold: one copy a node, and shards of data that fit into no worker; ARGS="--bars 1e8": a large study
	$(BIN)/python tests/bench/memory.py $(ARGS)

SEARCH := build/search-bench
RUSTUNA := rustuna==0.2.0

search-bench: $(SEARCH)/.ready  ## compare samplers with those of Optuna and rustuna, and write docs/search.md; hours, goes on where it ended
	PYTHONPATH=tests/bench:$(SEARCH) $(BIN)/python -m search_bench $(ARGS)

# Rustuna has no dependencies and is a peer alone: it lies in a folder of its own, not in the project's environment.
$(SEARCH)/.ready: $(READY)
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet --upgrade --target $(SEARCH) $(RUSTUNA)
	@touch $@

RELEASE := build/release
PYTHONS ?= 3.11 3.12 3.13

release-check: $(RELEASE)/.ready  ## build wheel and sdist, install each into empty environments of PYTHONS, run the demo there
	$(RELEASE)/bin/python tests/release/run.py $(PYTHONS)

$(RELEASE)/.ready: $(READY) constraints-release.txt
	$(RELEASE)/bin/pip --version >/dev/null 2>&1 || $(BIN)/python -m venv --clear $(RELEASE)
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(RELEASE)/bin/pip install --quiet \
	    -c constraints.txt -c constraints-release.txt build twine
	@touch $@

format: $(READY)  ## format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## delete .venv and every cache; studies stay
	rm -rf .venv .venv-conformance .venv-zipline build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
