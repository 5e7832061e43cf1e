"""Fetching apple2orange: both layouts arrive complete, and whatever is wrong leaves nothing."""

import contextlib
import fcntl
import functools
import hashlib
import http.server
import io
import os
import pty
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers_faults import as_ordinary_user, mangled, png
from hypothesis import given, settings
from PIL import Image

from cyclegan_lessons import archives, fetch
from cyclegan_lessons.cache import file_sha256
from cyclegan_lessons.dataset import load_images, load_unpaired, prepare_dataset
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.fetch import fetch_apple2orange
from cyclegan_lessons.images import list_images, read_image
from cyclegan_lessons.orchard import render_orchard

PARTS = ("trainA", "trainB", "testA", "testB")


def counts(folder: Path) -> dict:
    return {part: len(list_images(folder / part)) for part in PARTS}


def nothing_left(cache: Path) -> bool:
    return not cache.exists() or list(cache.iterdir()) == []


@pytest.fixture
def site(tmp_path, made_layout1, made_layout2, serve):
    """A server with the archives of both layouts."""
    folder = tmp_path / "site"
    folder.mkdir()
    shutil.copy(made_layout1, folder / "one.zip")
    shutil.copy(made_layout2, folder / "two.zip")
    server = serve(folder)
    server.folder = folder
    return server


def test_layout_1_over_http(site, image_folder, tmp_path):
    folder = fetch_apple2orange(f"{site.url}/one.zip", tmp_path / "cache")
    for part in PARTS:
        for file in list_images(image_folder / part):
            assert (folder / part / file.name).read_bytes() == file.read_bytes()
    assert counts(folder) == {"trainA": 5, "trainB": 7, "testA": 2, "testB": 3}
    asked = len(site.requests)
    assert fetch_apple2orange(f"{site.url}/one.zip", tmp_path / "cache") == folder
    assert len(site.requests) == asked > 0, "the second time nothing is downloaded"


def test_layout_2_over_http(site, image_folder, tmp_path):
    folder = fetch_apple2orange(f"{site.url}/two.zip", tmp_path / "cache")
    assert counts(folder) == {"trainA": 6, "trainB": 6, "testA": 2, "testB": 3}
    for i, part in enumerate(("trainA", "trainB")):
        images = np.stack([read_image(file) for file in list_images(folder / part)])
        assert (images == render_orchard(6, 64, "xy"[i], seed=i).images).all(), (
            "normalised and back is exact"
        )
    assert (folder / "testB" / "2.jpg").read_bytes() == (
        image_folder / "testB" / "2.jpg"
    ).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == sorted(PARTS), "nothing else is kept"
    data = prepare_dataset("apple2orange", 64, url=f"{site.url}/two.zip", folder=tmp_path / "cache")
    assert load_images(data, "train_x").shape == (6, 64, 64, 3)


def test_the_photographs_through_the_real_path(photo_archive, serve, tmp_path):
    """Served, downloaded, converted and read in pairs: real photographs, or made ones."""
    server = serve(photo_archive.parent)
    data = prepare_dataset(
        "apple2orange", 64, url=f"{server.url}/{photo_archive.name}", folder=tmp_path / "cache"
    )
    known = fetch.KNOWN.get(file_sha256(photo_archive))
    assert known is not None or photo_archive.parent.name.startswith("layout1")
    for name, part in (
        ("train_x", "trainA"),
        ("train_y", "trainB"),
        ("test_x", "testA"),
        ("test_y", "testB"),
    ):
        images = load_images(data, name)
        assert images.dtype == np.uint8 and images.shape[1] == images.shape[2]
        assert known is None or images.shape == (known[part], 256, 256, 3)
    batch = next(
        load_unpaired(data, 128, batch_size=2).create_dict_iterator(num_epochs=1, output_numpy=True)
    )
    assert batch["image_x"].shape == batch["image_y"].shape == (2, 3, 128, 128)


@pytest.mark.parametrize("form", ["path", "file URL", "environment"])
def test_local_file(form, made_layout1, tmp_path, monkeypatch):
    url = made_layout1.as_uri() if form == "file URL" else str(made_layout1)
    if form == "environment":
        monkeypatch.setenv("CYCLEGAN_LESSONS_URL", url)
        url = None
    assert counts(fetch_apple2orange(url, tmp_path))["trainB"] == 7
    assert made_layout1.is_file(), "the archive stays"


