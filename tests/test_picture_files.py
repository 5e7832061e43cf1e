"""Translating files: results beside originals, large pictures, and nothing of the user's lost."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import SMALL, small_checkpoint
from PIL import Image

from cyclegan_lessons import LessonError, load_generator, picture_files, translate
from cyclegan_lessons.picture_files import largest_picture, shrink, translate_files

CONFIG = SMALL


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return small_checkpoint(tmp_path_factory.mktemp("model") / "small.ckpt")


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)


@pytest.fixture
def photos(image, tmp_path):
    """A folder with a picture a.png, as the user's own."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(image).save(folder / "a.png")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_files_and_folders_are_translated_and_saved_side_by_side(checkpoint, image, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(image).save(folder / "one.png")
    Image.fromarray(image).convert("L").save(folder / "grey.jpg")
    Image.fromarray(image).save(tmp_path / "three.png")
    written = translate_files([folder, tmp_path / "three.png"], tmp_path / "out", checkpoint, "y2x")
    assert [path.name for path in written] == ["grey.png", "one.png", "three.png"]
    assert sorted(contents(tmp_path / "out")) == [
        *("grey.png", "one.png"),
        *(f"side_by_side/{name}.png" for name in ("grey", "one", "three")),
        "three.png",
    ]
    result = np.asarray(Image.open(tmp_path / "out" / "one.png"))
    np.testing.assert_array_equal(result, translate(load_generator(checkpoint, "y2x"), image))
    pair = np.asarray(Image.open(tmp_path / "out" / "side_by_side" / "one.png"))
    np.testing.assert_array_equal(pair, np.hstack([image, result]))


def test_an_image_that_is_given_twice_is_translated_once(checkpoint, photos, tmp_path):
    written = translate_files([photos, photos / "a.png"], tmp_path / "out", checkpoint)
    assert written == [tmp_path / "out" / "a.png"]


def test_results_have_the_permissions_of_any_new_file(checkpoint, photos, tmp_path):
    mask = os.umask(0o027)
    try:
        (written,) = translate_files([photos], tmp_path / "out", checkpoint)
    finally:
        os.umask(mask)
    assert written.stat().st_mode & 0o777 == 0o640
    assert written.parent.stat().st_mode & 0o777 == 0o750


def test_bad_inputs_write_nothing(checkpoint, image, tmp_path):
    Image.fromarray(image).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"not an image")
    (tmp_path / "more").mkdir()
    Image.fromarray(image).save(tmp_path / "more" / "good.jpg")
    os.mkfifo(tmp_path / "pipe.png")
    for second, words in {
        "bad.png": "bad.png should be a JPEG or PNG image",
        "none.png": "was expected at .*none.png, but there is none; check the path",
        "more": "two of the images are called good",
        "pipe.png": "was expected at .*pipe.png, but there is none",  # opening would wait
    }.items():
        with pytest.raises(LessonError, match=words):
            translate_files(
                [tmp_path / "good.png", tmp_path / second], tmp_path / "out", checkpoint
            )
    assert not (tmp_path / "out").exists()
    with pytest.raises(LessonError, match="bad.png.* cannot be .*choose another folder"):
        translate_files([tmp_path / "good.png"], tmp_path / "bad.png" / "out", checkpoint)


def test_an_input_is_never_replaced(checkpoint, photos, tmp_path):
    """Not in its own folder, not through a link to that, and not with ``overwrite``."""
    (tmp_path / "link").symlink_to(photos)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.png").symlink_to(photos / "a.png")
    (photos / "side_by_side").mkdir()
    shutil.copy(photos / "a.png", photos / "side_by_side" / "b.png")
    inside = photos / "side_by_side" / "b.png"
    before = contents(tmp_path)
    for inputs, out in (
        ([photos], photos),
        ([photos / "a.png"], tmp_path / "link"),
        ([tmp_path / "link"], photos),
        ([photos], tmp_path / "links"),
        ([tmp_path / "links" / "a.png"], photos),
        ([inside], photos),  # its result would be b.png, and the pair would replace it
    ):
        for overwrite in (False, True):
            with pytest.raises(LessonError, match="is one of the images to translate"):
                translate_files(inputs, out, checkpoint, overwrite=overwrite)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("there", ["a.png", "side_by_side/a.png"])
