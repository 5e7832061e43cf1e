"""Ask pip-audit which locked packages have known vulnerabilities. `make audit` installs pip-audit
and calls this.

pip-audit says "No known vulnerabilities found" also when it could ask about no package at all, as
behind a package index that is not PyPI. Here that is an error.
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


def main():
    packages = audit(sys.argv[1])
    known = [(package, fault) for package in packages for fault in package.get("vulns", [])]
    for package, fault in known:
        repaired = ", ".join(fault["fix_versions"]) or "no version yet"
        name = f"{package['name']} {package['version']}"
        print(f"{name}: {fault['id']}, repaired in {repaired}")
    asked = [package for package in packages if "skip_reason" not in package]
    print(f"Asked about {len(asked)} of {len(packages)} packages: {len(known)} known faults.")
    if len(asked) < len(packages):
        sys.exit(
            "Not every package could be checked, so this says little: the package index that is "
            "used here does not tell vulnerabilities; run `make audit` where PyPI can be reached."
        )
    sys.exit(bool(known))


if __name__ == "__main__":
    main()
