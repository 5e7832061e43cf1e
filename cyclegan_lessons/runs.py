"""The folder of one training run: config.json, history.csv, samples, checkpoints. One process
writes it."""

import csv
import fcntl
import io
import json
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.errors import LessonError

KEPT_CHECKPOINTS = 3
# the run folders of this process: device and inode, to the open folder
_held: dict[tuple[int, int], int] = {}


def hold(folder: Path):
    """Reserve ``folder`` for this process until it ends, in whatever way. Raises `LessonError` when
    another one has it.

    The lock is on the folder itself, so nothing is left behind, not even by `kill -9`.
    """
    opened = os.open(folder, os.O_RDONLY)
    identity = os.fstat(opened).st_dev, os.fstat(opened).st_ino
    if identity in _held:
        os.close(opened)
        return
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(opened)
        raise LessonError(
            f"{folder} must belong to one run at a time, but another process is training into it; "
            "wait until that one "
            f"has ended, stop it, or choose another folder."
        ) from error
    except OSError:
        pass  # some network drives have no locks
    _held[identity] = opened


@contextmanager
def stop_signals():
    """Gather Ctrl-C and SIGTERM in a list while the block runs, since the state amid a step must
    not be saved.

    MindSpore turns a Ctrl-C that comes while it computes into SIGTERM, which would end the process
    on the spot.
    """
    seen = []
    # only the main thread hears of signals
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    stops = signal.SIGINT, signal.SIGTERM
    before = {
        number: signal.signal(number, lambda number, frame: seen.append(number)) for number in stops
    }
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_whole(path: Path, content: bytes):
    """Write a file so that ``path`` is either the old one or the whole new one."""
    unfinished = path.with_name(f".saving-{path.name}")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        with suppress(OSError):
            unfinished.unlink()


@contextmanager
def file_of_a_run(path: Path):
    """Raise `LessonError`, which names the file, when the block cannot write it."""
    try:
        yield
    except OSError as error:
        raise LessonError(
            f"the run must be able to write {path}, but the system says: {error.strerror}; free "
            "some space or make the "
            f"folder writable, then go on from the last checkpoint with --resume."
        ) from error


def read_history(path: Path) -> list[dict]:
    """The rows of a history.csv, one for each step, up to the first that is not whole."""
    rows = []
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(line for line in file if line.endswith("\n")):
            try:
                rows.append(
                    {
                        name: (int if name in ("step", "epoch") else float)(text)
                        for name, text in row.items()
                    }
                )
            except (TypeError, ValueError):
                break
    return rows


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints of a run folder, oldest first."""
    return sorted((Path(folder) / "checkpoints").glob("step_*.ckpt"))


def refuse_a_run(folder: Path):
    """Raise `LessonError` when a new run would overwrite the one that ``folder`` holds."""
    if checkpoints_in(folder):
        raise LessonError(
            f"{folder} already holds a run; go on with it (--resume) or choose another folder."
        )


class RunFolder:
    """Where a run writes what it learns. A new run needs a folder without checkpoints; `resume`
    goes on in an old one.

    Without ``writes``, as in all workers of a run but one, nothing is written, and the folder can
    only be resumed from.
    """

    def __init__(self, path: Path, config: LessonConfig, resume: bool = False, writes: bool = True):
        self.path, self.writes = Path(path), writes
        if not writes:
            return
        try:
            for folder in ("checkpoints", "samples"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
            hold(self.path)
        except OSError as error:
            raise LessonError(
                f"{path} cannot be written ({error.strerror}); choose another folder."
            ) from error
        # an old run's configuration stays as it is until `resume` has found that the new one fits
        if not resume:
            refuse_a_run(self.path)
            self._write_config(config)
            # of a run that was killed before it saved anything
            (self.path / "history.csv").unlink(missing_ok=True)

    def checkpoints(self) -> list[Path]:
        """The run's checkpoints, oldest first."""
        return checkpoints_in(self.path)

    def record(self, row: dict):
        """Append one row of numbers to history.csv, and to TensorBoard's event files where that
        package is installed."""
        path = self.path / "history.csv"
        with file_of_a_run(path), open(path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            if not file.tell():
                writer.writeheader()
            writer.writerow(row)
        if self._events:
            self._record_event(row)

    @cached_property
    def _events(self) -> Path | None:
        """The event file of this process for TensorBoard; None where that package is not
        installed."""
        return (
            self.path / "tensorboard" / f"events.out.tfevents.{time.time_ns()}"
            if find_spec("tensorboard")
            else None
        )

    def _record_event(self, row: dict):
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import (
            RecordWriter,  # its EventFileWriter hangs on a full disk
        )

        values = [
            Summary.Value(tag=name, simple_value=row[name])
            for name in row
            if name not in ("step", "epoch")
        ]
        event = Event(wall_time=time.time(), step=row["step"], summary=Summary(value=values))
        with file_of_a_run(self._events):
            self._events.parent.mkdir(exist_ok=True)
            with open(self._events, "ab") as file:
                RecordWriter(file).write(event.SerializeToString())

    def save(self, trainer):
        """Write the trainer's checkpoint and remove all but the last few."""
        trainer.save(self.path / "checkpoints" / f"step_{trainer.step:07d}.ckpt")
        for old in self.checkpoints()[:-KEPT_CHECKPOINTS]:
            old.unlink()

    def save_sample(self, grid, step: int):
        """Write a sample grid, uint8 H×W×3, as samples/step_….png."""
        png = io.BytesIO()
        Image.fromarray(grid).save(png, format="PNG")
        self._replace(f"samples/step_{step:07d}.png", png.getvalue())

    def resume(self, trainer):
        """Restore the newest checkpoint that is whole, and forget the history after it."""
        for path in reversed(self.checkpoints()):
            try:
                trainer.restore(path)
            except LessonError as error:
                if "checksum" not in str(error):
                    raise
                print(f"{error} Trying the one before.", file=sys.stderr)
                continue
            if self.writes:
                self._load_history(trainer)
                self._write_config(trainer.config)
            return
        raise LessonError(
            f"no checkpoint was found in {self.path}; start the run without --resume."
        )

    def _write_config(self, config: LessonConfig):
        self._replace("config.json", (json.dumps(asdict(config), indent=2) + "\n").encode())

    def _load_history(self, trainer):
        path = self.path / "history.csv"
        rows = read_history(path) if path.exists() else []
        trainer.history = [row for row in rows if row["step"] <= trainer.step]
        text = io.StringIO()
        if trainer.history:
            writer = csv.DictWriter(text, fieldnames=list(trainer.history[0]))
            writer.writeheader()
            writer.writerows(trainer.history)
        self._replace("history.csv", text.getvalue().encode())

    def _replace(self, name: str, content: bytes):
        with file_of_a_run(self.path / name):
            write_whole(self.path / name, content)
