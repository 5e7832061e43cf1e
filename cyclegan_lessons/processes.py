"""What concerns processes and threads: locks, signals, workers, and a CPU with few cores.

Nothing in here changes a number that is computed. You may skip it: the chapters do not need it.
"""

import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from cyclegan_lessons.errors import LessonError

# Set for workers that `launch` started and that must end with it: the number of its process.
LAUNCHER = "CYCLEGAN_LESSONS_LAUNCHER"


def is_worker() -> bool:
    """Whether msrun started this process, as a worker or as the scheduler."""
    return "MS_ROLE" in os.environ


class FolderLock:
    """Reserves a folder for one training, until `close` or the end of the process.

    The lock is on the folder itself, not on its name, so nothing is left behind by `kill -9`.
    Raises `LessonError` when another training has it.
    """

    def __init__(self, folder: Path):
        self.folder, self.descriptor = folder, None
        self.descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise LessonError(
                f"{folder} must belong to one training at a time, but another one has it; wait "
                f"until that one has ended, stop it, or choose another folder."
            ) from error
        except OSError:
            pass  # some network drives have no locks

    def check(self):
        """Raise `OSError` unless the name still leads to the folder that is reserved."""
        ours, named = os.fstat(self.descriptor), os.stat(self.folder)
        if not os.path.samestat(ours, named):
            raise OSError(0, "another folder has taken its place")

    def close(self):
        """Let others have the folder; closing twice does no harm."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    __del__ = close


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Gather Ctrl-C and SIGTERM in a list while the block runs: the state in the middle of a step
    must not be saved.

    MindSpore turns a Ctrl-C that comes while it computes into SIGTERM, which would end the process
    on the spot.
    """
    seen = []
    # only the main thread hears of signals
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    stops = signal.SIGINT, signal.SIGTERM
    before = {number: signal.signal(number, lambda n, frame: seen.append(n)) for number in stops}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """Import MindSpore, then let Ctrl-C and SIGTERM end the block in `KeyboardInterrupt`.

    A Ctrl-C inside the import would abort the process, so it waits for its end. One that comes
    while MindSpore computes becomes a SIGTERM, or any error.
    """
    with stop_signals() as stops:
        import mindspore  # noqa: F401 (only to have it imported)
    if stops:
        raise KeyboardInterrupt

    def stop(number, frame):
        stops.append(number)
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()  # others hear of no signals
    numbers = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    except Exception as error:
        if stops:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_parent():
    """Let Linux kill this process when its parent has ended, in whatever way."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def end_with_launcher():
    """Let a worker that `launch` started end with it, also when it has ended already."""
    if LAUNCHER in os.environ:
        end_with_parent()
        try:
            os.kill(int(os.environ[LAUNCHER]), 0)  # asks only whether it is there
        except ProcessLookupError:
            os._exit(1)


def share_cores(workers: int):
    """Keep this worker to its share of the machine's cores, where there is one for each."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    n, rank = len(cores) // workers, int(os.environ["RANK_ID"])
    if n and os.environ["MS_ROLE"] == "MS_WORKER":
        for thread, _ in threads():
            pin(thread, cores[rank * n : (rank + 1) * n])


@contextmanager
def spread_threads(rows: Iterable) -> Iterator[Iterable]:
    """Let the block take the ``rows`` of a training, one for each step, from threads that do not
    steal each other's time.

    MindSpore's main and actor threads spin while they wait, and steal time from the threads that
    compute. On two cores the main thread gets one and MindSpore's kernel threads the other, and a
    step takes about half as long. On one core the steps run in a thread of their own that has the
    lowest priority, and a step takes about a third: that thread ends with the block, so nobody has
    to take a priority back, which an ordinary user may not. Both begin after the first step, when
    MindSpore's threads exist; at the end all is as before. Does nothing with more cores, on another
    device than a CPU, or outside Linux.
    """
    import mindspore as ms

    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    on_cpu = ms.get_context("device_target") == "CPU"
    if on_cpu and len(cores) == 1:
        with ThreadPoolExecutor(max_workers=1) as thread:
            yield behind(rows, thread)
    elif on_cpu and len(cores) == 2:
        try:
            yield apart(rows, cores)
        finally:
            for each, _ in threads():  # also those that inherited one core from the main thread
                pin(each, cores)
    else:
        yield rows


def behind(rows: Iterable, thread: ThreadPoolExecutor) -> Iterator:
    """Yield ``rows`` that are made in ``thread``, with the lowest priority after the first one.

    The thread makes a row only when it is asked for, so nothing happens at the same time, and what
    it raises is raised here. Meanwhile this thread sleeps, and hears of Ctrl-C.
    """
    rows, end = iter(rows), object()
    while (row := thread.submit(next, rows, end).result()) is not end:
        thread.submit(os.setpriority, os.PRIO_PROCESS, 0, 19)  # on Linux, of that thread only
        yield row


def apart(rows: Iterable, cores: list[int]) -> Iterator:
    """Yield ``rows``; after the first one this thread and the kernel threads have a core each."""
    for i, row in enumerate(rows):
        if i == 0:
            pin(os.getpid(), cores[:1])
            for thread in [t for t, name in threads() if name.startswith("KernelThread")]:
                pin(thread, cores[1:])
        yield row


def threads() -> list[tuple[int, str]]:
    """Number and name of every thread of this process, on Linux."""
    found = []
    for thread in os.listdir("/proc/self/task"):
        with suppress(OSError):  # it has just ended
            found.append((int(thread), Path(f"/proc/self/task/{thread}/comm").read_text()))
    return found


def pin(thread: int, cores: list[int]):
    """Let a thread run on these cores only."""
    with suppress(OSError):  # it has just ended
        os.sched_setaffinity(thread, cores)


def sleep_while_computing(function: Callable) -> Callable:
    """Return a compiled ``function`` that lets the main thread sleep, not spin, for most of the
    time that it computes.

    A call sleeps for nine tenths of the shortest of the last eight calls and then waits for the
    first result. Where nothing was left to wait for, it slept too long; the third such call in a
    row, and each that follows, counts as half as long, so a busy minute of the machine is soon
    forgotten. The first eight calls do not sleep, since the very first compiles.
    """
    recent = deque([0.0] * 8, maxlen=8)  # seconds
    late = 0  # calls in a row that slept too long

    def call(*inputs):
        nonlocal late
        start = time.perf_counter()
        # comes back at once: MindSpore computes in threads of its own
        results = function(*inputs)
        time.sleep(0.9 * min(recent))
        woke = time.perf_counter()
        results[0].asnumpy()  # spins until the result is there
        end = time.perf_counter()
        late = late + 1 if end - woke <= 0.01 * (end - start) else 0
        recent.append((end - start) / (2 if late > 2 else 1))
        return results

    return call
