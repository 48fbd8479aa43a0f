# The only runner. `make` prints its targets.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PIP     = $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev check fix test test-fast demo demo-check bench bench-log bench-pages \
        bench-directory tamper log-kills fuzz oracle restore-runs evidence-bytes reconcile-run bench-large \
        bench-wire bench-flood bench-slowsync bench-peer hostile towns-postgres land api-fuzz docs screenshots clean

help:  ## print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/' | sort

# Debian ships venv without ensurepip; the system's own pip fills the environment instead.
$(BIN)/python:
	@$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Staffelstab into $(VENV) ..." >&2
	@$(PIP) -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Staffelstab with its test tools into $(VENV) ..." >&2
	@$(PIP) -c constraints.txt -e '.[postgres,dev]'
	@touch $@ $(VENV)/.base

setup: $(VENV)/.base  ## install what a node needs
setup-dev: $(VENV)/.dev  ## install what developers need as well

demo: $(VENV)/.base  ## two towns of invented people in your browser
	@$(BIN)/staffelstab demo

demo-check: $(VENV)/.base  ## walk the five staged stories headless, one JSON line per step
	@$(BIN)/staffelstab demo --check --json

check: $(VENV)/.dev  ## lint, types, storeys
	$(BIN)/ruff format --check node tests bench deploy
	$(BIN)/ruff check node tests bench deploy
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.dev  ## let the tools mend what they can
	$(BIN)/ruff format node tests bench deploy
	$(BIN)/ruff check --fix node tests bench deploy

test: $(VENV)/.dev  ## everything: unit, protocol, both databases, two processes, browser
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: $(VENV)/.dev  ## the tests without processes and browser
	$(BIN)/python -m pytest -n 2 tests/unit tests/protocol tests/store tests/house

bench: $(VENV)/.dev  ## everything that is measured beside floors of the same run; with a peer: bench-peer
	$(BIN)/python -m bench.handover
	$(BIN)/python -m bench.log
	$(BIN)/python -m bench.large $(SIZE)
	$(BIN)/python -m bench.wire
	$(BIN)/python -m bench.flood $(REQUESTS)
	$(BIN)/python -m bench.slowsync
	$(BIN)/python -m bench.pages
	$(BIN)/python -m bench.directory $(MEMBERS)
	@$(MAKE) --no-print-directory land

bench-log: $(VENV)/.dev  ## measure the exchange log alone: append, verify, prove, cosign
	$(BIN)/python -m bench.log

bench-pages: $(VENV)/.dev  ## measure every page with 5,000 cases and 50,000 contacts
	$(BIN)/python -m bench.pages

SEED    ?= 1
ATTACKS ?= 5000
CLEAN   ?= 1000
KILLS   ?= 1000
SECONDS ?= 60
COUNT   ?= 100000
EXAMPLES ?= 1000

tamper: $(VENV)/.dev  ## attack witnessed logs (ATTACKS=5000 CLEAN=1000 SEED=1) and see each found
	$(BIN)/python -m tests.support.tampering --attacks $(ATTACKS) --clean $(CLEAN) --seed $(SEED)

log-kills: $(VENV)/.dev  ## kill a process that appends to a log (KILLS=1000 SEED=1), lose nothing
	$(BIN)/python -m tests.support.logkills --kills $(KILLS) --seed $(SEED)

api-fuzz: $(VENV)/.dev  ## schemathesis against a running node (EXAMPLES=1000 SEED=1)
	$(BIN)/python -m tests.support.apifuzz --examples $(EXAMPLES) --seed $(SEED)

fuzz: $(VENV)/.dev  ## feed spoiled inputs to every strict reader of the log (SECONDS=60 SEED=1)
	$(BIN)/python -m tests.support.fuzzing --seconds $(SECONDS) --seed $(SEED)

oracle: $(VENV)/.dev  ## let golang.org/x/mod judge our notes and proofs (COUNT=100000 SEED=1)
	ORACLE_COUNT=$(COUNT) ORACLE_SEED=$(SEED) $(BIN)/python -m pytest -q -rs tests/protocol/test_oracle.py

RUNS    ?= 500
restore-runs: $(VENV)/.dev  ## put nodes back in drawn ways and look for forks; RUNS and SEED
	$(BIN)/python -m tests.support.restore_runs $(RUNS) $(SEED)

MEMBERS ?= 10750
bench-directory: $(VENV)/.dev  ## verify a directory of all municipalities: MEMBERS=10750
	$(BIN)/python -m bench.directory $(MEMBERS)

SIZE     ?= 100000000
REQUESTS ?= 20000
bench-large: $(VENV)/.dev  ## one large document between two processes, its memory and its time: SIZE=bytes
	$(BIN)/python -m bench.large $(SIZE)

bench-wire: $(VENV)/.dev  ## bytes on the wire per handover
	$(BIN)/python -m bench.wire

bench-flood: $(VENV)/.dev  ## a flood beside an honest member: REQUESTS=20000
	$(BIN)/python -m bench.flood $(REQUESTS)

bench-slowsync: $(VENV)/.dev  ## handovers with 5 ms more per fsync
	$(BIN)/python -m bench.slowsync

bench-peer: $(VENV)/.dev  ## goals P1 to P7 beside two Matrix Synapse servers: BENCH_COUNT=200
	$(BIN)/python -m bench.peer

towns-postgres: $(VENV)/.dev  ## the whole stories between real nodes, each town on PostgreSQL
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -p tests.support.on_postgres tests/e2e

hostile: $(VENV)/.dev  ## many more answers of a hostile network than the suite tries: EXAMPLES=500
	HOSTILE_EXAMPLES=$(or $(EXAMPLES),500) $(BIN)/python -m pytest -q tests/hostile/test_answers.py

evidence-bytes: $(VENV)/.dev  ## change each byte of each file of two evidence bundles
	$(BIN)/python -m tests.node.evidence_bytes

N ?= 100000
SEED ?= 1
reconcile-run: $(VENV)/.dev  ## compare N seeded transfers of two towns: time, recall, precision
	$(BIN)/python -m tests.support.reconciling $(N) $(SEED)

land: COUNT = 0
land: $(VENV)/.dev  ## every town of a list as a node of one process (TOWNS=list.csv COUNT=1101 SEED=1)
	@$(BIN)/python -m tests.support.land $(TOWNS) --count $(COUNT) --seed $(SEED)

docs: $(VENV)/.dev  ## print the generated parts of docs/ anew
	$(BIN)/python -m tests.support.print_docs

screenshots: $(VENV)/.dev  ## pictures of the pages into docs/screenshots, with Chromium
	@$(BIN)/python -m tests.support.screenshots

clean:  ## remove what these targets made
	rm -rf $(VENV) .venv-peer demo-data .pytest_cache .mypy_cache .ruff_cache
