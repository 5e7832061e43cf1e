# The only entry point people need. Every target works from a fresh clone; `make help` lists them.

PYTHON  = python3
DEVICE  = auto
PRESET  = quick
DATASET = orchard
WORKERS = 1
JOBS    = 2
OUT     = runs/$(PRESET)
EDITION = en

# with CUDA_HOME in the environment, that CUDA is used and no other is installed
GPU    = $(if $(filter GPU,$(DEVICE)),$(if $(CUDA_HOME),,$(VENV)/.gpu))
# buttons on the pages of the book
PAGES  = $(if $(REPOSITORY),--repository "$(REPOSITORY)") $(if $(JUPYTERHUB),--jupyterhub "$(JUPYTERHUB)")
INDEX  = $(if $(WHEELHOUSE),--no-index --find-links "$(WHEELHOUSE)")

VENV   = .venv
PY     = $(VENV)/bin/python
PARAMS = --dataset "$(DATASET)" --preset "$(PRESET)" --device "$(DEVICE)"
PYTEST = $(PY) -m pytest --numprocesses $(JOBS) --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup book html pdf lab test lint notebooks train bench demo traps ablation experiments soak lock audit clean
.PHONY: wheelhouse device-check translate translate-status

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "book, lab and test take DEVICE=auto|CPU|GPU|Ascend, PRESET=quick|demo|photos|paper and"
	@echo "DATASET=orchard|apple2orange|FOLDER; train takes these and WORKERS=2, OUT=runs/mine and"
	@echo "ARGS=--resume; lab takes EDITION=zh_CN; setup takes PYTHON=python3.11 and WHEELHOUSE=folder; test takes JOBS=1, processes that test at once."

setup: $(VENV)/.package $(GPU)  ## make the environment in .venv (again, when the dependencies changed)

$(VENV)/.requirements: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found; install Python 3.10 to 3.12, or name another one, for example 'make setup PYTHON=python3.11'." >&2; exit 1; }
	@$(PYTHON) tools/check_python.py
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check $(INDEX) --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.package: $(VENV)/.requirements pyproject.toml
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.gpu: requirements-gpu.txt tools/cuda_home.py $(VENV)/.requirements
	$(PY) -m pip install --quiet --disable-pip-version-check $(INDEX) --require-hashes -r requirements-gpu.txt
	$(PY) tools/cuda_home.py
	@touch $@

wheelhouse: setup  ## download all packages into wheelhouse/, for `make setup WHEELHOUSE=wheelhouse` without a network
	$(PY) tools/wheelhouse.py $(if $(filter GPU,$(DEVICE)),--gpu) $(PYTHONS)

book: setup  ## run every notebook, then build the HTML book from the results
	$(PY) tools/notebooks.py run $(PARAMS) --out build/book
	$(PY) tools/build_html.py build/book $(PAGES)

html: setup  ## build the HTML book from the saved outputs only
	$(PY) tools/build_html.py book $(PAGES)

pdf: html  ## print the HTML book as one PDF, build/cyclegan-lessons.pdf; needs Chromium
	$(PY) tools/build_pdf.py

lab: setup  ## open JupyterLab on book/, or on a copy of it in another language or with other parameters
ifneq ($(EDITION),en)
	$(PY) tools/translations.py apply --language "$(EDITION)"
	$(PY) tools/notebooks.py prepare $(PARAMS) --book "build/$(EDITION)/book" --out "build/lab_$(EDITION)"
	CYCLEGAN_LESSONS_LANGUAGE="$(EDITION)" $(VENV)/bin/jupyter lab "build/lab_$(EDITION)"
else ifeq ($(DATASET) $(PRESET) $(DEVICE),orchard quick auto)
	$(VENV)/bin/jupyter lab book
else
	$(PY) tools/notebooks.py prepare $(PARAMS) --out build/lab
	$(VENV)/bin/jupyter lab build/lab
endif

test: setup  ## the HTML book, unit tests, every notebook on photographs, the saved outputs
	@echo "== 1 of 4: the look of the code, the parameters, and what is saved in the notebooks"
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) tools/notebooks.py parameters $(PARAMS)
	$(PY) tools/notebooks.py check
	$(PY) tools/exercises.py compare
	$(PY) tools/translations.py check
	@echo "== 2 of 4: the HTML book"
	$(PY) tools/build_html.py book
	@echo "== 3 of 4: unit tests, on these pages too, and every notebook run by papermill"
	LESSONS_HTML=build/html LESSONS_DATASET="$(DATASET)" LESSONS_PRESET="$(PRESET)" LESSONS_DEVICE="$(DEVICE)" $(PYTEST) tests
	@echo "== 4 of 4: every saved output against a new run"
ifeq ($(DEVICE),auto)
	$(PYTEST) --nbval book
else
	$(PY) tools/notebooks.py prepare --device "$(DEVICE)" --out build/saved
	$(PYTEST) --nbval build/saved
endif
	@echo "All four stages passed."

translate: setup  ## bring translations/ to what the English says: new texts are empty, changed ones fuzzy
	$(PY) tools/translations.py update

translate-status: setup  ## print how many texts of each file are translated
	$(PY) tools/translations.py status

lint: setup  ## check the look of all code, seconds; `.venv/bin/ruff format .` repairs most of it
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

notebooks: setup  ## run every notebook with the default parameters and save its outputs in book/
	$(PY) tools/notebooks.py refresh

train: setup  ## train a model of your own into OUT, in WORKERS processes
	$(PY) -m cyclegan_lessons train $(PARAMS) --workers "$(WORKERS)" --out "$(OUT)" $(ARGS)

bench: setup  ## print speeds, memory and ratios to two others; ARGS=--middle or --paper for larger sizes
	$(PY) tools/bench.py $(ARGS)

demo: setup  ## train the model that the package holds, less than an hour on two cores
	$(PY) tools/demo.py

device-check: setup  ## try a device: parity, ten steps, translate, speed; writes a report to send
	$(PY) tools/device_check.py --device "$(DEVICE)"

traps: setup  ## print every trap, what it does, and the ordinary test that catches it
	PYTHONPATH=tests $(PY) -m traps

ablation: setup  ## train with and without each trap for chapter 9, up to an hour on two cores
	$(PY) tools/ablation.py

experiments: setup  ## train the paper's ablation for chapter 10, hours on two cores; ARGS="--jobs 2"
	$(PY) tools/experiments.py $(ARGS)

soak: setup  ## kill a training run 50 times and compare it with an undisturbed one; ARGS="--kills 5" for less
	$(PY) tools/soak.py $(ARGS)

lock:  ## write the requirements and environment.yml from pyproject.toml, keeping versions that fit
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check uv
	cat requirements.txt requirements-gpu.txt > build/lock/requirements.txt
	build/lock/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 --fork-strategy fewest \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --output-file build/lock/requirements.txt
	$(PYTHON) tools/environment.py build/lock/requirements.txt

audit:  ## ask a public list of known vulnerabilities about the locked packages; needs a network
	$(PYTHON) -m venv build/audit
	@build/audit/bin/pip install --quiet --disable-pip-version-check pip-audit || { echo "make audit needs pip-audit, but pip could not install it (see above); try again with a network." >&2; exit 1; }
	$(PYTHON) tools/audit.py build/audit/bin/pip-audit

clean:  ## remove everything that make made, the environment too; notebooks that you changed are kept
	@if [ -n "$$(ls -d build/lab* build/book 2>/dev/null)" ]; then $(PYTHON) tools/copies.py build/lab* build/book; fi
	rm -rf build $(VENV) *.egg-info
