# Every target installs what it needs first. `make run` and `make test` work as the first command.

PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.13; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
MANAGE := DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run install lint format messages axe test test-slow test-postgres screenshots clean

run: $(VENV)/.installed
	@$(BIN)/python -m webapp.ops.launch

install: $(VENV)/.installed-dev

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11, 3.12 or 3.13, found none. Install one, or give it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Expected Python's venv module to work (on Debian: apt-get install python3-venv)."; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python requirements.txt constraints.txt
	@echo "Installing what Ocellus needs into $(VENV) (a minute or two) ..."
	@$(BIN)/pip install --quiet -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@echo "Installing the development tools into $(VENV) ..."
	@$(BIN)/pip install --quiet -r requirements-dev.txt
	@touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint templates
	$(MANAGE) makemigrations --check --dry-run

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint --reformat --quiet templates || true

# The catalogues of messages, from the code and compiled; wants GNU gettext. Then translate what is
# new in locale/*/LC_MESSAGES/django.po, and make them once more.
messages: install
	$(MANAGE) makemessages --locale zh_Hans --no-wrap --add-location file --no-obsolete \
		$(foreach folder,tests bench docs var static,--ignore $(folder))
	sed -i '/^"POT-Creation-Date/d' locale/*/LC_MESSAGES/django.po  # or every run would be a change
	$(MANAGE) compilemessages --locale zh_Hans --ignore $(VENV)

# axe-core, for the tests of every page. Where it cannot be had they are skipped and say so; in CI they fail.
axe:
	@command -v npm >/dev/null && $(MAKE) --no-print-directory tests/browser/node_modules \
		|| echo "axe-core could not be installed; on Debian: apt-get install npm"

tests/browser/node_modules: tests/browser/package-lock.json
	cd tests/browser && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

test: install
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow"

# Browsers mostly wait for pages, so two of them run at a time; but for what measures time.
test-slow: install axe
	$(BIN)/pytest -n 2 --dist loadfile -m "slow and not alone" tests/browser
	$(BIN)/pytest -m "slow and not alone" --ignore tests/browser
	$(BIN)/pytest -m alone

# The tests that touch the database, on a PostgreSQL server of their own that is thrown away.
test-postgres: install
	$(BIN)/python -m tests.with_postgres $(BIN)/pytest -n 2 --dist loadfile -m "database and (not slow or on_postgres)"

screenshots: install
	$(BIN)/python -m tests.browser.screenshots

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
