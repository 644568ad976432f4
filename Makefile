# make demo   install, then the console on the practice portal (the story as text where there is no terminal)
# make test   install, then everything that must hold: format, lint, types, import rules, tests
# make check  the fast half of it: format, lint, types, import rules
# make prove  SEEDS random histories on both sides against the invariants of docs/engine.md: make prove SEEDS=10000
# make faults every fault of the practice portal at every request of a cycle
# make crash  the process killed at N seeded points, started again, and compared: make crash N=1000
# make bench  what is measured, also beside pydantic models and pandera
# make causes docs/causes.md from the causes
# make preflight docs/preflight.md from the codes of the preflight
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

SEEDS ?= 1000
N ?= 100

.PHONY: demo test check prove crash faults bench causes preflight clean

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: -c constraints.txt pysqlite3-binary 2>/dev/null \
		|| echo "There is no build of a recent SQLite for this system: its own is used, which is slower."
	@touch $@

demo: $(INSTALLED)
	@$(BIN)/syncdoctor demo

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml

# Two processes test side by side: Polars' own threads only get in their way.
test: check
	POLARS_MAX_THREADS=1 $(BIN)/python -m pytest -n 2

prove: $(INSTALLED)
	$(BIN)/python -m tests.invariants --seeds $(SEEDS)

crash: $(INSTALLED)
	$(BIN)/python -m tests.crash --points $(N)

faults: $(INSTALLED)
	$(BIN)/python -m tests.faults --all

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks.rechecking
	$(BIN)/python -m benchmarks.explaining
	$(BIN)/python -m benchmarks.leaderboard

causes: $(INSTALLED)
	$(BIN)/python -m diagnostics.causes.catalogue > docs/causes.md

preflight: $(INSTALLED)
	$(BIN)/python -m diagnostics.preflight.codes > docs/preflight.md

clean:
	rm -rf .venv build dist *.egg-info
