"""What a teacher needs: a folder of wheels, buttons on the pages, an image, Binder, and settings
under which several learners share a machine."""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import buttons
import class_kernel
import class_load
import nbformat
import pytest
import wheelhouse
import yaml

ROOT = Path(__file__).resolve().parent.parent
HASH = f"    --hash=sha256:{'0' * 64}\n"

# --- a folder of wheels -----------------------------------------------------------------------


def made_wheel(folder: Path, name: str) -> str:
    """Build a wheel of nothing, and return its entry in a lock file."""
    source = folder / "source" / name
    source.mkdir(parents=True)
    (source / f"{name}.py").write_text("here = True\n")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\n[tool.setuptools]\npy-modules = ["{name}"]\n'
    )
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder / "index"), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = (folder / "index").glob(f"{name}-1.0-*.whl")
    hashed = [sys.executable, "-m", "pip", "hash", str(wheel)]
    said = subprocess.run(hashed, check=True, capture_output=True, text=True).stdout
    return f"{name}==1.0 \\\n    {said.splitlines()[-1].strip()}\n"


def test_packages_come_from_a_folder_alone(tmp_path, monkeypatch):
    entries = [made_wheel(tmp_path, name) for name in ("lessons_one", "lessons_two")]
    lock = tmp_path / "requirements.txt"
    lock.write_text("".join(entries))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    out = tmp_path / "wheels"
    wheelhouse.download(wheelhouse.HERE, [lock], out)
    assert {path.name for path in out.iterdir()} == {
        f"lessons_{n}-1.0-py3-none-any.whl" for n in ("one", "two")
    }
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target)]
    command += ["--no-index", "--find-links", str(out), "--require-hashes", "-r", str(lock)]
    assert subprocess.run(command).returncode == 0
    assert (target / "lessons_one.py").exists() and (target / "lessons_two.py").exists()


def test_a_wheel_that_cannot_be_had_is_an_error(tmp_path, monkeypatch, capfd):
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"a-package-of-nobody==1.0 \\\n{HASH}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SystemExit, match=f"Not all wheels for Python {wheelhouse.HERE}"):
        wheelhouse.download(wheelhouse.HERE, [lock], tmp_path / "wheels")
    assert "a-package-of-nobody" in capfd.readouterr().err


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12"])
def test_each_python_gets_the_packages_that_it_needs(python):
    lock = (ROOT / "requirements.txt").read_text()
    chosen = wheelhouse.entries_for(python, lock)
    names = {re.match(r"[\w.-]+?(?===)", entry)[0] for entry in chosen}
    assert ("exceptiongroup" in names) == (python == "3.10")
    assert "mindspore" in names and "appnope" not in names if sys.platform == "linux" else names
    assert all("--hash=sha256:" in entry and ";" not in entry for entry in chosen)


def test_make_setup_takes_the_folder():
    told = subprocess.run(
        ["make", "--dry-run", "--always-make", "setup", "WHEELHOUSE=a stick/wheels"],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
        capture_output=True,
        text=True,
    ).stdout
    assert '--no-index --find-links "a stick/wheels" --require-hashes' in told


# --- buttons ----------------------------------------------------------------------------------


@pytest.fixture
def small_book(tmp_path) -> Path:
    """A folder with one notebook in it, and the settings and contents of a book."""
    book = tmp_path / "source"
    book.mkdir()
    cells = [nbformat.v4.new_markdown_cell("# A page\n\nText.")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), book / "page.ipynb")
    settings = {
        "title": "Small",
        "execute": {"execute_notebooks": "off"},
        "sphinx": {"config": {"html_theme_options": {"home_page_in_toc": True}}},
    }
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(settings))
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: page\n")
    return tmp_path


def links(small_book: Path, *arguments: str) -> list[str]:
    """Build the small book and return the addresses that its page leads to outside."""
    command = [sys.executable, ROOT / "tools" / "build_html.py", small_book / "source"]
    command += ["--config", small_book / "_config.yml", "--toc", small_book / "_toc.yml"]
    command += ["--build", small_book / "build", *arguments]
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    page = (small_book / "build" / "html" / "page.html").read_text(encoding="utf-8")
    return re.findall(r'<a href="(https?://[^"]*(?:owner|lessons)[^"]*)"', page)


def test_a_book_without_a_repository_has_no_buttons(small_book):
    assert links(small_book) == []


def test_a_repository_gives_buttons(small_book):
    found = links(
        small_book,
        *("--repository", "https://github.com/owner/lessons"),
        *("--jupyterhub", "https://hub.example.org/"),
    )
    assert set(found) == {
        "https://github.com/owner/lessons",
        "https://mybinder.org/v2/gh/owner/lessons/main?urlpath=lab/tree/book/page.ipynb",
        "https://colab.research.google.com/github/owner/lessons/blob/main/book/page.ipynb",
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A//github.com/owner/lessons"
        "&urlpath=lab/tree/lessons/book/page.ipynb&branch=main",
    }


def test_a_repository_elsewhere_gives_those_that_can_open_it(small_book):
    found = links(small_book, "--repository", "https://gitee.com/owner/lessons")
    assert "https://gitee.com/owner/lessons" in found and not any("colab" in f for f in found)
    assert any(f.startswith("https://mybinder.org/v2/git/https%3A//gitee.com") for f in found)


@pytest.mark.parametrize("address", ["owner/lessons", "https://github.com", "git@host:a/b.git"])
def test_another_address_is_refused(address):
    with pytest.raises(SystemExit, match="REPOSITORY must be the address of a repository"):
        buttons.theme_options(address)


