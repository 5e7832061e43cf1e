"""Wrong versions of Python and MindSpore are named in one sentence, before anything else goes wrong."""

import subprocess
import sys

import pytest

from cyclegan_lessons import LessonError
from cyclegan_lessons.versions import check_versions


@pytest.mark.parametrize("python", [(3, 10), (3, 11), (3, 12)])
def test_supported_pythons_pass(python):
    check_versions(python, "2.8.0")


@pytest.mark.parametrize("python", [(3, 9), (3, 13), (2, 7), (4, 0)])
def test_other_pythons_are_refused(python):
    with pytest.raises(LessonError, match=rf"Python 3.10 to 3.12 is needed, but this is Python {python[0]}\.{python[1]}; make"):
        check_versions(python, "2.8.0")


@pytest.mark.parametrize("version", ["2.7.1", "1.10.0"])
def test_an_older_mindspore_is_refused(version):
    with pytest.raises(LessonError, match=f"MindSpore 2.8 is needed, but {version} is installed; run `make setup`"):
        check_versions((3, 11), version)


def test_a_newer_mindspore_passes_here_and_is_warned_of_by_the_device():
    check_versions((3, 11), "2.10.0")


def test_without_mindspore_the_import_says_what_to_do(tmp_path):
    """A real interpreter that finds no MindSpore: the package's import ends in the sentence."""
    program = """
import importlib.metadata as metadata
find = metadata.version
def version(name):
    if name == "mindspore":
        raise metadata.PackageNotFoundError(name)
    return find(name)
metadata.version = version
import cyclegan_lessons
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.strip().endswith("MindSpore 2.8 is needed, but none is installed; run `make setup`.")
