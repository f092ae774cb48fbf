# Each target installs what it needs: python3 (3.11 or newer), python3-venv and make are enough.
# `make` alone lists the targets.

PYTHON ?= python3
CONFIG ?= config.yml
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: dist site help demo demo-stack run quick test oldest matrix lint format docs lock fuzz soak harm truth bench clean

help:
	@echo "make demo    synthetic archives and the exporter on http://localhost:10104"
	@echo "make demo-stack   the same with Prometheus and Alertmanager; the terminal shows the alerts (many targets: TARGETS=300)"
	@echo "make run     the exporter with config.yml (another file: make run CONFIG=...)"
	@echo "make quick   the tests that start no server, in under a minute (some of them: make quick ARGS='-k echo')"
	@echo "make test    every test that this machine can run, in about a quarter of an hour"
	@echo "make oldest  the tests of make quick with the oldest libraries that pyproject.toml allows"
	@echo "make matrix  the tests with real peers in roots of Debian bookworm, trixie and sid (some: SUITES=sid), as root"
	@echo "make lint    ruff and mypy"
	@echo "make format  let ruff rewrite the sources"
	@echo "make docs    rewrite the pages of docs/ that are made from the code"
	@echo "make lock    rewrite the versions and hashes of the packages in the container image"
	@echo "make fuzz    coverage-guided fuzzing of everything that reads bytes of a peer, for SECONDS=300"
	@echo "make harm    what real archives have after 20,000 associations of each kind: memory, threads, files (ASSOCIATIONS=20000)"
	@echo "make soak    the exporter with 500 peers that start, stop, hang and send wrong data, for MINUTES=30"
	@echo "make truth   generated servers whose openness is known: are the claims about them true, for MINUTES=30"
	@echo "make bench   speed and memory, beside other DICOM clients (QUICK=1: in a few minutes)"
	@echo "make dist    wheel and sdist, checked, installed and tried; an SBOM; the licences of what it needs"
	@echo "make site    README and docs/ as a site with a search, in build/site; a link that leads nowhere is an error"
	@echo "make clean   remove .venv and caches"

demo: .venv/.installed
	$(BIN)/dicom_exporter demo

demo-stack: .venv/.installed
	$(BIN)/python -m deploy.demo_stack $(if $(TARGETS),--targets=$(TARGETS))

run: $(CONFIG) .venv/.installed
	$(BIN)/dicom_exporter --config.file="$(CONFIG)"

$(CONFIG):
	@echo "There is no $@: copy config.example.yml to config.yml, and add your PACS."; exit 2

quick: .venv/.installed-test
	$(BIN)/python -m pytest --quiet -m 'not integration' --numprocesses=auto --timeout=30 $(ARGS)

test: .venv/.installed-test
	@echo "All tests that this machine can run take about a quarter of an hour; \`make quick\` takes less than one."
	$(BIN)/python -m pytest $(ARGS)

# In an environment of its own; the libraries of our libraries are the newest that fit.
oldest: .venv/.installed
	$(PIP) uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/oldest
	VIRTUAL_ENV=.venv/oldest $(BIN)/uv pip install --quiet --resolution lowest-direct --editable '.[test]'
	.venv/oldest/bin/python -m pytest --quiet -m 'not integration' --numprocesses=auto --timeout=60 $(ARGS)

# Downloads about a gigabyte for each suite at the first time; ARGS are pytest's, in place of the choice of tests.
matrix: .venv/.installed
	$(BIN)/python -m tools.matrix $(if $(SUITES),--suites $(SUITES)) $(ARGS)

lint: .venv/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

format: .venv/.installed-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.installed-test
	$(BIN)/python -m tools.reference

# The newest versions that pyproject.toml allows, for every platform and Python; setuptools builds the exporter itself.
lock: .venv/.installed
	$(PIP) uv
	echo 'setuptools>=77' | $(BIN)/uv pip compile --quiet pyproject.toml - --upgrade --universal --python-version=3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --output-file=deploy/container/requirements.txt

# Keeps the inputs it finds in tests/fuzz/found. Needs CPython on Linux: atheris has no other wheels.
SECONDS ?= 300
fuzz: .venv/.installed-fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

# Writes soak.txt. If Debian's libfaketime is installed, the clock of the exporter jumps, too.
MINUTES ?= 30
soak: .venv/.installed-test
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --output soak.txt $(ARGS)

# Do our probes harm an archive? So many associations of each kind with each of the real servers.
ASSOCIATIONS ?= 20000
harm: .venv/.installed-test
	$(BIN)/python -m tests.soak.harm --associations $(ASSOCIATIONS) $(ARGS)

# The smallest server for each kind of untrue claim is printed; ARGS='--replay "Server(...)"' probes that one again.
truth: .venv/.installed-test
	$(BIN)/python -m tests.truth --minutes $(MINUTES) $(ARGS)

bench: .venv/.installed-bench
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

dist: .venv/.installed-dist
	$(BIN)/python -m tools.dist

site: .venv/.installed-site
	rm -rf build/site
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --nitpicky -d build/site.cache -c tools/site . build/site
	cp build/site/README.html build/site/index.html
	@echo "build/site/index.html"

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

# A stamp that is older than pyproject.toml means that the dependencies may have changed.
.venv/.installed: pyproject.toml | $(BIN)/pip
	$(PIP) --editable .
	@touch $@

.venv/.installed-test: pyproject.toml | $(BIN)/pip
	$(PIP) --editable '.[test]'
	@touch $@ .venv/.installed

.venv/.installed-lint: pyproject.toml | $(BIN)/pip
	$(PIP) --editable '.[test,lint]'
	@touch $@ .venv/.installed .venv/.installed-test

.venv/.installed-fuzz: pyproject.toml | $(BIN)/pip
	$(PIP) --editable '.[test,fuzz]'
	@touch $@ .venv/.installed .venv/.installed-test

.venv/.installed-bench: pyproject.toml | $(BIN)/pip
	$(PIP) --editable '.[test,bench]'
	@touch $@ .venv/.installed .venv/.installed-test

.venv/.installed-site: pyproject.toml | $(BIN)/pip
	$(PIP) --editable '.[site]'
	@touch $@ .venv/.installed

.venv/.installed-dist: pyproject.toml | $(BIN)/pip
	$(PIP) --editable '.[dist]'
	@touch $@ .venv/.installed

# venv installs pip last: if python3-venv is missing, this file is not there, and the next call tries again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
