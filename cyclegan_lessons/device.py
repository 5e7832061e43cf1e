"""Choose the device that MindSpore computes on, and help a machine with two cores to use both."""

import logging
import os
import time
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from importlib import metadata

import mindspore as ms

from cyclegan_lessons.diagnosis import usable, why_not_found
from cyclegan_lessons.errors import LessonError

DEVICES = ("Ascend", "GPU", "CPU")  # in the order in which "auto" looks for them


@contextmanager
def quiet_mindspore():
    """Keep MindSpore's own log lines off the screen while something is tried whose failure we
    report ourselves."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def available_devices() -> list[str]:
    """The names among Ascend, GPU and CPU that this MindSpore finds on this machine, best first."""
    with quiet_mindspore():
        return [name for name in DEVICES if usable(name)]


def select_device(device_target: str = "auto") -> str:
    """Make MindSpore compute on ``device_target`` and return its name.

    ``"auto"`` takes Ascend, else GPU, else CPU. A device that is unknown or not there raises
    `LessonError`; there is no silent fall-back. On CPU, a MindSpore newer than 2.8 gets one
    warning, since its convolutions are far slower.
    """
    if device_target not in ("auto", *DEVICES):
        raise LessonError(
            f"device_target must be auto, {', '.join(DEVICES)}, but it is {device_target!r}; "
            "choose one of these."
        )
    available = available_devices()
    if device_target == "auto":
        device_target = available[0]
    elif device_target not in available:
        raise LessonError(
            f"device {device_target} was asked for, but MindSpore finds only "
            f"{', '.join(available)} here: {why_not_found(device_target)}; choose one of these or "
            "'auto', or install what is missing (`python -m cyclegan_lessons devices` lists it)."
        )
    if ms.get_context("device_target") != device_target:
        try:
            ms.set_device(device_target)
        except RuntimeError as error:
            raise LessonError(
                f"device {device_target} must be chosen before MindSpore computes anything, but "
                "it has computed on "
                f"{ms.get_context('device_target')} already; restart the kernel or program and "
                "choose it first."
            ) from error
    version = metadata.version("mindspore")
    if device_target == "CPU" and not version.startswith("2.8."):
        warnings.warn(
            f"MindSpore {version} computes convolutions on CPU up to 100 times slower than 2.8.0.",
            stacklevel=2,
        )
    return device_target


def spread_threads():
    """On two cores, give the main thread one and MindSpore's kernel threads the other; on one, let
    it go behind them.

    MindSpore's main and actor threads spin while they wait and steal time from the threads that
    compute. Without the two wandering over both cores a training step takes about half as long, and
    on one core about a third with the lowest priority for the main thread; results do not change.
    Call it after the first step, when the threads exist. Does nothing with more cores, or outside
    Linux.
    """
    if ms.get_context("device_target") != "CPU" or not hasattr(os, "sched_getaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        os.setpriority(os.PRIO_PROCESS, os.getpid(), 19)  # of this thread only
    if len(cores) != 2:
        return
    for thread in map(int, os.listdir("/proc/self/task")):
        with open(f"/proc/self/task/{thread}/comm", encoding="utf-8") as file:
            name = file.read()
        if thread == os.getpid():
            os.sched_setaffinity(thread, {cores[0]})
        elif name.startswith("KernelThread"):
            os.sched_setaffinity(thread, {cores[1]})


def sleep_while_computing(function: Callable) -> Callable:
    """Return a compiled ``function`` that lets the main thread sleep, not spin, for most of the
    time that it computes.

    A call sleeps for nine tenths of the shortest of the last eight calls and then waits for the
    first result. The first eight calls do not sleep, since the very first compiles. Results do not
    change.
    """
    recent = deque([0.0] * 8, maxlen=8)  # seconds

    def call(*inputs):
        start = time.perf_counter()
        results = function(*inputs)  # comes back at once: MindSpore computes in threads of its own
        time.sleep(0.9 * min(recent))
        results[0].asnumpy()  # spins until the result is there
        recent.append(time.perf_counter() - start)
        return results

    return call
