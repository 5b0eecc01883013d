# SPDX-License-Identifier: Apache-2.0
# From nothing to a running or a tested system: `make help` lists what there is.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed
# Tests wait for servers most of the time, so two files at once take half as long; each worker has servers of its own.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo up down status test test-long lint check-generated schemas bench bench-contract bench-ingest bench-query bench-sdk bench-sop bench-dtw bench-dtw-gpu bench-embed bench-vjepa2 bench-inbox browser rabbitmq clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "OVPO needs Python 3.11 or newer; set PYTHON=")'
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(RUN): pyproject.toml constraints.txt sdk/python/pyproject.toml | $(BIN)/python
	@echo "Installing OVPO and its servers (the largest is 533 MB) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e sdk/python -e .
	@touch $@

$(DEV): $(RUN)
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e sdk/python -e '.[dev]'
	@touch $@

demo: $(RUN) ## Start everything, put demo data in, say what to open and try
	@$(BIN)/ovpo status >/dev/null 2>&1 || $(BIN)/ovpo up --detach
	@$(BIN)/ovpo demo

up: $(RUN) ## Start the stack in the foreground; Ctrl-C stops it
	@$(BIN)/ovpo up

down: $(RUN) ## Stop the stack; the data stays
	@$(BIN)/ovpo down

status: $(RUN) ## Say what runs where
	@$(BIN)/ovpo status

test: $(DEV) browser rabbitmq ## Run the tests: unit, definitions, integration, end to end, browser
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests --ignore=tests/long

test-long: $(DEV) ## Run the tests that take long: kills under load, deep searches
	@$(BIN)/python -m pytest -s tests/long

lint: $(DEV) ## Format check, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy src sdk/python/src examples ovpo_assets resources io_managers sensors schedules tests bench
	@$(BIN)/lint-imports

check-generated: $(RUN) ## Check that generated files are what the code generates
	@$(BIN)/ovpo config example | diff -u .env.example - \
		|| { echo "run: ovpo config example > .env.example" >&2; exit 1; }
	@$(BIN)/ovpo openapi export --check docs/openapi
	@$(BIN)/ovpo sop schema | diff -u schemas/sop/result-1.0.schema.json - \
		|| { echo "run: ovpo sop schema > schemas/sop/result-1.0.schema.json" >&2; exit 1; }

schemas: $(RUN) ## Check that every valid example keeps the telemetry contract
	@$(BIN)/ovpo schema validate schemas/v0.08/examples/valid

bench-contract: $(DEV) ## Measure what the validation of telemetry costs
	@$(BIN)/python bench/contract.py

bench-ingest: $(DEV) ## Measure how much telemetry goes in and is queryable (about 4 minutes)
	@$(BIN)/python -m bench.ingest

bench-query: $(DEV) ## Measure how fast telemetry comes out, over a million spans (about 8 minutes)
	@$(BIN)/python -m bench.query

bench-sdk: $(DEV) ## Measure what the Python SDK costs, beside the OpenTelemetry SDK (about 4 minutes)
	@$(BIN)/python -m bench.sdk

bench-sop: $(DEV) ## Measure what the SOP engine finds in drawn procedures (the videos are rendered once)
	@$(BIN)/python -m bench.sop

bench-dtw: $(DEV) ## Measure the alignment beside other libraries (pip install -e '.[bench]' brings them; about 1 minute)
	@$(BIN)/python -m bench.dtw

bench-dtw-gpu: $(DEV) ## Check and measure the alignment on a GPU, where there is one
	@$(BIN)/python -m bench.dtw_gpu

bench-embed: $(DEV) ## Measure decoding, sampling and embedding of video, and their memory
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.embed

bench-vjepa2: $(DEV) ## Measure V-JEPA2 on a GPU, where there is one
	@$(BIN)/python -m bench.vjepa2

bench-inbox: $(DEV) ## Measure 200 videos from the inbox to their reports, on a stack of its own (about 30 minutes)
	@$(BIN)/python -m bench.inbox

bench: $(DEV) ## Measure the foundation on this machine
	@$(BIN)/python bench/foundation.py

browser:
	@infra/ensure-browser

rabbitmq:
	@infra/ensure-rabbitmq

clean: ## Remove the virtual environment and caches; data directories stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info
