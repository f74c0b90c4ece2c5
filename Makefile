# The developer interface: `make demo`, `make test`, `make e2e`. Needs git, make and Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := kubesim tests benchmarks examples tools

.PHONY: demo test lint types layers unit e2e bench fmt clean
.DEFAULT_GOAL := help

help:  ## Show this list
	@grep -E '^[a-z0-9]+:.*##' Makefile | sed 's/:.*##/ —/'

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("kubesim needs Python 3.11 or newer; set PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/python pyproject.toml
	$(PIP) install -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) install -e '.[dev]'
	@touch $@

demo: $(VENV)/.run  ## Watch a node die and its Pods move
	$(BIN)/kubesim run node-failure

test: lint types layers unit  ## Lint, types, import layers and tests

lint: $(VENV)/.dev
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

unit: $(VENV)/.dev
	$(BIN)/pytest -q -n 2 -m 'not e2e'

e2e: $(VENV)/.dev  ## Tests that need other programs
	$(BIN)/pytest -q -m e2e

bench: $(VENV)/.dev  ## Measure against the budgets
	$(BIN)/python -m benchmarks

fmt: $(VENV)/.dev  ## Format and repair what can be repaired
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

clean:  ## Remove what was made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
