"""Split what `make lock` resolved into requirements.txt and, for `make setup DEVICE=GPU`,
requirements-gpu.txt; write environment.yml, for conda users, with the packages of the first."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GPU_ONLY = "nvidia-"  # 2.9 GB, which nobody else needs
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


def split(requirements: str) -> tuple[str, str]:
    """The lines of a lock file for every machine, and those that only a GPU needs."""
    entries = re.split(r"^(?=\S)", requirements, flags=re.MULTILINE)
    gpu = [entry for entry in entries if entry.startswith(GPU_ONLY)]
    return "".join(entry for entry in entries if entry not in gpu), "".join(gpu)


def main():
    everywhere, gpu = split(Path(sys.argv[1]).read_text())
    (ROOT / "requirements.txt").write_text(everywhere)
    (ROOT / "requirements-gpu.txt").write_text(gpu)
    lines = [
        f"      - {pin}\n" if "'" not in pin else f'      - "{pin}"\n' for pin in pins(everywhere)
    ]
    (ROOT / "environment.yml").write_text(HEAD + "".join(lines))


if __name__ == "__main__":
    main()