def test_a_changed_local_file_is_read_again(made_layout1, made_layout2, tmp_path):
    archive = tmp_path / "a.zip"
    shutil.copy(made_layout1, archive)
    first = fetch_apple2orange(str(archive), tmp_path / "cache")
    shutil.copy(made_layout2, archive)
    assert counts(fetch_apple2orange(str(archive), tmp_path / "cache")) != counts(first)


def test_mirrors_in_turn(site, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "MIRRORS", (f"{site.url}/gone.zip", f"{site.url}/one.zip"))
    monkeypatch.setattr(fetch, "COUNTS", {"trainA": 5, "trainB": 7, "testA": 2, "testB": 3})
    folder = fetch_apple2orange(folder=tmp_path / "cache")
    assert counts(folder)["trainB"] == 7 and "/gone.zip" in site.requests[0]
    asked = len(site.requests)
    assert fetch_apple2orange(folder=tmp_path / "cache") == folder and len(site.requests) == asked


def test_mirrors_must_have_the_whole_set(site, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "MIRRORS", (f"{site.url}/one.zip", f"{site.url}/two.zip"))
    with pytest.raises(
        LessonError,
        match="one.zip: 995 images should be in trainA, but there are 5; .*two.zip: 1019 images",
    ):
        fetch_apple2orange(folder=tmp_path / "cache")
    assert nothing_left(tmp_path / "cache")


def test_all_mirrors_fail(site, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "MIRRORS", (f"{site.url}/a.zip", f"{site.url}/b.zip"))
    with pytest.raises(LessonError) as caught:
        fetch_apple2orange(folder=tmp_path / "cache")
    for words in (
        "a.zip: the server answers 404",
        "b.zip: the server answers 404",
        "--url",
        "CYCLEGAN_LESSONS_URL",
        "local file",
    ):
        assert words in str(caught.value)
    assert nothing_left(tmp_path / "cache")


def check_fails(url: str, words: str, tmp_path: Path):
    """One sentence names the source and the reason, and nothing is left."""
    with pytest.raises(LessonError, match=words) as caught:
        fetch_apple2orange(url, tmp_path / "cache")
    message = str(caught.value)
    assert (
        url in message
        and "\n" not in message
        and "CYCLEGAN_LESSONS_URL" in message
        and ".unfinished" not in message
    )
    assert nothing_left(tmp_path / "cache"), sorted((tmp_path / "cache").rglob("*"))


def test_no_connection(tmp_path):
    with socket.socket() as taken:  # bound but not listening: refused
        taken.bind(("127.0.0.1", 0))
        check_fails(
            f"http://127.0.0.1:{taken.getsockname()[1]}/a.zip",
            "no connection, Connection refused",
            tmp_path,
        )


def test_a_password_in_an_address_is_not_shown(tmp_path):
    with socket.socket() as taken, pytest.raises(LessonError) as said:
        taken.bind(("127.0.0.1", 0))
        address = f"http://ada:se@cret@127.0.0.1:{taken.getsockname()[1]}/a.zip"
        fetch_apple2orange(address, tmp_path)
    assert "http://…@127.0.0.1" in str(said.value)
    assert "cret" not in str(said.value) and "ada" not in str(said.value)


def test_no_such_host(tmp_path):
    check_fails("http://no-such-host.invalid/a.zip", "no connection", tmp_path)


def test_404(site, tmp_path):
    check_fails(f"{site.url}/none.zip", "the server answers 404", tmp_path)


