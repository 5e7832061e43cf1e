"""Chapter 1: apple2orange, the photographs of the paper, from one of two public archives or a local
copy of them."""

import contextlib
import errno
import hashlib
import io
import os
import shutil
import socket
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urldefrag, urlsplit

import mindspore.dataset as ds
import numpy as np
from download import download
from PIL import Image

from cyclegan_lessons.cache import data_home, file_sha256, make_once, unfinished_folder
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.images import read_image

MIRRORS = (  # the paper's authors, then the MindSpore tutorial
    "https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/apple2orange.zip",
    "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/models/application/CycleGAN_apple2orange.zip",
)
COUNTS = {"trainA": 995, "trainB": 1019, "testA": 266, "testB": 248}  # of the whole set
KNOWN = {  # SHA-256 of archives that were seen: a part of the set, made for tests
    "e8e97095d2e4e3ce0fe1db8aaa3dabbc08adbacd310f25adf5a149879dad2676": {
        "trainA": 498,
        "trainB": 510,
        "testA": 67,
        "testB": 62,
    }
}
# in the tutorial's archive: rows of one apple and one orange
RECORDS = "apple2orange_train.mindrecord"
PAIRS = 1019  # rows in it
TIMEOUT = 30  # seconds without an answer
ADVICE = (
    "give another address or a local file as url (--url), or in the environment variable "
    "CYCLEGAN_LESSONS_URL"
)


def fetch_apple2orange(url: str | None = None, folder: str | Path | None = None) -> Path:
    """Return a folder with ``trainA trainB testA testB`` of image files, downloaded unless it is
    there already.

    ``url`` is an address or a local file, by default ``$CYCLEGAN_LESSONS_URL``, else the known
    mirrors in turn; with ``#sha256=…`` at its end the archive must have that checksum. It can be
    the authors' zip of four folders or the MindSpore tutorial's zip of a MindRecord file and
    ``predict/apple predict/orange``. ``folder`` is where data are kept, by default the cache.
    Raises `LessonError` when no source gives a sound archive; then nothing is left behind.
    """
    url = url or os.environ.get("CYCLEGAN_LESSONS_URL")
    sources = [str(url)] if url else list(MIRRORS)
    home = data_home(folder)
    notes = {
        source: home / f".apple2orange-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
        for source in sources
    }
    for note in notes.values():  # each says which folder a download became
        if note.is_file() and (home / note.read_text()).is_dir():
            return home / note.read_text()
    problems = []
    for source, note in notes.items():
        with unfinished_folder(home) as unfinished:
            try:
                archive = get_archive(source, unfinished)
                digest = file_sha256(archive)
                counts = KNOWN.get(digest, None if url else COUNTS)
                target = make_once(
                    "apple2orange", [digest], lambda empty: unpack(archive, empty, counts), home
                )
            except Problem as problem:
                problems.append(f"{source}: {problem}")
                continue
            if archive.parent == unfinished:
                draft = unfinished / "note"
                draft.write_text(target.name)
                draft.replace(note)
            return target
    raise LessonError(f"apple2orange cannot be fetched ({'; '.join(problems)}); {ADVICE}.")


class Problem(Exception):
    """Why one source is of no use. Another one may be."""


def get_archive(source: str, folder: Path) -> Path:
    """Return the path of the archive: downloaded into ``folder``, or where it is if ``source`` is
    local; check its sum."""
    address, fragment = urldefrag(source)
    parts = urlsplit(address)
    if parts.scheme in ("http", "https", "ftp"):
        archive = folder / "archive.zip"
        transfer(address, archive)
    else:
        archive = (
            Path(unquote(parts.path)) if parts.scheme == "file" else Path(address).expanduser()
        )
        if not archive.is_file():
            raise Problem("there is no such file")
    wanted = fragment.removeprefix("sha256=").lower()
    if wanted and file_sha256(archive) != wanted:
        raise Problem(f"its SHA-256 should be {wanted}, but it is {file_sha256(archive)}")
    return archive


