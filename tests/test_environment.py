"""The dependencies are named three times; the three must say the same, for every Python and machine
of the course."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.txt").read_text()
GPU_LOCK = (ROOT / "requirements-gpu.txt").read_text()
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
PYTHONS = ("3.10", "3.11", "3.12")
COMMAND = "cyclegan-lessons"


def project() -> dict:
    """The [project] table of pyproject.toml; Python 3.10 has no TOML reader of its own."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def ranges() -> list[Requirement]:
    """Everything that pyproject.toml asks for, extras too."""
    table = project()
    extras = table["optional-dependencies"].values()
    return [
        Requirement(text)
        for text in table["dependencies"] + [text for extra in extras for text in extra]
    ]


def pinned(lock: str = LOCK) -> list[Requirement]:
    """The lines of a lock as requirements, their hashes left out."""
    lines = lock.replace("\\\n", " ").splitlines()
    return [
        Requirement(line.split(" --hash")[0].strip())
        for line in lines
        if line.strip() and not line.startswith("#")
    ]


def conda_pip() -> list[Requirement]:
    """The pip part of environment.yml."""
    (pip,) = [entry["pip"] for entry in CONDA["dependencies"] if isinstance(entry, dict)]
    return [Requirement(line) for line in pip]


def as_set(requirements: list[Requirement]) -> set:
    return {(canonicalize_name(r.name), str(r.specifier), str(r.marker)) for r in requirements}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_range_admits_what_is_pinned(python, machine):
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "platform_machine": machine,
    }
    environment |= {"sys_platform": "linux", "os_name": "posix", "implementation_name": "cpython"}
    pins = {
        canonicalize_name(r.name): r
        for r in pinned(LOCK + GPU_LOCK)
        if not r.marker or r.marker.evaluate(environment)
    }
    for wanted in ranges():
        if wanted.marker and not wanted.marker.evaluate(environment):
            continue
        (pin,) = pins[canonicalize_name(wanted.name)].specifier
        assert wanted.specifier.contains(pin.version), (
            f"{wanted} does not admit {pin.version}; run `make lock`"
        )


def test_one_exact_version_with_hashes_for_every_package():
    both = LOCK + GPU_LOCK
    names = [canonicalize_name(r.name) for r in pinned(both)]
    assert len(names) == len(set(names))
    for requirement in pinned(both):
        assert [s.operator for s in requirement.specifier] == ["=="], requirement
    for entry in both.replace("\\\n", " ").splitlines():
        assert re.search(r" --hash=sha256:[0-9a-f]{64}", entry), f"no hash: {entry[:60]}"


def test_conda_users_get_the_same_packages():
    assert as_set(conda_pip()) == as_set(pinned()), "run `make lock`"


def test_conda_and_the_package_agree_on_python():
    (python,) = [r for r in CONDA["dependencies"] if isinstance(r, str) and r.startswith("python=")]
    assert SpecifierSet(project()["requires-python"]).contains(python.split("=")[1])


def test_the_package_itself_asks_for_the_same_python():
    from cyclegan_lessons.versions import PYTHON

    admitted = [
        minor
        for minor in range(8, 20)
        if SpecifierSet(project()["requires-python"]).contains(f"3.{minor}")
    ]
    assert ((3, admitted[0]), (3, admitted[-1])) == PYTHON
    assert [f"3.{minor}" for minor in admitted] == list(PYTHONS)


def test_there_is_one_version():
    import cyclegan_lessons

    version = project()["version"]
    assert cyclegan_lessons.__version__ == version, "run `make setup`"
    assert str(yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]) == version
    newest = re.search(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest[1] == version


def test_the_command_of_the_package_is_its_main_function():
    (command,) = [c for c in metadata.entry_points(group="console_scripts") if c.name == COMMAND]
    assert project()["scripts"] == {COMMAND: command.value}
    program = [str(Path(sys.executable).with_name(COMMAND)), "report", "no such run"]
    result = subprocess.run(program, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")


LOCKS = ["requirements.txt", "requirements-gpu.txt", "environment.yml", "pyproject.toml"]


@pytest.mark.parametrize("name", LOCKS)
def test_no_addresses(name):
    assert "://" not in (ROOT / name).read_text()
    assert (
        "--index" not in (ROOT / name).read_text()
        and "--find-links" not in (ROOT / name).read_text()
    )


def test_what_is_installed_fits_together():
    result = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
