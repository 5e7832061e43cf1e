"""Measure a class on one machine: several learners run a chapter at the same time.

Each learner is a kernel of his own that runs the notebook from the first cell to the last. The
table says how long the first and the last of them take, and how much memory each needs: when all
use all cores, and with one core for each in turn, since threads of MindSpore spin while they wait
and take time from the others on the same cores. Run it on a quiet machine, with
``python tools/class_load.py``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).resolve().parent.parent
CHAPTER = ROOT / "book" / "06_training.ipynb"
SETTINGS = ("all cores", "one core each")


class Row(NamedTuple):
    """One line of the table; seconds, and MiB for each learner."""

    setting: str
    learners: int
    failed: int
    fastest: float
    slowest: float
    memory: float


def cores_of(setting: str, learner: int) -> list[int]:
    """The cores that a learner's kernel may use; those of `one core each` are dealt out in turn."""
    cores = sorted(os.sched_getaffinity(0))
    return cores if setting == "all cores" else [cores[learner % len(cores)]]


def start(notebook: Path, out: Path, cores: list[int]) -> psutil.Popen:
    """Begin to run a notebook on these cores, in a process with a kernel of its own."""
    command = [sys.executable, "-m", "papermill", str(notebook), str(out)]
    command += ["--kernel", "python3", "--no-progress-bar", "--log-level", "ERROR"]
    return psutil.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=out.parent,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )


def memory_of(process: psutil.Process) -> float:
    """MiB that a learner's processes need; what they share with others counts in part."""
    total = 0
    with suppress(psutil.Error):
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                total += each.memory_full_info().pss
    return total / 2**20


def measure(notebook: Path, learners: int, setting: str) -> Row:
    """Let so many learners begin at the same time, and wait for the last."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        running = {
            number: start(notebook, Path(folder) / f"{number}.ipynb", cores_of(setting, number))
            for number in range(learners)
        }
        ended, failed, memory = [], 0, 0.0
        try:
            while running:
                memory = max(memory, sum(map(memory_of, running.values())) / learners)
                for number, process in list(running.items()):
                    if process.poll() is not None:
                        ended.append(time.monotonic() - begun)
                        failed += process.returncode != 0
                        del running[number]
                time.sleep(0.5)
        finally:
            for process in running.values():
                for each in [*process.children(recursive=True), process]:
                    with suppress(psutil.Error):
                        each.kill()
    return Row(setting, learners, failed, min(ended), max(ended), memory)


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = ["| learners | cores | first, s | last, s | MiB each | failed |"]
    lines.append("|---|---|---|---|---|---|")
    for row in rows:
        lines.append(
            f"| {row.learners} | {row.setting} | {row.fastest:.0f} | {row.slowest:.0f} "
            f"| {row.memory:.0f} | {row.failed} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--notebook", type=Path, default=CHAPTER)
    options = parser.parse_args()
    rows = []
    for learners in options.learners:
        for setting in SETTINGS:
            rows.append(measure(options.notebook.resolve(), learners, setting))
            print(table(rows[-1:]).splitlines()[-1], file=sys.stderr)
    print(f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB\n")
    print(table(rows))


if __name__ == "__main__":
    main()
