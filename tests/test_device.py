"""Devices: `auto` finds one, a missing one is an error, and the threads are spread on two cores."""

import subprocess
import sys

import mindspore as ms
import pytest

from cyclegan_lessons import LessonError, device, select_device


def test_auto_takes_the_best_device_that_is_there():
    assert select_device("auto") == device.available_devices()[0] == ms.get_context("device_target")
    assert "CPU" in device.available_devices()


def test_the_order_is_ascend_gpu_cpu(monkeypatch):
    monkeypatch.setattr(device, "available_devices", lambda: ["Ascend", "GPU", "CPU"])
    chosen = []
    monkeypatch.setattr(ms, "set_device", chosen.append)
    assert select_device("auto") == "Ascend" and chosen == ["Ascend"]
    assert device.DEVICES == ("Ascend", "GPU", "CPU")


def test_python_waits_for_each_operation_on_a_cpu_only(monkeypatch):
    waits = []
    monkeypatch.setattr(ms, "set_device", lambda name: None)
    monkeypatch.setattr(ms.runtime, "launch_blocking", lambda: waits.append(name))
    for name in device.DEVICES:
        monkeypatch.setattr(device, "available_devices", lambda: [name])
        select_device(name)
    assert waits == ["CPU"]


def test_a_device_can_be_chosen_again_after_computing_but_not_changed():
    program = """
import mindspore as ms
from cyclegan_lessons import LessonError, device, select_device
ms.ops.ones((2,)).asnumpy()
here = ms.get_context("device_target")
print(select_device(here) == here)
device.available_devices = lambda: ["Ascend", "GPU", "CPU"]
try:
    select_device("GPU" if here != "GPU" else "CPU")
except LessonError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    same, other = result.stdout.splitlines()
    assert (
        same == "True"
        and "must be chosen before MindSpore computes anything, but it has computed on" in other
    )


@pytest.mark.parametrize("name", ["GPU", "Ascend"])
def test_a_device_that_is_not_there_is_an_error_and_no_fall_back(name):
    if name in device.available_devices():
        pytest.skip(f"{name} is there")
    sentence = f"device {name} was asked for, but MindSpore finds only CPU here: .*; choose"
    with pytest.raises(LessonError, match=sentence):
        select_device(name)


def test_an_unknown_device_is_an_error():
    with pytest.raises(LessonError, match="must be auto, Ascend, GPU, CPU, but it is 'TPU'"):
        select_device("TPU")


def test_looking_for_devices_prints_nothing():
    program = "from cyclegan_lessons import select_device; select_device('auto')"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("", "")


def test_a_newer_mindspore_on_cpu_is_warned_of(monkeypatch):
    monkeypatch.setattr(device.metadata, "version", lambda name: "2.9.0")
    with pytest.warns(
        UserWarning, match="MindSpore 2.9.0 computes convolutions on CPU up to 100 times slower"
    ):
        select_device("CPU")
