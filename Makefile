# `make demo` and `make test` need Python 3.11+, make and a package index; nothing else.
PYTHON ?= python3
BIN := .venv/bin
# Images often forbid Python to keep compiled files. Each of the many processes of a run would then compile the package.
export PYTHONDONTWRITEBYTECODE :=
LOCK := -q --universal --python-version 3.11 --no-header --no-emit-index-url --generate-hashes

.PHONY: demo test check format docs lock clean

demo: .venv/core.done
	$(BIN)/python -m remaster.jobs.sample
	$(BIN)/python -m remaster.jobs.batch +dataset=series

test: .venv/dev.done
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/dev.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy

format: .venv/dev.done
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/dev.done
	$(BIN)/python tests/media/kinds_page.py

lock: .venv/build.done
	$(BIN)/uv pip compile $(LOCK) requirements/build.in -o requirements/build.txt
	$(BIN)/uv pip compile $(LOCK) --extra models --extra review --extra dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile $(LOCK) -c requirements/dev.txt pyproject.toml -o requirements/core.txt

.venv/build.done: requirements/build.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "remaster needs Python 3.11+: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/build.txt
	touch $@

.venv/core.done: .venv/build.done requirements/core.txt pyproject.toml
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/core.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

.venv/dev.done: .venv/core.done requirements/dev.txt
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	touch $@

clean:
	rm -rf .venv outputs data
