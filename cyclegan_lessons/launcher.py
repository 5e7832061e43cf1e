"""Start msrun for `train --workers N` and look after its workers until all have ended.

What they say is shown, signals are passed on, and when one dies the others are ended.
"""

import codecs
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from cyclegan_lessons.errors import ERROR, LessonError
from cyclegan_lessons.processes import LAUNCHER, FolderLock, end_with_parent, stop_signals

MINDSPORE_LINE = re.compile(
    rf"\[(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\] [A-Z_]+\([^\n]*\n|^{ERROR}[^\n]*\n", re.MULTILINE
)
UNFINISHED_LINE = re.compile(
    rf"(?:\[[A-Z]*(?:\](?: [A-Z_]*(?:\([^\n]*)?)?)?|^{ERROR}[^\n]*)\Z", re.MULTILINE
)
# what msrun says
DEATH = re.compile(r"Worker process (\d+) exit with exception. Error code: (-?\d+)")


def launch(workers: int, arguments: list[str], out: Path):
    """Run ``python ARGUMENTS…`` in N workers on this machine and show what worker 0 prints.

    Their logs are in ``out``/workers. Ctrl-C and SIGTERM reach all workers, which then stop after
    the same step, and end in `KeyboardInterrupt`; a second Ctrl-C kills them. When a worker dies,
    the others are killed. Raises `LessonError` with what a worker said, else with the name of the
    one that died. No process is left behind.
    """
    cores = os.cpu_count() or 1
    if workers > max(2, cores):
        raise LessonError(
            f"each worker needs a core of its own, but {workers} workers were asked for and this "
            f"machine has {cores}; ask for fewer workers."
        )
    logs = Path(out) / "workers"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(logs)
        for old in logs.glob("*.log"):
            old.unlink()
    except OSError as error:
        raise LessonError(
            f"{out} cannot be written ({error.strerror}); choose another folder."
        ) from error
    try:
        with stop_signals() as stops:
            job = Job(workers, arguments, logs)
            watch(job, stops)
    finally:
        lock.close()
    rank, code = job.death()
    if code == 130 or (stops and (code is None or code < 0)):
        raise KeyboardInterrupt
    if code is not None:
        raise LessonError(job.last_words(rank, code))


def watch(job: "Job", stops: list[int]):
    """Show what worker 0 says, and pass on signals as they come, until the job has ended."""
    told = 0
    try:
        while job.runs():
            if len(stops) > told:
                job.stop(at_once=told > 0)
                told = len(stops)
            job.log.relay()
            time.sleep(0.1)
    finally:
        job.end()
        job.log.relay(last=True)


class Log:
    """What worker 0 writes: it is shown as it comes, without MindSpore's own lines."""

    def __init__(self, path: Path):
        self.path, self.shown = path, 0  # bytes
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.waiting = ""  # the start of a line that may have to be left out
        self.in_a_line = False  # whether what was shown ends in the middle of a line

    def relay(self, last: bool = False):
        """Show what is new, but not the error that ends the worker."""
        with suppress(FileNotFoundError), open(self.path, "rb") as file:
            file.seek(self.shown)
            new = file.read()
            self.shown += len(new)
            text = MINDSPORE_LINE.sub("", self.waiting + self.decoder.decode(new, last))
            self.waiting = "" if last else "".join(UNFINISHED_LINE.findall(text))
            text = text.removesuffix(self.waiting)
            self.in_a_line = not text.endswith("\n") if text else self.in_a_line
            cut_off = last and self.in_a_line  # a progress bar
            sys.stderr.write(text + "\n" if cut_off else text)
            sys.stderr.flush()


class Job:
    """One msrun, and the processes that it started."""

    def __init__(self, workers: int, arguments: list[str], logs: Path):
        self.size, self.logs, self.log = workers, logs, Log(logs / "worker_0.log")
        self.processes: set[psutil.Process] = set()
        self.workers: dict[int, psutil.Process] = {}  # by rank
        self.died: dict[int, int] = {}  # exit codes by rank, the first to die first
        folder = Path(sys.executable).parent  # msrun looks for "python" on the path
        environment = {
            **os.environ,
            "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
            LAUNCHER: str(os.getpid()),
        }
        if sys.stderr.isatty():  # for the progress bar
            environment["COLUMNS"] = str(shutil.get_terminal_size().columns)
        options = {
            "--worker_num": workers,
            "--local_worker_num": workers,
            "--master_port": free_port(),
            "--log_dir": logs,
            "--join": True,
            "--tail_worker_log": workers,  # none of them
        }
        command = [sys.executable, "-m", "mindspore.parallel.cluster.run"]
        command += [str(part) for option in options.items() for part in option]
        command += ["python" if (folder / "python").exists() else "python3", *arguments]
        with open(logs / "msrun.log", "wb") as log:
            self.msrun = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # a Ctrl-C does not reach it
                preexec_fn=end_with_parent,
            )

    def runs(self) -> bool:
        """Whether msrun works and no worker has died; after a death it would wait for long."""
        for process in children(self.msrun) if len(self.workers) < self.size else ():
            self.processes.add(process)
            with suppress(psutil.Error):  # it has just ended
                about = process.environ()
                if about.get("MS_ROLE") == "MS_WORKER":
                    self.workers[int(about["RANK_ID"])] = process
        if self.msrun.poll() is not None or DEATH.search(self.read("msrun.log")):
            return False
        # msrun looks once a second, when others may have died of the first death
        for rank, process in self.workers.items():
            code = code_of_dead(process)
            if code and rank not in self.died:
                self.died[rank] = code
        return True

    def stop(self, at_once: bool):
        """Ask the workers to stop after their step; kill them when asked again or not begun."""
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

    def death(self) -> tuple[int | None, int | None]:
        """Rank (None: unknown) and exit code of the worker that died first; code None: all well."""
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
            said = re.findall(rf"^{ERROR}(.*)", self.read(f"worker_{r}.log"), re.MULTILINE)
            if said:
                return said[-1] if r == 0 else f"worker {r} says: {said[-1]}"
        who, log = f"worker {rank} of {self.size}", self.logs / f"worker_{rank}.log"
        if rank is None:  # it ended so soon that it was not seen, or msrun did
            who, log = "one of them", self.logs
        how = (
            f"was killed ({signal.Signals(-code).name})"
            if code < 0
            else f"ended with exit code {code}"
        )
        return (
            f"all workers must train to the end, but {who} {how}, so the others were stopped; see "
            f"{log}, then continue from the last checkpoint with the same command and --resume."
        )

    def read(self, name: str) -> str:
        path = self.logs / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def code_of_dead(process: psutil.Process) -> int | None:
    """The exit code, negative for a signal, of a process whose parent has not asked for it yet."""
    with suppress(psutil.Error, OSError, ValueError):
        if process.status() == psutil.STATUS_ZOMBIE:  # on Linux
            status = Path(f"/proc/{process.pid}/stat").read_text().split()[-1]
            return os.waitstatus_to_exitcode(int(status))
    return None


def children(process: subprocess.Popen) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]