def test_what_is_there_is_replaced_only_when_asked_for(checkpoint, photos, tmp_path, there):
    out = tmp_path / "out"
    (out / "side_by_side").mkdir(parents=True)
    (out / there).write_text("of the user")
    with pytest.raises(LessonError, match=f"{there} is there already; .* or --overwrite"):
        translate_files([photos], out, checkpoint)
    assert contents(out) == {there: b"of the user"}
    translate_files([photos], out, checkpoint, overwrite=True)
    assert sorted(contents(out)) == ["a.png", "side_by_side/a.png"]
    assert Image.open(out / there).height == 32


def test_the_other_direction_does_not_replace_the_first(checkpoint, photos, tmp_path):
    translate_files([photos], tmp_path / "out", checkpoint, "x2y")
    before = contents(tmp_path / "out")
    with pytest.raises(LessonError, match="a.png is there already; choose another folder"):
        translate_files([photos], tmp_path / "out", checkpoint, "y2x")
    assert contents(tmp_path / "out") == before


def test_a_link_is_replaced_and_not_what_it_leads_to(checkpoint, photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "mine.txt").write_text("of the user")
    (tmp_path / "out" / "a.png").symlink_to(tmp_path / "mine.txt")
    with pytest.raises(LessonError, match="a.png is there already"):
        translate_files([photos], tmp_path / "out", checkpoint)
    translate_files([photos], tmp_path / "out", checkpoint, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "of the user"
    assert not (tmp_path / "out" / "a.png").is_symlink()


def test_a_dangling_link_in_the_place_of_a_result_is_a_file_too(checkpoint, photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to(tmp_path / "not there")
    with pytest.raises(LessonError, match="a.png is there already"):
        translate_files([photos], tmp_path / "out", checkpoint)


def test_a_result_that_cannot_be_written_is_not_half_there(
    checkpoint, photos, tmp_path, monkeypatch
):
    def fill_the_disk(self, path, *args, **kwargs):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fill_the_disk)
    with pytest.raises(LessonError, match="out cannot be .*No space left.*space on the disk"):
        translate_files([photos], tmp_path / "out", checkpoint)
    assert contents(tmp_path / "out") == {}


def test_a_large_picture_is_made_smaller_and_that_is_said(
    checkpoint, image, photos, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(picture_files, "largest_picture", lambda base_channels: 400 * base_channels)
    Image.fromarray(image[:20, :40]).save(photos / "b.png")  # 800 pixels: as many as there may be
    translate_files([photos], tmp_path / "out", checkpoint)
    assert capsys.readouterr().err == (
        "1 of 2 images are made smaller: this network translates at most 0.00 megapixels.\n"
    )
    # 32×48 pixels are 1536, so each side is √(800 / 1536) = 0.72 of what it was
    assert Image.open(tmp_path / "out" / "a.png").size == (34, 23)
    assert Image.open(tmp_path / "out" / "side_by_side" / "a.png").size == (68, 23)
    assert Image.open(tmp_path / "out" / "b.png").size == (40, 20)


def test_how_large_a_picture_may_be_is_what_help_says():
    assert round(largest_picture(16) / 1e6, 2) == 0.76
    assert round(largest_picture(64) / 1e6, 2) == 0.31


def test_shrinking_keeps_the_shape_and_never_ends_at_nothing():
    assert shrink(np.zeros((300, 400, 3), np.uint8), 120_000).shape == (300, 400, 3)
    assert shrink(np.zeros((300, 400, 3), np.uint8), 30_000).shape == (150, 200, 3)
    assert shrink(np.zeros((1, 1000, 3), np.uint8), 100).shape == (1, 316, 3)
    white = np.full((64, 64, 3), 255, np.uint8)
    np.testing.assert_array_equal(shrink(white, 100), np.full((10, 10, 3), 255))


def test_a_bar_is_shown_on_a_terminal_only(checkpoint, photos, tmp_path, capsys, monkeypatch):
    translate_files([photos], tmp_path / "one", checkpoint)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    translate_files([photos], tmp_path / "two", checkpoint)
    shown = capsys.readouterr().err
    assert "reading:   0%" in shown
    assert "translating:   0%" in shown  # before the first picture, which may take minutes
