"""Where downloads and prepared datasets are kept: complete or not at all."""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from cyclegan_lessons.errors import LessonError

# of the kept folders; counts up when those that older code made must not be used any more
FORMAT = 1
UNFINISHED = f".unfinished-{platform.node()}-"  # locks hold on one machine: each removes its own


def expand(path: str | Path) -> Path:
    """A path whose ``~`` is resolved; raises `LessonError` when that home folder is not known."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise LessonError(
            f"the home folder in {path} is not known to this system; name a folder by its whole "
            "path (the environment variable CYCLEGAN_LESSONS_DATA says where data are kept)."
        ) from error


def data_home(folder: str | Path | None = None) -> Path:
    """``folder``, else ``$CYCLEGAN_LESSONS_DATA``, else ``~/.cache/cyclegan_lessons``."""
    return expand(folder or os.environ.get("CYCLEGAN_LESSONS_DATA") or "~/.cache/cyclegan_lessons")


def make_once(
    name: str, depends_on: list, write: Callable[[Path], None], folder: str | Path | None = None
) -> Path:
    """Return the folder that ``write(folder)`` fills, made once for the same ``depends_on``.

    The folder appears below `data_home` when it is complete, also after a power cut; when two
    processes make it at once, the first one wins.
    """
    home = data_home(folder)
    key = hashlib.sha256(json.dumps([FORMAT, depends_on]).encode()).hexdigest()[:12]
    # a name that every file system takes: 60 letters have at most 240 bytes
    short = "".join(letter if letter.isprintable() else "_" for letter in name)[:60]
    target = home / f"{short}-{key}"
    with writable(home):
        if target.is_dir():
            return target
    with unfinished_folder(home) as unfinished:
        write(unfinished)
        flush(unfinished)
        try:
            unfinished.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster, and its folder is the same
                raise
        flush_names(home)
    return target


@contextmanager
def unfinished_folder(home: Path) -> Iterator[Path]:
    """A new folder in ``home`` for work that is not complete; what is left in it is removed.

    Raises `LessonError` when ``home`` cannot be written or is full.
    """
    unfinished = home / f"{UNFINISHED}{uuid4().hex}"
    with writable(home):
        home.mkdir(parents=True, exist_ok=True)
        remove_abandoned(home)
        unfinished.mkdir()
        opened = os.open(unfinished, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network drives have no locks
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield unfinished
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
            os.close(opened)


def remove_abandoned(home: Path):
    """Remove the unfinished folders of killed processes; one that is alive holds a lock on its own.

    The last minute is left alone, since a folder is made before it is locked.
    """
    for path in home.iterdir():
        if not re.fullmatch(re.escape(UNFINISHED) + "[0-9a-f]{32}", path.name):
            continue
        with suppress(OSError):  # locked, not ours, or gone by now
            if time.time() - path.lstat().st_mtime < 60:
                continue
            opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(opened)


@contextmanager
def writable(home: Path) -> Iterator[None]:
    """Turn what the system says about a folder that is written into a `LessonError`."""
    if str(home) != os.fsencode(home).decode("utf-8", "replace"):
        raise LessonError(
            f"{str(home)!r} must have a name in UTF-8, which MindRecord needs; choose another "
            "folder (the environment variable CYCLEGAN_LESSONS_DATA says where data are kept)."
        )
    try:
        yield
    except OSError as error:
        if home.name.startswith(UNFINISHED):
            raise  # the folder around it is the one to be named
        raise LessonError(
            f"{home} must be a folder that can be written, but the system says: "
            f"{error.strerror or error}; free some space or choose another folder (the environment "
            "variable CYCLEGAN_LESSONS_DATA says where data are kept)."
        ) from error


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Turn what the system says about something that is read into a `LessonError`."""
    try:
        yield
    except OSError as error:
        raise LessonError(
            f"{path} cannot be read, the system says: {error.strerror or error}; check the path "
            "and its permissions."
        ) from error


def flush(folder: Path):
    """Wait until all that is below a folder is on the disk."""
    below = list(folder.rglob("*"))
    with ThreadPoolExecutor(32) as threads:  # a disk takes many at once
        list(threads.map(flush_one, [path for path in below if path.is_file()]))
    for path in (*below, folder):
        if path.is_dir():
            flush_names(path)


def flush_names(folder: Path):
    """Wait until the names in one folder are on the disk, where its file system can do that."""
    with suppress(OSError):
        flush_one(folder)


def flush_one(path: Path):
    """Wait until one file is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def describe_file(path: Path) -> list:
    """What changes when a file does; its ctime does even where a program sets the old mtime."""
    with readable(path):
        stat = path.stat()
    return [str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
