"""Chapter 1: apple2orange, the photographs of the paper, from a public archive or a local copy."""

import contextlib
import errno
import hashlib
import io
import os
import socket
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urldefrag, urlsplit

from download import download

from cyclegan_lessons.archives import Problem, unpack
from cyclegan_lessons.cache import data_home, file_sha256, make_once, unfinished_folder
from cyclegan_lessons.errors import LessonError

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


def get_archive(source: str, folder: Path) -> Path:
    """Return the archive, downloaded into ``folder`` unless it is local; check its SHA-256."""
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
    """Download with the `download` package; raises `Problem` with the reason when that fails."""
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
