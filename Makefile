# Each target does all its own set-up: python3 (3.11 or newer), python3-venv and make are enough.
# `make` alone lists the targets.

PYTHON ?= python3
CONFIG ?= config.yml
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo demo-stack run quick test lint format docs fuzz soak truth bench clean

help:
	@echo "make demo    an embedded PACS and the exporter on http://localhost:10104"
	@echo "make demo-stack   the same with Prometheus and Alertmanager, whose pages the terminal shows (a big one: TARGETS=300)"
	@echo "make run     the exporter with config.yml (another file: make run CONFIG=...)"
	@echo "make quick   the tests that start no server, in under a minute (some of them: make quick ARGS='-k echo')"
	@echo "make test    every test that this machine can run, in about ten minutes"
	@echo "make lint    ruff and mypy"
	@echo "make format  let ruff rewrite the sources"
	@echo "make docs    write the pages of docs/ anew that are made from the code"
	@echo "make fuzz    coverage-guided fuzzing of all that reads strangers' bytes, for SECONDS=300"
	@echo "make soak    the exporter among 500 peers that come and go, hang and lie, for MINUTES=30"
	@echo "make truth   servers made at random: whether what is called known is true, for MINUTES=30"
	@echo "make bench   how fast and how small it is, beside other DICOM clients (QUICK=1: in a few minutes)"
	@echo "make clean   remove .venv and caches"

demo: .venv/.installed
	$(BIN)/dicom_exporter demo

demo-stack: .venv/.installed
	$(BIN)/python -m deploy.demo_stack $(if $(TARGETS),--targets=$(TARGETS))

run: .venv/.installed
	@test -e "$(CONFIG)" || { echo "There is no $(CONFIG): cp config.example.yml config.yml, and put your PACS into it."; exit 2; }
	$(BIN)/dicom_exporter --config.file="$(CONFIG)"

quick: .venv/.installed-test
	$(BIN)/python -m pytest --quiet -m 'not integration' --numprocesses=auto --timeout=30 $(ARGS)

test: .venv/.installed-test
	@echo "All tests that this machine can run take about ten minutes; \`make quick\` takes less than one."
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

format: .venv/.installed-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.installed-test
	$(BIN)/python -m tools.reference

# Keeps what it finds in tests/fuzz/found; needs CPython on Linux, for which atheris has wheels.
SECONDS ?= 300
fuzz: .venv/.installed-fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

# Writes soak.txt. With Debian's libfaketime installed, the exporter's clock jumps, too.
MINUTES ?= 30
soak: .venv/.installed-test
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --output soak.txt $(ARGS)

# The smallest server for each kind of untrue claim is printed; ARGS='--replay "Server(...)"' probes that one again.
truth: .venv/.installed-test
	$(BIN)/python -m tests.truth --minutes $(MINUTES) $(ARGS)

bench: .venv/.installed-bench
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

# The stamps are older than pyproject.toml when the dependencies may have changed.
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

# pip is the last thing that venv puts in place: where python3-venv is missing, this stays undone.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
