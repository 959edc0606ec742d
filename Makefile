# Set-up, checks and the demonstration. Needs make, bash and Python 3.11 or newer; everything else goes into .venv.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
READY := .venv/.ready
CORE := stream_app/language/*,stream_app/sysmon/*,stream_app/rulebook/*,stream_app/exchange/*,stream_app/engine/*,stream_app/handoff/*
SOURCES := stream_app tests

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

$(READY): pyproject.toml deploy/requirements.lock
	@for python in "$${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found="$$python"; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then echo "make: no Python 3.11 or newer found; name one with PYTHON=/path/to/python3" >&2; exit 1; fi; \
	echo "Setting up .venv with $$("$$found" --version), once."; \
	"$$found" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

.PHONY: demo
demo: $(READY) ## Sysmon in, incidents out, on a broker inside the process; INPUT=file plays your own records
	@$(BIN)/stream-app demo $(if $(INPUT),"$(INPUT)")

.PHONY: test
test: lint ## Every check: format, lint, types, import contracts, tests, coverage of the core
	@echo "== tests; those on a real Kafka run beside the others and are shown behind them"
	@status=0; set -m; : "else all that runs behind ignores SIGINT"; \
	$(BIN)/python -m pytest tests/system >.venv/system.txt 2>&1 & system=$$!; set +m; \
	trap 'kill $$system 2>/dev/null || true' EXIT; \
	$(BIN)/coverage run -m pytest --ignore=tests/system | tee .venv/pytest.txt || status=$$?; \
	wait $$system || status=$$?; \
	cat .venv/system.txt; \
	echo "== branch coverage of the core"; \
	$(BIN)/coverage report --skip-covered --show-missing --fail-under=100 --include='$(CORE)' || status=$$?; \
	tail -qn 1 .venv/pytest.txt .venv/system.txt; \
	exit $$status

.PHONY: lint
lint: $(READY) ## The checks that run nothing: format, lint, types, import contracts
	@echo "== format"
	@$(BIN)/ruff format --check $(SOURCES)
	@echo "== lint: $$($(BIN)/ruff check --show-files $(SOURCES) | wc -l) files"
	@$(BIN)/ruff check $(SOURCES)
	@echo "== types"
	@$(BIN)/mypy
	@echo "== import contracts"
	@$(BIN)/lint-imports --no-logo

.PHONY: bench
bench: $(READY) ## CPU per record on real Kafka, beside a raw loop and naive Faust; BASE=revision compares two commits
	@$(BIN)/python -m tests.benchmarks $(if $(BASE),compare "$(BASE)",run) $(OPTIONS)
	@$(if $(BASE),,$(BIN)/python -m tests.benchmarks import)

.PHONY: profile
profile: $(READY) ## Where a worker's time goes, by function, and a flame graph in .bench/; OPTIONS=--help says more
	@$(BIN)/python -m tests.benchmarks profile $(OPTIONS)

.PHONY: faults
faults: $(READY) ## Kill, pause, restart and move workers and brokers on real Kafka, and count (under two hours)
	@$(BIN)/python -m tests.faults --long $(OPTIONS)

.PHONY: hostile
hostile: $(READY) ## A million hostile records through a worker on a real Kafka, each accounted for; OPTIONS=--help says more
	@$(BIN)/python -m tests.hostile $(OPTIONS)

COMPILE := $(BIN)/uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --universal --python-version 3.11

.PHONY: lock
lock: $(READY) ## Lock the dependencies anew; what the image installs is a part of it
	@$(COMPILE) --quiet --all-extras -o deploy/requirements.lock
	@$(COMPILE) --quiet --extra rocksdb -c deploy/requirements.lock -o deploy/runtime.lock
