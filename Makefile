# Two environments, each built from a lock file with hashes, and rebuilt when the lock changes:
#   .venv            the platform, its tools and its tests
#   .venv-emulators  the Google Cloud emulators of the tests, whose packages clash with ours
# uv builds them where it is installed; else venv and pip.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Compiled modules are kept whatever the user's shell says: without them every start compiles
# 4,800 modules anew (5 s).
export PYTHONDONTWRITEBYTECODE :=

BIN := .venv/bin
READY := .venv/.ready
EMULATORS := .venv-emulators
EMULATORS_READY := $(EMULATORS)/.ready
EMULATORS_LOCK := txn_platform_tests/emulators.lock
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-strip-extras

# An environment counts only where it was built (its scripts hold that path) and while its
# Python still starts. Otherwise it is built again, from nothing.
stale = $(shell [ "$$(cat "$(1)/.ready" 2>/dev/null)" = "$(CURDIR)" ] && "$(1)/bin/python" -c '' 2>/dev/null || echo rebuild)

# $(call build,environment,lock file): an empty environment, then exactly what the lock lists.
define build
	@if [ -n "$(call stale,$(1))" ]; then rm -rf "$(1)"; fi; rm -f "$(1)/.ready"
	@set -- $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.13 python3); python=; \
	for name; do \
	  if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	  then python=$$name; break; fi; \
	done; \
	if uv --version >/dev/null 2>&1 && [ -n "$${python}$(if $(PYTHON),,any)" ]; then \
	  echo "Installing $(2) into $(1) with uv"; \
	  { [ -x "$(1)/bin/python" ] || uv venv --quiet --python "$${python:-3.11}" "$(1)"; } && \
	  uv pip sync --quiet --python "$(1)/bin/python" --require-hashes "$(2)"; \
	elif [ -n "$$python" ]; then \
	  echo "Installing $(2) into $(1) with pip: one to two minutes"; \
	  { [ -x "$(1)/bin/python" ] || "$$python" -m venv "$(1)"; } && \
	  "$(1)/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
	    --require-hashes --requirement "$(2)"; \
	else \
	  echo "Python 3.11, 3.12 or 3.13 is needed, and none of them was found." >&2; \
	  echo "Install one (or uv), or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
	  exit 1; \
	fi
endef

.PHONY: help
help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(READY) ## Build .venv from requirements.lock

.PHONY: rebuild
rebuild:

$(READY): requirements.lock pyproject.toml $(call stale,.venv)
	$(call build,.venv,requirements.lock)
	@if uv --version >/dev/null 2>&1; \
	then uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; fi
	@printf '%s' "$(CURDIR)" > $@

$(EMULATORS_READY): $(EMULATORS_LOCK) $(call stale,$(EMULATORS))
	$(call build,$(EMULATORS),$(EMULATORS_LOCK))
	@printf '%s' "$(CURDIR)" > $@

.PHONY: run
run: $(READY) ## Take the sample from CSV to checked marts (ARGS="--fresh --json")
	@$(BIN)/txn-platform run $(ARGS)

.PHONY: dev
dev: $(READY) ## Dagster UI on port 3000, dashboard and API on port 8000, over the same state
	@$(BIN)/txn-platform dev $(ARGS)

.PHONY: test
test: $(READY) $(EMULATORS_READY) ## Run the tests (ARGS="-k words")
	@$(BIN)/python -m pytest --numprocesses auto $(ARGS)

.PHONY: coverage
coverage: $(READY) $(EMULATORS_READY) ## Run the tests and measure line and branch coverage
	@$(BIN)/python -m pytest --numprocesses auto --cov --cov-report term --cov-report html $(ARGS)

.PHONY: lint
lint: $(READY) ## Check style, types, layers and SQL
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pyright
	@$(BIN)/sqlfluff lint --disable-progress-bar txn_platform api
	@$(BIN)/sqlfluff lint --disable-progress-bar --templater jinja dbt_project

.PHONY: format
format: $(READY) ## Mend what ruff and sqlfluff can mend
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(BIN)/sqlfluff fix --disable-progress-bar txn_platform api
	@$(BIN)/sqlfluff fix --disable-progress-bar --templater jinja dbt_project

.PHONY: bench
bench: $(READY) ## Measure ingest and API against others (ARGS=api, ingest, swap or schema for one)
	@$(BIN)/python -m txn_platform_tests.bench $(ARGS)

.PHONY: lock
lock: ## Resolve both lock files again (needs uv)
	@$(COMPILE) --all-extras pyproject.toml --output-file requirements.lock $(ARGS)
	@$(COMPILE) txn_platform_tests/emulators.in --output-file $(EMULATORS_LOCK) $(ARGS)

.PHONY: clean
clean: ## Remove environments and caches; your data in .txn stays
	@if [ -d .txn ] && [ -x $(BIN)/txn-platform ]; then $(BIN)/txn-platform services stop; fi
	@rm -rf .venv $(EMULATORS) .pytest_cache .ruff_cache .hypothesis .import_linter_cache \
	  htmlcov .coverage .coverage.* dbt_project/target dbt_project/logs data/large_transactions.csv
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
