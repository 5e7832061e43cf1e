"""The cache: complete or not at all, readable for whom the user wants, and nothing else touched."""

import errno
import os
import pwd
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers_faults import as_ordinary_user

from cyclegan_lessons import cache
from cyclegan_lessons.cache import data_home, make_once, unfinished_folder
from cyclegan_lessons.dataset import prepare_dataset, prepare_orchard
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.records import write_mindrecord

ROOT = Path(__file__).parents[1]


def write(target: Path):
    (target / "inner").mkdir()
    (target / "inner" / "file").write_text("content")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022, 0o002])
def test_permissions_follow_the_umask(mask, tmp_path):
    before = os.umask(mask)
    try:
        data = prepare_orchard(16, 1, 1, folder=tmp_path / "cache")
        own = make_once("name", [], write, tmp_path / "cache")
    finally:
        os.umask(before)
    for path in (tmp_path / "cache", data, own, own / "inner"):
        assert oct(mode(path)) == oct(0o777 & ~mask), path
    for path in (*data.iterdir(), own / "inner" / "file"):
        assert oct(mode(path)) == oct(0o666 & ~mask), path


def test_all_files_are_on_the_disk_before_the_folder_appears(tmp_path, monkeypatch):
    """A power cut after the renaming must not leave empty files under a name for complete ones."""
    flushed, seen = set(), {}
    real_sync, real_rename = os.fsync, Path.rename

    def fsync(opened):
        flushed.add(os.fstat(opened).st_ino)
        real_sync(opened)

    def rename(path, target):
        for part in (path, *path.rglob("*")):
            seen[part.name] = part.stat().st_ino in flushed
        real_rename(path, target)
        flushed.clear()

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    make_once("name", [], write, tmp_path)
    assert {"inner", "file"} < set(seen)
    assert all(seen.values()), seen
    assert flushed == {tmp_path.stat().st_ino}, "and then its name"


def test_what_a_killed_process_left_is_removed(tmp_path):
    """Killed while it prepares; the next one removes its folder, and no other."""
    code = (
        "import sys, time; from cyclegan_lessons.cache import make_once\n"
        "def write(target):\n"
        "    (target / 'file').write_text('x'); print(target, flush=True); time.sleep(60)\n"
        "make_once('name', [], write, sys.argv[1])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed, alive = (
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    )
    left, used = (Path(process.stdout.readline().strip()) for process in (killed, alive))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    others = [
        tmp_path / re.sub(".unfinished-.*-", ".unfinished-another.machine-", left.name),
        tmp_path / ".unfinished-mine",
        tmp_path / f"{left.name}.txt",
    ]
    for path in (*others, tmp_path / "a folder of the user"):
        path.mkdir()
    link = tmp_path / f"{cache.UNFINISHED}{'0' * 32}"
    link.symlink_to(tmp_path / "a folder of the user")
    make_once("name", [1], write, tmp_path)
    assert left.is_dir(), "it may be so new that its process has not locked it yet"
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - 120,) * 2, follow_symlinks=False)
    made = make_once("name", [2], write, tmp_path)
    assert not left.exists()
    for path in (*others, used, made, link, tmp_path / "a folder of the user"):
        assert path.exists(), path
    alive.send_signal(signal.SIGKILL)
    alive.wait()
    alive.stdout.close(), killed.stdout.close()


def test_a_full_disk_names_the_folder_of_the_user(tmp_path):
    """Not the unfinished one inside, which is gone by then."""

    def write_inside(target):
        with unfinished_folder(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(LessonError, match=f"^{tmp_path} must be .* No space left") as caught:
        make_once("name", [], write_inside, tmp_path)
    assert "unfinished" not in str(caught.value)


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), unfinished_folder(tmp_path) as folder:
        write(folder)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


# --- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda: prepare_dataset("~nosuchuser/photos", 64),
        lambda: prepare_dataset("orchard", 16, folder="~nosuchuser/cache"),
        lambda: prepare_dataset("apple2orange", 16, url="~nosuchuser/a.zip"),
        lambda: write_mindrecord([], "~nosuchuser/a.mindrecord"),
    ],
    ids=["dataset", "cache", "url", "record"],
)
def test_the_home_of_a_user_who_does_not_exist(use):
    with pytest.raises(LessonError, match="the home folder in ~nosuchuser/.* is not known"):
        use()


def test_no_home_at_all(monkeypatch):
    """As in a container whose user has no entry in the list of users."""

    def nobody(number):
        raise KeyError(number)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("CYCLEGAN_LESSONS_DATA")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(
        LessonError, match="name a folder by its whole path .*CYCLEGAN_LESSONS_DATA"
    ):
        data_home()


@pytest.mark.parametrize("rights", [0, 0o500, 0o600])
def test_a_cache_that_may_not_be_used(rights, open_folder):
    (open_folder / "cache").mkdir()
    (open_folder / "cache").chmod(rights)
    with (
        as_ordinary_user(),
        pytest.raises(LessonError, match="must be a folder that can be written.*denied"),
    ):
        make_once("name", [], write, open_folder / "cache")


@pytest.mark.parametrize(
    "name", ["a" * 250, "🍎" * 60, "a\nb", os.fsdecode(b"a\xff"), " ", "-", 'it\'s "quoted" $HOME']
)
def test_folders_of_any_name_can_be_prepared(name, image_folder, tmp_path):
    own = tmp_path / name
    own.mkdir()
    for part in image_folder.iterdir():
        (own / part.name).symlink_to(part)
    data = prepare_dataset(own, 64, folder=tmp_path / "cache")
    assert data.parent == tmp_path / "cache"
    assert len(os.fsencode(data.name)) <= 255
    data.name.encode()


def test_a_cache_whose_name_is_not_utf_8(tmp_path):
    """MindRecord takes no such path."""
    with pytest.raises(LessonError, match="must have a name in UTF-8"):
        prepare_orchard(16, 1, 1, folder=tmp_path / os.fsdecode(b"a\xff"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_name_that_is_not_utf_8(tmp_path):
    images = [("\udcff", np.zeros((4, 4, 3), np.uint8))]
    write_mindrecord(images, tmp_path / "a.mindrecord")
