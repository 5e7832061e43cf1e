"""Print speeds and sizes: rendering, reading, and training steps beside those of two others; see
benchmarks/README.md.

Each size of network gets its count of multiply–adds and, from a matrix product measured at that
moment, the floor: the time below which no step with this count can come on this machine, unless its
convolutions avoid multiplications.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mindspore as ms
import numpy as np
from bench_steps import times_of

import cyclegan_lessons  # noqa: F401 (first: it sets what MindSpore reads when it is imported)
from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.costs import multiply_adds_of_a_step
from cyclegan_lessons.dataset import load_unpaired, prepare_orchard
from cyclegan_lessons.device import select_device

SIZES = {
    "small": LessonConfig(image_size=64, base_channels=16, n_layers=3),
    "middle": LessonConfig(image_size=128, base_channels=32, n_layers=6),
    "paper": LessonConfig(image_size=256, base_channels=64, n_layers=9),
}
# processes for each kind of step, steps in each
REPEATS = {"small": (2, 20), "middle": (1, 3), "paper": (1, 2)}
NAMES = {
    "course": "this project",
    "tutorial": "the public tutorial's order",
    "torch": "the PyTorch reference",
}
RATIOS = (("course", "tutorial"), ("course", "torch"))
TARGETS = {("paper", "tutorial"): 0.5, ("small", "torch"): 1.5, ("paper", "torch"): 1.8}


def described(config: LessonConfig) -> str:
    """The size of the networks, such as ``64×64, 16 channels, 3 blocks``."""
    side = config.image_size
    return f"{side}×{side}, {config.base_channels} channels, {config.n_layers} blocks"


def show(what: str, value: str):
    print(f"{what:<58} {value}", flush=True)


def matrix_product_rate(n: int = 2048) -> float:
    """Multiply–adds per second of float32 matrices of n×n in NumPy, with as many threads as it
    likes; the best of five."""
    a = np.random.default_rng(0).uniform(-1, 1, (n, n)).astype(np.float32)
    return n**3 / min(times_of(lambda: a @ a, 5))


def torch_python() -> str | None:
    """The Python that has PyTorch: this one, or the one that the environment variable TORCH_PYTHON
    names; else None."""
    python = os.environ.get("TORCH_PYTHON", sys.executable)
    try:
        subprocess.run(
            [python, "-c", "import numpy, torch"], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        if "TORCH_PYTHON" in os.environ:
            reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
            sys.exit(
                f"TORCH_PYTHON must name a Python that has torch and numpy, but with {python}: "
                f"{reason}"
            )
        return None
    return python


def measure(kind: str, size: str, python: str) -> dict:
    """Time steps of one kind at one size in a new process; ``seconds`` of each, and ``memory`` in
    GiB."""
    config = SIZES[size]
    numbers = (config.image_size, config.base_channels, config.n_layers, REPEATS[size][1])
    command = [python, str(Path(__file__).with_name("bench_steps.py")), kind, *map(str, numbers)]
    return json.loads(
        subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[
            -1
        ]
    )


def compare(size: str, pythons: dict[str, str], on_cpu: bool):
    """Print what a step of one size costs: the count, the floor, and time and memory of each kind
    in ``pythons``.

    The matrix product and PyTorch run on the CPU, so they are compared with steps on a CPU only
    (``on_cpu``).
    """
    counts = multiply_adds_of_a_step(SIZES[size])
    total = sum(counts.values())
    print(f"\n{described(SIZES[size])}: {total / 1e9:.2f} billion multiply–adds a step", flush=True)
    print(
        "  " + ", ".join(f"{part} {count / total:.0%}" for part, count in counts.items()),
        flush=True,
    )
    seconds = {kind: [] for kind in pythons}
    # in turn, since a machine may be slower for a while
    for kind, python in list(pythons.items()) * REPEATS[size][0]:
        floor = total / matrix_product_rate()
        measured = measure(kind, size, python)
        seconds[kind] += measured["seconds"]
        median = np.median(measured["seconds"])
        times_floor = (
            f"   {median / floor:5.1f} × the floor of {floor:.2g} s"
            if on_cpu or kind == "torch"
            else ""
        )
        show(f"  {NAMES[kind]}", f"{median:8.2f} s {measured['memory']:6.2f} GiB{times_floor}")
    for kind, other in RATIOS:
        if other in seconds and (on_cpu or other != "torch"):
            aim = f"   (target: at most {TARGETS[size, other]})" if (size, other) in TARGETS else ""
            show(
                f"  {NAMES[kind]} / {NAMES[other]}",
                f"{np.median(seconds[kind]) / np.median(seconds[other]):8.2f}{aim}",
            )


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(
        description="Print speeds and sizes of this project, and ratios to two others."
    )
    parser.add_argument(
        "--middle", action="store_true", help=f"add {described(SIZES['middle'])}: a few minutes"
    )
    parser.add_argument(
        "--paper",
        action="store_true",
        help="add that and the paper's size: a quarter of an hour and 12 GiB",
    )
    options = parser.parse_args(arguments)
    other_python = torch_python()
    device = select_device("auto")
    load, cores = (
        os.getloadavg()[0],
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    )
    print(
        f"MindSpore {ms.__version__}, {device}, Python {platform.python_version()}, "
        f"{platform.machine()}, load {load:.1f} on {cores} cores"
    )
    if load > 1:
        print(
            "Something else is running on this machine: the times below are too long to judge by."
        )
    if other_python is None:
        print(
            "PyTorch is not installed here: no comparison with it. TORCH_PYTHON=/path/to/python "
            "names a Python that has it."
        )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        prepare_orchard(64, folder=folder)
        show("render and write the default orchard", f"{time.perf_counter() - start:8.2f} s")
        pairs = load_unpaired(prepare_orchard(256, n_train=100, n_test=1, folder=folder), 256)
        seconds = np.median(times_of(lambda: list(pairs.create_tuple_iterator()), 3))
        show(
            "read 256×256 pairs with augmentation",
            f"{pairs.get_dataset_size() / seconds:8.2f} pairs/s",
        )
    show(
        "product of 2048×2048 matrices, float32", f"{2 * matrix_product_rate() / 1e9:8.2f} GFLOP/s"
    )
    pythons = {"course": sys.executable, "tutorial": sys.executable}
    if other_python:
        pythons["torch"] = other_python
    for size in (
        ["small"] + ["middle"] * (options.middle or options.paper) + ["paper"] * options.paper
    ):
        compare(size, pythons, device == "CPU")
    if not options.paper:
        print(
            "\nmake bench ARGS=--middle adds 128×128, ARGS=--paper 128×128 and 256×256 (on a CPU "
            "a quarter of an hour and 12 GiB)."
        )


if __name__ == "__main__":
    main()
