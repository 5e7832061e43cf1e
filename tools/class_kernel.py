"""A kernel for learners who share a server: it keeps to few cores, those that the fewest have.

    python tools/class_kernel.py --prefix /opt/tljh/user --cores 1

installs it as the kernel that the notebooks ask for. Threads of MindSpore spin while they wait, so
kernels that may use all cores take time from each other.
"""

import argparse
import fcntl
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

import psutil

NAME = "python3"  # that the notebooks ask for


def cores_in_use() -> Counter:
    """How many kernels keep to each core; one that may use all cores counts for none.

    This process and others that begin at the same time have the name in their command already.
    """
    mine, used = os.sched_getaffinity(0), Counter()
    for process in psutil.process_iter():
        try:
            if "ipykernel_launcher" in process.cmdline():
                theirs = set(process.cpu_affinity())
                used.update(theirs if theirs < mine else ())
        except psutil.Error:  # it has just ended, or others may not see it
            continue
    return used


def take_cores(number: int) -> list[int]:
    """Keep this process to ``number`` of its cores: those that the fewest kernels have."""
    with open(__file__) as file:  # one kernel after the other, also those of other users
        fcntl.flock(file, fcntl.LOCK_EX)
        used, cores = cores_in_use(), sorted(os.sched_getaffinity(0))
        random.shuffle(cores)  # where two are equal, also when nobody may see the others
        chosen = sorted(cores, key=lambda core: used[core])[:number]
        os.sched_setaffinity(0, chosen)
    return chosen


def install(prefix: Path, cores: int) -> Path:
    """Write the kernel into ``prefix``, where Jupyter looks for kernels; return its folder."""
    folder = prefix / "share" / "jupyter" / "kernels" / NAME
    folder.mkdir(parents=True, exist_ok=True)
    start = [sys.executable, str(Path(__file__).resolve()), "--start", str(cores)]
    spec = {
        "argv": [*start, "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "CycleGAN Lessons",
        "language": "python",
        "metadata": {"debugger": True},
    }
    (folder / "kernel.json").write_text(json.dumps(spec, indent=1) + "\n")
    return folder


def main():
    if sys.argv[1:2] == ["--start"]:
        number, *command = sys.argv[2:]
        take_cores(int(number))
        os.execv(sys.executable, [sys.executable, "-m", *command])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--prefix", type=Path, required=True, help="the folder above share/jupyter")
    parser.add_argument("--cores", type=int, default=1, help="of a kernel (default: %(default)s)")
    options = parser.parse_args()
    if options.cores < 1:
        sys.exit(f"--cores must be 1 or more, but it is {options.cores}.")
    print(f"The kernel is in {install(options.prefix, options.cores)}.")


if __name__ == "__main__":
    main()
