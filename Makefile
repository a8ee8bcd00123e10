# Everything runs in .venv, which `setup` makes. Needs: python 3.11 or newer with venv, make, git.
# Paths are relative, so that the checkout may lie in a folder whose name has spaces.

PYTHON ?= python3
GPU ?=
ARGS ?=
WORKERS ?= auto
KILLS ?= 200

BIN := .venv/bin
TENSORFLOW := $(if $(GPU),tensorflow[and-cuda],)
STAMP := .venv/.installed$(if $(GPU),-gpu,)

.DEFAULT_GOAL := help
.PHONY: help setup demo test drill lint format bench vet bake clean

help: ## list the targets
	@echo 'make TARGET [PYTHON=python3.12] [GPU=1]'
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12

setup: $(STAMP) ## install everything into .venv (GPU=1: with the CUDA libraries)

$(STAMP): pyproject.toml constraints.txt
	@command -v '$(PYTHON)' > /dev/null || \
		{ echo 'There is no $(PYTHON) here. Install Python 3.11 or newer, or name one: make setup PYTHON=python3.12' >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "grader needs Python 3.11 or newer; $(PYTHON) is $$('$(PYTHON)' --version 2>&1). Name another: make setup PYTHON=python3.12" >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2> /dev/null || \
		{ echo '$(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }
	@echo 'setup: installing grader with TensorFlow and PyTorch into .venv (the first time: minutes, some gigabytes) ...'
	@'$(PYTHON)' -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check \
		-c constraints.txt -e '.[tensorflow,torch,legacy,execute,training,dev]' $(TENSORFLOW)
	@touch $@
	@echo 'setup: done'

demo: $(STAMP) ## grade the sample submissions of every assignment; reports in demo-out/
	@for folder in assignments/*/; do slug=$$(basename "$$folder"); echo "== $$slug"; \
		$(BIN)/grader grade "tests/submissions/$$slug" -a "$$slug" -o "demo-out/$$slug" --dev-secret $(ARGS) || exit 1; done

test: $(STAMP) ## run the tests (ARGS='tests/test_draw.py -x' to choose; WORKERS=0: one after another)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

drill: $(STAMP) ## kill the grader and its processes at random, 200 times (KILLS=n), and demand that nothing is lost
	$(BIN)/python tests/drill.py $(KILLS)

lint: $(STAMP) ## style, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## put the code into its form
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

bench: $(STAMP) ## run the benchmarks one after another
	@for script in benchmarks/[!_]*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

vet: $(STAMP) ## check the assignments themselves
	$(BIN)/grader vet

bake: $(STAMP) ## store the expected values of the public cases anew
	$(BIN)/grader bake

clean: ## remove what make made (.grader/ with the secret stays)
	rm -rf .venv demo-out build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
