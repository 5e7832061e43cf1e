"""Wrong versions of Python and MindSpore are named in one sentence, before anything else goes
wrong."""

import json
import subprocess
import sys
from pathlib import Path

import parso
import pytest

from cyclegan_lessons import LessonError
from cyclegan_lessons.versions import check_versions

ROOT = Path(__file__).resolve().parent.parent
MODULES = [
    path
    for folder in ("cyclegan_lessons", "tools", "tests")
    for path in sorted(ROOT.glob(f"{folder}/**/*.py"))
]
GRAMMAR = parso.load_grammar(version="3.10")


def syntax_errors(code: str) -> list[str]:
    return [f"line {e.start_pos[0]}: {e.message}" for e in GRAMMAR.iter_errors(GRAMMAR.parse(code))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_module_is_python_3_10(path):
    assert syntax_errors(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("book/*.ipynb")), ids=lambda path: path.name)
def test_every_notebook_is_python_3_10(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert [errors for errors in map(syntax_errors, code) if errors] == []


def test_newer_syntax_is_noticed():
    assert syntax_errors("a[:, *b]\n")


@pytest.mark.parametrize("python", [(3, 10), (3, 11), (3, 12)])
def test_supported_pythons_pass(python):
    check_versions(python, "2.8.0")


@pytest.mark.parametrize("python", [(3, 9), (3, 13), (2, 7), (4, 0)])
def test_other_pythons_are_refused(python):
    with pytest.raises(
        LessonError,
        match=rf"Python 3.10 to 3.12 is needed, but this is Python {python[0]}\.{python[1]}; make",
    ):
        check_versions(python, "2.8.0")


@pytest.mark.parametrize("version", ["2.7.1", "1.10.0"])
def test_an_older_mindspore_is_refused(version):
    with pytest.raises(
        LessonError, match=f"MindSpore 2.8 is needed, but {version} is installed; run `make setup`"
    ):
        check_versions((3, 11), version)


def test_a_newer_mindspore_passes_here_and_is_warned_of_by_the_device():
    check_versions((3, 11), "2.10.0")


@pytest.mark.parametrize("way", ["from cyclegan_lessons import translate", "command"])
def test_without_mindspore_there_is_a_sentence_that_says_what_to_do(way):
    """A real interpreter that finds no MindSpore: it ends the traceback, or is all of stderr."""
    if way == "command":
        way = "import cyclegan_lessons.__main__ as main; sys.exit(main.main(['evaluate']))"
    program = f"""
import importlib.metadata as metadata
import sys
find = metadata.version
def version(name):
    if name == "mindspore":
        raise metadata.PackageNotFoundError(name)
    return find(name)
metadata.version = version
{way}
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 1
    sentence = "MindSpore 2.8 is needed, but none is installed; run `make setup`.\n"
    assert result.stderr.endswith(sentence)
    assert ("Traceback" in result.stderr) == way.startswith("from")
    if "Traceback" not in result.stderr:
        assert result.stderr == f"error: {sentence}"


def test_the_face_imports_what_is_asked_for_and_nothing_before():
    """`--help` needs no MindSpore, and every public name is one of its module."""
    program = """
import sys
import cyclegan_lessons
assert "mindspore" not in sys.modules and "numpy" not in sys.modules
assert {"translate", "CycleGANTrainer"} < set(dir(cyclegan_lessons))
from cyclegan_lessons import *
for name in cyclegan_lessons.__all__:
    assert getattr(cyclegan_lessons, name) is globals()[name], name
    print(name)
assert not hasattr(cyclegan_lessons, "appels")
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stderr == ""
    assert "translate" in result.stdout.split()
