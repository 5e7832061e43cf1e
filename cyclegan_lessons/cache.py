"""Where downloads and prepared datasets are kept, and how they get there: complete, or not at
all."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cyclegan_lessons.errors import LessonError

# of the kept folders; counts up when those that older code made must not be used any more
FORMAT = 1


def data_home(folder: str | Path | None = None) -> Path:
    """``folder``, else ``$CYCLEGAN_LESSONS_DATA``, else ``~/.cache/cyclegan_lessons``."""
    return Path(
        folder or os.environ.get("CYCLEGAN_LESSONS_DATA") or "~/.cache/cyclegan_lessons"
    ).expanduser()


def make_once(
    name: str, depends_on: list, write: Callable[[Path], None], folder: str | Path | None = None
) -> Path:
    """Return the folder that ``write(folder)`` fills, calling it only when there is none for the
    same ``depends_on``.

    The folder appears below `data_home` when it is complete; when two processes make it at once,
    the first one wins.
    """
    home = data_home(folder)
    key = hashlib.sha256(json.dumps([FORMAT, depends_on]).encode()).hexdigest()[:12]
    target = home / f"{name}-{key}"
    if target.is_dir():
        return target
    with unfinished_folder(home) as unfinished:
        write(unfinished)
        unfinished.chmod(0o755)
        try:
            unfinished.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster, and its folder is the same
                raise
    return target


@contextmanager
def unfinished_folder(home: Path) -> Iterator[Path]:
    """A new folder in ``home`` for work that is not complete; what is left in it at the end is
    removed.

    Raises `LessonError` when ``home`` cannot be written or is full.
    """
    unfinished = None
    try:
        home.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=home))
        yield unfinished
    except OSError as error:
        raise LessonError(
            f"{home} must be a folder that can be written, but the system says: "
            f"{error.strerror or error}; free some space or "
            "choose another folder (the environment variable CYCLEGAN_LESSONS_DATA says where "
            "data are kept)."
        ) from error
    finally:
        if unfinished:
            shutil.rmtree(unfinished, ignore_errors=True)


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
