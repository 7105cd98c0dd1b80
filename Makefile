# Two commands are enough: `make run` shows the pipeline on the sample bucket, `make test` proves the checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILD := build

.PHONY: help setup run test lint bench drill servers docs explorer screenshots clean
.SILENT:

help:
	echo "make run    set up, build the sample bucket, ingest it and show the result"
	echo "make test   set up, then lint, types, import rules and all tests"
	echo "make bench  speed and detection rates, as ratios in one run; BENCH=\"backfill --documents 10000\" for what takes long"
	echo "make drill  kill -9, lost events, failing storage and a full disk, tried on this machine"
	echo "make servers  install Ceph's gateway and Swift from Debian's packages, for the tests and drills that need real S3 servers"
	echo "make docs   write the generated references anew"
	echo "make explorer     bundle the explorer's libraries anew from their lockfile, and check its scripts' types (needs node)"
	echo "make screenshots  take the pictures of the explorer for the README"
	echo "make clean  remove what make made"

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt | python-venv
	echo "Setting up $(VENV) (a few minutes on a fresh machine) ..."
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; found $$($(PYTHON) -V). Set PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -qq --no-compile -e '.[pipeline,scale,office,samples,test]' || \
		{ echo "Installing the pinned packages failed; the lines above say which. Check the package index that pip is set up for." >&2; exit 1; }
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true # as pip does, which takes one core for it; some templates are no Python
	touch $@

# Debian leaves venv out of its Python; it is needed before all else.
.PHONY: python-venv
python-venv:
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Installing Debian's python3-venv ..."; SUDO=$$( [ "$$(id -u)" = 0 ] || echo sudo ); \
		{ $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq python3-venv >/dev/null; } || \
			{ echo "python3-venv could not be installed; install it by hand and try again" >&2; exit 1; }; }

# Pictures of pages show the words of PDFs that embed no fonts in it; without one these words are missing there.
.PHONY: chinese-font
chinese-font: | python-venv
	find /usr/share/fonts /usr/local/share/fonts \( -iname '*cjk*' -o -iname '*wqy*' -o -iname '*uming*' \) 2>/dev/null | grep -q . || { \
		echo "Installing Debian's fonts-wqy-microhei ..."; SUDO=$$( [ "$$(id -u)" = 0 ] || echo sudo ); \
		{ $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq fonts-wqy-microhei >/dev/null; } || \
			echo "No Chinese font could be installed: pictures of some pages will lack their words" >&2; }

# Headless Chromium for the tests of the explorer; where it cannot be had they are skipped by name.
.PHONY: browser
browser: chinese-font
	command -v chromium >/dev/null || { \
		echo "Installing Debian's chromium ..."; SUDO=$$( [ "$$(id -u)" = 0 ] || echo sudo ); \
		{ $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
			echo "Chromium could not be installed: the tests of the explorer in a browser are skipped" >&2; }

run: setup chinese-font
	echo "Building the sample bucket in $(BUILD)/bucket ..."
	$(BIN)/python -m samples build $(BUILD)/bucket
	$(BIN)/python -m flows ingest $(BUILD)/bucket --lake $(BUILD)/lake

.PHONY: lint style types import-rules
lint: style types import-rules

style: setup
	echo "Lint ..." && $(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .

types: setup
	echo "Types ..." && $(BIN)/mypy --no-error-summary

import-rules: setup
	echo "Import rules ..." && $(BIN)/lint-imports --no-logo >$(BUILD).imports 2>&1 || { cat $(BUILD).imports; rm -f $(BUILD).imports; exit 1; }
	rm -f $(BUILD).imports

# What sets up, and what looks at the code, is done side by side. Tests wait for servers now and then: one process more than cores.
test:
	$(MAKE) --no-print-directory -j 2 lint browser
	echo "Tests ..." && $(BIN)/python -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile --no-loadscope-reorder

bench: setup
	$(BIN)/python -m tests.benchmarks $(BENCH)

drill: setup
	$(BIN)/python -m tests.drill $(DRILL)

# Tests and drills start them on loopback, in temporary folders. None is set up as a service (Debian itself starts memcached).
servers:
	echo "Installing Debian's Ceph and Swift ..."
	SUDO=$$( [ "$$(id -u)" = 0 ] || echo sudo ); \
	{ $$SUDO apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$SUDO apt-get install -y -qq --no-install-recommends \
		ceph-mon ceph-osd radosgw ceph-common swift-proxy swift-account swift-container swift-object memcached >/dev/null; } || \
		{ echo "They could not be installed; what needs them is skipped by name" >&2; exit 1; }

docs: setup
	$(BIN)/python -m samples build $(BUILD)/bucket
	$(BIN)/python -m cnbudget.reference docs/reference $(BUILD)/bucket
	$(BIN)/python -m expectations write
	$(BIN)/python -m tests.test_start

explorer:
	cd explorer/vendor && npm ci --no-audit --no-fund --silent && npm run --silent build && npm run --silent check

screenshots: setup browser
	$(BIN)/python -m tests.screenshots docs/images

clean:
	rm -rf $(BUILD) $(VENV) explorer/vendor/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
