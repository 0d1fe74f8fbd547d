# The developer's commands. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin

export PYTHON

.PHONY: help setup demo test check fmt bench up down lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install all that is needed, in .venv, .venv-servers and .freshet
	@scripts/setup --quiet

demo: setup ## bring everything up, load real documents, ask, edit, delete, verify
	@$(BIN)/freshet demo

test: setup ## run the tests: the pure ones first, then those on the real parts
	@$(BIN)/python -m pytest

check: setup ## look for faults; changes no file
	@scripts/check

fmt: setup ## lay the code out as `check` wants it
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: setup ## measure, and write tests/bench/results
	@$(BIN)/python -m tests.bench $(BENCH)

up: setup ## start the stack and keep it running until Ctrl-C
	@$(BIN)/freshet up

down: ## stop the stack
	@if [ -x $(BIN)/freshet ]; then $(BIN)/freshet down; else echo "nothing is installed"; fi

lock: setup ## pin the requirements anew, with hashes
	@scripts/lock

clean: down ## remove what was installed and every state: data, logs, environments
	rm -rf .venv .venv-servers .freshet .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
