"""Devices: `auto` finds one, a missing one is an error, and the threads are spread on two cores."""

import os
import subprocess
import sys
from types import SimpleNamespace

import mindspore as ms
import pytest

from cyclegan_lessons import LessonError, device, select_device
from cyclegan_lessons.device import sleep_while_computing


def test_auto_takes_the_best_device_that_is_there():
    assert select_device("auto") == device.available_devices()[0] == ms.get_context("device_target")
    assert "CPU" in device.available_devices()


def test_the_order_is_ascend_gpu_cpu(monkeypatch):
    monkeypatch.setattr(device, "available_devices", lambda: ["Ascend", "GPU", "CPU"])
    chosen = []
    monkeypatch.setattr(ms, "set_device", chosen.append)
    assert select_device("auto") == "Ascend" and chosen == ["Ascend"]
    assert device.DEVICES == ("Ascend", "GPU", "CPU")


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
    with pytest.raises(
        LessonError, match=f"device {name} was asked for, but MindSpore finds only CPU here; choose"
    ):
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


def test_spreading_gives_the_main_thread_and_the_kernels_a_core_each():
    # a process of pytest-xdist has a part
    cores = sorted(os.sched_getaffinity(0) | os.sched_getaffinity(os.getppid()))[:2]
    if len(cores) < 2:
        pytest.skip("threads are spread on two cores, and there is one only")
    program = (
        f"import os; os.sched_setaffinity(0, {cores})"
        + """
import sys
import mindspore as ms, numpy as np
from cyclegan_lessons import ResNetGenerator, select_device
from cyclegan_lessons.device import spread_threads
select_device("CPU")
generator = ms.jit(ResNetGenerator(base_channels=2, n_layers=0).construct)
generator(ms.Tensor(np.zeros((1, 3, 8, 8), np.float32))).asnumpy()
spread_threads()
names = {int(t): open(f"/proc/self/task/{t}/comm").read() for t in os.listdir("/proc/self/task")}
kernels = [t for t, name in names.items() if name.startswith("KernelThread")]
print(os.sched_getaffinity(os.getpid()), *[os.sched_getaffinity(t) for t in kernels], sep="|")
"""
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    main, *kernels = result.stdout.strip().split("|")
    first, second = cores
    assert main == f"{{{first}}}" and kernels and set(kernels) == {f"{{{second}}}"}


def test_the_main_thread_sleeps_for_most_of_the_shortest_of_the_last_eight_calls(monkeypatch):
    clock = SimpleNamespace(now=0.0, slept=[])

    def sleep(seconds: float):
        clock.now += seconds
        clock.slept.append(seconds)

    monkeypatch.setattr(
        device, "time", SimpleNamespace(perf_counter=lambda: clock.now, sleep=sleep)
    )
    # seconds until a result is there; the first call compiles
    lengths = [30, *range(10, 17), 8, *[12] * 9]

    class Result:
        def __init__(self, length: float):
            self.ready = clock.now + length

        def asnumpy(self):
            clock.now = max(clock.now, self.ready)

    call = sleep_while_computing(lambda a, b: (Result(a), b))
    for length in lengths:
        start = clock.now
        assert call(length, "b")[1] == "b"
        assert clock.now - start == pytest.approx(max(length, clock.slept[-1])), (
            "it waits until the result is there"
        )
    assert clock.slept == pytest.approx([*[0] * 8, 9, *[8.1] * 8, 10.8])
