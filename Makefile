# The environment is `.venv` in this checkout; PYTHON chooses the interpreter (3.11 or newer) that makes it.
PYTHON ?= python3
BIN := .venv/bin
# Hides a warning of the build about editable installs.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check

# Compiled modules are kept whatever the environment says, or every process would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run demo test types tests-compiled bench soak screenshots install lock clean-data

run: .venv/installed
	@exec $(BIN)/assay up

demo: .venv/installed
	@exec $(BIN)/assay demo

# Each test process has its own PostgreSQL and Valkey; three keep two cores busy while some tests wait.
# Files run in the order of tests/conftest.py, the slowest first.
PROCESSES ?= 3
test: .venv/installed-for-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory --jobs=2 types tests-compiled
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

types:
	$(BIN)/mypy

# Beside mypy, which uses one core: otherwise every test process would compile all tests. What is wrong with them is shown
# when they run.
tests-compiled:
	@$(BIN)/python -m pytest --collect-only -n 0 >/dev/null 2>&1 || true

# Compares Assay with limits measured on the same machine, in about fifteen minutes. A missed target fails nothing.
# ARGS="--only noop" runs one part.
bench: .venv/installed-for-tests
	@$(BIN)/python -m benchmarks.bench $(ARGS)

# The tests of chaos, followers and failovers for longer, with more rounds and changes; ROUNDS=20 takes about half an hour.
ROUNDS ?= 10
CHANGES ?= 100000
soak: .venv/installed-for-tests
	ASSAY_SOAK_CHANGES=$(CHANGES) ASSAY_SOAK_ROUNDS=$(ROUNDS) \
	$(BIN)/python -m pytest tests/faults/test_followers.py tests/faults/test_chaos.py tests/faults/test_failovers.py -s

# Renders the pages with the sample data into docs/images, for the README.
screenshots: .venv/installed-for-tests
	@$(BIN)/python -m tests.browser.screenshots docs/images

install: .venv/installed

# Not while servers run on it: they would lose their files, and `assay` could no longer stop them.
clean-data:
	@$(PYTHON) -c 'import fcntl, pathlib; lock = pathlib.Path(".data/users.lock"); \
	lock.exists() and fcntl.flock(lock.open(), fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null \
	|| { echo "assay runs on .data; stop it first" >&2; exit 1; }
	rm -rf .data

# pip first: an older one takes almost twice as long for the rest. --no-compile: most modules are never imported, and the
# others are compiled when they are.
.venv/installed: setup.cfg pyproject.toml requirements/build.txt requirements/local.txt client/setup.cfg client/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@echo "making .venv, about 500 MB; this takes half a minute or so"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --quiet --require-hashes -r requirements/build.txt
	$(PIP) install --quiet --no-compile --require-hashes -r requirements/local.txt
	$(PIP) install --quiet --no-compile --no-deps --no-build-isolation -e ./client -e .
	@touch $@

.venv/installed-for-tests: .venv/installed requirements/test.txt
	$(PIP) install --quiet --no-compile --require-hashes -r requirements/test.txt
	@touch $@

# After a change of versions in setup.cfg: the exact versions and checksums of all packages, and the list of those in the
# image. UPGRADE=--upgrade takes the newest versions of what setup.cfg does not pin.
COMPILE := .venv-lock/bin/pip-compile --quiet $(UPGRADE) --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
lock:
	@test -d .venv-lock || { $(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet pip-tools==7.6.2 cyclonedx-bom==7.5.0; }
	$(COMPILE) --output-file requirements/build.txt requirements/build.in
	$(COMPILE) --output-file requirements/production.txt setup.cfg client/setup.cfg
	$(COMPILE) --extra embedded,plotting --output-file requirements/local.txt setup.cfg client/setup.cfg
	$(COMPILE) --extra embedded,plotting,training,test --output-file requirements/test.txt setup.cfg client/setup.cfg
	$(PYTHON) -m venv --clear .venv-lock/production
	.venv-lock/production/bin/pip install --quiet --no-compile --require-hashes -r requirements/production.txt
	.venv-lock/production/bin/pip uninstall --quiet --yes pip setuptools
	.venv-lock/bin/cyclonedx-py environment --output-reproducible --output-file requirements/production.cdx.json \
		.venv-lock/production/bin/python
