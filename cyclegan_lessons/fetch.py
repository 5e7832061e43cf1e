"""Chapter 1: apple2orange, the photographs of the paper, from a public archive or a local copy."""

import contextlib
import errno
import hashlib
import io
import os
import re
import socket
import sys
from http.client import InvalidURL
from pathlib import Path
from threading import Timer
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urldefrag, urlsplit

from download import download

from cyclegan_lessons.archives import Problem, unpack
from cyclegan_lessons.cache import (
    data_home,
    expand,
    file_sha256,
    make_once,
    readable,
    unfinished_folder,
)
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.files import write_whole

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
TIMEOUT = 30  # seconds without an answer
PATIENCE = 10  # seconds until a download that shows no bar is said to be slow
ADVICE = (
    "give another address or a local file as url (--url), or in the environment variable "
    "CYCLEGAN_LESSONS_URL"
)


def fetch_apple2orange(url: str | None = None, folder: str | Path | None = None) -> Path:
    """Return a folder with ``trainA trainB testA testB`` of images, downloaded if there is none.

    ``url`` is an address or a local file, by default ``$CYCLEGAN_LESSONS_URL``, else the known
    mirrors in turn; with ``#sha256=…`` at its end the archive must have that checksum. It can be
    the authors' zip of four folders or the MindSpore tutorial's zip of a MindRecord file and
    ``predict/apple predict/orange``. ``folder`` is where data are kept, by default the cache.
    Raises `LessonError` when no source gives a sound archive; then nothing is left behind.
    """
    url = url or os.environ.get("CYCLEGAN_LESSONS_URL")
    sources = [str(url)] if url else list(MIRRORS)
    home = data_home(folder)
    for source in sources:
        if kept := kept_folder(home, source):
            return kept
    problems = []
    for source in sources:
        try:
            return fetch_from(source, home, None if url else COUNTS)
        except Problem as problem:
            problems.append(f"{shown(source)}: {problem}")
    raise LessonError(f"apple2orange cannot be fetched ({'; '.join(problems)}); {ADVICE}.")


def shown(source: str) -> str:
    """An address as messages show it: without the name and the password in it."""
    return re.sub(r"(?<=://)[^/?#]*@", "…@", source)


def note_path(home: Path, source: str) -> Path:
    """The note that says which folder the download from an address became."""
    return home / f".apple2orange-{hashlib.sha256(os.fsencode(source)).hexdigest()[:12]}"


def kept_folder(home: Path, source: str) -> Path | None:
    """The folder that was downloaded from an address before, if its note is there and sound."""
    try:
        name = note_path(home, source).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    if re.fullmatch("apple2orange-[0-9a-f]{12}", name) and (home / name).is_dir():
        return checked(home / name)
    return None


def checked(folder: Path) -> Path:
    """Return a kept folder; raises `LessonError` when one of its four folders is gone or empty."""
    with readable(folder):
        gone = [part for part in COUNTS if not any((folder / part).glob("*"))]
    if gone:
        raise LessonError(
            f"{folder} should hold the photographs as they were fetched, but {gone[0]} is gone or "
            "empty; delete that folder and fetch them again."
        )
    return folder


def fetch_from(source: str, home: Path, counts: dict | None) -> Path:
    """Return the folder that one source becomes; raises `Problem` when it is of no use."""
    with unfinished_folder(home) as unfinished:
        archive = get_archive(source, unfinished)
        with readable(archive):
            digest = file_sha256(archive)
        counts = KNOWN.get(digest, counts)
        target = make_once(
            "apple2orange", [digest], lambda empty: unpack(archive, empty, counts), home
        )
        if archive.parent == unfinished:
            write_whole(note_path(home, source), target.name.encode())
        return checked(target)


def get_archive(source: str, folder: Path) -> Path:
    """Return the archive, downloaded into ``folder`` unless it is local; check its SHA-256."""
    address, mark, wanted = source.partition("#sha256=")
    wanted = wanted.lower()
    if mark and not re.fullmatch("[0-9a-f]{64}", wanted):
        raise Problem(f"after #sha256= there should be 64 hexadecimal digits, but it is {wanted!r}")
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise Problem(f"it is not an address, {error}") from error
    if parts.scheme in ("http", "https", "ftp"):
        archive = folder / "archive.zip"
        transfer(urldefrag(address).url, archive)
    else:
        archive = Path(unquote(parts.path)) if parts.scheme == "file" else expand(address)
        with readable(archive):
            if not archive.is_file():
                raise Problem("there is no such file")
    if mark:
        with readable(archive):
            digest = file_sha256(archive)
        if digest != wanted:
            raise Problem(f"its SHA-256 should be {wanted}, but it is {digest}")
    return archive


def transfer(url: str, path: Path):
    """Download with the `download` package; raises `Problem` with the reason when that fails.

    On a terminal a bar shows how far it is; elsewhere a line says so when it takes long.
    """
    before, terminal = socket.getdefaulttimeout(), sys.stderr.isatty()
    slow = Timer(
        PATIENCE,
        print,
        [f"{shown(url)} is slow; to stop waiting, press Ctrl-C and {ADVICE}."],
        {"file": sys.stderr},
    )
    slow.daemon = True
    # the package itself would wait for ever when a transfer stalls
    socket.setdefaulttimeout(TIMEOUT)
    try:
        if not terminal:
            slow.start()
        with contextlib.redirect_stdout(sys.stderr if terminal else io.StringIO()):
            download(
                url, str(path), progressbar=terminal, replace=True, timeout=TIMEOUT, verbose=False
            )
    except Exception as error:  # it turns whatever happened into a RuntimeError
        raise reason_of(error) from None
    finally:
        slow.cancel()
        socket.setdefaulttimeout(before)


def reason_of(error: Exception) -> Exception:
    """The `Problem` behind a failed download, or the system's error when the disk is full."""
    causes = [error]
    while causes[-1].__context__:
        causes.append(causes[-1].__context__)
    for cause in causes:
        if isinstance(cause, HTTPError):
            return Problem(f"the server answers {cause.code} {cause.reason}")
        if isinstance(cause, URLError):
            reason = getattr(cause.reason, "strerror", None) or cause.reason
            return Problem(f"no connection, {reason}")
        if isinstance(cause, InvalidURL | UnicodeError):
            return Problem(f"it is not an address, {cause}")
        full = errno.ENOSPC, errno.EDQUOT, errno.EFBIG
        if isinstance(cause, OSError) and cause.errno in full:
            return cause  # no other source helps
    return Problem("the download broke off")
