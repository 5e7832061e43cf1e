"""The folder of one training run: config.json, history.csv, samples, checkpoints.

One process writes it. It knows no trainer: what it keeps are numbers, pictures and tensors.
"""

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from cyclegan_lessons.checkpoint import read_checkpoint, write_checkpoint
from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.errors import DamagedFile, LessonError
from cyclegan_lessons.files import remove_unfinished, write_whole
from cyclegan_lessons.history import EventFile, as_csv, is_intact, read_history
from cyclegan_lessons.language import in_language
from cyclegan_lessons.processes import FolderLock

KEPT_CHECKPOINTS = 3
NAME = re.compile(r"step_(\d{7,})\.(ckpt|png)")  # of a checkpoint or a sample


def step_of(path: Path) -> int | None:
    """The step in the name of a checkpoint or sample; None when the name is not one of ours."""
    match = NAME.fullmatch(path.name)
    return int(match[1]) if match else None


def files_in(run: Path, kind: str) -> list[Path]:
    """The ``"checkpoints"`` or ``"samples"`` of a run folder, oldest step first.

    Raises `LessonError` when the folder cannot be read. Files of other names are not ours.
    """
    folder = Path(run) / kind
    try:
        paths = list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise LessonError(
            f"{folder} must be a folder that can be read, but the system says: {error.strerror}; "
            f"change its permissions."
        ) from error
    ending = {"checkpoints": ".ckpt", "samples": ".png"}[kind]
    ours = [path for path in paths if path.suffix == ending and step_of(path) is not None]
    return sorted(ours, key=step_of)


def checkpoints_in(run: Path) -> list[Path]:
    """The checkpoints of a run folder, oldest first."""
    return files_in(run, "checkpoints")


def refuse_to_overwrite(run: Path):
    """Raise `LessonError` when a new run would overwrite what ``run`` holds.

    What a run left that was killed before its first checkpoint may be overwritten.
    """
    if checkpoints_in(run):
        raise LessonError(
            f"{run} already holds a run; continue it (--resume) or choose another folder."
        )
    ours = is_config(Path(run) / "config.json")
    found = [Path(run) / name for name in ("config.json", "history.csv")]
    found = [path for path in found if path.exists()] + files_in(run, "samples")
    if found and not ours:
        raise LessonError(
            f"{run} should be a new or an empty folder, but it holds {found[0].name}, which no run "
            f"of this course has written; choose another folder."
        )


