# Everything runs in .venv, which the first target that needs it makes; `make help` lists the targets.
# Kept to what GNU make 3.81 (macOS) understands.

SHELL := /bin/sh
.DEFAULT_GOAL := help

WORKERS ?= 2
OUT ?= results/reanalysis
ARGS ?=
PYTEST ?=

BIN := .venv/bin
KIND := $(if $(CONSTRAINTS),exact,newest)
export PYTHON
export CONSTRAINTS

# One stamp a set of parts: newer than pyproject.toml means installed. An interpreter that no longer runs undoes them all.
RUN := .venv/.ready-run-$(KIND)
TEST := .venv/.ready-test-$(KIND)
DEV := .venv/.ready-dev-$(KIND)
BROKEN := $(if $(wildcard .venv),$(shell $(BIN)/python -c "" >/dev/null 2>&1 || echo venv-is-broken))

# Two set-ups at once would write into one .venv.
.NOTPARALLEL:
.PHONY: help setup reanalysis test test-fast lint format hooks clean venv-is-broken

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  PYTHON=...      the interpreter to make .venv with"
	@echo "  CONSTRAINTS=1   install the exact versions of constraints.txt"
	@echo "  OUT=folder      where reanalysis writes ($(OUT))     ARGS=... more options for it"
	@echo "  WORKERS=n       processes for the tests ($(WORKERS))    PYTEST=... more options for pytest"

setup: $(DEV) ## install all that developing needs into .venv

reanalysis: $(RUN) ## reanalyse the attachment trials into results/reanalysis
	$(BIN)/bayesmeta reanalyse --out $(OUT) $(ARGS)

test: $(TEST) ## run every test, the slow ones included
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST)

test-fast: $(TEST) ## run the tests that neither sample nor run a script
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" $(PYTEST)

lint: $(DEV) ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy

format: $(DEV) ## put the code into the one format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

hooks: $(DEV) ## run the checks of `make lint` before each commit
	$(BIN)/pre-commit install

clean: ## remove .venv, results and caches
	rm -rf .venv results dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(RUN): pyproject.toml .ci/set-up $(BROKEN)
	@.ci/set-up run $@

$(TEST): pyproject.toml .ci/set-up $(BROKEN)
	@.ci/set-up test $@

$(DEV): pyproject.toml .ci/set-up $(BROKEN)
	@.ci/set-up dev $@
