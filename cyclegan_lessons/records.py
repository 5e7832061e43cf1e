"""Chapter 1: MindRecord files of encoded images, written complete with checksums, and checked.

A set such as ``train_x`` is three files in a data folder: ``train_x.mindrecord``, its index
``….db`` and its checksums ``….sha256``.
"""

import os
import re
from collections.abc import Iterable
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from mindspore.mindrecord import FileWriter

from cyclegan_lessons.cache import expand, file_sha256, unfinished_folder
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.images import encode_array, encode_file


def record_path(folder: str | Path, name: str) -> Path:
    """The MindRecord file of the set ``name`` in a data folder."""
    return Path(folder) / f"{name}.mindrecord"


def index_path(path: Path) -> Path:
    """The index that MindRecord keeps beside a file."""
    return Path(f"{path}.db")


def sums_path(path: Path) -> Path:
    """The checksums of a file and of its index."""
    return Path(f"{path}.sha256")


def write_mindrecord(images: Iterable, path: str | Path) -> Path:
    """Write one MindRecord file with the columns ``name`` (string) and ``image`` (PNG or JPEG).

    ``images`` are image files, or pairs of a name and an array, uint8 H×W×3 or bool H×W. RGB JPEG
    files are stored byte for byte, everything else as PNG. The file, its index and its checksums
    appear when they are complete. Raises `LessonError` when there is no image, something is not an
    image, or the place cannot be written.
    """
    path = expand(path)
    # the index knows the file by its name, so only its folder differs
    with unfinished_folder(path.parent) as unfinished:
        draft = unfinished / path.name
        if write_rows(images, draft) == 0:
            raise LessonError(
                f"at least one image is needed for {path.name}, but there is none; add images."
            )
        sums = [f"{file_sha256(part)}  {part.name}\n" for part in (draft, index_path(draft))]
        sums_path(draft).write_text("".join(sums))
        mode = sums_path(draft).stat().st_mode & 0o777  # as the umask says; MindRecord does not ask
        for part in sorted(unfinished.iterdir()):
            part.chmod(mode)
            part.replace(path.parent / part.name)
    return path


def write_rows(images: Iterable, path: Path) -> int:
    """Write the rows of one MindRecord file and return how many there were."""
    writer = FileWriter(str(path), shard_num=1, overwrite=True)
    # the smallest file is a header and one page; the largest stored image fits a page
    writer.set_header_size(1 << 20)
    writer.set_page_size(1 << 23)
    columns = {"name": {"type": "string"}, "image": {"type": "bytes"}}
    writer.add_schema(columns, "images of one domain")
    n = 0
    for item in images:
        is_array = isinstance(item, tuple)
        name, image = encode_array(*item) if is_array else (Path(item).name, encode_file(item))
        name = os.fsencode(name).decode("utf-8", "replace")  # a file's name can be any bytes
        with system_errors():
            writer.write_raw_data([{"name": name, "image": image}])
        n += 1
    if n:
        with system_errors():
            writer.commit()
    return n


@contextmanager
def system_errors():
    """MindRecord reports a full disk and the like as errors of its own; make them the system's."""
    try:
        yield
    except RuntimeError as error:
        reason = re.search(r"\[.*ERROR\] (.+)", str(error))  # in the middle of a page of text
        raise OSError(reason[1] if reason else str(error).splitlines()[0]) from error


def check_mindrecord(folder: str | Path, name: str) -> str:
    """Return the path of a set's file; raises `LessonError` when it is missing or damaged."""
    path = record_path(folder, name)
    try:
        sums = sums_path(path).read_text()
        for part in (path, index_path(path)):
            stat = part.stat()
            state = stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
            digest = re.search(f"^([0-9a-f]{{64}})  {re.escape(part.name)}$", sums, re.MULTILINE)
            if not digest or not has_checksum(part, state, digest[1]):
                raise ValueError(f"{part} has another checksum or none")
    except (OSError, ValueError) as error:
        what = "is missing" if isinstance(error, FileNotFoundError) else "is damaged"
        raise LessonError(
            f"{path} should be there, unchanged, with its index (.db) and checksums (.sha256), "
            f"but one of them {what}; "
            f"delete the folder {path.parent} and prepare the dataset again."
        ) from error
    return str(path)


@cache
def has_checksum(path: Path, state: tuple, digest: str) -> bool:
    """Whether a file has this SHA-256; it is read again only when its ``state`` is another."""
    return file_sha256(path) == digest