def test_a_server_that_stops_answering(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        check_fails(
            f"http://127.0.0.1:{silent.getsockname()[1]}/a.zip",
            "no answer|no connection|broke off",
            tmp_path,
        )
    assert socket.getdefaulttimeout() is None


def test_a_transfer_that_breaks_off(site, made_layout1, tmp_path):
    shutil.copy(made_layout1, site.folder / "broken.zip")
    check_fails(f"{site.url}/broken.zip", "the download broke off", tmp_path)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_an_archive_cut_short(kept, site, made_layout1, tmp_path):
    data = made_layout1.read_bytes()
    (site.folder / "cut.zip").write_bytes(data[: int(kept * len(data)) if kept < 1 else kept])
    check_fails(f"{site.url}/cut.zip", "not a sound zip archive", tmp_path)


def test_an_archive_with_a_changed_byte(site, made_layout1, tmp_path):
    data = bytearray(made_layout1.read_bytes())
    data[5000] ^= 1
    (site.folder / "changed.zip").write_bytes(data)
    check_fails(f"{site.url}/changed.zip", "not a sound zip archive", tmp_path)


@pytest.mark.parametrize("offset, value, reason", [(10, 97, "compression"), (8, 1, "password")])
def test_an_archive_of_a_kind_that_cannot_be_read(
    offset, value, reason, site, made_layout1, tmp_path
):
    """In the archive's directory: the method of compression, or the flag of a password."""
    data = bytearray(made_layout1.read_bytes())
    for match in re.finditer(b"PK\x01\x02", bytes(data)):
        data[match.start() + offset] = value
        # the file's own header
        data[
            int.from_bytes(data[match.start() + 42 : match.start() + 46], "little") + offset - 2
        ] = value
    (site.folder / "strange.zip").write_bytes(data)
    check_fails(f"{site.url}/strange.zip", f"not a sound zip archive.*{reason}", tmp_path)


def test_checksum(site, made_layout1, tmp_path):
    digest = hashlib.sha256(made_layout1.read_bytes()).hexdigest()
    check_fails(
        f"{site.url}/one.zip#sha256={'0' * 64}",
        f"its SHA-256 should be {'0' * 64}, but it is {digest}",
        tmp_path,
    )
    assert fetch_apple2orange(f"{site.url}/one.zip#sha256={digest}", tmp_path / "cache").is_dir()


def test_known_archives_must_have_their_counts(site, made_layout1, tmp_path, monkeypatch):
    wrong = {"trainA": 5, "trainB": 8, "testA": 2, "testB": 3}
    monkeypatch.setattr(fetch, "KNOWN", {file_sha256(made_layout1): wrong})
    check_fails(f"{site.url}/one.zip", "8 images should be in trainB, but there are 7", tmp_path)


def with_extra(source: Path, target: Path, name: str, data: bytes = b"x", mode: int = 0) -> Path:
    """A copy of an archive with one more file in it."""
    shutil.copy(source, target)
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(member, data)
    return target


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "apple2orange/trainA/../../../evil.jpg",
        "/tmp/evil.jpg",
        "..\\evil.jpg",
        "C:\\evil.jpg",
    ],
)
def test_a_path_outside_the_folder(name, made_layout1, tmp_path):
    archive = with_extra(made_layout1, tmp_path / "evil.zip", name)
    check_fails(str(archive), "a path outside its folder", tmp_path)
    assert not list(tmp_path.rglob("evil.jpg")) and not Path("/tmp/evil.jpg").exists()


def test_a_link_in_the_archive(made_layout1, tmp_path):
    archive = with_extra(
        made_layout1,
        tmp_path / "evil.zip",
        "apple2orange/trainA/l.jpg",
        b"/etc/passwd",
        stat.S_IFLNK | 0o777,
    )
    check_fails(str(archive), "it holds a link", tmp_path)


def test_something_that_is_not_an_image(made_layout1, tmp_path):
    archive = with_extra(
        made_layout1, tmp_path / "text.zip", "apple2orange/testB/notes.jpg", b"this is text"
    )
    check_fails(str(archive), "testB/notes.jpg is not a JPEG or PNG image", tmp_path)


def test_hidden_files_are_overlooked(made_layout1, tmp_path):
    archive = with_extra(made_layout1, tmp_path / "mac.zip", "__MACOSX/apple2orange/trainA/._0.jpg")
    assert counts(fetch_apple2orange(str(archive), tmp_path / "cache"))["trainA"] == 5


def test_an_empty_folder(made_layout1, tmp_path):
    with zipfile.ZipFile(made_layout1) as old, zipfile.ZipFile(tmp_path / "empty.zip", "w") as new:
        for name in old.namelist():
            if "testA" not in name:
                new.writestr(name, old.read(name))
        new.writestr("apple2orange/testA/", "")  # a folder; ZipFile.mkdir came with Python 3.11
    check_fails(
        str(tmp_path / "empty.zip"),
        "one or more images should be in testA, but there are 0",
        tmp_path,
    )


