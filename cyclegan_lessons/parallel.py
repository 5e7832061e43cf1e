"""Several processes train one model: each takes its share of every batch, and the gradients are averaged (data parallelism).

MindSpore's msrun starts the processes, the *workers*. `launch` calls it for `train --workers N`; in each worker `join`
returns its `Group`. N workers with a batch of B do what one process does with a batch of N·B, since instance norm looks at
each image alone: same images, same draws of the image pools, same means of losses and gradients.
"""

import codecs
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mindspore as ms
import numpy as np
import psutil
from mindspore import communication, nn, ops

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.image_pool import ImagePool
from cyclegan_lessons.runs import hold, stop_signals

LAUNCHED = "CYCLEGAN_LESSONS_LAUNCHED"  # set for workers that `launch` started, and that must end with it


@dataclass(frozen=True)
class Group:
    """The workers that train together: how many there are, and which of them this process is. Worker 0 writes the run."""

    size: int = 1
    rank: int = 0

    def gather(self, array: np.ndarray) -> np.ndarray:
        """The arrays of all workers, float32, in the order of their ranks: size × the shape of ``array``."""
        array = np.asarray(array, np.float32)[None]
        return array if self.size == 1 else ops.AllGather()(ms.Tensor(array)).asnumpy()

    def agree(self, losses: dict[str, float], stop: bool) -> tuple[dict[str, float], bool]:
        """The mean of every loss over the workers, and whether any of them is to stop."""
        if self.size == 1:
            return losses, stop
        *means, stops = self.gather([*losses.values(), stop]).mean(axis=0, dtype=np.float64).tolist()
        return dict(zip(losses, means)), stops > 0

    def check_same(self, **numbers: int):
        """Raise `LessonError` unless all workers give the same numbers, which are whole and below 2²⁴."""
        for name, values in zip(numbers, self.gather(list(numbers.values())).T.astype(int).tolist()):
            if len(set(values)) > 1:
                raise LessonError(
                    f"all workers must have the same {name}, but they have {', '.join(map(str, values))}; start all of them "
                    f"with the same command and the same images, and let them resume from the same run folder."
                )


def join(workers: int) -> Group:
    """Wait until all ``workers`` are there, and return their group; a single process is a group by itself.

    msrun runs a program once more than it has workers: as the scheduler, which stays in here until the others have ended.
    Raises `LessonError` when another number of workers was started, or when they do not find each other.
    """
    started = int(os.environ["MS_WORKER_NUM"]) if "MS_ROLE" in os.environ else 1  # msrun sets both
    if started != workers:
        raise LessonError(
            f"{workers} workers should train together, but {started} were started; use `train --workers {workers}`, or msrun "
            f"with --worker_num {workers}."
        )
    return enter(workers) if "MS_ROLE" in os.environ else Group()


@cache  # a process enters once
def enter(workers: int) -> Group:
    if LAUNCHED in os.environ:
        end_with_parent()
        share_cores(workers)
    try:
        communication.init()
    except RuntimeError as error:
        raise LessonError(
            f"{workers} workers should find each other at {os.environ['MS_SCHED_HOST']}:{os.environ['MS_SCHED_PORT']}, but "
            f"they did not ({str(error).splitlines()[0]}); check that all were started and that no firewall is between them."
        ) from error
    if os.environ["MS_ROLE"] == "MS_SCHED":
        sys.exit()
    return Group(communication.get_group_size(), communication.get_rank())


