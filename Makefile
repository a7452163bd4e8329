# Two commands do all the set-up:  make lab  (learn)   make test  (check everything)
# The environment lies in .venv and is renewed only when what it was made from changes.

VENV  := .venv
PY    := $(VENV)/bin/python
PIP   := $(PY) -m pip --disable-pip-version-check install --quiet
# Seconds after which a test hangs: a cell of four minutes takes forty at a load of 20.
LIMIT := --timeout 7200
# How many threads TensorFlow has decides in which order it sums: two, as for the stored outputs.
NBVAL := TF_NUM_INTRAOP_THREADS=2 TF_NUM_INTEROP_THREADS=2 IPYTHONDIR="$(CURDIR)/$(VENV)/ipython" \
         $(PY) -m pytest -p tests.nbval_tolerance \
         --nbval --nbval-current-env --nbval-cell-timeout 5400 $(LIMIT)
# Two workers; a file or notebook stays with one of them, and they take them in the order given.
PAIR  := -n 2 --dist loadfile --no-loadscope-reorder --durations 20 $(LIMIT)
PORT  ?= 8888
NB    ?=
KERAS_BACKEND ?= tensorflow

export KERAS_BACKEND
export PYTHONUTF8 := 1
# Settings of the user's shell that would change what is installed, imported or tested.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONWARNINGS
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_CONSTRAINT PIP_REQUIREMENT PIP_NO_DEPS
unexport PIP_REQUIRE_HASHES PIP_NO_BINARY PIP_ONLY_BINARY PIP_PYTHON PIP_DRY_RUN PIP_PRE
unexport PIP_IGNORE_INSTALLED PIP_EDITABLE PIP_REQUIRE_VIRTUALENV PIP_QUIET PIP_VERBOSE
unexport PYTEST_ADDOPTS PYTEST_PLUGINS MPLBACKEND

.NOTPARALLEL:
.PHONY: help venv torch lab test unit test-browser nbval backends test-gpu lint notebooks chapters exercises site lock lecture wheel clean

help:            ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

# .venv/.installed says what the environment was made from. It is written last, so that an
# interrupted installation starts afresh. Without it, or when the environment's Python is gone,
# a Python 3.11 to 3.13 that starts and can make environments makes a new one; 3.11, on which all
# notebooks were run, if there is one.
USABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
WANTED := { pwd; cat requirements.lock pyproject.toml; }

venv:            ## create .venv with the locked dependencies and the package
	@if $(PY) -c '' 2>/dev/null && $(WANTED) | cmp -s - $(VENV)/.installed; then exit 0; fi; \
	if ! [ -f $(VENV)/.installed ] || ! $(PY) -c '$(USABLE)' >/dev/null 2>&1; then \
	  found=; \
	  for p in python3.11 python3.12 python3.13 python3 python; do \
	    if $$p -c '$(USABLE)' >/dev/null 2>&1; then found=$$p; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "tlcourse needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found: install one (on Debian and Ubuntu the packages python3 and python3-venv) and run make again." >&2; \
	    exit 1; \
	  fi; \
	  echo "Creating $(VENV) with $$($$found --version) ..."; \
	  $$found -m venv --clear $(VENV) || exit 1; \
	fi; \
	rm -f $(VENV)/.installed; \
	echo "Installing the locked dependencies (3 GB, one or two minutes the first time) ..."; \
	{ $(PIP) --require-hashes -r requirements.lock && \
	  $(PIP) --no-deps --no-build-isolation -e . && \
	  $(WANTED) > $(VENV)/.new && mv $(VENV)/.new $(VENV)/.installed; } || \
	{ echo "The installation did not finish (it needs the internet and 4 GB of space): run make again to repeat it." >&2; exit 1; }

# .venv/.torch says which PyTorch was installed, and is written last. PyTorch itself has no hashes:
# its builds differ from index to index, and only some of them need CUDA's libraries as well. An
# interrupted pip leaves what it was about to replace under names that begin with a tilde.
TORCH = $(shell awk -F '"' '/^ *"torch==/ {print $$2}' pyproject.toml)

