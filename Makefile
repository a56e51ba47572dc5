# Needs Python 3.11 or newer with pip, and make; nothing else. PYTHON=python3.12 picks another one.
# The environment is made without ensurepip, which a plain Debian lacks: the outer pip installs into it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := examples/digits.gdl

# Run once more with every program compiled: a minute's choice, and at night all that runs models.
TRAINS   := tests/examples/test_examples.py::test_training_lowers_the_loss
COMPILED := $(addprefix tests/, test_feeds.py test_model.py test_session.py) \
	$(addprefix tests/training/, test_step.py test_threads.py) \
	$(addprefix tests/lecture/test_, by_hand.py descent.py activations.py normalisation.py shapes.py) \
	$(addprefix tests/ops/test_, random.py bad_values.py einsum.py) tests/prelude/test_losses.py \
	'$(TRAINS)[digits.gdl]' '$(TRAINS)[digits_dropout.gdl]' '$(TRAINS)[gradient_penalty.gdl]'
MODELS   := $(addprefix tests/, examples lecture ops prelude rules training) \
	$(addprefix tests/test_, driver.py feeds.py gradcheck.py model.py session.py sklearn.py) \
	tests/test_training_mode.py tests/compiler/test_recompute.py

.DEFAULT_GOAL := help
.PHONY: help demo test check nightly bench gallery format clean

help:
	@echo 'make demo      train $(DEMO), print its held-out accuracy, draw its graph'
	@echo 'make test      install the test extra and run every check'
	@echo 'make check     the same checks, in the environment as it is'
	@echo 'make nightly   the slow tests'
	@echo 'make bench     time a training step beside hand-written NumPy and its peers'
	@echo 'make gallery   run the commands of docs/gallery.md, draw its pictures again'
	@echo 'make format    format the code and apply the safe lint fixes'
	@echo 'make clean     remove the environment and everything built'

demo: $(VENV)/.installed-render
	$(BIN)/graphdsl run $(DEMO)
	@mkdir -p build
	$(BIN)/graphdsl render $(DEMO) -o build/digits.svg
	$(BIN)/graphdsl render $(DEMO) -o build/digits.png

test: $(VENV)/.installed-test
	@$(MAKE) --no-print-directory check

check:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2
	$(BIN)/pytest -n 2 --engine numba $(COMPILED)

nightly: $(VENV)/.installed-test
	$(BIN)/pytest -m nightly
	$(BIN)/pytest -n 2 --engine numba $(MODELS)

bench: $(VENV)/.installed-test
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/compile.py
	$(BIN)/python benchmarks/overhead.py

gallery: $(VENV)/.installed-test
	$(BIN)/python scripts/make_gallery.py

format: $(VENV)/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra, so that a second `make` installs nothing unless pyproject.toml changed.
$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "graphdsl needs Python 3.11 or newer")'
	$(PYTHON) -m venv --without-pip $(VENV)

.PRECIOUS: $(VENV)/.installed-%