def is_config(path: Path) -> bool:
    """Whether a file holds the settings of a run, as `RunFolder` writes them."""
    try:
        LessonConfig(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return False
    return True


@contextmanager
def file_of_a_run(path: Path) -> Iterator[None]:
    """Raise `LessonError`, which names the file, when the block cannot write it."""
    try:
        yield
    except OSError as error:
        raise LessonError(
            f"the run must be able to write {path}, but the system says: {error.strerror}; free "
            f"some space or make the folder writable, then continue from the last checkpoint with "
            f"--resume."
        ) from error


class RunFolder:
    """Where a run writes what it learns; `fit` closes it when training ends.

    A new run needs a folder without a run; with ``resume`` the run in it is continued. Without
    ``writes``, as in all workers of a run but one, nothing is written, and the folder can only be
    resumed from. Raises `LessonError` when another training has the folder, or it cannot be used.
    """

    def __init__(self, path: Path, config: LessonConfig, resume: bool = False, writes: bool = True):
        self.path, self.writes, self.lock = Path(path), writes, None
        if resume and not checkpoints_in(self.path):
            raise LessonError(
                f"no checkpoint was found in {self.path}; check the path, or start the run without "
                f"--resume."
            )
        if not writes:
            return
        if not resume:
            refuse_to_overwrite(self.path)
        try:
            for folder in ("checkpoints", "samples"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
            self.__enter__()
        except OSError as error:
            raise LessonError(
                f"{path} cannot be written ({error.strerror}); choose another folder."
            ) from error
        for folder in ("", "checkpoints", "samples"):
            remove_unfinished(self.path / folder)
        self.events = EventFile(self.path / "tensorboard")
        if not resume:  # an old run's settings stay until it is known that the new ones fit
            refuse_to_overwrite(self.path)  # again: now nobody else can have written it
            self._write_config(config)
            (self.path / "history.csv").unlink(missing_ok=True)  # of a run that saved nothing

    def __enter__(self) -> "RunFolder":
        if self.writes and self.lock is None:
            self.lock = FolderLock(self.path)
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Let another process continue the run."""
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    def checkpoints(self) -> list[Path]:
        """The run's checkpoints, oldest first."""
        return checkpoints_in(self.path)

    def record(self, row: dict):
        """Append one row of numbers to history.csv, and to TensorBoard's event files."""
        path = self.path / "history.csv"
        with self._writing(path), open(path, "a", newline="", encoding="utf-8") as file:
            file.write(as_csv([row], header=not file.tell()))
        with self._writing(self.events.path):
            self.events.record(row)

    def save(self, step: int, tensors: dict, info: dict):
        """Write a checkpoint, and remove all but the last few of this run up to this step."""
        path = self.path / "checkpoints" / f"step_{step:07d}.ckpt"
        with self._writing(path):
            write_checkpoint(path, tensors, info)
            earlier = [old for old in self.checkpoints() if step_of(old) <= step]
            for old in earlier[:-KEPT_CHECKPOINTS]:
                old.unlink()

    def save_sample(self, grid, step: int):
        """Write a sample grid, uint8 H×W×3, as samples/step_….png."""
        png = io.BytesIO()
        Image.fromarray(grid).save(png, format="PNG")
        self._replace(f"samples/step_{step:07d}.png", png.getvalue())

    def newest_checkpoint(self) -> tuple[Path, dict, dict]:
        """Path, tensors and facts of the checkpoint with the latest step that is whole.

        The step is the one inside the file: a copy may have another name. What is damaged is passed
        over with a message. Raises `LessonError` when nothing is left.
        """
        newest = None
        for path in reversed(self.checkpoints()):
            if newest and step_of(path) <= newest[2]["step"]:
                break  # a file never holds a later step than its name says, unless it was renamed
            try:
                tensors, info = read_checkpoint(path)
            except DamagedFile as error:
                print(error, in_language("Trying the one before."), file=sys.stderr)
                continue
            if newest is None or info["step"] > newest[2]["step"]:
                newest = path, tensors, info
        if newest is None:
            raise LessonError(
                f"no checkpoint in {self.path} is whole; move the folder away or choose another "
                f"one, and start again without --resume."
            )
        return newest

    def continue_from(self, step: int, config: LessonConfig) -> list[dict]:
        """Forget the history after ``step`` and take over ``config``; return the history's rows.

        A history.csv that is not understood to its end is kept under another name.
        """
        path = self.path / "history.csv"
        with file_of_a_run(path):
            rows = [row for row in read_history(path) if row["step"] <= step]
            if self.writes:
                if not is_intact(path):
                    self._keep(path, step)
                self._replace("history.csv", as_csv(rows).encode())
                self._write_config(config)
        return rows

    def _keep(self, path: Path, step: int):
        """Give a file that is about to be replaced another name, and say so."""
        names = (path.with_name(f"{path.stem}_{step:07d}_{i}{path.suffix}") for i in range(10**6))
        kept = next(name for name in names if not name.exists())
        path.rename(kept)
        said = in_language(f"{path} is not as it was written; it is kept as {kept.name}.")
        print(said, file=sys.stderr)

    def _write_config(self, config: LessonConfig):
        self._replace("config.json", (json.dumps(asdict(config), indent=2) + "\n").encode())

    def _replace(self, name: str, content: bytes):
        with self._writing(self.path / name):
            write_whole(self.path / name, content)

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        """For a block that writes ``path``: the folder is ours, and errors name the file."""
        closed = self.lock is None  # after training, the folder is ours for the block only
        try:
            with file_of_a_run(path):
                self.__enter__()
                self.lock.check()
                yield
        finally:
            if closed:
                self.close()
