"""Download every package of the lock into a folder, from which `make setup WHEELHOUSE=…` installs
without a network: for this kind of machine, and for one or more versions of Python."""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def entries_for(python: str, lock: str) -> list[str]:
    """The entries of a lock file, hashes too and markers left out, that this Python needs here.

    pip would ask the markers of the Python that it runs in.
    """
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    kept = []
    for entry in re.split(r"^(?=\S)", lock, flags=re.MULTILINE):
        if not entry.strip():
            continue
        requirement, hashes = entry.split("\\\n", 1)
        parsed = Requirement(requirement.strip())
        if not parsed.marker or parsed.marker.evaluate(environment):
            kept.append(f"{parsed.name}{parsed.specifier} \\\n{hashes}")
    return kept


def download(python: str, locks: list[Path], out: Path):
    """Fill the folder with the wheels for one version of Python; exits when one cannot be had."""
    entries = [entry for lock in locks for entry in entries_for(python, lock.read_text())]
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text("".join(entries))
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--only-binary=:all:", "--python-version", python]
        command += ["--disable-pip-version-check", "--dest", str(out), "-r", str(wanted)]
        if subprocess.run(command).returncode:
            sys.exit(f"Not all wheels for Python {python} could be downloaded; see above.")
    print(f"Python {python}: {len(entries)} packages are in {out}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="*", default=[HERE], help="such as 3.10 3.12")
    parser.add_argument("--gpu", action="store_true", help="also the packages for DEVICE=GPU")
    parser.add_argument("--out", type=Path, default=ROOT / "wheelhouse")
    options = parser.parse_args()
    locks = [ROOT / "requirements.txt"]
    if options.gpu:
        locks.append(ROOT / "requirements-gpu.txt")
    for python in options.pythons:
        download(python, locks, options.out.resolve())


if __name__ == "__main__":
    main()
