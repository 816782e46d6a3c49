# The hub's commands; `make help` lists them. Variables work both ways:
# `make run PORT=9001` and `PORT=9001 make run`; every HUB_… setting passes through to the hub.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,\
    $(shell $(name) -c 'import sys; sys.version_info < (3, 11) or print("$(name)")' 2>/dev/null)))
INSTALL = $(if $(PYTHON),$(PYTHON),$(error The hub needs Python 3.11 or newer. On Debian: sudo apt install python3)) \
    requirements/install.py $(VENV)

RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
TEST := $(VENV)/.test
# Only what the caller gave: an empty HUB_PORT would be a wrong one.
ifdef PORT
export HUB_PORT := $(PORT)
endif
DEMO := $(filter-out 0 no false,$(DEMO))
ifdef DEMO
export HUB_NAME ?= Linden
endif

# Where CI is set, what fails is tried once more, and named (docs/decisions/0062).
PYTEST := $(BIN)/python -m pytest -q $(if $(CI),--reruns 1 -raR)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: run test lint check fix bench simulate interop e2e soak migrate requirements assets golden words screenshots help

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME) ## Install, create ./data and start the hub; PORT=, DEMO=1 and HUB_… pass through
	@$(BIN)/python -m hub.web.build || echo "The pages stay plain until \`make assets\` works."
	@$(if $(DEMO),$(BIN)/hub demo,:)
	@exec $(BIN)/hub serve

migrate: $(RUNTIME) ## Bring the database up to date (starting the hub does so too)
	$(BIN)/hub migrate

assets: $(RUNTIME) ## Build the pages' style sheets, fonts and scripts from npm
	$(BIN)/python -m hub.web.build

lint: $(DEV) ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy requirements
	$(BIN)/lint-imports

check: lint ## The same and the fast tests; no network once installed
	$(PYTEST) -n auto tests/unit tests/architecture

fix: $(DEV) ## Format, and repair what the linter can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(TEST) assets ## Install what the tests need and pass them all, on SQLite and on PostgreSQL
	$(BIN)/python tests/machine.py
	$(BIN)/python tests/postgres.py
	HUB_TEST_COMPLETE=1 HUB_TEST_DATABASE=sqlite \
	    $(PYTEST) -n auto tests/unit tests/architecture tests/integration
	HUB_TEST_DATABASE=postgresql $(PYTEST) -n auto tests/integration
	$(PYTEST) -n auto --dist loadfile tests/interop tests/browser

interop: $(TEST) ## Real servers of other projects, on loopback
	$(PYTEST) tests/interop

e2e: $(TEST) assets ## A real browser
	$(BIN)/python tests/machine.py
	$(PYTEST) tests/browser

bench: $(TEST) ## Benchmarks, as ratios to a yardstick measured in the same run
	$(BIN)/python -m tests.benchmarks

simulate: $(DEV) ## The rules of delivery over 25,000 servers: pictures and docs/scale.md; no network
	$(BIN)/python -m tests.benchmarks.simulation

soak: $(TEST) ## The fault rigs at full length, figures into docs/reliability.md; SHARE=0.1 for a tenth
	$(BIN)/python -m tests.soak $(RIGS)

golden: $(TEST) ## Keep anew what the hub says to other servers, and how it reads there
	$(BIN)/python -m tests.golden

words: $(DEV) ## Bring the catalogues of translations up to date with what the pages say
	$(BIN)/python -m tests.catalogues

screenshots: $(TEST) assets ## Pictures of every page, into docs/pictures
	$(BIN)/python tests/machine.py
	$(BIN)/python -m tests.screenshots

requirements: $(DEV) ## Pin today's versions in requirements/*.txt; UPGRADE=1 takes newer ones
	$(BIN)/python requirements/pin.py $(if $(UPGRADE),--upgrade)

# Each stamp is a set of packages; a second run finds it and installs nothing.
$(RUNTIME): requirements/runtime.txt requirements/build.txt requirements/assets.txt pyproject.toml
	@echo "Installing the hub into $(VENV) (once)."
	@$(INSTALL) runtime build assets
	@touch $@

$(DEV): requirements/dev.txt requirements/build.txt pyproject.toml
	@echo "Installing the tools into $(VENV) (once)."
	@$(INSTALL) dev build
	@touch $@ $(RUNTIME)

$(TEST): requirements/test.txt requirements/build.txt pyproject.toml
	@echo "Installing what the tests need into $(VENV) (once)."
	@$(INSTALL) test build
	@touch $@ $(DEV) $(RUNTIME)
