"""The Makefile and .ci/run, with stand-ins for the programs that they call: what is called, when,
and what a failure does."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {
    "help",
    "setup",
    "wheelhouse",
    "book",
    "html",
    "pdf",
    "lab",
    "test",
    "lint",
    "translate",
    "translate-status",
    "notebooks",
    "train",
    "bench",
    "demo",
    "traps",
    "ablation",
    "experiments",
    "soak",
    "device-check",
    "lock",
    "audit",
    "clean",
}


def script(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path):
    """A folder with what `make setup` reads, and nothing else."""
    names = ("Makefile", "pyproject.toml", "requirements.txt", "tools/check_python.py")
    for name in (*names, "requirements-gpu.txt", "tools/cuda_home.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def fake_python(project):
    """A Python that writes what it is asked to do to a log, and makes virtual environments whose
    Python does the same."""
    log = project / "log"
    inner = f'echo "$*" >> {log}; case "$*" in *"$BROKEN"*) [ -z "$BROKEN" ] || exit 3;; esac'
    script(project / "inner", inner)
    return script(
        project / "python",
        f'echo "$*" >> {log}; if [ "$2" = venv ]; then for d; do :; done; mkdir -p $d/bin; cp '
        f"{project}/inner $d/bin/python; "
        f"cp {project}/inner $d/bin/jupyter; fi",
    )


def make(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run make in a folder, free of the settings of a make that runs this test."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    return subprocess.run(
        ["make", *map(str, arguments)],
        cwd=project,
        env=inherited | environment,
        capture_output=True,
        text=True,
    )


def log_of(project: Path) -> list[str]:
    """What the stand-ins were asked to do since the last call."""
    log = project / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.write_text("")
    return lines


def test_make_alone_lists_every_target(project):
    result = make(project)
    assert result.returncode == 0
    assert {
        line.split()[1] for line in result.stdout.splitlines() if line.startswith("make ")
    } == TARGETS


def test_every_target_is_made_also_when_a_file_has_its_name():
    phony = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(" ".join(phony).split()) == TARGETS


def test_setup_installs_the_lock_and_then_the_package(project, fake_python):
    assert make(project, "setup", f"PYTHON={fake_python}").returncode == 0
    check, venv, packages, package = log_of(project)
    assert check == "tools/check_python.py" and venv.startswith("-m venv")
    assert "--require-hashes -r requirements.txt" in packages
    assert "--no-deps --no-build-isolation -e ." in package


@pytest.mark.parametrize(
    "changed, calls", [(None, 0), ("requirements.txt", 4), ("pyproject.toml", 1)]
)
def test_setup_again_only_when_something_changed(project, fake_python, changed, calls):
    make(project, "setup", f"PYTHON={fake_python}")
    log_of(project)
    if changed:
        later = (project / ".venv/.package").stat().st_mtime + 10
        os.utime(project / changed, (later, later))
    assert make(project, "setup", f"PYTHON={fake_python}").returncode == 0
    assert len(log_of(project)) == calls


def test_setup_that_was_interrupted_starts_again(project, fake_python):
    assert (
        make(project, "setup", f"PYTHON={fake_python}", BROKEN="--require-hashes").returncode != 0
    )
    log_of(project)
    assert make(project, "setup", f"PYTHON={fake_python}").returncode == 0
    assert len(log_of(project)) == 4


def test_a_gpu_gets_cuda_once_and_last(project, fake_python):
    arguments = ("setup", f"PYTHON={fake_python}", "DEVICE=GPU")
    assert make(project, *arguments, CUDA_HOME="").returncode == 0
    calls = log_of(project)
    assert "--require-hashes -r requirements-gpu.txt" in calls[-2]
    assert calls[-1] == "tools/cuda_home.py"
    assert make(project, *arguments, CUDA_HOME="").returncode == 0
    assert log_of(project) == []


@pytest.mark.parametrize("device, home", [("auto", ""), ("Ascend", ""), ("GPU", "/opt/cuda")])
def test_nobody_else_gets_cuda(project, fake_python, device, home):
    arguments = ("setup", f"PYTHON={fake_python}", f"DEVICE={device}")
    assert make(project, *arguments, CUDA_HOME=home).returncode == 0
    assert not any("gpu" in call or "cuda" in call for call in log_of(project))


def test_a_folder_of_wheels_takes_the_place_of_the_index(project, fake_python):
    arguments = ("setup", f"PYTHON={fake_python}", "DEVICE=GPU", "WHEELHOUSE=a stick")
    assert make(project, *arguments, CUDA_HOME="").returncode == 0
    installed = [call for call in log_of(project) if "--require-hashes" in call]
    assert len(installed) == 2
    assert all("--no-index --find-links a stick" in call for call in installed)


def test_a_repository_reaches_the_pages(project, fake_python):
    for target in ("book", "html"):
        given = ("REPOSITORY=https://example.org/a/b", "JUPYTERHUB=https://hub.example.org")
        assert make(project, target, f"PYTHON={fake_python}", *given).returncode == 0
        assert log_of(project)[-1].endswith(
            "--repository https://example.org/a/b --jupyterhub https://hub.example.org"
        )
        assert make(project, target).returncode == 0
        assert "--repository" not in log_of(project)[-1]


def wrong_pythons():
    """A Python that says it is another version, and every real one of a wrong version that this
    machine has."""
    found = {version: shutil.which(f"python{version}") for version in ("3.9", "3.13", "3.14")}
    works = {
        v: path
        for v, path in found.items()
        if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0
    }
    return [("3.9", None), ("3.13", None), *works.items()]


@pytest.mark.parametrize("version, python", wrong_pythons())
def test_another_python_gets_one_sentence_and_no_environment(project, version, python):
    if python is None:
        pretend = (
            f"import runpy, sys; sys.version_info = ({version.replace('.', ', ')}, 0); "
            "runpy.run_path(sys.argv[1])"
        )
        python = script(project / "python", f'exec {sys.executable} -c "{pretend}" "$@"')
    result = make(project, "setup", f"PYTHON={python}")
    assert result.returncode != 0
    sentence, end = result.stderr.splitlines()
    assert (
        sentence.startswith("Python 3.10 to 3.12 is needed")
        and f"this is Python {version}" in sentence
    )
    assert "make setup PYTHON=" in sentence and end.startswith("make: ***")
    assert not (project / ".venv").exists()


def test_a_python_that_is_not_there(project):
    result = make(project, "setup", "PYTHON=python3.99")
    assert result.returncode != 0 and "python3.99 was not found" in result.stderr
    assert not (project / ".venv").exists()


def test_no_half_made_environment_when_venv_fails(project):
    python = script(project / "python", 'if [ "$2" = venv ]; then mkdir -p .venv/bin; exit 1; fi')
    assert make(project, "setup", f"PYTHON={python}").returncode != 0
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("target", ["book", "lab", "test"])
def test_the_three_parameters_are_passed_on(project, fake_python, target):
    arguments = ("DATASET=my photos", "PRESET=demo", "DEVICE=CPU")
    result = make(project, target, f"PYTHON={fake_python}", *arguments)
    assert result.returncode == 0, result.stderr
    assert any("--dataset my photos --preset demo --device CPU" in line for line in log_of(project))


def test_the_lab_of_an_edition_is_a_copy_of_it_in_its_language(project, fake_python):
    script(project / "inner", f'echo "$* [$CYCLEGAN_LESSONS_LANGUAGE]" >> {project / "log"}')
    arguments = ("lab", f"PYTHON={fake_python}", "EDITION=zh_CN", "PRESET=demo")
    assert make(project, *arguments).returncode == 0
    calls = log_of(project)[-3:]
    assert calls[0] == "tools/translations.py apply --language zh_CN []"
    assert calls[1].startswith("tools/notebooks.py prepare --dataset orchard --preset demo ")
    assert calls[1].endswith("--book build/zh_CN/book --out build/lab_zh_CN []")
    assert calls[2] == "lab build/lab_zh_CN [zh_CN]"


def test_the_lab_follows_no_locale_of_the_shell(project, fake_python):
    make(project, "lab", f"PYTHON={fake_python}", LANG="zh_CN.UTF-8", LC_ALL="C.UTF-8")
    assert log_of(project)[-1] == "lab book"


def test_train_passes_on_workers_and_folder(project, fake_python):
    arguments = ("PRESET=demo", "WORKERS=2", "OUT=runs/my run", "ARGS=--resume --amp")
    assert make(project, "train", f"PYTHON={fake_python}", *arguments).returncode == 0
    assert log_of(project)[-1] == (
        "-m cyclegan_lessons train --dataset orchard --preset demo --device auto --workers 2 "
        "--out runs/my run --resume --amp"
    )
    make(project, "train")
    assert log_of(project)[-1].endswith("--workers 1 --out runs/quick")


def test_a_named_device_reaches_the_saved_outputs_too(project, fake_python):
    assert make(project, "test", f"PYTHON={fake_python}", "DEVICE=CPU").returncode == 0
    calls = log_of(project)
    prepared = next(
        i for i, call in enumerate(calls) if "notebooks.py prepare --device CPU" in call
    )
    assert "--nbval build/saved" in calls[prepared + 1]
    assert not any("--nbval book" in call for call in calls)


@pytest.mark.parametrize("arguments, jobs", [((), 2), (("JOBS=1",), 1)])
def test_both_stages_of_tests_run_in_the_same_number_of_processes(
    project, fake_python, arguments, jobs
):
    assert make(project, "test", f"PYTHON={fake_python}", *arguments).returncode == 0
    tests = [line for line in log_of(project) if line.startswith("-m pytest")]
    assert tests == [
        f"-m pytest --numprocesses {jobs} --no-loadscope-reorder {what}"
        for what in ("tests", "--nbval book")
    ]


def test_the_defaults_are_those_of_the_notebooks(project, fake_python):
    import notebooks

    make(project, "book", f"PYTHON={fake_python}")
    wanted = "--dataset {dataset} --preset {preset} --device {device_target}".format(
        **notebooks.DEFAULTS
    )
    assert any(wanted in line for line in log_of(project))


STAGES = {
    "book": ["notebooks.py run", "build_html.py build/book"],
    "html": ["build_html.py book"],
    "lint": ["ruff check", "ruff format --check"],
    "test": [
        "ruff check",
        "ruff format --check",
        "notebooks.py parameters",
        "notebooks.py check",
        "translations.py check",
        "build_html.py book",
        "reorder tests",
        "--nbval book",
    ],
}


@pytest.mark.parametrize(
    "target, stage", [(target, stage) for target in STAGES for stage in STAGES[target]]
)
def test_a_target_fails_when_one_of_its_stages_fails(project, fake_python, target, stage):
    result = make(project, target, f"PYTHON={fake_python}", BROKEN=stage)
    assert result.returncode != 0
    calls = log_of(project)
    seen = [wanted for wanted in STAGES[target] if any(wanted in call for call in calls)]
    assert seen == STAGES[target][: STAGES[target].index(stage) + 1]


@pytest.mark.parametrize("name", ["lab", "lab_zh_CN"])
def test_clean_keeps_what_somebody_changed(project, name):
    import copies

    shutil.copy(ROOT / "tools" / "copies.py", project / "tools")
    lab = project / "build" / name
    copies.update(lab, ROOT / "book" / "_static")
    (lab / "mine.ipynb").write_text("{}")
    result = make(project, "clean", f"PYTHON={sys.executable}")
    assert result.returncode != 0
    assert result.stderr.splitlines()[0] == (
        f"build/{name} holds files that were changed or added: mine.ipynb; move them elsewhere, or "
        "remove that folder yourself, then run `make clean` again."
    )
    assert (lab / "mine.ipynb").exists()
    (lab / "mine.ipynb").unlink()
    assert make(project, "clean", f"PYTHON={sys.executable}").returncode == 0
    assert not (project / "build").exists()
    assert make(project, "clean", "PYTHON=no-such-python").returncode == 0  # nothing to look at


@pytest.mark.parametrize("broken", ["", "test", "book"])
def test_ci_fails_when_one_of_the_two_commands_fails(tmp_path, broken):
    script(tmp_path / "make", f'echo "make $*"; [ "$1" != "{broken}" ]')
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True
    )
    assert (result.returncode == 0) == (not broken)
    assert "make test" in result.stdout


def test_the_readme_names_only_targets_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8") + (ROOT / "CONTRIBUTING.md").read_text(
        encoding="utf-8"
    )
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, flags=re.MULTILINE))
    assert named <= TARGETS
    assert {"book", "test"} <= named


WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
JOBS = yaml.safe_load(WORKFLOW)["jobs"]


def test_the_workflow_calls_both_commands_on_every_device_and_python():
    jobs = JOBS
    assert jobs["cpu"]["strategy"]["matrix"]["python"] == ["3.10", "3.11", "3.12"]
    for job, device, jobs_at_once in (
        ("cpu", "CPU", ""),
        ("gpu", "GPU", " JOBS=1"),
        ("ascend", "Ascend", " JOBS=1"),
    ):
        commands = [step["run"] for step in jobs[job]["steps"] if "run" in step]
        assert commands == ["make lint"] * (job == "cpu") + [
            f"make test DEVICE={device}{jobs_at_once}",
            f"make book DEVICE={device}",
        ]
        assert ("self-hosted" in jobs[job]["runs-on"]) == (job != "cpu")
    assert jobs["publish"]["needs"] == "cpu" and "refs/heads/main" in jobs["publish"]["if"]


def test_the_workflow_runs_only_actions_that_are_pinned_by_commit():
    used = re.findall(r"uses: *(.*)", WORKFLOW)
    assert len(used) == sum("uses" in step for job in JOBS.values() for step in job["steps"]) > 5
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("job", [job for job in JOBS if "self-hosted" in JOBS[job]["runs-on"]])
def test_no_pull_request_runs_on_a_machine_of_ones_own(job):
    conditions = JOBS[job]["if"].split(" && ")
    assert "github.event_name != 'pull_request'" in conditions
    assert "pull_request_target" not in WORKFLOW


@pytest.mark.parametrize("job", ["cpu", "gpu", "ascend"])
def test_a_job_that_fails_shows_its_notebooks(job):
    (step,) = [step for step in JOBS[job]["steps"] if "upload-artifact@" in step.get("uses", "")]
    assert step["if"] == "failure()"
    assert step["with"]["path"] == "build/**/*.ipynb"
    names = [action for action in JOBS[job]["steps"] if "run" in action]
    assert JOBS[job]["steps"].index(step) > JOBS[job]["steps"].index(names[-1])


AUDITED = [
    {"name": "numpy", "version": "1.26.4", "vulns": []},
    {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.0"]}]},
    {"name": "mindspore", "skip_reason": "Dependency not found on PyPI"},
    *({"name": f"package-{i}", "skip_reason": "Dependency not found on PyPI"} for i in range(4)),
]


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        (AUDITED[:1], 0, "Asked about 1 of 1 packages; known faults: 0."),
        (AUDITED[:2], 1, "pillow 1.0: PYSEC-1, repaired in 2.0\nAsked about 2 of 2"),
        (AUDITED[:1] + AUDITED[2:3], 1, "Nothing is known about mindspore: pypi.org answered"),
        (AUDITED[2:], 1, "about mindspore, package-0, package-1 and 2 more: pypi.org"),
        (None, 1, "make audit needs a network"),
    ],
    ids=["clean", "vulnerable", "one not checked", "none checked", "no network"],
)
def test_an_audit_that_could_not_ask_is_not_a_clean_one(tmp_path, packages, code, words):
    answer = f"echo '{json.dumps({'dependencies': packages})}'"
    program = script(tmp_path / "pip-audit", answer if packages else "echo no route >&2; exit 1")
    command = [sys.executable, ROOT / "tools" / "audit.py", program]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == code, result.stderr
    assert words in result.stdout + result.stderr
    assert len(result.stderr.splitlines()) <= 1