def test_a_hub_without_an_address_is_refused():
    with pytest.raises(SystemExit, match="JUPYTERHUB must be the address of a JupyterHub"):
        buttons.theme_options("https://github.com/owner/lessons", "hub.example.org")


# --- image and Binder -------------------------------------------------------------------------

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_image_is_for_the_user_that_hubs_expect():
    assert "--uid 1000 --gid 100" in DOCKERFILE
    users = re.findall(r"^USER (.*)$", DOCKERFILE, flags=re.MULTILINE)
    assert users == ["1000:100"], "nothing after it runs as root"


def test_the_image_copies_what_the_set_up_reads():
    copied = " ".join(re.findall(r"^COPY --chown=1000:100 (.*)$", DOCKERFILE, flags=re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    for rule in (".requirements", ".gpu"):
        (needs,) = re.findall(rf"^\$\(VENV\)/{re.escape(rule)}: (.*)$", makefile, re.MULTILINE)
        for name in needs.split():
            assert name.startswith("$") or name in copied, f"{rule} needs {name}"
    assert "tools/check_python.py" in copied


def test_the_image_opens_jupyterlab_and_gives_away_no_token():
    (command,) = re.findall(r"^CMD (.*)$", DOCKERFILE, flags=re.MULTILINE)
    assert '"jupyter", "lab"' in command and "token" not in command and "password" not in command
    assert "--publish 127.0.0.1:8888:8888" in DOCKERFILE


def test_nothing_of_this_machine_goes_into_the_image():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "build", "runs", "wheelhouse"} <= set(ignored)


def test_binder_installs_the_lock_and_the_package():
    script = (ROOT / "binder" / "postBuild").read_text()
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)
    assert "--require-hashes -r requirements.txt" in script and "--no-deps" in script
    conda = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text())
    whole = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda["dependencies"][0] == whole["dependencies"][0], "the same Python"


# --- several learners on one machine ----------------------------------------------------------


def small_notebook(folder: Path, *cells: str) -> Path:
    """A notebook of these code cells."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=kernel), folder / "small.ipynb")
    return folder / "small.ipynb"


AFFINITY = """
import os, time
from pathlib import Path
Path(f"{NAME}.txt").write_text(repr(sorted(os.sched_getaffinity(0))))
while not Path("enough").exists():
    time.sleep(0.1)
"""


def test_kernels_of_a_class_keep_to_cores_of_their_own(tmp_path):
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        pytest.skip("kernels are kept apart on two cores, and there is one only")
    class_kernel.install(tmp_path, cores=1)
    learners = []
    for name in "ab":
        (tmp_path / name).mkdir()
        path = small_notebook(tmp_path / name, AFFINITY.replace("{NAME}", f"../{name}"))
        out = tmp_path / name / "out.ipynb"
        learners.append(class_load.start(path, out, tmp_path))
    found = [tmp_path / "a.txt", tmp_path / "b.txt"]
    while not all(path.exists() and path.read_text() for path in found):
        assert all(learner.poll() is None for learner in learners)
        time.sleep(0.1)
    for name in "ab":
        (tmp_path / name / "enough").touch()
    assert [learner.wait() for learner in learners] == [0, 0]
    cores = [path.read_text() for path in found]
    assert cores[0] != cores[1] and set(cores) <= {f"[{core}]" for core in mine}


def test_a_kernel_takes_the_cores_that_the_fewest_have(monkeypatch):
    taken = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3})
    monkeypatch.setattr(os, "sched_setaffinity", lambda process, cores: taken.append(set(cores)))
    monkeypatch.setattr(class_kernel, "cores_in_use", lambda: Counter({0: 2, 1: 1, 3: 1}))
    assert class_kernel.take_cores(1) == [2]
    assert 2 in class_kernel.take_cores(2) and 0 not in class_kernel.take_cores(3)
    assert taken[0] == {2} and len(taken[1]) == 2 and taken[2] == {1, 2, 3}


def test_a_kernel_needs_a_core(tmp_path):
    command = [sys.executable, ROOT / "tools" / "class_kernel.py", "--prefix", tmp_path]
    result = subprocess.run([*command, "--cores", "0"], capture_output=True, text=True)
    assert result.returncode == 1 and "--cores must be 1 or more, but it is 0." in result.stderr
    assert not (tmp_path / "share").exists()


def test_the_part_of_chapter_6_that_trains_is_there(tmp_path):
    part = class_load.part_of(class_load.CHAPTER, class_load.CELLS, tmp_path / "part.ipynb")
    assert [c.id for c in nbformat.read(part, as_version=4).cells] == list(class_load.CELLS)
    with pytest.raises(SystemExit, match="must hold the cells setup, gone, but one is gone"):
        class_load.part_of(class_load.CHAPTER, ("setup", "gone"), tmp_path / "part.ipynb")


def test_the_load_of_a_class_is_measured(tmp_path):
    row = class_load.measure(small_notebook(tmp_path, "x = 1", "assert x == 1"), 2, "all cores")
    assert row.learners == 2 and row.failed == 0
    assert 0 < row.fastest <= row.slowest and row.memory > 10  # seconds, MiB for each learner
    assert class_load.table([row]).splitlines()[-1].startswith("| 2 | all cores | ")


def test_a_notebook_that_fails_is_counted(tmp_path):
    path = small_notebook(tmp_path, "raise ValueError")
    assert class_load.measure(path, 1, "one core each").failed == 1
