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
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1mmake %-13s\033[0m %s\n", $$1, $$2}'

# venv and pip install what the locks pin; with UV=uv it is uv, which is faster and keeps a cache, as in CI.
UV ?=
make_environment = $(if $(UV),$(UV) venv --quiet --allow-existing --python $(2) $(1),$(2) -m venv $(1))
install = $(if $(UV),$(UV) pip install --python $(1),$(1)/bin/python -m pip install --disable-pip-version-check) --quiet --no-deps

# Both environments are pinned by hash; a change of a lock or of the project's file installs anew.
$(VENV)/.runtime: locks/runtime.txt pyproject.toml
	@$(if $(UV),,$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "this needs Python 3.11 to 3.13: make PYTHON=python3.12 …")')
	$(call make_environment,$(VENV),$(PYTHON))
	$(call install,$(VENV)) --require-hashes -r locks/runtime.txt
	$(call install,$(VENV)) --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/.runtime
	$(call install,$(VENV)) --require-hashes -r locks/dev.txt
	@touch $@

# The Spark and Python of Databricks Runtime 17.3 LTS, beside which transforms are tested; only where there is a Java.
LTS := .venv-lts
LTS_PYTHON ?= $(firstword $(foreach python,python3.12 $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python),$(shell \
	$(python) -c 'print("$(python)")' 2> /dev/null)) $(PYTHON))
HAS_JAVA := $(shell command -v $(or $(JAVA_HOME:%=%/bin/java),java))

$(LTS)/.runtime: locks/lts.txt pyproject.toml
	rm -rf $(LTS)
	$(call make_environment,$(LTS),$(LTS_PYTHON))
	$(call install,$(LTS)) --require-hashes -r locks/lts.txt
	$(call install,$(LTS)) --no-build-isolation -e .
	@touch $@

.PHONY: lts
lts: $(LTS)/.runtime ## Install the Spark of the targeted Databricks Runtime, for the parity tests

$(DAGSTER_HOME)/dagster.yaml: deploy/local/dagster.yaml
	@mkdir -p $(@D) && cp $< $@

.PHONY: setup
setup: $(VENV)/.runtime $(DAGSTER_HOME)/dagster.yaml ## Install what is needed to run

QUESTIONS := instacart_assets/answers/questions

.PHONY: demo
demo: setup ## From nothing to answers: make data, build every table, show what came out
	$(BIN)/instacart generate --users $(USERS) --seed $(SEED)
	$(BIN)/instacart run
	@echo; echo "How do sales move by department and day of the week?"
	$(BIN)/instacart query --file $(QUESTIONS)/weekdays.sql
	@echo; echo "Which products drive repeat purchases?"
	$(BIN)/instacart query --file $(QUESTIONS)/repeat_purchases.sql
	@echo; echo "Which promotions work? (simulated, and known only up to chance: see the README)"
	$(BIN)/instacart query --file $(QUESTIONS)/promotions.sql
	@echo; echo "These and more in charts:"
	$(BIN)/instacart report
	@echo; echo "Ask your own: $(BIN)/instacart query \"SELECT …\"    See the graph: make ui"

.PHONY: ui
ui: setup ## Dagster's web UI on the same graph and lake
	$(BIN)/dagster dev --workspace workspace.yaml

.PHONY: test
test: $(VENV)/.dev $(if $(HAS_JAVA),$(LTS)/.runtime) ## Every test, or those that TESTS names
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(TESTS)

# Tests of launched runs wait more than they work, so two files are at it at a time; what shares a fixture stays together.
SIDE_BY_SIDE := --numprocesses 2 --dist loadscope --no-loadscope-reorder

# Rooms whose tests start workspaces, deployments, browsers or builds, each of which takes seconds.
ROOMS_APART := benchmarks bundle calibration databricks deployment dirt documentation drops faults parity pipeline release \
	synthetic ui workspace

.PHONY: check
check: $(VENV)/.dev ## The inner loop: lint, then every test that is quick
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -q -m "not slow" $(SIDE_BY_SIDE) $(ROOMS_APART:%=--ignore=instacart_assets_tests/%)

.PHONY: prove
prove: $(VENV)/.dev $(if $(HAS_JAVA),$(LTS)/.runtime) ## The full counts of every test that counts, and docs/proof.md on what they found
	rm -rf $(PROOF)
	HYPOTHESIS_PROFILE=prove INSTACART_PROOF=$(PROOF) $(BIN)/python -m pytest $(SIDE_BY_SIDE)
	$(BIN)/python -m instacart_assets_tests.proof_page $(PROOF) docs/proof.md

.PHONY: bench
bench: $(VENV)/.dev ## Time and memory at the public files' size and beyond, beside peers, and docs/performance.md of it
	$(BIN)/python -m benchmarks.bench $(BENCH)
	$(BIN)/python -m benchmarks.page docs/benchmarks.json docs/performance.md

