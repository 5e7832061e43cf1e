# The only entry point people need. Every target works from a fresh clone; `make help` lists them.

PYTHON  = python3
DEVICE  = auto
PRESET  = quick
DATASET = orchard
WORKERS = 1
JOBS    = 2
OUT     = runs/$(PRESET)

VENV   = .venv
PY     = $(VENV)/bin/python
PARAMS = --dataset "$(DATASET)" --preset "$(PRESET)" --device "$(DEVICE)"
PYTEST = $(PY) -m pytest --numprocesses $(JOBS) --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup book html pdf lab test notebooks train bench demo traps ablation soak lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "book, lab and test take DEVICE=auto|CPU|GPU|Ascend, PRESET=quick|demo|paper and"
	@echo "DATASET=orchard|apple2orange|FOLDER; train takes these and WORKERS=2, OUT=runs/mine and"
	@echo "ARGS=--resume; setup takes PYTHON=python3.11; test takes JOBS=1, processes that test at once."

setup: $(VENV)/.package  ## make the environment in .venv (again, when the dependencies changed)

$(VENV)/.requirements: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found; install Python 3.10 to 3.12, or name another one, for example 'make setup PYTHON=python3.11'." >&2; exit 1; }
	@$(PYTHON) tools/check_python.py
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.package: $(VENV)/.requirements pyproject.toml
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

book: setup  ## run every notebook, then build the HTML book from the results
	$(PY) tools/notebooks.py run $(PARAMS) --out build/book
	$(PY) tools/build_html.py build/book

html: setup  ## build the HTML book from the saved outputs only
	$(PY) tools/build_html.py book

pdf: html  ## print the HTML book as one PDF, build/cyclegan-lessons.pdf; needs Chromium
	$(PY) tools/build_pdf.py

lab: setup  ## open JupyterLab on book/, or on a copy of it that holds other parameters
ifeq ($(DATASET) $(PRESET) $(DEVICE),orchard quick auto)
	$(VENV)/bin/jupyter lab book
else
	$(PY) tools/notebooks.py prepare $(PARAMS) --out build/lab
	$(VENV)/bin/jupyter lab build/lab
endif

test: setup  ## unit tests, every notebook on photographs, the saved outputs, the HTML book
	@echo "== 1 of 4: the parameters, and what is saved in the notebooks"
	$(PY) tools/notebooks.py parameters $(PARAMS)
	$(PY) tools/notebooks.py check
	@echo "== 2 of 4: unit tests, and every notebook run by papermill"
	LESSONS_DATASET="$(DATASET)" LESSONS_PRESET="$(PRESET)" LESSONS_DEVICE="$(DEVICE)" $(PYTEST) tests
	@echo "== 3 of 4: every saved output against a new run"
ifeq ($(DEVICE),auto)
	$(PYTEST) --nbval book
else
	$(PY) tools/notebooks.py prepare --device "$(DEVICE)" --out build/saved
	$(PYTEST) --nbval build/saved
endif
	@echo "== 4 of 4: the HTML book"
	$(PY) tools/build_html.py book
	@echo "All four stages passed."

notebooks: setup  ## run every notebook with the default parameters and save its outputs in book/
	$(PY) tools/notebooks.py refresh

train: setup  ## train a model of your own into OUT, in WORKERS processes
	$(PY) -m cyclegan_lessons train $(PARAMS) --workers "$(WORKERS)" --out "$(OUT)" $(ARGS)

bench: setup  ## print speeds, memory and ratios to two others; ARGS=--middle or --paper for larger sizes
	$(PY) tools/bench.py $(ARGS)

demo: setup  ## train the model that the package holds, about half an hour on two cores
	$(PY) tools/demo.py

traps: setup  ## print every trap, what it does, and the ordinary test that catches it
	PYTHONPATH=tests $(PY) -m traps

ablation: setup  ## train with and without each trap for chapter 8, up to an hour on two cores
	$(PY) tools/ablation.py

soak: setup  ## kill a training run 50 times and compare it with an undisturbed one; ARGS="--kills 5" for less
	$(PY) tools/soak.py $(ARGS)

lock:  ## write requirements.txt and environment.yml from pyproject.toml, keeping versions that still fit
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check uv
	build/lock/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 --fork-strategy fewest \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.txt
	$(PYTHON) tools/environment.py

clean:  ## remove everything that make made, the environment too
	rm -rf build $(VENV) *.egg-info
