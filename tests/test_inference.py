"""Translating: strict loading, any size, and both directions."""

from dataclasses import asdict, replace

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from tqdm import tqdm

from cyclegan_lessons import LessonConfig, LessonError, inference, load_generator, translate
from cyclegan_lessons.checkpoint import read_checkpoint, write_checkpoint
from cyclegan_lessons.images import to_images, to_tensor
from cyclegan_lessons.inference import load_generators, sample_rows
from cyclegan_lessons.training import CycleGAN

CONFIG = LessonConfig(image_size=32, base_channels=2, n_layers=1)


class Invert(nn.Cell):
    def construct(self, x):
        return -x


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


def test_sample_rows_translate_both_ways_and_back():
    x = np.full((1, 8, 8, 3), 255, np.uint8)
    y = np.zeros((1, 8, 8, 3), np.uint8)
    rows = sample_rows(Invert(), Invert(), x, y)
    assert list(rows) == ["x", "G(x)", "F(G(x))", "y", "F(y)", "G(F(y))"]
    assert (rows["G(x)"] == 0).all() and (rows["F(G(x))"] == 255).all()
    assert (rows["F(y)"] == 255).all() and (rows["G(F(y))"] == 0).all()


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


class Recorder(nn.Cell):
    """A generator that returns its input, and keeps what translate sends through it."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def construct(self, x):
        self.seen.append(to_images(x))
        return x


def test_padding_reflects_and_is_cut_off_again():
    """Reflection does not repeat the border itself, as in the network's own layers."""
    image = np.random.default_rng(2).integers(0, 256, (10, 13, 3), np.uint8)
    generator = Recorder()
    np.testing.assert_array_equal(translate(generator, image), image)
    (seen,) = generator.seen
    assert seen.shape == (1, 12, 16, 3)
    np.testing.assert_array_equal(seen[0, 10:, :13], image[[8, 7]])
    np.testing.assert_array_equal(seen[0, :10, 13:], image[:, [11, 10, 9]])


def test_a_picture_smaller_than_its_padding_is_reflected_again_and_again():
    image = np.array([[[0] * 3, [100] * 3, [200] * 3]], np.uint8)  # 1×3
    generator = Recorder()
    np.testing.assert_array_equal(translate(generator, image), image)
    row = [0, 100, 200, 100, 0, 100, 200, 100]
    np.testing.assert_array_equal(generator.seen[0][0, ..., 0], [row] * 8)


@pytest.mark.parametrize(
    ("side", "batches"), [(64, [16, 4]), (256, [16, 4]), (512, [4] * 5), (1025, [1] * 20)]
)
def test_large_images_pass_in_smaller_batches(side, batches):
    """So that not more than 2²⁰ pixels take memory at a time; the images are not looked at."""
    generator, shapes = Recorder(), []
    generator.construct = lambda x: shapes.append(x.shape[0]) or x
    images = np.broadcast_to(np.zeros((1, 1, 1, 3), np.uint8), (20, side, side, 3))
    translate(generator, images)
    assert shapes == batches


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


def test_the_bar_moves_on_by_the_images(checkpoint):
    G, F, _ = load_generators(checkpoint)
    x, y = np.zeros((17, 8, 8, 3), np.uint8), np.zeros((2, 8, 8, 3), np.uint8)
    with tqdm(total=38, disable=True) as bar:
        moved = []
        bar.update = moved.append
        sample_rows(G, F, x, y, bar)
    assert sum(moved) == 38 and len(moved) == 6


def test_both_generators_and_their_configuration_come_from_one_reading(
    checkpoint, networks, monkeypatch, image
):
    read = []

    def reading(path):
        read.append(path)
        return read_checkpoint(path)

    monkeypatch.setattr(inference, "read_checkpoint", reading)
    G, F, config = load_generators(checkpoint)
    assert config == CONFIG and read == [checkpoint]
    for generator, name in ((G, "G"), (F, "F")):
        expected = to_images(getattr(networks, name)(to_tensor(image[None])))[0]
        np.testing.assert_array_equal(translate(generator, image), expected)


BAD_WEIGHTS = {
    "nan": ("G.encoder.4.weight", lambda w: np.where(w == w.max(), np.nan, w), "not finite"),
    "infinite": ("F.decoder.7.bias", lambda w: w + np.inf, "not finite"),
    "huge": ("G.blocks.0.body.1.weight", lambda w: w * 0 + 1e30, "above 10,000"),
    "whole numbers": ("F.encoder.1.weight", lambda w: w.astype(np.int8), "is of type int8"),
}


@pytest.mark.parametrize("fault", BAD_WEIGHTS)
def test_weights_that_no_training_ends_with_are_refused(fault, networks, tmp_path):
    name, change, words = BAD_WEIGHTS[fault]
    tensors = dict(networks.parameters_and_names())
    tensors[name] = ms.Tensor(change(tensors[name].asnumpy()))
    write_checkpoint(tmp_path / "bad.ckpt", tensors, {"config": asdict(CONFIG), "step": 0})
    direction = {"G": "x2y", "F": "y2x"}[name[0]]
    with pytest.raises(LessonError, match=f"bad.ckpt must be small .*{name} .*{words}.*; use an"):
        load_generator(tmp_path / "bad.ckpt", direction)


def test_weights_in_float16_are_taken(networks, tmp_path, checkpoint, image):
    tensors = {
        name: ms.Tensor(weight.asnumpy().astype(np.float16))
        for name, weight in networks.parameters_and_names()
    }
    write_checkpoint(tmp_path / "half.ckpt", tensors, {"config": asdict(CONFIG), "step": 0})
    half = translate(load_generator(tmp_path / "half.ckpt"), image)
    difference = abs(half.astype(int) - translate(load_generator(checkpoint), image))
    assert difference.max() <= 3


@pytest.mark.parametrize(("name", "value"), [("base_channels", 2**30), ("n_layers", 2**30)])
def test_a_network_too_large_for_its_weights_is_not_even_built(name, value, networks, tmp_path):
    config = asdict(replace(CONFIG, **{name: value}))
    tensors = dict(networks.parameters_and_names())
    write_checkpoint(tmp_path / "wide.ckpt", tensors, {"config": config, "step": 0})
    with pytest.raises(LessonError, match="wide.ckpt describes a generator of .* smaller one"):
        load_generator(tmp_path / "wide.ckpt")


def test_an_unknown_direction_is_refused(checkpoint):
    with pytest.raises(LessonError, match="direction must be x2y or y2x, but it is 'a2b'"):
        load_generator(checkpoint, "a2b")


def test_a_checkpoint_of_another_architecture_is_refused(networks, tmp_path):
    tensors = dict(networks.parameters_and_names())
    write_checkpoint(
        tmp_path / "other.ckpt",
        tensors,
        {"config": asdict(LessonConfig(base_channels=2, n_layers=2)), "step": 0},
    )
    with pytest.raises(
        LessonError,
        match="other.ckpt holds another architecture.*4 parameters are missing, 0 are left over",
    ):
        load_generator(tmp_path / "other.ckpt")
