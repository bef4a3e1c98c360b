# Needs python3 (3.10 to 3.13) and make, nothing else. `make help` lists the targets.

PYTHON ?= python3
SCALE ?= quick
NOTEBOOK ?=
LAB ?=
JOBS ?=
REPO ?=
SETS ?=
GET = # not ?=, since make has a GET of its own, for another purpose
TO ?=
TESTED ?= tests notebooks
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/installed
SITE := .venv-site
SITE_READY := $(SITE)/installed
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
GPU := $(if $(shell command -v nvidia-smi),"tensorflow[and-cuda]")

# The files that NOTEBOOK and LAB choose; all, if neither is given.
CHOSEN := $(if $(NOTEBOOK)$(LAB),$(if $(NOTEBOOK),notebooks/$(filter-out all,$(NOTEBOOK))*.ipynb) \
  $(if $(LAB),notebooks/labs/$(filter-out all,$(LAB))*.ipynb),notebooks)

NBVAL := -p tools.nbval.plugin --nbval-current-env --nbval-sanitize-with tools/nbval/sanitize.cfg \
  -p no:cacheprovider

.PHONY: help run test pytest style settings matrix lab refresh record reference links bench site data clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# Makes the virtual environment $(1).
define environment
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "This needs Python 3.10 to 3.13; choose one with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into $(1); the first time takes some minutes and $(2) ..."
	@$(PYTHON) -m venv --clear $(1) || \
	  { echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
endef

$(READY): requirements.txt requirements-colab.txt
	$(call environment,$(VENV),2.5 GB)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt $(GPU)
	@touch $@

$(SITE_READY): requirements-site.txt
	$(call environment,$(SITE),250 MB)
	@$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-site.txt
	@touch $@

run: $(READY) ## execute lessons and labs; SCALE=quick|cpu|gpu, NOTEBOOK=06 or LAB=06 for some, JOBS=1 at a time
	@$(BIN)/python -m tools.run --scale "$(SCALE)" --jobs "$(JOBS)" --notebook "$(NOTEBOOK)" --lab "$(LAB)"

test: $(READY) ## unit tests, and every notebook at quick scale
	@$(MAKE) --no-print-directory pytest

# What the tests run on: quick scale, embedded samples, a build folder of their own. (Exported, since a path
# may hold a space or an apostrophe.)
pytest: export UNROLLED_SCALE := quick
pytest: export UNROLLED_DATA := sample
pytest: export UNROLLED_BUILD := $(CURDIR)/build/test
pytest: # the tests of `make test`, by the Python in BIN, whatever is installed there
	@rm -rf build/test
	@"$(BIN)/python" -m pytest $(TESTED) --nbval-lax $(NBVAL) --nbval-cell-timeout=100 \
	  -q -n $(CORES) --dist loadfile --durations=5

style: $(READY) ## style and types of the code
	@$(BIN)/python -m ruff check --quiet .
	@$(BIN)/python -m ruff format --quiet --check .
	@$(BIN)/python -m mypy

settings: $(READY) ## lessons at quick scale with own texts and other settings of their parameters (10 minutes)
	@$(BIN)/python -m pytest -q -n $(CORES) -p no:cacheprovider -m slow tests

matrix: ## the tests on Colab's, the lowest and the newest packages; SETS="colab lowest:short" for some
	@$(PYTHON) -m tools.matrix $(SETS)

lab: $(READY) ## open JupyterLab on the notebooks
	@$(BIN)/python -m jupyterlab --notebook-dir=. --LabApp.default_url=/lab/tree/notebooks

refresh: $(READY) ## store outputs from cpu scale and real data: stale ones, or NOTEBOOK=06, LAB=06, NOTEBOOK=all
	@$(BIN)/python -m tools.refresh --notebook "$(NOTEBOOK)" --lab "$(LAB)"

record: $(READY) ## store what cells make at quick scale, for the tests to compare: all, or NOTEBOOK=06, LAB=06
	@$(BIN)/python -m tools.record --notebook "$(NOTEBOOK)" --lab "$(LAB)"
	@UNROLLED_RECORD=1 $(BIN)/python -m pytest -q tests/test_diagrams.py -k recorded

reference: export UNROLLED_SCALE := cpu
reference: export UNROLLED_BUILD := $(CURDIR)/build/reference
reference: $(READY) ## re-run at cpu scale on real data and compare results, too; NOTEBOOK=06, LAB=06 for some
	@rm -rf build/reference
	@$(BIN)/python -m pytest \
	  $(CHOSEN) --nbval $(NBVAL) --nbval-cell-timeout=3600 -q

bench: $(READY) ## time the recurrent layers beside Keras' and PyTorch's, into bench/ (10 minutes)
	@$(BIN)/python -m tools.bench

links: $(READY) ## REPO=owner/name: write the web address of the project everywhere
	@$(BIN)/python -m tools.move "$(REPO)"

data: $(READY) ## list the data sets; GET="imdb flickr8k" fetches some, TO=folder for a class
	@$(BIN)/python -m tools.data --get "$(GET)" --to "$(TO)"

site: $(SITE_READY) ## make the pages to read, from what is stored, and look at them in a browser if there is one
	@rm -rf build/site
	@$(SITE)/bin/python -m tools.site build/site/source
	@$(SITE)/bin/python -m sphinx -q -W --keep-going -c site build/site/source build/site/html
	@$(SITE)/bin/python -m tools.browse build/site/html
	@echo "To read it: build/site/html/index.html"

clean: ## remove what runs have left in build/; .venv and .venv-site stay
	@rm -rf build
