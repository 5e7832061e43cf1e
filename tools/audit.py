"""Ask pip-audit which locked packages have known vulnerabilities. `make audit` installs pip-audit
and calls this.

pip-audit asks PyPI itself, whatever index pip uses, and passes over what PyPI does not know. So it
says "No known vulnerabilities found" also where a proxy in the place of PyPI knows no package at
all. Here each package that could not be asked about is an error.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = (ROOT / "requirements.txt", ROOT / "requirements-gpu.txt")


def audit(program: str) -> list[dict]:
    """What pip-audit says about every locked package that this machine would install.

    Exits with a sentence when it could not ask.
    """
    command = [program, *(f"--requirement={lock}" for lock in LOCKS), "--require-hashes"]
    command += ["--disable-pip", "--format", "json", "--progress-spinner", "off"]
    result = subprocess.run(command, capture_output=True, text=True)
    try:
        return json.loads(result.stdout)["dependencies"]
    except ValueError:
        last = (result.stderr.strip().splitlines() or ["nothing"])[-1]
        sys.exit(f"make audit needs a network that reaches PyPI, but pip-audit said: {last}")


def named(packages: list[str]) -> str:
    """The first few of them."""
    more = len(packages) - 3
    return ", ".join(packages[:3]) + (f" and {more} more" if more > 0 else "")


def main():
    packages = audit(sys.argv[1])
    known = [(package, fault) for package in packages for fault in package.get("vulns", [])]
    for package, fault in known:
        repaired = ", ".join(fault["fix_versions"]) or "no version yet"
        name = f"{package['name']} {package['version']}"
        print(f"{name}: {fault['id']}, repaired in {repaired}")
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    asked = len(packages) - len(skipped)
    print(f"Asked about {asked} of {len(packages)} packages; known faults: {len(known)}.")
    if skipped:
        sys.exit(
            f"Nothing is known about {named(skipped)}: pypi.org answered that it has no such "
            "package, as a proxy in its place does; run `make audit` where PyPI can be reached."
        )
    sys.exit(bool(known))


if __name__ == "__main__":
    main()
