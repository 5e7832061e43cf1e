"""Translating: strict loading, any size, both directions, and pictures saved side by side."""

from dataclasses import asdict

import numpy as np
import pytest
from mindspore import nn
from PIL import Image

from cyclegan_lessons import LessonConfig, LessonError, load_generator, translate
from cyclegan_lessons.checkpoint import write_checkpoint
from cyclegan_lessons.images import to_images, to_tensor
from cyclegan_lessons.inference import translate_files
from cyclegan_lessons.training import CycleGAN

CONFIG = LessonConfig(image_size=32, base_channels=2, n_layers=1)


@pytest.fixture(scope="module")
def networks():
    return CycleGAN(CONFIG)


@pytest.fixture(scope="module")
def checkpoint(networks, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "small.ckpt"
    tensors = dict(networks.parameters_and_names())
    write_checkpoint(path, tensors, {"config": asdict(CONFIG), "step": 0})
    return path


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)


def test_pictures_and_tensors_are_inverse_and_in_range():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=-1)
    tensor = to_tensor(images)
    assert tensor.shape == (1, 3, 16, 16) and float(tensor.min()) == -1 and float(tensor.max()) == 1
    np.testing.assert_array_equal(to_images(tensor), images)


@pytest.mark.parametrize(("direction", "name"), [("x2y", "G"), ("y2x", "F")])
def test_each_direction_loads_its_own_generator(checkpoint, networks, image, direction, name):
    expected = to_images(getattr(networks, name)(to_tensor(image[None])))[0]
    np.testing.assert_array_equal(translate(load_generator(checkpoint, direction), image), expected)


def test_training_mode_makes_no_difference(checkpoint, image):
    generator = load_generator(checkpoint)
    before = translate(generator, image)
    np.testing.assert_array_equal(translate(generator.set_train(), image), before)


@pytest.mark.parametrize("shape", [(32, 48), (33, 50), (1, 1), (7, 100), (30, 8)])
def test_any_size_comes_back_in_its_size(checkpoint, shape):
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    result = translate(load_generator(checkpoint), image)
    assert result.shape == image.shape and result.dtype == np.uint8


def test_padding_reflects_and_is_cut_off_again():
    """A generator that returns its input shows what translate sends through it, and gives the image
    back."""
    seen = []

    class Identity(nn.Cell):
        def construct(self, x):
            seen.append(to_images(x))
            return x

    image = np.random.default_rng(2).integers(0, 256, (10, 13, 3), np.uint8)
    np.testing.assert_array_equal(translate(Identity(), image), image)
    assert seen[0].shape == (1, 12, 16, 3)
    np.testing.assert_array_equal(seen[0][0, 10:, :13], image[:-3:-1])
    np.testing.assert_array_equal(seen[0][0, :10, 13:], image[:, :-4:-1])


def test_many_images_pass_in_batches_and_in_order(checkpoint):
    images = np.random.default_rng(3).integers(0, 256, (20, 8, 8, 3), np.uint8)
    generator = load_generator(checkpoint)
    together = translate(generator, images)
    assert together.shape == images.shape
    for i in (0, 15, 16, 19):
        # a batch may round otherwise
        assert abs(together[i].astype(int) - translate(generator, images[i])).max() <= 1


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((8, 8, 3)),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 8, 3), np.uint8),
    ],
)
def test_what_is_not_an_image_is_refused(checkpoint, images):
    with pytest.raises(
        LessonError, match="translate needs uint8 images of shape N×H×W×3 or H×W×3, but got"
    ):
        translate(load_generator(checkpoint), images)


def test_an_unknown_direction_is_refused(checkpoint):
    with pytest.raises(LessonError, match="direction must be x2y or y2x, but it is 'a2b'"):
        load_generator(checkpoint, "a2b")


def test_a_checkpoint_of_another_architecture_is_refused(networks, tmp_path):
    tensors = dict(networks.parameters_and_names())
    write_checkpoint(
        tmp_path / "other.ckpt",
        tensors,
        {"config": asdict(LessonConfig(base_channels=2, n_layers=2))},
    )
    with pytest.raises(
        LessonError,
        match="other.ckpt holds another architecture.*4 parameters are missing, 0 are left over",
    ):
        load_generator(tmp_path / "other.ckpt")


def test_files_and_folders_are_translated_and_saved_side_by_side(checkpoint, image, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(image).save(folder / "one.png")
    Image.fromarray(image).convert("L").save(folder / "grey.jpg")
    Image.fromarray(image).save(tmp_path / "three.png")
    written = translate_files([folder, tmp_path / "three.png"], tmp_path / "out", checkpoint, "y2x")
    assert sorted(path.name for path in written) == ["grey.png", "one.png", "three.png"]
    result = np.asarray(Image.open(tmp_path / "out" / "one.png"))
    np.testing.assert_array_equal(result, translate(load_generator(checkpoint, "y2x"), image))
    pair = np.asarray(Image.open(tmp_path / "out" / "side_by_side" / "one.png"))
    np.testing.assert_array_equal(pair, np.hstack([image, result]))


def test_bad_inputs_write_nothing(checkpoint, image, tmp_path):
    Image.fromarray(image).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"not an image")
    with pytest.raises(LessonError, match="bad.png"):
        translate_files([tmp_path / "good.png", tmp_path / "bad.png"], tmp_path / "out", checkpoint)
    with pytest.raises(LessonError, match="none.png"):
        translate_files([tmp_path / "none.png"], tmp_path / "out", checkpoint)
    (tmp_path / "more").mkdir()
    Image.fromarray(image).save(tmp_path / "more" / "good.jpg")
    with pytest.raises(LessonError, match="two of the images are called good"):
        translate_files([tmp_path / "good.png", tmp_path / "more"], tmp_path / "out", checkpoint)
    assert not (tmp_path / "out").exists()
    with pytest.raises(LessonError, match="cannot be written .*choose another folder"):
        translate_files([tmp_path / "good.png"], tmp_path / "bad.png" / "out", checkpoint)
