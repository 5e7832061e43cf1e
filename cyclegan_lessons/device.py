"""Choose the device that MindSpore computes on."""

import logging
import warnings
from contextlib import contextmanager
from importlib import metadata

import mindspore as ms

from cyclegan_lessons.diagnosis import usable, why_not_found
from cyclegan_lessons.errors import LessonError

DEVICES = ("Ascend", "GPU", "CPU")  # in the order in which "auto" looks for them


@contextmanager
def quiet_mindspore():
    """Hide MindSpore's own log lines while something is tried whose failure we report."""
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
    `LessonError`; there is no silent fall-back. On CPU, Python waits for each operation, which
    changes no number and is several times as fast on one or two cores, and a MindSpore newer than
    2.8 gets one warning, since its convolutions are far slower.
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
    if device_target == "CPU":
        prepare_cpu()
    return device_target


def prepare_cpu():
    """Let Python wait for each operation, else threads that wait take the time of those that
    compute; warn of a MindSpore that is slow."""
    ms.runtime.launch_blocking()
    version = metadata.version("mindspore")
    if not version.startswith("2.8."):
        warnings.warn(
            f"MindSpore {version} computes convolutions on CPU up to 100 times slower than 2.8.0.",
            stacklevel=3,
        )
