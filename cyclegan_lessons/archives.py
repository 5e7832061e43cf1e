"""Chapter 1: the two public archives of apple2orange, unpacked with care and checked."""

import errno
import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import mindspore.dataset as ds
import numpy as np
from PIL import Image

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.images import read_image, to_pixels

PARTS = ("trainA", "trainB", "testA", "testB")
# in the tutorial's archive: rows of one apple and one orange, and how many there are
RECORDS = "apple2orange_train.mindrecord"
PAIRS = 1019


class Problem(Exception):
    """Why one source is of no use. Another one may be."""


def unpack(archive: Path, folder: Path, counts: dict | None):
    """Unpack an archive of either layout into ``folder/trainA … testB``.

    ``counts`` are the numbers of images that must be there; None: at least one in each folder.
    Raises `Problem` when anything in the archive is wrong.
    """
    for part in PARTS:
        (folder / part).mkdir()
    try:
        with zipfile.ZipFile(archive) as opened:
            has_records = unpack_members(opened, folder)
    # zipfile raises NotImplementedError for a compression it does not know, and RuntimeError for a
    # file with a password
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Problem(
            f"it is not a sound zip archive, perhaps it is cut short ({error})"
        ) from error
    if has_records:
        unpack_records(folder)
        counts = None if counts is None else {"trainA": PAIRS, "trainB": PAIRS}
    elif not any(file for part in PARTS for file in (folder / part).iterdir()):
        raise Problem(f"it holds neither {' '.join(PARTS)} nor {RECORDS}")
    check_images(folder, counts or {})


def unpack_members(opened: zipfile.ZipFile, folder: Path) -> bool:
    """Unpack the files that are of use; return whether the tutorial's records are among them."""
    members = [member for member in opened.infolist() if not member.is_dir()]
    for member in members:
        check_member(member)
    if sum(member.file_size for member in members) > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    names = {PurePosixPath(member.filename).name for member in members}
    places = {part: part for part in PARTS}
    if RECORDS in names:
        places = {"predict/apple": "testA", "predict/orange": "testB"}
    for member in members:
        path = PurePosixPath(member.filename)
        if RECORDS in names and path.name in (RECORDS, f"{RECORDS}.db"):
            copy_member(opened, member, folder / path.name)
            continue
        place = next((places[key] for key in places if f"/{path.parent}".endswith(f"/{key}")), None)
        if place and not path.name.startswith("."):
            copy_member(opened, member, folder / place / path.name)
    return RECORDS in names


def check_member(member: zipfile.ZipInfo):
    """Raise `Problem` when a file of an archive is a link or would leave the folder."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise Problem(
            f"it holds a path outside its folder, {member.filename!r}, and is not safe to unpack"
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Problem(f"it holds a link, {member.filename!r}, and is not safe to unpack")


def copy_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path):
    """Unpack one file; its checksum in the archive is checked at the same time."""
    with opened.open(member) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target)


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
    except (RuntimeError, ValueError) as error:
        raise Problem(
            f"its {RECORDS} cannot be read, it is damaged or its index is missing"
        ) from error
    for ending in ("", ".db"):
        (folder / f"{RECORDS}{ending}").unlink()


def check_row(image: np.ndarray, column: str):
    """Raise `Problem` unless an image of the tutorial's records is what the networks take."""
    shaped = image.dtype == np.float32 and image.ndim == 3 and image.shape[0] == 3
    if not shaped or abs(image).max() > 1.001:
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
        for file in files:
            try:
                read_image(file)
            except LessonError as error:
                raise Problem(
                    f"{part}/{file.name} is not a JPEG or PNG image that can be read"
                ) from error
