"""Chapter 1: the two public archives of apple2orange, unpacked with care and checked."""

import errno
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import mindspore.dataset as ds
import numpy as np
from PIL import Image

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.images import MOST, is_clutter, read_image, to_pixels
from cyclegan_lessons.language import in_language
from cyclegan_lessons.progress import progress

PARTS = ("trainA", "trainB", "testA", "testB")
# in the tutorial's archive: rows of one apple and one orange, and how many there are
RECORDS = "apple2orange_train.mindrecord"
PAIRS = 1019


class Problem(Exception):
    """Why one source is of no use. Another one may be."""

    def __init__(self, reason: str):
        """Keep one line of letters: a server or an archive may say anything."""
        line = "".join(letter if letter.isprintable() else " " for letter in reason)
        super().__init__(" ".join(line.split())[:300])

    def __str__(self) -> str:
        return in_language(super().__str__())


def unpack(archive: Path, folder: Path, counts: dict | None):
    """Unpack an archive of either layout into ``folder/trainA … testB``.

    ``counts`` are the numbers of images that must be there; None: at least one in each folder.
    Raises `Problem` when anything in the archive is wrong.
    """
    for part in PARTS:
        (folder / part).mkdir()
    with sound_zip():
        opened = zipfile.ZipFile(archive)
    with opened:
        has_records = unpack_members(opened, folder)
    if has_records:
        unpack_records(folder)
        counts = None if counts is None else {"trainA": PAIRS, "trainB": PAIRS}
    elif not any(file for part in PARTS for file in (folder / part).iterdir()):
        raise Problem(f"it holds neither {' '.join(PARTS)} nor {RECORDS}")
    check_images(folder, counts or {})


@contextmanager
def sound_zip() -> Iterator[None]:
    """Turn whatever zipfile and its decompressors raise about an archive into a `Problem`."""
    try:
        yield
    except Exception as error:
        raise Problem(
            f"it is not a sound zip archive, perhaps it is cut short ({error})"
        ) from error


def unpack_members(opened: zipfile.ZipFile, folder: Path) -> bool:
    """Unpack the files that are of use; return whether the tutorial's records are among them."""
    listed = [member for member in opened.infolist() if member.filename]  # a name can be empty
    members = [member for member in listed if not member.is_dir()]
    for member in members:
        check_member(member)
    if sum(member.file_size for member in members) > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    paths = {member: PurePosixPath(member.filename) for member in members}
    has_records = RECORDS in {path.name for path in paths.values()}
    places = {part: part for part in PARTS}
    if has_records:
        places = {"predict/apple": "testA", "predict/orange": "testB"}
    for member, path in progress(paths.items(), "unpacking"):
        place = place_of(path, places)
        if has_records and path.name in (RECORDS, f"{RECORDS}.db"):
            copy_member(opened, member, folder / path.name)
        elif place and not any(map(is_clutter, path.parts)):
            copy_member(opened, member, folder / place / path.name)
    return has_records


def check_member(member: zipfile.ZipInfo):
    """Raise `Problem` when a file of an archive is a link or would leave the folder."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
        raise Problem(
            f"it holds a path outside its folder, {member.filename!r}, and is not safe to unpack"
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Problem(f"it holds a link, {member.filename!r}, and is not safe to unpack")


def place_of(path: PurePosixPath, places: dict[str, str]) -> str | None:
    """Which of our folders a file of an archive belongs to, if any, by the folder that it is in.

    Raises `Problem` when it is in a folder inside of that one, whose images would be lost.
    """
    inside = f"/{path.parent}/"
    for place, part in places.items():
        if inside.endswith(f"/{place}/"):
            return part
        if f"/{place}/" in inside and not any(map(is_clutter, path.parts)):
            raise Problem(f"{place} should hold images only, but it holds the folder of {path}")
    return None


def copy_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path):
    """Unpack one file to a new path; its checksum in the archive is checked at the same time."""
    try:
        target = open(path, "xb")  # noqa: SIM115
    except FileExistsError as error:
        raise Problem(f"it holds two files for {path.parent.name}/{path.name}") from error
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
            raise
        raise Problem(f"it holds a file whose name is too long or odd, {path.name!r}") from error
    with target:
        for block in read_blocks(opened, member):
            target.write(block)


def read_blocks(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of one file of an archive, some at a time; raises `Problem` when it is damaged."""
    with sound_zip(), opened.open(member) as source:
        while block := source.read(1 << 20):
            yield block


def unpack_records(folder: Path):
    """Turn the tutorial's rows, float32 3×H×W in [-1, 1], into PNG files in the training sets."""
    columns = {"image_A": "trainA", "image_B": "trainB"}
    try:
        rows = ds.MindDataset(
            str(folder / RECORDS), list(columns), num_parallel_workers=1, shuffle=False
        )
        for i, row in enumerate(rows.create_dict_iterator(num_epochs=1, output_numpy=True)):
            for column, part in columns.items():
                check_row(row[column], column)
                pixels = to_pixels(row[column].transpose(1, 2, 0))
                Image.fromarray(pixels).save(folder / part / f"{i:04d}.png")
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise Problem(
            f"its {RECORDS} cannot be read, it is damaged or its index is missing"
        ) from error
    for ending in ("", ".db"):
        (folder / f"{RECORDS}{ending}").unlink()


def check_row(image: np.ndarray, column: str):
    """Raise `Problem` unless an image of the tutorial's records is what the networks take."""
    shaped = image.dtype == np.float32 and image.ndim == 3 and image.shape[0] == 3
    if not shaped or not abs(image).max() <= 1.001:  # nan is not
        raise Problem(
            f"{column} in {RECORDS} should be float32 of shape 3×H×W in [-1, 1], but it is not"
        )


def check_images(folder: Path, counts: dict):
    """Raise `Problem` unless each folder holds images only, as many as ``counts`` says."""
    for part in PARTS:
        files = list((folder / part).iterdir())
        if not files or len(files) != counts.get(part, len(files)):
            raise Problem(
                f"{counts.get(part, 'one or more')} images should be in {part}, but there are "
                f"{len(files)}"
            )
        for file in progress(files, f"checking {part}"):
            try:
                read_image(file)
            except LessonError as error:
                raise Problem(
                    f"{part}/{file.name} is not a JPEG or PNG image of at most {MOST // 2**20} "
                    "megapixels that can be read"
                ) from error
