"""Locks, threads and signals: what they do, and that it is given back."""

import gc
import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from cyclegan_lessons import LessonError, processes
from cyclegan_lessons.processes import FolderLock, sleep_while_computing, stop_signals


def test_a_folder_has_one_lock_at_a_time_and_gives_it_back(tmp_path):
    first = FolderLock(tmp_path)
    with pytest.raises(LessonError, match="must belong to one training at a time, but another"):
        FolderLock(tmp_path)
    first.close()
    first.close()
    FolderLock(tmp_path).close()


def test_a_lock_that_nobody_holds_any_more_is_free(tmp_path):
    held = FolderLock(tmp_path)
    del held
    gc.collect()
    FolderLock(tmp_path).close()


def test_a_lock_knows_when_another_folder_has_its_name(tmp_path):
    (tmp_path / "run").mkdir()
    lock = FolderLock(tmp_path / "run")
    lock.check()
    (tmp_path / "run").rename(tmp_path / "moved")
    with pytest.raises(FileNotFoundError):
        lock.check()
    (tmp_path / "run").mkdir()
    with pytest.raises(OSError, match="another folder has taken its place"):
        lock.check()
    lock.close()


def test_signals_are_gathered_and_their_handlers_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_signals() as seen:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert seen == [signal.SIGINT, signal.SIGTERM]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_in_another_thread_no_signal_is_waited_for():
    seen = []

    def run():
        with stop_signals() as signals:
            seen.append(signals)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [[]]


def test_spreading_gives_each_kind_of_thread_a_core_and_takes_it_back():
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
from cyclegan_lessons.processes import spread_threads, threads
select_device("CPU")
generator = ms.jit(ResNetGenerator(base_channels=2, n_layers=0).construct)
generator(ms.Tensor(np.zeros((1, 3, 8, 8), np.float32))).asnumpy()
def kernels():
    return [thread for thread, name in threads() if name.startswith("KernelThread")]
def state():
    of_kernels = {tuple(os.sched_getaffinity(thread)) for thread in kernels()}
    return sorted(os.sched_getaffinity(os.getpid())), sorted(of_kernels)
import threading, time
with spread_threads([1, 2]) as rows:
    rows = iter(rows)
    next(rows)
    print(state())
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()  # inherits one core
print(state(), {tuple(sorted(os.sched_getaffinity(thread))) for thread, _ in threads()})
"""
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    first, second = cores
    inside, after = result.stdout.strip().splitlines()
    assert inside == str(([first], [(second,)]))
    both = tuple(cores)
    assert after == f"{(list(both), [both])} {{{both}}}", "all threads may use both again"


ON_ONE_CORE = """
import os, threading
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
from cyclegan_lessons import select_device
from cyclegan_lessons.processes import spread_threads
select_device("CPU")
def steps():
    for step in range(3):
        yield step, threading.get_ident(), os.getpriority(os.PRIO_PROCESS, 0)
    raise ArithmeticError("the third")
"""


def on_one_core(program: str, **options) -> str:
    """What a program prints that trains on one core of this machine."""
    command = [sys.executable, "-c", ON_ONE_CORE + program]
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


@pytest.mark.parametrize("user", [None, 65534], ids=["this user", "an ordinary user"])
def test_on_one_core_the_steps_run_behind_in_a_thread_of_their_own(user):
    if user and os.geteuid():
        pytest.skip("only root can become another user")
    become = f"os.setgroups([]); os.setuid({user})" if user else ""
    out = on_one_core(f"""
{become}
before, main = os.getpriority(os.PRIO_PROCESS, 0), threading.get_ident()
with spread_threads(steps()) as rows:
    rows = iter(rows)
    first, second, third = (next(rows) for _ in range(3))
    print([row[0] for row in (first, second, third)])
    print(main != first[1] == second[1] == third[1], first[2] == before, second[2], third[2])
    print(os.getpriority(os.PRIO_PROCESS, 0) == before)
print(threading.active_count())
""")
    assert out.splitlines() == ["[0, 1, 2]", "True True 19 19", "True", "1"]


def test_on_one_core_what_a_step_raises_comes_through_and_a_ctrl_c_waits_for_its_end():
    out = on_one_core("""
import signal, time
from cyclegan_lessons.processes import stop_signals
try:
    with spread_threads(steps()) as rows:
        for row in rows:
            print(row[0])
except ArithmeticError as error:
    print(error, threading.active_count())
def slow():
    for step in range(9):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        yield step
with stop_signals() as stops, spread_threads(slow()) as rows:
    for row in rows:
        print(row, len(stops))
        break
print(threading.active_count())
""")
    assert out.splitlines() == ["0", "1", "2", "the third 1", "0 1", "1"]


@pytest.fixture
def fake_clock(monkeypatch):
    """A clock, and a function whose first argument says after how many seconds its result is there;
    both as `sleep_while_computing` sees them."""
    clock = SimpleNamespace(now=0.0, slept=[])

    def sleep(seconds: float):
        clock.now += seconds
        clock.slept.append(seconds)

    class Result:
        def __init__(self, length: float):
            self.ready = clock.now + length

        def asnumpy(self):
            clock.now = max(clock.now, self.ready)

    monkeypatch.setattr(
        processes, "time", SimpleNamespace(perf_counter=lambda: clock.now, sleep=sleep)
    )
    return clock, sleep_while_computing(lambda a, b: (Result(a), b))


def test_the_main_thread_sleeps_for_most_of_the_shortest_of_the_last_eight_calls(fake_clock):
    clock, call = fake_clock
    # seconds until a result is there; the first call compiles; at 8 it sleeps too long
    lengths = [30, *range(10, 17), 8, *[12] * 9]

    for length in lengths:
        start = clock.now
        assert call(length, "b")[1] == "b"
        assert clock.now - start == pytest.approx(max(length, clock.slept[-1])), (
            "it waits until the result is there"
        )
    assert clock.slept == pytest.approx([*[0] * 8, 9, *[8.1] * 8, 10.8])


def test_a_busy_minute_is_soon_forgotten(fake_clock):
    clock, call = fake_clock
    for length in [30, *[8] * 8]:  # the first compiles; then the machine is busy
        call(length, "b")
    for _ in range(8):
        call(0.1, "b")
    # two that sleep too long may be chance; from the third on each counts as half as long
    lengths = 8 * np.cumprod([0.9, 0.9, 0.9, 0.45, 0.45, 0.45, 0.45])
    assert clock.slept[-8:-1] == pytest.approx([*lengths])
