"""Measure a class on one machine: several learners train at the same time.

Each learner is a kernel of his own that runs the cells of chapter 6 that make a trainer and train
it. The table says how long the first and the last of them take, and how much memory each needs:
with the ordinary kernel, which may use all cores, and with the one of tools/class_kernel.py, which
keeps to one. Run it on a quiet machine, with ``python tools/class_load.py``; it takes a quarter of
an hour on two cores.
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

import class_kernel
import nbformat
import psutil

ROOT = Path(__file__).resolve().parent.parent
CHAPTER = ROOT / "book" / "06_training.ipynb"
CELLS = ("parameters", "setup", "adam-number", "live-prepare", "live-run")  # to train, that is
SETTINGS = ("all cores", "one core each")


class Row(NamedTuple):
    """One line of the table; seconds, and MiB for each learner."""

    setting: str
    learners: int
    failed: int
    fastest: float
    slowest: float
    memory: float


def part_of(notebook: Path, cells: tuple[str, ...], out: Path) -> Path:
    """Write these cells of a notebook into another one."""
    part = nbformat.read(notebook, as_version=4)
    part.cells = [cell for cell in part.cells if cell.id in cells]
    if len(part.cells) != len(cells):
        sys.exit(f"{notebook.name} must hold the cells {', '.join(cells)}, but one is gone.")
    nbformat.write(part, out)
    return out


def start(notebook: Path, out: Path, kernels: Path | None = None) -> psutil.Popen:
    """Begin to run a notebook in a kernel of its own, with the kernels below ``kernels`` first."""
    command = [sys.executable, "-m", "papermill", str(notebook), str(out)]
    command += ["--kernel", class_kernel.NAME, "--no-progress-bar", "--log-level", "ERROR"]
    first = {"JUPYTER_PATH": str(kernels / "share" / "jupyter")} if kernels else {}
    return psutil.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=out.parent,
        env=os.environ | first,
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
        kernels = None
        if setting == "one core each":
            kernels = Path(folder)
            class_kernel.install(kernels, cores=1)
        begun = time.monotonic()
        running = {
            number: start(notebook, Path(folder) / f"{number}.ipynb", kernels)
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
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        notebook = part_of(CHAPTER, CELLS, Path(folder) / CHAPTER.name)
        for learners in options.learners:
            for setting in SETTINGS:
                rows.append(measure(notebook, learners, setting))
                print(table(rows[-1:]).splitlines()[-1], file=sys.stderr)
    print(f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB\n")
    print(table(rows))


if __name__ == "__main__":
    main()
