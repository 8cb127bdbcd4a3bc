# `make search` and `make test` do all their own set-up, in .venv.
PYTHON ?= python3
TASK ?= optimizer
ARGS ?= --minutes 4.5

BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help search test lint tests clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

search: $(READY) ## Search for a better algorithm (TASK=optimizer ARGS="--minutes 4.5")
	$(BIN)/ratchet search $(TASK) $(ARGS)

test: lint tests ## Check style and types, and run every test

# Three at a time keep two cores busy while some wait for a time limit or a server. Hundreds of
# processes start, so that what they import is compiled once, whatever the environment says.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -n 3 --dist worksteal -rs
tests: $(READY) ## Run every test
	@echo "==> tests"
	$(PYTEST) -m "not slow"
	@echo "==> tests, second stage: kills, endurance, attacks and whole searches"
	$(PYTEST) -m slow $$(grep -l "mark\.slow" tests/test_*.py)

lint: $(READY) ## Check style and types
	@echo "==> style and types"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean: ## Remove .venv and caches; the archive in .ratchet stays
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || \
	  { echo "Ratchet needs Python 3.11 or newer: install it, or name it with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Ratchet needs Python 3.11 or newer, and $(PYTHON) is" \
	    "$$($(PYTHON) --version): name another with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "This Python cannot make a virtual environment: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/pip || { echo "==> making a virtual environment in .venv"; $(PYTHON) -m venv .venv; }
	@echo "==> installing Ratchet, torch and the test tools into .venv (once; one to four minutes)"
	@start=$$(date +%s); \
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]' \
	  >.venv/pip.log 2>&1 || { tail -n 20 .venv/pip.log; \
	  echo "pip failed: mend the cause above and run make again"; exit 1; }; \
	echo "==> installed in $$(($$(date +%s) - start)) s"
	@touch $@