def share_cores(workers: int):
    """Keep this worker to its share of the machine's cores, where there is at least one for each."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    n, rank = len(cores) // workers, int(os.environ["RANK_ID"])
    if n and os.environ["MS_ROLE"] == "MS_WORKER":
        for thread in map(int, os.listdir("/proc/self/task")):
            with suppress(OSError):  # it has just ended
                os.sched_setaffinity(thread, cores[rank * n : (rank + 1) * n])


def averaging(optimizer: nn.Optimizer, group: Group):
    """Return what stands in for ``optimizer``: it is given the gradients of one worker's images, and uses the mean of all.

    They travel in one piece, since a message costs the same however short it is. Plain operators, without a cell around
    them, compile twice as fast as the methods of tensors.
    """
    shapes = [parameter.shape for parameter in optimizer.parameters]
    sizes = [parameter.size for parameter in optimizer.parameters]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    sum_over_workers, reshape, concatenate, cut = ops.AllReduce(), ops.Reshape(), ops.Concat(), ops.Slice()

    def update(gradients):
        flat = concatenate(tuple([reshape(gradient, (-1,)) for gradient in gradients]))
        mean = sum_over_workers(flat) / group.size
        parts = zip(starts, sizes, shapes)
        return optimizer(tuple([reshape(cut(mean, (start,), (size,)), shape) for start, size, shape in parts]))

    update.parameters = optimizer.parameters
    return update


class SharedPool(ImagePool):
    """An image pool of all workers: each holds all its images, draws the same numbers, and gets the answers to its own fakes."""

    def __init__(self, group: Group, size: int = 50, seed: int = 0):
        super().__init__(size, seed)
        self.group = group

    def query(self, images: np.ndarray) -> np.ndarray:
        fakes = self.group.gather(images)  # workers×N×3×H×W
        fakes = fakes.swapaxes(0, 1).reshape(-1, *images.shape[1:])  # as in one large batch: worker r has every workers-th
        return super().query(fakes)[self.group.rank :: self.group.size]


# ------------------------------------------------------------------------------------------------------------- launching

MINDSPORE_LINE = re.compile(r"\[(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\] [A-Z_]+\([^\n]*\n|^error: [^\n]*\n", re.MULTILINE)
UNFINISHED_LINE = re.compile(r"(?:\[[A-Z]*(?:\](?: [A-Z_]*(?:\([^\n]*)?)?)?|^error: [^\n]*)\Z", re.MULTILINE)
DEATH = re.compile(r"Worker process (\d+) exit with exception. Error code: (-?\d+)")  # what msrun says


def launch(workers: int, arguments: list[str], out: Path):
    """Run ``python ARGUMENTS…`` in so many workers on this machine, and show what the first one prints until all have ended.

    Their logs are in ``out``/workers. Ctrl-C and SIGTERM reach all workers, which then stop after the same step, and end in
    `KeyboardInterrupt`; a second Ctrl-C kills them. When a worker dies, the others are killed. Raises `LessonError` with
    what a worker said, else with the name of the one that died. No process is left behind.
    """
    logs = Path(out) / "workers"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        hold(logs)
        for old in logs.glob("*.log"):
            old.unlink()
    except OSError as error:
        raise LessonError(f"{out} cannot be written ({error.strerror}); choose another folder.") from error
    with stop_signals() as stops:
        job, told = Job(workers, arguments, logs), 0
        try:
            while job.runs():
                if len(stops) > told:
                    job.stop(at_once=told > 0)
                    told = len(stops)
                job.relay()
                time.sleep(0.1)
        finally:
            job.end()
            job.relay(last=True)
    rank, code = job.death()
    if code == 130 or stops and (code is None or code < 0):
        raise KeyboardInterrupt
    if code is not None:
        raise LessonError(job.last_words(rank, code))


class Job:
    """One msrun, and the processes that it started."""

    def __init__(self, workers: int, arguments: list[str], logs: Path):
        self.size, self.logs = workers, logs
        self.processes: set[psutil.Process] = set()
        self.workers: dict[int, psutil.Process] = {}  # by rank
        self.died: dict[int, int] = {}  # exit codes by rank, the first to die first
        self.shown, self.waiting, self.in_a_line, self.decoder = 0, "", False, codecs.getincrementaldecoder("utf-8")("replace")
        folder = Path(sys.executable).parent  # msrun looks for "python" on the path
        environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}", "PYTHONUNBUFFERED": "1"}
        environment |= {LAUNCHED: "1", "PYTHONIOENCODING": "utf-8"}
        if sys.stderr.isatty():
            environment["COLUMNS"] = str(shutil.get_terminal_size().columns)  # for the progress bar
        command = [
            sys.executable, "-m", "mindspore.parallel.cluster.run", "--worker_num", workers, "--local_worker_num", workers,
            "--master_port", free_port(), "--log_dir", logs, "--join", True, "--tail_worker_log", workers,  # none of them
            "python" if (folder / "python").exists() else "python3", *arguments,
        ]  # fmt: skip
        with open(logs / "msrun.log", "wb") as log:
            self.msrun = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment,
                start_new_session=True, preexec_fn=end_with_parent,  # a session of its own: a Ctrl-C does not reach it
            )  # fmt: skip

    def runs(self) -> bool:
        """Whether msrun works and has not reported that a worker died; then it would wait for the scheduler for long."""
        if len(self.workers) < self.size:
            for process in children(self.msrun):
                self.processes.add(process)
                with suppress(psutil.Error):  # it has just ended
                    about = process.environ()
                    if about.get("MS_ROLE") == "MS_WORKER":
                        self.workers[int(about["RANK_ID"])] = process
        if self.msrun.poll() is not None or DEATH.search(self.read("msrun.log")):
            return False
        for rank, process in self.workers.items():  # msrun looks once a second, when others may have died of the first death
            code = code_of_dead(process)
            if code and rank not in self.died:
                self.died[rank] = code
        return True

    def stop(self, at_once: bool):
        """Ask the workers to stop after their step; kill them when they are asked again, or have not begun."""
        if at_once or len(self.workers) < self.size:
            self.end()
        else:
            for process in self.workers.values():
                with suppress(psutil.NoSuchProcess):
                    process.terminate()

    def end(self):
        """Kill what is left of the job."""
        self.processes |= set(children(self.msrun))
        self.msrun.kill()
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.msrun.wait()
        psutil.wait_procs(self.processes, timeout=10)

    def relay(self, last: bool = False):
        """Show what worker 0 has written since the last time, without MindSpore's own lines and the error that ends it."""
        with suppress(FileNotFoundError), open(self.logs / "worker_0.log", "rb") as file:
            file.seek(self.shown)
            new = file.read()
            self.shown += len(new)
            text = MINDSPORE_LINE.sub("", self.waiting + self.decoder.decode(new, last))
            self.waiting = "" if last else "".join(UNFINISHED_LINE.findall(text))
            text = text.removesuffix(self.waiting)
            self.in_a_line = not text.endswith("\n") if text else self.in_a_line
            sys.stderr.write(text + "\n" if last and self.in_a_line else text)  # a progress bar that was cut off
            sys.stderr.flush()

    def death(self) -> tuple[int | None, int | None]:
        """Rank, where it is known, and exit code of the worker whose death ended the job; code None when all ended well."""
        found = DEATH.search(self.read("msrun.log"))
        if not found:
            return None, self.msrun.returncode or None
        for first in self.died.items():
            return first
        ranks = {process.pid: rank for rank, process in self.workers.items()}
        return ranks.get(int(found[1])), int(found[2])

    def last_words(self, rank: int | None, code: int) -> str:
        """The sentence about a job that did not end well."""
        for r in range(self.size if code == 1 else 0):
            said = re.findall(r"^error: (.*)", self.read(f"worker_{r}.log"), re.MULTILINE)
            if said:
                return said[-1] if r == 0 else f"worker {r} says: {said[-1]}"
        who, log = f"worker {rank} of {self.size}", self.logs / f"worker_{rank}.log"
        if rank is None:  # it ended so soon that it was not seen, or msrun did
            who, log = "one of them", self.logs
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
        return (
            f"all workers must train to the end, but {who} {how}, so the others were stopped; see {log}, then go on "
            f"from the last checkpoint with the same command and --resume."
        )

    def read(self, name: str) -> str:
        path = self.logs / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def end_with_parent():
    """Let Linux kill this process when its parent has ended, in whatever way."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def code_of_dead(process: psutil.Process) -> int | None:
    """The exit code of a process whose parent has not asked for it yet, where Linux tells; negative for a signal."""
    with suppress(psutil.Error, OSError, ValueError):
        if process.status() == psutil.STATUS_ZOMBIE:
            return os.waitstatus_to_exitcode(int(Path(f"/proc/{process.pid}/stat").read_text().split()[-1]))
    return None


def children(process: subprocess.Popen) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]
