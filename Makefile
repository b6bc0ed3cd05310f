# Every target sees to its own set-up: a fresh clone needs Python 3.11 or newer, and make. `make help` lists them.

V := .venv
N ?= 3
PIP := $(V)/bin/python -m pip --disable-pip-version-check
PYTEST := $(V)/bin/python -m pytest -n $(N) --dist worksteal

# Evaluated only where a virtual environment has to be made, so that a second start pays nothing for it.
PY = $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)

# Test processes share what Python compiled, whatever the shell says: each would rewrite the asserts of all tests.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run demo check test test-deep bench screenshots lock clean parts

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | \
		awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

run: $(V)/.run ## start Calsync on http://127.0.0.1:8000 (ARGS="--port 9000" changes that)
	@exec $(V)/bin/calsync serve $(ARGS)

demo: $(V)/.demo ## start it filled: a real calendar server, people, events, conflicts, failures
	@exec $(V)/bin/calsync demo $(ARGS)

check: $(V)/.test ## lint, format, types, layers and templates
	$(V)/bin/ruff check .
	$(V)/bin/ruff format --check .
	$(V)/bin/mypy
	$(V)/bin/lint-imports --no-logo
	$(V)/bin/djlint webapp/templates --lint --quiet

test: parts ## the tests, on SQLite and where it matters on PostgreSQL (ARGS="-k name" picks some)
	$(PYTEST) -m "not deep" $(ARGS)

test-deep: parts ## everything on PostgreSQL, the long simulator, all mutants, the kill test
	CALSYNC_TEST_DATABASE=postgres CALSYNC_TEST_DEEP=1 $(PYTEST) --timeout 600 $(ARGS)

bench: $(V)/.test ## measure: sync against vdirsyncer, scheduling, pages
	$(V)/bin/python -m bench $(ARGS)

screenshots: parts ## take docs/screenshots from the demo, light and dark
	$(V)/bin/python -m tests.screenshots $(ARGS)

lock: ## resolve constraints.txt anew for all platforms (ARGS=--upgrade takes newer versions)
	@command -v uv >/dev/null || { echo "make lock needs uv, the resolver: pip install uv"; exit 1; }
	uv pip compile -q --universal --python-version 3.11 --extra test --extra postgres --no-emit-index-url \
		--custom-compile-command "make lock" $(ARGS) pyproject.toml -o constraints.txt

clean: ## remove what make and the tests made; your data in instance/ stays
	rm -rf $(V) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find calsync jobs webapp tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up -------------------------------------------------------------------------------------------------

$(V)/bin/python:
	@test -n "$(PY)" || { echo "Calsync needs Python 3.11 or newer and found none."; \
		echo "  Debian, Ubuntu: apt install python3 python3-venv    macOS: brew install python@3.13"; exit 1; }
	@$(PY) -c 'import ensurepip' 2>/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		apt-get update -qq && apt-get install -qq -y python3-venv; } || \
		{ echo "$(PY) cannot make virtual environments. Debian, Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Making $(V) with $(PY)"
	@$(PY) -m venv $(V)

$(V)/.run: pyproject.toml constraints.txt | $(V)/bin/python
	@echo "Installing into $(V); this happens once"
	@$(PIP) install -q -c constraints.txt -e .
	@touch $@

$(V)/.demo: $(V)/.run
	@$(PIP) install -q -c constraints.txt -e '.[demo]'
	@touch $@

$(V)/.test: $(V)/.run
	@echo "Installing the test tools into $(V); this happens once"
	@$(PIP) install -q -c constraints.txt -e '.[test]'
	@touch $@

# A browser and PostgreSQL: found, else fetched, else named loudly (and in CI an error).
parts: $(V)/.test
	@$(V)/bin/python -m tests.parts.prepare