def test_an_unknown_layout(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("horses/1.jpg", b"x")
    check_fails(
        str(tmp_path / "other.zip"), "it holds neither trainA trainB testA testB nor", tmp_path
    )


@pytest.mark.parametrize("harm", ["no index", "text"])
def test_damaged_records_in_layout_2(harm, made_layout2, tmp_path, capfd):
    with zipfile.ZipFile(made_layout2) as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as new:
        for name in old.namelist():
            if not name.endswith(".db"):
                new.writestr(
                    name,
                    b"text" if harm == "text" and name.endswith(".mindrecord") else old.read(name),
                )
    check_fails(str(tmp_path / "bad.zip"), "apple2orange_train.mindrecord cannot be read", tmp_path)


def test_values_out_of_range_in_layout_2(made_layout2, image_folder, tmp_path):
    """Rows from 0 to 255 instead of -1 to 1 would give white images; they are refused."""
    from mindspore.mindrecord import FileWriter

    writer = FileWriter(str(tmp_path / "apple2orange_train.mindrecord"), shard_num=1)
    writer.add_schema(
        {f"image_{part}": {"type": "float32", "shape": [3, 8, 8]} for part in "AB"},
        "not normalised",
    )
    writer.write_raw_data([{f"image_{part}": np.full((3, 8, 8), 200, np.float32) for part in "AB"}])
    writer.commit()
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for ending in ("", ".db"):
            archive.write(
                tmp_path / f"apple2orange_train.mindrecord{ending}",
                f"apple2orange_train.mindrecord{ending}",
            )
    check_fails(
        str(tmp_path / "bad.zip"), "should be float32 of shape 3×H×W in \\[-1, 1\\]", tmp_path
    )


def test_no_such_file(tmp_path):
    check_fails(str(tmp_path / "none.zip"), "there is no such file", tmp_path)


def test_an_output_folder_that_cannot_be_written(made_layout1, tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "cache", Path("/proc/nowhere")):
        with pytest.raises(LessonError, match=f"{place} must be a folder that can be written"):
            fetch_apple2orange(str(made_layout1), place)


def test_a_full_disk(made_layout1, serve, tmp_path):
    """A process that may not write files of more than 10 kB stands for a full disk."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from cyclegan_lessons.fetch import fetch_apple2orange; from cyclegan_lessons.errors "
        "import LessonError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "for url in sys.argv[1:]:\n"
        "    try: fetch_apple2orange(url, 'cache')\n"
        "    except LessonError as error: print(error)\n"
    )
    url = f"{serve(made_layout1.parent).url}/{made_layout1.name}"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    result = subprocess.run(
        [sys.executable, "-c", code, url],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.stdout.count("must be a folder that can be written") == 1, result
    assert nothing_left(tmp_path / "cache")


def test_an_old_set_survives_a_failed_fetch(site, made_layout1, tmp_path):
    folder = fetch_apple2orange(f"{site.url}/one.zip", tmp_path / "cache")
    before = sorted((tmp_path / "cache").rglob("*"))
    with pytest.raises(LessonError):
        fetch_apple2orange(f"{site.url}/none.zip", tmp_path / "cache")
    assert sorted((tmp_path / "cache").rglob("*")) == before and counts(folder)["trainA"] == 5


def test_nothing_is_printed(site, tmp_path, capfd):
    fetch_apple2orange(f"{site.url}/one.zip", tmp_path / "cache")
    assert capfd.readouterr() == ("", "")


# --- what else servers, archives and notes can be ------------------------------------------------


def with_files(source: Path, target: Path, files: dict[str, str]) -> Path:
    """A copy of an archive with copies of its files under new names; None stands for no copy."""
    shutil.copy(source, target)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "a") as new:
        for name, copied in files.items():
            new.writestr(name, old.read(copied))
    return target


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "name, words",
    [
        ("part2/trainA/0.jpg", "it holds two files for trainA/0.jpg"),
        ("apple2orange/trainA/0.jpg", "it holds two files for trainA/0.jpg"),
        ("apple2orange/trainA/more/9.jpg", "trainA should hold images only, but .*more/9.jpg"),
        (f"apple2orange/trainA/{'a' * 300}.jpg", "a file whose name is too long or odd"),
    ],
)
def test_images_that_would_be_lost(name, words, made_layout1, tmp_path):
    archive = with_files(made_layout1, tmp_path / "more.zip", {name: "apple2orange/trainA/1.jpg"})
    check_fails(str(archive), words, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "apple2orange/trainA/Thumbs.db",
        "apple2orange/trainA/desktop.ini",
        "apple2orange/trainA/.thumbs/1.jpg",
        "apple2orange/trainA/.",
        ".",
        "",
        "readme.txt",
    ],
)
def test_clutter_in_an_archive_is_overlooked(name, made_layout1, tmp_path):
    archive = with_extra(made_layout1, tmp_path / "extra.zip", name)
    folder = fetch_apple2orange(str(archive), tmp_path / "cache")
    assert counts(folder) == {"trainA": 5, "trainB": 7, "testA": 2, "testB": 3}


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("harm", ["head", "data", "name", "directory"])
def test_damage_of_every_kind_of_archive(method, harm, image_folder, tmp_path):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(image_folder.rglob("*.jpg")):
            archive.write(file, f"ü/{file.relative_to(image_folder)}")
    data = bytearray(path.read_bytes())
    if harm == "head":
        del data[:1000]
    if harm == "data":
        for place in range(60, 2000, 7):
            data[place] ^= 0x55
    if harm == "name":
        data = bytearray(bytes(data).replace("ü".encode(), b"\xff\xff"))
    if harm == "directory":
        start = data.rfind(b"PK\x01\x02")
        data[start + 42 : start + 46] = b"\xff\xff\xff\x7f"  # where the file begins
    path.write_bytes(data)
    check_fails(str(path), "not a sound zip archive", tmp_path)


def test_an_image_in_an_archive_that_claims_many_pixels(made_layout1, tmp_path):
    data = png(13000, 13000)
    archive = with_extra(made_layout1, tmp_path / "bomb.zip", "apple2orange/trainB/b.png", data)
    check_fails(str(archive), "trainB/b.png is not .* of at most 64 megapixels", tmp_path)


def test_records_with_values_that_are_no_numbers(made_layout2, tmp_path):
    with pytest.raises(fetch.Problem, match="should be float32 of shape 3×H×W in"):
        archives.check_row(np.full((3, 8, 8), np.nan, np.float32), "image_A")


@pytest.mark.parametrize("mark", ["#sha256=", "#sha256=abc", f"#sha256={'g' * 64}"])
def test_a_checksum_that_is_none(mark, made_layout1, tmp_path):
    check_fails(f"{made_layout1}{mark}", "there should be 64 hexadecimal digits", tmp_path)


@pytest.mark.parametrize(
    "url", ["http://[::1/a.zip", "http://a b/c.zip", "http://ü\udcff/c.zip", "http://h/ü.zip"]
)
def test_what_is_not_an_address(url, tmp_path):
    check_fails(url, "it is not an address", tmp_path)


def test_a_local_file_with_a_number_sign_in_its_name(made_layout1, tmp_path):
    archive = tmp_path / "a #1.zip"
    shutil.copy(made_layout1, archive)
    digest = file_sha256(archive)
    for url in (f"{archive}", f"{archive}#sha256={digest}", f"{archive}#sha256={digest.upper()}"):
        assert counts(fetch_apple2orange(url, tmp_path / "cache"))["trainA"] == 5


@pytest.mark.parametrize("kind", ["pipe", "folder", "broken link"])
def test_a_local_archive_that_is_no_file(kind, tmp_path):
    path = tmp_path / "a.zip"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    check_fails(str(path), "there is no such file", tmp_path)


def test_a_local_archive_that_may_not_be_read(made_layout1, open_folder):
    shutil.copy(made_layout1, open_folder / "a.zip")
    (open_folder / "a.zip").chmod(0)
    with as_ordinary_user(), pytest.raises(LessonError, match="a.zip cannot be read.*Permission"):
        fetch_apple2orange(str(open_folder / "a.zip"), open_folder / "cache")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"..", b"/etc", b"apple2orange-0123456789ab"]
)
def test_a_note_that_says_nothing_is_passed_over(content, site, tmp_path):
    """Empty, as after a power cut; no text; a folder that is not ours; a folder that is gone."""
    folder = fetch_apple2orange(f"{site.url}/one.zip", tmp_path / "cache")
    fetch.note_path(tmp_path / "cache", f"{site.url}/one.zip").write_bytes(content)
    asked = len(site.requests)
    assert fetch_apple2orange(f"{site.url}/one.zip", tmp_path / "cache") == folder
    assert len(site.requests) > asked
    asked = len(site.requests)
    assert fetch_apple2orange(f"{site.url}/one.zip", tmp_path / "cache") == folder
    assert len(site.requests) == asked, "the note is written anew"


@pytest.mark.parametrize("harm", ["gone", "empty"])
def test_a_kept_set_that_lost_something(harm, site, made_layout1, tmp_path):
    """The way out that the message names works."""
    url = f"{site.url}/one.zip"
    folder = fetch_apple2orange(url, tmp_path / "cache")
    shutil.rmtree(folder / "testA")
    if harm == "empty":
        (folder / "testA").mkdir()
    for source in (url, str(made_layout1)):
        with pytest.raises(
            LessonError, match="testA is gone or empty; delete that folder"
        ) as caught:
            fetch_apple2orange(source, tmp_path / "cache")
        assert str(folder) in str(caught.value)
    shutil.rmtree(folder)
    assert counts(fetch_apple2orange(url, tmp_path / "cache"))["testA"] == 2


@functools.cache
def small_archive() -> bytes:
    """An archive of one small image in each folder."""
    file, picture = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(picture, "PNG")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in PARTS:
            archive.writestr(f"{part}/1.png", picture.getvalue())
    return file.getvalue()


@settings(max_examples=150, deadline=None)
@given(data=mangled(small_archive()))
def test_mangled_archives_are_read_or_end_in_one_sentence(data):
    with tempfile.TemporaryDirectory() as folder:
        path, cache = Path(folder, "a.zip"), Path(folder, "cache")
        path.write_bytes(data)
        try:
            assert sum(counts(fetch_apple2orange(str(path), cache)).values()) >= 4
        except LessonError as error:
            assert str(error).isprintable() and "CYCLEGAN_LESSONS_URL" in str(error)
            assert nothing_left(cache)
        assert sorted(Path(folder).iterdir()) in ([path], [path, cache])


class Rude(http.server.BaseHTTPRequestHandler):
    """Answer as the path says: in a circle, with control codes, or slowly."""

    def do_GET(self):
        if self.path.startswith("/circle"):
            self.send_response(302)
            self.send_header("Location", "/circle")
            self.end_headers()
        elif self.path.startswith("/codes"):
            self.send_response_only(404, "\x1b[31mred\x1b[0m" + "long" * 1000)
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(8):
                    self.wfile.write(b"x")
                    time.sleep(0.1)

    def log_message(self, *_):
        pass


@pytest.fixture
def rude():
    """The address of a server that behaves badly."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rude)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_redirection_in_a_circle_is_one_line(rude, tmp_path):
    check_fails(f"{rude}/circle", "the server answers 302 .*infinite loop", tmp_path)


def test_what_a_server_says_cannot_write_to_the_terminal(rude, tmp_path):
    with pytest.raises(LessonError, match="the server answers 404 .*red") as caught:
        fetch_apple2orange(f"{rude}/codes", tmp_path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_a_slow_server_is_named_where_there_is_no_bar(rude, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(fetch, "PATIENCE", 0.2)
    check_fails(f"{rude}/slow", "the download broke off", tmp_path)
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith(
        f"{rude}/slow is slow; to stop waiting, press Ctrl-C and give another"
    )
    assert said.err.count("\n") == 1


def test_a_bar_on_a_terminal(site, tmp_path):
    """A pseudo-terminal stands for the user's."""
    shown, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    code = (
        "import sys; from cyclegan_lessons.fetch import *; print(fetch_apple2orange(*sys.argv[1:]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, f"{site.url}/one.zip", tmp_path / "cache"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    said = ""
    with contextlib.suppress(OSError):  # the other end is closed
        while part := os.read(shown, 10_000).decode():
            said += part
    os.close(shown)
    assert result.returncode == 0, said
    assert Path(result.stdout.decode().strip()).is_dir()
    assert "100%" in said
