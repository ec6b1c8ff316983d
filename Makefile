# Two commands matter: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
ARGS ?=
VIDEO ?=
NAME ?=
PYTEST_ARGS ?=

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.runtime assets ## Start everything and take a film from a file to a screen (VIDEO=path, ARGS=--once)
	$(BIN)/vitascope demo $(if $(VIDEO),--video "$(VIDEO)") $(ARGS)

.PHONY: test
test: $(VENV)/.dev parts players ## Run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

.PHONY: check
check: $(VENV)/.dev ## Format, lint, types, import contracts, links in the documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_links.py

.PHONY: format
format: $(VENV)/.dev ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: $(VENV)/.dev assets ## Measure the figures of the README (NAME=start: one group)
	$(BIN)/python -m benchmarks $(NAME)

.PHONY: up
up: $(VENV)/.runtime assets ## Start the platform and serve until Ctrl-C
	$(BIN)/vitascope up $(ARGS)

.PHONY: assets
assets: $(VENV)/.runtime ## Install the pages' third-party JavaScript from its packages
	scripts/assets $(BIN)/python

.PHONY: players
players: $(VENV)/.runtime
	scripts/assets --dev $(BIN)/python

.PHONY: parts
parts: ## Find the servers and the browser that some tests use; install what is missing where that is allowed
	scripts/parts

.PHONY: lock
lock: $(VENV)/.dev ## Resolve the dependencies anew
	scripts/lock $(BIN)/python

.PHONY: clean
clean: ## Remove what was built and installed here
	rm -rf $(VENV) node_modules build dist src/vitascope/console/theatre/static/vendor
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) scripts/venv.py $(VENV)

$(VENV)/.runtime: $(VENV)/bin/python requirements.lock pyproject.toml
	@if [ ! -e $(VENV)/.dev ]; then \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --no-deps --editable . ; \
	fi
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements-dev.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@
