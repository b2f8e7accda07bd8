# Every target does all of its own set-up: a machine with python3, pip, venv and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find cactuprivacy -type f -not -path '*/__pycache__/*')
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# From a folder that holds no package, so that what is tested is the installed wheel, in subprocesses too.
PYTEST = mkdir -p build && cd build && ../$(BIN)/pytest -c ../pyproject.toml --rootdir ..
TESTS = ../tests ../docs ../README.md

.PHONY: help demo tour test test-versions fuzz lint docs benchmark browser clean

help:  ## Say what there is.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(VENV)/made: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade 'pip>=25.1'
	touch $@

$(VENV)/wheel: $(VENV)/made $(SOURCES) README.md LICENSE
	rm -rf build/wheel
	$(BIN)/pip wheel -q --no-deps -w build/wheel .
	$(BIN)/pip install -q --force-reinstall --no-deps build/wheel/cactuprivacy-*.whl
	$(BIN)/pip install -q "$$(ls build/wheel/cactuprivacy-*.whl)[flask,postgres]"
	touch $@

$(VENV)/%-group: $(VENV)/made
	$(BIN)/pip install -q --group $*
	touch $@

demo: $(VENV)/wheel $(VENV)/examples-group  ## Start the example shop, and a catcher for its mails.
	$(BIN)/python examples/shop/demo.py

tour: $(VENV)/wheel $(VENV)/examples-group  ## Play the whole journey through the shop, and show the evidence.
	$(BIN)/python examples/shop/tour.py

browser:  ## Install Chromium and nginx where they are missing and packages may be installed.
	@sh tests/end_to_end/install_chromium.sh
	@sh tests/end_to_end/install_nginx.sh

test: browser $(VENV)/wheel $(VENV)/examples-group $(VENV)/test-group  ## Run all tests against the installed wheel.
	$(PYTEST) --cov --cov-config=../pyproject.toml --cov-report=term $(TESTS)

# pyenv, where there is one, hides the versions that are not asked for.
test-versions: export PYENV_VERSION = $(shell pyenv versions --bare 2>/dev/null | grep -E '^3\.1[0-3]\.[0-9]+$$' | paste -sd:)
test-versions:  ## Run the tests, but the browser's, on each other Python that is here.
	@set -e; ours=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true); \
	for version in 3.10 3.11 3.12 3.13; do \
		if [ "$$version" = "$$ours" ]; then continue; fi; \
		if python$$version -c '' 2>/dev/null; then \
			echo "== Python $$version"; \
			$(MAKE) --no-print-directory VENV=.venv-$$version PYTHON=python$$version test-one; \
		else echo "== Python $$version is not here: NOT TESTED"; fi; done

test-one: $(VENV)/wheel $(VENV)/examples-group $(VENV)/test-group
	$(PYTEST) -q -m 'not browser' -p no:cacheprovider $(TESTS)

fuzz: $(VENV)/wheel $(VENV)/test-group  ## Throw a million hostile cookie headers, each way, at the guard.
	mkdir -p build && cd build && ../$(BIN)/python ../tests/support/cookiefuzz.py

lint: $(VENV)/wheel $(VENV)/examples-group $(VENV)/lint-group  ## Check format, lint, types and the import picture.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

docs: $(VENV)/wheel $(VENV)/docs-group  ## Build the docs; a warning is an error.
	$(BIN)/sphinx-build -q -W --keep-going -E -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

benchmark: $(VENV)/wheel $(VENV)/examples-group $(VENV)/benchmark-group  ## Measure what the README claims, side by side.
	$(BIN)/python benchmarks/layers.py
	$(BIN)/python benchmarks/guard.py
	$(BIN)/python benchmarks/pages.py
	$(BIN)/python benchmarks/affiliates.py
	$(BIN)/python benchmarks/ledger.py

clean:  ## Remove what the other targets made.
	rm -rf .venv .venv-* build dist docs/_build .coverage* coverage.xml var .hypothesis .mypy_cache .ruff_cache .pytest_cache