torch: venv      ## add PyTorch to .venv, for chapter 10 and make backends
	@if echo '$(TORCH)' | cmp -s - $(VENV)/.torch && $(PY) -c 'import torch.optim' 2>/dev/null; then exit 0; fi; \
	rm -rf $(VENV)/.torch $(VENV)/lib/python*/site-packages/~*; \
	echo "Installing PyTorch (0.2 to 3 GB: the README says which, and why) ..."; \
	{ $(PIP) --require-hashes -r requirements-torch.lock && \
	  $(PIP) --force-reinstall --no-deps $(TORCH) && $(PIP) $(TORCH) && \
	  $(PY) -c 'import torch.optim' && echo '$(TORCH)' > $(VENV)/.torch; } || \
	{ echo "PyTorch was not installed (it needs the internet and up to 8 GB of space): run make torch again to repeat it." >&2; exit 1; }

lab: venv        ## open JupyterLab on your own copy of the course  (PORT=8888)
	@$(PY) -m tlcourse lab --port $(PORT)

test: venv       ## units, drift, and every notebook, side by side
	@chosen=$$($(PY) -m tools.notebooks) && $(NBVAL) $(PAIR) --ignore tests/browser tests $$chosen

unit: venv       ## unit tests and drift checks
	$(PY) -m pytest $(PAIR) --ignore tests/browser

test-browser: venv ## a learner, a lecturer and a reader in Chromium, where it is installed
	$(PY) -m pytest tests/browser

nbval: venv      ## run every notebook and compare its outputs  (NB=03 for one)
	@chosen=$$($(PY) -m tools.notebooks $(NB)) && $(NBVAL) $(PAIR) $$chosen

backends: venv   ## models, training and chapter 05 on JAX and PyTorch, where they are installed
	@for backend in jax torch; do \
	  if $(PY) -c "import $$backend" 2>/dev/null; then \
	    echo "Testing on $$backend ..."; \
	    KERAS_BACKEND=$$backend $(PY) -m pytest tests/test_models.py tests/test_efficientnet.py tests/test_transfer.py \
	      tests/test_training.py tests/test_budgets.py tests/test_evaluation.py tests/test_autodiff.py tests/pitfalls || exit 1; \
	    KERAS_BACKEND=$$backend TLCOURSE_TOLERANCE=2 $(NBVAL) notebooks/05*.ipynb || exit 1; \
	  else \
	    echo "Not tested on $$backend, which is not installed."; \
	  fi; \
	done

test-gpu: venv   ## the notebooks on a GPU, on whichever Keras backend sees one
	@backend=$$($(PY) tests/gpu.py) && echo "Testing on a GPU with $$backend ..." && \
	KERAS_BACKEND=$$backend TLCOURSE_TOLERANCE=3 $(NBVAL) notebooks

lint: venv       ## style of the code and of the notebooks
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

notebooks: venv  ## execute the notebooks that changed, and sync their twins  (NB=03 for one)
	@$(PY) -m tools.sync $(NB)

chapters: venv   ## write every table of chapters  (NB=03 or NB=all runs them first, for their times)
	@$(PY) -m tools.chapters $(NB)

exercises: venv  ## make exercises/ from solutions/  (NB=ex02 for one)
	@$(PY) -m tools.exercises $(NB)

site: venv       ## build the web site into site/
	@echo "Building the site takes one to three minutes ..."; \
	$(PY) docs/build.py site && echo "The site is in site/index.html."

lock: venv       ## renew the locks  (needs uv; KEEP=1 only adds what is missing)
	@$(PY) -m tools.lock $(if $(KEEP),--keep)

lecture: venv    ## slides with code that runs, in JupyterLab: for lecturers
	$(PIP) --require-hashes --no-deps -r requirements-lecture.lock

wheel: venv      ## build the wheel into dist/
	@$(PY) -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation -w dist . && ls dist/*.whl

clean:           ## remove what can be made again
	rm -rf $(VENV) dist site jupyter_execute .pytest_cache .ruff_cache
