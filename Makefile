# Two commands are enough on a machine with nothing but Python >= 3.12: `make run` and `make test`.
VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.complete
PIP   := $(BIN)/python -m pip --disable-pip-version-check
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# An interpreter's name promises nothing (a pyenv shim may stand for a version that is not installed), so each is run.
PYENV      := "$$(pyenv root 2>/dev/null || echo "$${PYENV_ROOT:-$$HOME/.pyenv}")"
CANDIDATES := "$(PYTHON)" python3.14 python3.13 python3.12 python3 python $(PYENV)/versions/*/bin/python
PROBE      := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))
NOT_FOUND  := No Python >= 3.12 with venv and ensurepip was found: install one, or name yours with PYTHON=/path/to/python.

.DEFAULT_GOAL := help
.PHONY: help run test test-all cards figures lab lint lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(STAMP) ## Run the demonstration: fit a sweep, check it, extrapolate
	$(BIN)/python -m scaling_bayes demo

test: $(STAMP) ## Run the tests, without the slow ones
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow"

test-all: $(STAMP) ## Run every test
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

cards: $(STAMP) ## Write the fit cards of docs/cards anew, with two fits
	$(BIN)/python -m scaling_bayes.command.card_pages docs/cards

lab: $(STAMP) ## Open the notebooks in JupyterLab
	$(BIN)/python -m jupyterlab notebooks

figures: $(STAMP) ## Build the gallery and the paper's figures, with their numbers beside them
	$(BIN)/python -m scaling_bayes.gallery docs/figures
	$(BIN)/python -m jupyter nbconvert --to notebook --execute --inplace notebooks/10_figures_of_the_paper.ipynb

lint: $(STAMP) ## Check style and types, change nothing
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/oxlint --deny-warnings -D correctness -D suspicious scaling_bayes/explorer

lock: | $(VENV) ## Write requirements.lock anew, with the newest versions that pyproject.toml allows
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools" uv.lock' EXIT && rm -f uv.lock && \
	$(BIN)/python -m venv "$$tools" && "$$tools/bin/python" -m pip install --quiet uv && \
	UV_PYTHON=$(BIN)/python "$$tools/bin/uv" export --quiet --no-emit-project --format requirements-txt \
	    --extra browser --extra bytelm --extra test --extra lint --group build -o requirements.lock

clean: ## Remove the virtual environment, caches and builds
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment left half made, or whose interpreter is gone, is made anew, whatever its stamp says.
ifneq ($(shell { $(BIN)/python -c 'import pip' && echo usable; } 2>/dev/null),usable)
.PHONY: $(VENV) $(STAMP)
endif

$(VENV):
	@for python in $(CANDIDATES); do \
	    if "$$python" -c '$(PROBE)' >/dev/null 2>&1 </dev/null; then \
	        echo "Making $@ with $$python"; \
	        exec "$$python" -m venv --clear $@; \
	    fi; \
	done; \
	echo '$(NOT_FOUND)' >&2; \
	exit 1

# The stamp is written last, so that an interrupted install is never taken for a finished one.
$(STAMP): requirements.lock pyproject.toml | $(VENV)
	@rm -f $@
	@echo "Installing the packages of requirements.lock into $(VENV); the first time takes some minutes"
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