def transfer(url: str, path: Path):
    """Download with the `download` package, silently; raises `Problem` with the reason when that
    fails."""
    before = socket.getdefaulttimeout()
    # the package itself would wait for ever when a transfer stalls
    socket.setdefaulttimeout(TIMEOUT)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            download(
                url, str(path), progressbar=False, replace=True, timeout=TIMEOUT, verbose=False
            )
    except Exception as error:  # it turns whatever happened into a RuntimeError
        causes = []
        while error := error.__context__:
            causes.append(error)
        for cause in causes:
            if isinstance(cause, HTTPError):
                raise Problem(f"the server answers {cause.code} {cause.reason}") from None
            if isinstance(cause, URLError):
                raise Problem(
                    f"no connection, {getattr(cause.reason, 'strerror', None) or cause.reason}"
                ) from None
            if isinstance(cause, OSError) and cause.errno in (
                errno.ENOSPC,
                errno.EDQUOT,
                errno.EFBIG,
            ):
                raise cause from None  # the disk is full: no other source helps
        raise Problem("the download broke off") from None
    finally:
        socket.setdefaulttimeout(before)


def unpack(archive: Path, folder: Path, counts: dict | None):
    """Unpack an archive of either layout into ``folder/trainA … testB``; raises `Problem` when
    anything in it is wrong.

    ``counts`` are the numbers of images that must be there; None: at least one in each folder.
    """
    for part in COUNTS:
        (folder / part).mkdir()
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            for member in members:
                check_member(member)
            if sum(member.file_size for member in members) > shutil.disk_usage(folder).free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            records = [
                member
                for member in members
                if PurePosixPath(member.filename).name in (RECORDS, RECORDS + ".db")
            ]
            places = (
                {"predict/apple": "testA", "predict/orange": "testB"}
                if records
                else {part: part for part in COUNTS}
            )
            for member in members:
                path = PurePosixPath(member.filename)
                place = next(
                    (places[key] for key in places if f"/{path.parent}".endswith(f"/{key}")), None
                )
                if place and not path.name.startswith("."):
                    copy_member(opened, member, folder / place / path.name)
            for member in records:
                copy_member(opened, member, folder / PurePosixPath(member.filename).name)
    # zipfile raises NotImplementedError for a compression it does not know, and RuntimeError for a
    # file with a password
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Problem(
            f"it is not a sound zip archive, perhaps it is cut short ({error})"
        ) from error
    if records:
        unpack_records(folder, counts)
        counts = None if counts is None else {"trainA": PAIRS, "trainB": PAIRS}
    elif not any(file for part in COUNTS for file in (folder / part).iterdir()):
        raise Problem(f"it holds neither {' '.join(COUNTS)} nor {RECORDS}")
    check_images(folder, counts or {})


def check_member(member: zipfile.ZipInfo):
    """Raise `Problem` when a file of an archive is a link or would land outside of the folder it is
    unpacked into."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise Problem(
            f"it holds a path outside its folder, {member.filename!r}, and is not safe to unpack"
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Problem(f"it holds a link, {member.filename!r}, and is not safe to unpack")


def copy_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path):
    """Unpack one file; its checksum in the archive is checked on the way."""
    with opened.open(member) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target)


def unpack_records(folder: Path, counts: dict | None):
    """Turn the tutorial's rows, float32 3×H×W in [-1, 1], into PNG files in ``trainA`` and
    ``trainB``."""
    try:
        rows = ds.MindDataset(
            str(folder / RECORDS), ["image_A", "image_B"], num_parallel_workers=1, shuffle=False
        )
        for i, row in enumerate(rows.create_dict_iterator(num_epochs=1, output_numpy=True)):
            for part in "AB":
                image = row[f"image_{part}"]
                if (
                    image.dtype != np.float32
                    or image.ndim != 3
                    or image.shape[0] != 3
                    or abs(image).max() > 1.001
                ):
                    raise Problem(
                        f"image_{part} in {RECORDS} should be float32 of shape 3×H×W in [-1, 1], "
                        "but it is not"
                    )
                pixels = (
                    np.rint((image.transpose(1, 2, 0) + 1) * 127.5).clip(0, 255).astype(np.uint8)
                )
                Image.fromarray(pixels).save(folder / f"train{part}" / f"{i:04d}.png")
    except (RuntimeError, ValueError) as error:
        raise Problem(
            f"its {RECORDS} cannot be read, it is damaged or its index is missing"
        ) from error
    for ending in ("", ".db"):
        (folder / f"{RECORDS}{ending}").unlink()


def check_images(folder: Path, counts: dict):
    """Raise `Problem` when a folder is empty or holds another number of files than ``counts`` says,
    or not only images."""
    for part in COUNTS:
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
