# Two commands for a fresh machine: `make demo` and `make test`. Everything else is for maintainers.

.PHONY: help demo test check unit campaigns root-tests lab lab-deps bench lock clean

help:
	@echo "make demo      set up, and provision a simulated rack of 16 (no root, no hardware)"
	@echo "make test      set up, and run every test this machine can run"
	@echo "make check     format, lint and types"
	@echo "make lab-deps  install what the virtual lab needs (apt, root)"
	@echo "make lab       the virtual lab: real firmware, a real Redfish emulator, a real Xen"
	@echo "make bench     the figures in the docs, against their peers"
	@echo "make lock      write the lock files anew"

demo:
	@scripts/setup base
	@.venv/bin/provision demo

test:
	@scripts/test

check:
	@scripts/setup dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

unit:
	@scripts/setup dev
	.venv/bin/pytest

campaigns:
	@scripts/setup dev
	.venv/bin/pytest -m campaign

root-tests:
	@scripts/setup dev
	.venv/bin/pytest -m root

lab-deps:
	@tests/lab/install-deps.sh

lab:
	@scripts/setup lab
	.venv/bin/pytest -m lab

bench:
	@scripts/setup dev
	.venv/bin/python -m tests.bench

lock:
	scripts/lock

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