.PHONY: lint
lint: $(VENV)/.dev ## Style, types, direction of imports, definitions, workflows, the deployment, the bundle
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory workflows
	$(BIN)/dg check toml
	$(BIN)/dg check defs
	$(BIN)/check-jsonschema --builtin-schema compose-spec deploy/compose.yaml
	$(BIN)/python -m deploy.bundle_check

.PHONY: format
format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: workflows
workflows: $(VENV)/.dev ## Workflows and dependabot: schema, meaning, security; no network is asked
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/jactionlint --no-online --profile=pedantic --strict-exit --shellcheck= --pyflakes=
	$(BIN)/zizmor --offline --quiet --pedantic --strict-collection .github

.PHONY: secrets
secrets: $(VENV)/.dev ## Look for secrets in all files; one that is none says "pragma: allowlist secret" on its line
	git ls-files -z --cached --others --exclude-standard \
		| xargs -0 -P 2 -n 200 $(BIN)/detect-secrets-hook --no-verify --plugin .ci/databricks_token.py --exclude-files '^locks/'

# What is known and cannot be fixed yet, each with its reason beside it: --ignore-vuln ID
AUDIT_OPTIONS ?=

.PHONY: audit
audit: $(VENV)/.dev ## Ask whether vulnerabilities of pinned packages are known; needs their registry
	for lock in locks/*.txt; do $(BIN)/pip-audit --strict --disable-pip --require-hashes $(AUDIT_OPTIONS) -r $$lock; done

.PHONY: pages
pages: $(VENV)/.runtime ## Write the pages that are compiled anew: tables, commands, settings, the picture of the graph
	$(BIN)/python -m docs.compiler docs

.PHONY: dashboard
dashboard: $(VENV)/.runtime ## Write the dashboard of the bundle anew from the questions
	$(BIN)/python -m instacart_assets.answers.dashboard resources/sales.lvdash.json

# The site of docs/; a warning is an error, and each build looks at every page.
SITE := docs/_build

.PHONY: docs
docs: $(VENV)/.dev ## Build the documentation into docs/_build/html
	rm -rf $(SITE)
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html -d $(SITE)/doctrees docs $(SITE)/html

.PHONY: screenshots
screenshots: $(VENV)/.dev ## Take the pictures in docs/images anew, of the web UI and of the report; needs a Chromium
	$(BIN)/python -m instacart_assets_tests.ui.screenshots docs/images

# A deployment takes the wheel that was built for its commit: WHEEL names it.
WHEEL ?=

.PHONY: wheel
wheel: $(VENV)/.runtime ## Build the wheel that Databricks tasks run from, into dist/
	rm -rf dist && mkdir dist
	$(if $(WHEEL),cp $(WHEEL) dist/,$(BIN)/python -m hatchling build --target wheel --directory dist)

.PHONY: release-check
release-check: $(VENV)/.dev ## Build wheel and source archive, and try whether they may be released
	rm -rf dist
	$(BIN)/python -m hatchling build --directory dist
	$(BIN)/python -m instacart_assets_tests.release.check dist
	.ci/try-wheel dist/*.whl

.PHONY: release-notes
release-notes: $(VENV)/.dev ## What the changelog says of this version
	@$(BIN)/python -m instacart_assets_tests.release.notes

# Where: DATABRICKS_HOST and a login of the Databricks command line; what the target needs: BUNDLE_VAR_…
TARGET ?= dev

.PHONY: deploy
deploy: $(VENV)/.dev ## Deploy the bundle to TARGET of a Databricks workspace, and run its job
	databricks bundle validate --strict --target $(TARGET)
	databricks bundle deploy --target $(TARGET)
	databricks bundle run --target $(TARGET) instacart_lakehouse

.PHONY: lock
lock: $(VENV)/.dev ## Pin the newest allowed versions of all dependencies
	$(BIN)/uv pip compile pyproject.toml --extra local --extra databricks --group build $(LOCK_OPTIONS) -o locks/runtime.txt
	$(BIN)/uv pip compile pyproject.toml --extra local --extra databricks --extra postgres --group dev -c locks/runtime.txt $(LOCK_OPTIONS) -o locks/dev.txt
	$(BIN)/uv pip compile pyproject.toml --extra local --extra databricks --extra postgres -c locks/runtime.txt -c locks/dev.txt $(LOCK_OPTIONS) -o locks/deploy.txt
	$(BIN)/uv pip compile --group pyproject.toml:build -c locks/runtime.txt $(LOCK_OPTIONS) -o locks/build.txt
	$(BIN)/uv pip compile pyproject.toml --group lts $(LOCK_OPTIONS) -o locks/lts.txt

# Without annotations and headers the files name no registry and no path.
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade

.PHONY: clean
clean: ## Remove the lake, the history and caches; landed files and the environment stay
	rm -rf data/lake data/dagster .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
