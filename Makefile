# Two commands set everything up on a fresh Debian or Ubuntu with Python 3.11 or newer: `make demo` and `make test`.

VENV := .venv
BIN := $(VENV)/bin

# Hundreds of processes are started here: none should have to compile what the one before has compiled.
unexport PYTHONDONTWRITEBYTECODE

# Whose branches the tests have to take. To watch the rest of the code too only costs time.
HELD := reconcile/planning reconcile/config

# Temporary folders in memory, if 4 GB of it are free: a commit to a disk takes fifty times as long.
IN_MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "/dev/shm" }')
ENOUGH := $(shell awk '/^MemAvailable:/ && $$2 > 4000000 { print "yes" }' /proc/meminfo 2>/dev/null)
TEMPORARY := $(or $(and $(ENOUGH),$(IN_MEMORY)),$(TMPDIR))

# Some tests wait for a server or a process, so one more runs at once than there are processors.
AT_ONCE := $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "  make %-8s %s\n", $$1, $$2 }'

.PHONY: demo
demo: $(VENV)/.installed ## Install, then take a company of 296 people from an LDIF file into an SQLite platform
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/quickstart/run

ON_MYSQL := $(addprefix tests/contract/test_,processmaker.py processmaker_objects.py processmaker_crashes.py \
	processmaker_history.py processmaker_life.py tables.py tables_life.py tables_quirks.py)

# A sample of the large grids takes much less time and has a case of every rule.
test: SAMPLE := -m "not full"
test-all: export TMPDIR := $(TEMPORARY)

.PHONY: test
test: test-all ## Everything a change has to pass: format, lint, types, layers, tests, coverage

.PHONY: test-all
test-all: ## Like test, with all cases of every grid; takes much longer
	@.ci/venv
	@$(MAKE) --no-print-directory --jobs --output-sync ready
	$(BIN)/pytest -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder $(SAMPLE) $(addprefix --cov=,$(HELD)) --cov-report=
	$(BIN)/coverage json --quiet -o - | $(BIN)/python .ci/coverage_floor.py 95 $(HELD)

.PHONY: test-mysql
test-mysql: export TMPDIR := $(TEMPORARY)
test-mysql: $(VENV)/.installed-dev ## The tests of what may be on MySQL, on a MySQL server instead of MariaDB
	@.ci/server-packages
	@.ci/mysql
	RECONCILE_TESTS_MYSQL=1 $(BIN)/pytest -n $(AT_ONCE) --dist loadfile -k "not postgresql and not sqlite" $(ON_MYSQL)

# To install waits for networks and disks, so it is done side by side, and so is lint as soon as it can be.
.PHONY: ready servers services
ready: servers services lint
servers:
	@.ci/server-packages
services:
	@.ci/scim-services

.PHONY: lint
lint: $(VENV)/.installed-dev ## Only format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.installed-dev ## Format the code, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: $(VENV)/.installed-dev ## Measure time and memory, compared with a bare read of the same directory; ARGS="--help"
	@.ci/server-packages
	$(BIN)/python -m tests.bench $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m tests.bench.roles)
	$(if $(ARGS),,$(BIN)/python -m tests.bench.fleet)

.PHONY: man
man: $(VENV)/.installed ## Write the man pages from the help of the commands
	$(BIN)/python -m reconcile.cli.guide.man docs/man

.PHONY: clean
clean: ## Remove what the other commands made
	@if [ -x examples/openldap/stop ]; then examples/openldap/stop; fi
	rm -rf $(VENV) build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf examples/openldap/server
	find examples -name '*.db' -delete -o -name '*.plan' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps stand inside the environment, so that they go when it goes.
$(VENV)/.installed: pyproject.toml .ci/venv
	@.ci/venv
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml examples/adapter/pyproject.toml .ci/venv .ci/dev-install .ci/compiling-packages
	@.ci/venv
	@.ci/dev-install
	@touch $@ $(VENV)/.installed
