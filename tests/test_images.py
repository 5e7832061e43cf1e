"""Image files: every mode becomes RGB, and whatever is no image ends in one sentence."""

import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers_faults import as_ordinary_user, chunk, mangled, png
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

import cyclegan_lessons
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.images import (
    LARGEST,
    encode_file,
    list_images,
    read_image,
    to_pixels,
    to_values,
)
from cyclegan_lessons.records import write_mindrecord

BOTH = pytest.mark.parametrize("read", [read_image, encode_file])


def one_sentence(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# --- pixels ---------------------------------------------------------------------------------------


def test_values_and_pixels_are_inverse():
    pixels = np.arange(256, dtype=np.uint8)
    values = to_values(pixels)
    assert values.dtype == np.float32
    assert (values[0], values[-1]) == (-1, 1)
    assert (to_pixels(values) == pixels).all()


def test_the_formula_of_pixels_has_one_home():
    files = Path(cyclegan_lessons.__file__).parent.glob("*.py")
    assert [file.name for file in files if "127.5" in file.read_text()] == ["images.py"]


# --- one image ------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("side", [8200, 13000, 19000, 60000])
def test_a_small_file_that_claims_many_pixels_is_refused_before_it_is_decoded(
    side, read, tmp_path, monkeypatch, recwarn
):
    """The limits of Pillow are a warning at 89 and an error at 179 megapixels."""

    def decode(image):
        raise AssertionError("it must not be decoded")

    (tmp_path / "a.png").write_bytes(png(side, min(side, 13000), claimed=side))
    assert (tmp_path / "a.png").stat().st_size < 100_000
    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    with pytest.raises(LessonError, match="a.png should have at most 64 megapixels") as caught:
        read(tmp_path / "a.png")
    one_sentence(caught)
    assert not recwarn.list


def test_a_photograph_of_48_megapixels_is_fine(tmp_path):
    Image.new("RGB", (8000, 6000), "red").save(tmp_path / "a.jpg")
    stored = Image.open(io.BytesIO(encode_file(tmp_path / "a.jpg")))
    assert stored.width * stored.height <= LARGEST
    assert read_image(tmp_path / "a.jpg").shape == (6000, 8000, 3)


@BOTH
def test_broken_exif(read, tmp_path):
    (tmp_path / "a.png").write_bytes(png(8, 8, chunk(b"eXIf", b"not a TIFF header")))
    with pytest.raises(LessonError, match="a.png should be a JPEG or PNG image"):
        read(tmp_path / "a.png")


def test_a_jpeg_with_trash_behind_it_is_stored_without_it(tmp_path):
    """A page of a MindRecord file holds 8 MiB."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jpg")
    with open(tmp_path / "a.jpg", "ab") as file:
        file.write(bytes(10_000_000))
    stored = encode_file(tmp_path / "a.jpg")
    assert len(stored) < 10_000
    assert (np.asarray(Image.open(io.BytesIO(stored))) == read_image(tmp_path / "a.jpg")).all()
    write_mindrecord([tmp_path / "a.jpg"], tmp_path / "a.mindrecord")


@BOTH
def test_16_bits_become_8(read, tmp_path):
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(grey * 257).save(tmp_path / "a.png")
    result = read(tmp_path / "a.png")
    if read is encode_file:
        result = np.asarray(Image.open(io.BytesIO(result)))
    assert (result == grey[..., None]).all()


@BOTH
@pytest.mark.parametrize(
    "make, words",
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "it is none, or a link to none"),
        (lambda path: path.symlink_to("nowhere"), "it is none, or a link to none"),
        (lambda path: path.symlink_to(path.name), "it is none, or a link to none"),
    ],
    ids=["missing", "folder", "broken link", "link to itself"],
)
def test_what_is_not_a_file(make, words, read, tmp_path):
    make(tmp_path / "a.png")
    with pytest.raises(LessonError, match=f"a.png should be an image file, but {words}") as caught:
        read(tmp_path / "a.png")
    one_sentence(caught)


@BOTH
def test_a_pipe_is_not_waited_for(read, tmp_path):
    os.mkfifo(tmp_path / "a.png")
    end = threading.Thread(target=lambda: open(tmp_path / "a.png", "wb").close())
    end.start()  # whoever reads it all the same gets nothing, instead of waiting for ever
    with pytest.raises(LessonError, match="it is none, or a link to none"):
        read(tmp_path / "a.png")
    opened = os.open(tmp_path / "a.png", os.O_RDONLY | os.O_NONBLOCK)  # lets the thread end
    end.join()
    os.close(opened)


@BOTH
def test_an_image_that_may_not_be_read(read, open_folder):
    Image.new("RGB", (8, 8)).save(open_folder / "a.png")
    (open_folder / "a.png").chmod(0)
    with as_ordinary_user(), pytest.raises(LessonError, match="a.png cannot be read.*Permission"):
        read(open_folder / "a.png")


@BOTH
def test_a_name_that_is_too_long(read, tmp_path):
    with pytest.raises(LessonError, match="cannot be read, the system says: File name too long"):
        read(tmp_path / f"{'a' * 300}.png")


def small_images() -> list[bytes]:
    """A picture as JPEG with EXIF, as PNG with a palette, with transparency, and with 16 bits."""
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = Image.fromarray(np.arange(108, dtype=np.uint16).reshape(9, 12) * 600)
    palette, alpha = rgb.quantize(8), rgb.convert("RGBA")
    kinds = ((rgb, "JPEG"), (rgb, "PNG"), (palette, "PNG"), (alpha, "PNG"), (grey, "PNG"))
    files = []
    for image, kind in kinds:
        file = io.BytesIO()
        image.save(file, kind, exif=exif)
        files.append(file.getvalue())
    return files


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.sampled_from(small_images()).flatmap(mangled),
    read=st.sampled_from([read_image, encode_file]),
)
def test_mangled_images_are_read_or_end_in_one_sentence(data, read, tmp_path):
    (tmp_path / "a.png").write_bytes(data)
    try:
        result = read(tmp_path / "a.png")
    except LessonError as error:
        assert str(error).startswith(str(tmp_path)) and "\n" not in str(error)
    else:
        assert len(result) > 0


# --- folders --------------------------------------------------------------------------------------


def test_clutter_and_folders_are_left_out(tmp_path):
    for name in ("b.png", "a.jpg", ".hidden", "Thumbs.db", "thumbs.DB", "desktop.ini"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["a.jpg", "b.png"]


@pytest.mark.parametrize("kind", ["pipe", "broken link"])
def test_what_is_not_a_file_in_a_folder_is_named(kind, tmp_path):
    (tmp_path / "a.png").write_text("")
    if kind == "pipe":
        os.mkfifo(tmp_path / "b.png")
    else:
        (tmp_path / "b.png").symlink_to("nowhere")
    with pytest.raises(LessonError, match="b.png should be an image file, but it is none"):
        list_images(tmp_path)


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(LessonError, match="it is empty"):
        list_images(tmp_path)
    (tmp_path / "inner").mkdir()
    with pytest.raises(LessonError, match="it holds only folders"):
        list_images(tmp_path)
    with pytest.raises(LessonError, match="there is none"):
        list_images(tmp_path / "nowhere")


@pytest.mark.parametrize("mode", [0, 0o444])
def test_a_folder_that_may_not_be_read(mode, open_folder):
    (open_folder / "inner").mkdir()
    (open_folder / "inner" / "a.png").write_text("")
    (open_folder / "inner").chmod(mode)
    with as_ordinary_user(), pytest.raises(LessonError, match="cannot be read.*Permission denied"):
        list_images(open_folder / "inner")
