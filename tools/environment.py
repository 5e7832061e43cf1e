"""Write environment.yml, for conda users, with the very packages that requirements.txt pins."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
# The packages of requirements.txt for conda users, written by `make lock`. After
# `conda env create -f environment.yml` and `conda activate cyclegan-lessons`, install the course
# itself: `pip install --no-deps --no-build-isolation -e .`
name: cyclegan-lessons
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def pins(requirements: str) -> list[str]:
    """The requirements of a lock file without their hashes, such as ``numpy==1.26.4`` or with a
    marker after ``;``."""
    return [
        line.rstrip("\\ ")
        for line in requirements.splitlines()
        if line and not line.startswith((" ", "#"))
    ]


if __name__ == "__main__":
    lines = [
        f"      - {pin}\n" if "'" not in pin else f'      - "{pin}"\n'
        for pin in pins((ROOT / "requirements.txt").read_text())
    ]
    (ROOT / "environment.yml").write_text(HEAD + "".join(lines))
