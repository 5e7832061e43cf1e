"""Where downloads and prepared datasets are kept, and how they get there: complete, or not at all."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from cyclegan_lessons.errors import LessonError

FORMAT = 1  # of the kept folders; counts up when those that older code made must not be used any more


def data_home() -> Path:
    """The folder for downloads and prepared sets: ``$CYCLEGAN_LESSONS_DATA``, else ``~/.cache/cyclegan_lessons``."""
    return Path(os.environ.get("CYCLEGAN_LESSONS_DATA") or "~/.cache/cyclegan_lessons").expanduser()


def make_once(name: str, depends_on: list, write: Callable[[Path], None], folder=None) -> Path:
    """Return the folder that ``write(folder)`` fills, calling it only when there is none for the same ``depends_on``.

    The folder appears under its name when it is complete; when two processes make it at once, the first one wins.
    """
    home = Path(folder).expanduser() if folder else data_home()
    key = hashlib.sha256(json.dumps([FORMAT, depends_on]).encode()).hexdigest()[:12]
    target = home / f"{name}-{key}"
    if target.is_dir():
        return target
    unfinished = None
    try:
        home.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=home))
        write(unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    except OSError as error:
        if not target.is_dir():  # else another process was faster
            raise LessonError(
                f"a folder that can be written is needed to keep the data, but {home} fails ({error.strerror or error}); "
                "choose another one, for example with the environment variable CYCLEGAN_LESSONS_DATA."
            ) from error
    finally:
        if unfinished:
            shutil.rmtree(unfinished, ignore_errors=True)
    return target
