# The environment is `.venv` in this checkout; PYTHON chooses the interpreter (3.11 or newer) that makes it.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Compiled modules are kept, whatever the environment says: every process of ours would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run demo test install clean-data

run: .venv/installed
	@exec $(BIN)/assay up

demo: .venv/installed
	@exec $(BIN)/assay demo

test: .venv/installed-for-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

install: .venv/installed

clean-data:
	rm -rf .data

# Not compiled ahead: most of what the packages bring is never imported, and what is compiles at its first use.
.venv/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --no-compile -c constraints.txt -e '.[embedded]'
	@touch $@

.venv/installed-for-tests: .venv/installed
	$(PIP) install --quiet --no-compile -c constraints.txt -e '.[embedded,test]'
	@touch $@
