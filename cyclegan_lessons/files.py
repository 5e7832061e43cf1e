"""Write a file completely or not at all: a reader finds either the old file or the new one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".saving-"  # how the folder of a file begins that is being written


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the block another name to write to; at its end that file takes the place of ``path``.

    The file is synced to the disk before it is renamed, and has the permissions of any new file.
    When the block raises, ``path`` stays as it was.
    """
    folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
    try:
        yield folder / path.name
        (folder / path.name).chmod(0o666 & ~umask())
        with open(folder / path.name, "rb") as file:
            os.fsync(file.fileno())
        os.replace(folder / path.name, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_whole(path: Path, content: bytes):
    """Write ``content`` to ``path``, which is then either the old file or the whole new one."""
    with replacing(Path(path)) as draft:
        draft.write_bytes(content)


def remove_unfinished(folder: Path):
    """Remove what `replacing` left in ``folder`` when a process was killed while it wrote."""
    for left_over in Path(folder).glob(f"{UNFINISHED}*"):
        shutil.rmtree(left_over, ignore_errors=True)


def umask() -> int:
    """The permissions that this process takes from its new files."""
    mask = os.umask(0o077)  # there is no way to read it without setting it
    os.umask(mask)
    return mask
