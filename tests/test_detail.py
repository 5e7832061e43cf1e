"""The generator that keeps details: sizes, start weights, and what it sees of a tint."""

from dataclasses import replace

import mindspore as ms
import numpy as np
import pytest
from helpers import SMALL, check_start_weights
from parity import MODES, forward

from cyclegan_lessons import CycleGANTrainer, DetailGenerator, LessonError, ResNetGenerator
from cyclegan_lessons.contrast_training import ContrastTrainer
from cyclegan_lessons.costs import multiply_adds
from cyclegan_lessons.detail import RepeatPixels, generator_of


def images_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.7, 0.7, shape).astype(np.float32)


@pytest.mark.parametrize("mode", MODES)
def test_every_pixel_becomes_four(mode):
    x = images_of(2, 3, 4, 5)
    expected = x.repeat(2, axis=2).repeat(2, axis=3)
    np.testing.assert_array_equal(forward(RepeatPixels(), x, mode), expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("in_channels, out_channels", [(3, 3), (1, 2)])
def test_height_and_width_are_kept_and_values_limited(mode, in_channels, out_channels):
    generator = DetailGenerator(in_channels, out_channels, base_channels=2, n_layers=1)
    result = forward(generator, 100 * images_of(2, in_channels, 12, 20), mode)
    assert (
        result.shape == (2, out_channels, 12, 20) and np.abs(result).max() <= 1 + 1e-4
    )  # the error of its tanh


@pytest.mark.parametrize("mode", MODES)
def test_other_sizes_are_refused(mode):
    with pytest.raises(LessonError, match="divisible by 4, but the image is 10×8"):
        forward(DetailGenerator(base_channels=2, n_layers=1), images_of(1, 3, 10, 8), mode)


def test_only_the_paper_s_generator_is_blind_to_a_tint():
    """Instance norm subtracts whatever is added to a whole colour channel. The last convolution
    of the other generator sees the image itself."""
    x = images_of(1, 3, 16, 16)
    tinted = x + np.array([0.25, 0, -0.25], np.float32).reshape(3, 1, 1)
    sizes = {"base_channels": 4, "n_layers": 1}
    paper, detail = ResNetGenerator(**sizes), DetailGenerator(**sizes)
    for generator in (paper, detail):
        generator.trainable_params()[-2].set_data(generator.trainable_params()[-2] * 10)
    changes = [
        np.abs(forward(g, tinted, "PyNative") - forward(g, x, "PyNative")).max()
        for g in (paper, detail)
    ]
    assert changes[0] < 1e-3 < 0.05 < changes[1]


def test_start_weights_and_their_number():
    check_start_weights(DetailGenerator(base_channels=16, n_layers=1))
    count = {
        kind: sum(p.size for p in kind(base_channels=16, n_layers=3).get_parameters())
        for kind in (ResNetGenerator, DetailGenerator)
    }
    # three more channels into the 7×7 convolution with its three results, and nothing else
    assert count[DetailGenerator] == count[ResNetGenerator] + 3 * 3 * 7 * 7


def test_multiply_adds_of_both_decoders():
    """A convolution behind repeated pixels multiplies four times as often as a transposed one."""
    paper = multiply_adds(ResNetGenerator(base_channels=4, n_layers=1), 16)
    detail = multiply_adds(DetailGenerator(base_channels=4, n_layers=1), 16)
    assert detail[:-3] == paper[:-3]
    assert detail[-3:-1] == [4 * n for n in paper[-3:-1]]
    assert detail[-1] == paper[-1] * 7 // 4


def test_the_settings_say_which():
    assert type(generator_of(SMALL)) is ResNetGenerator
    assert type(generator_of(replace(SMALL, detail=True))) is DetailGenerator


@pytest.mark.parametrize("amp", [False, True])
def test_it_is_trained_like_the_other(amp):
    trainer = CycleGANTrainer(replace(SMALL, detail=True, amp=amp))
    before = {name: p.asnumpy().copy() for name, p in trainer.parameters().items()}
    x, y = (ms.Tensor(images_of(1, 3, 32, 32) * sign) for sign in (1, -1))
    losses = trainer.train_step(x, y)
    assert all(np.isfinite(value) for value in losses.values())
    weights = {n: p for n, p in trainer.parameters().items() if n.startswith(("G.", "F."))}
    assert any(name.startswith("G.output.") for name in weights)
    for name, parameter in weights.items():
        assert not np.array_equal(parameter.asnumpy(), before[name]), name


def test_the_contrastive_training_has_no_such_generator():
    with pytest.raises(LessonError, match="detail must be False"):
        ContrastTrainer(replace(SMALL, detail=True))
