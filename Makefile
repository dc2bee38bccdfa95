# Everything a person does with the project, by name. Each target sets up what it needs first.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROOF := data/proof
USERS ?= 2000
SEED ?= 1

# Tools find the environment without its being activated.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

# Runs by hand and from the web UI share one history; tests keep none.
DAGSTER_HOME := $(CURDIR)/data/dagster
demo ui: export DAGSTER_HOME := $(DAGSTER_HOME)

.PHONY: help
help: ## Show what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1mmake %-12s\033[0m %s\n", $$1, $$2}'

# Both environments are pinned by hash; a change of a lock or of the project's file installs anew.
$(VENV)/.runtime: locks/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "this needs Python 3.11 to 3.13: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/dev.txt
	@touch $@

# The Spark and Python of Databricks Runtime 17.3 LTS, beside which transforms are tested; only where there is a Java.
LTS := .venv-lts
LTS_PYTHON ?= $(firstword $(foreach python,python3.12 $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python),$(shell \
	$(python) -c 'print("$(python)")' 2> /dev/null)) $(PYTHON))
HAS_JAVA := $(shell command -v $(or $(JAVA_HOME:%=%/bin/java),java))

$(LTS)/.runtime: locks/lts.txt pyproject.toml
	$(LTS_PYTHON) -m venv --clear $(LTS)
	$(LTS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/lts.txt
	$(LTS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: lts
lts: $(LTS)/.runtime ## Install the Spark of the targeted Databricks Runtime, for the parity tests

$(DAGSTER_HOME)/dagster.yaml: deploy/local/dagster.yaml
	@mkdir -p $(@D) && cp $< $@

.PHONY: setup
setup: $(VENV)/.runtime $(DAGSTER_HOME)/dagster.yaml ## Install what is needed to run

.PHONY: demo
demo: setup ## From nothing to answers: make data, build every table, show what came out
	$(BIN)/instacart generate --users $(USERS) --seed $(SEED)
	$(BIN)/instacart run
	@echo; echo "How do sales move by department and day of the week?"
	$(BIN)/instacart query --file examples/sales_by_weekday.sql
	@echo; echo "Which products drive repeat purchases?"
	$(BIN)/instacart query --file examples/repeat_purchases.sql
	@echo; echo "Which promotions work? (simulated, and known only up to chance: see the README)"
	$(BIN)/instacart query --file examples/promotions.sql
	@echo; echo "Ask your own: $(BIN)/instacart query \"SELECT …\"    See the graph: make ui"

.PHONY: ui
ui: setup ## Dagster's web UI on the same graph and lake
	$(BIN)/dagster dev --workspace workspace.yaml

.PHONY: test
test: $(VENV)/.dev $(if $(HAS_JAVA),$(LTS)/.runtime) ## Every test
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

# Tests of launched runs wait more than they work, so two files are at it at a time; what shares a fixture stays together.
SIDE_BY_SIDE := --numprocesses 2 --dist loadscope --no-loadscope-reorder

.PHONY: check
check: $(VENV)/.dev ## The inner loop: lint, then every test that is quick
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -q -m "not slow"

.PHONY: prove
prove: $(VENV)/.dev $(if $(HAS_JAVA),$(LTS)/.runtime) ## The full counts of every test that counts, and docs/proof.md on what they found
	rm -rf $(PROOF)
	HYPOTHESIS_PROFILE=prove INSTACART_PROOF=$(PROOF) $(BIN)/python -m pytest
	$(BIN)/python -m instacart_assets_tests.proof_page $(PROOF) docs/proof.md

.PHONY: lint
lint: $(VENV)/.dev ## Style, types, direction of imports, definitions, the bundle for Databricks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/dg check toml
	$(BIN)/dg check defs
	$(BIN)/python -m deploy.bundle_check

.PHONY: format
format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: pages
pages: $(VENV)/.runtime ## Write the page of each table anew from its contract
	$(BIN)/python -m instacart_assets.contracts.document docs/tables

.PHONY: wheel
wheel: $(VENV)/.runtime ## Build the wheel that Databricks tasks run from, into dist/
	rm -f dist/instacart_assets-*.whl # a deployment takes every wheel that lies there
	$(BIN)/python -m hatchling build --target wheel --directory dist

.PHONY: lock
lock: $(VENV)/.dev ## Pin the newest allowed versions of all dependencies
	$(BIN)/uv pip compile pyproject.toml --extra local --extra databricks --group build $(LOCK_OPTIONS) -o locks/runtime.txt
	$(BIN)/uv pip compile pyproject.toml --extra local --extra databricks --extra postgres --group dev -c locks/runtime.txt $(LOCK_OPTIONS) -o locks/dev.txt
	$(BIN)/uv pip compile pyproject.toml --group lts $(LOCK_OPTIONS) -o locks/lts.txt

# Without annotations and headers the files name no registry and no path.
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade

.PHONY: clean
clean: ## Remove the lake, the history and caches; landed files and the environment stay
	rm -rf data/lake data/dagster .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
