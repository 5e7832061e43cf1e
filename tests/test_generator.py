"""The generator: sizes, the paper's parameters, start weights, and what must not matter."""

from functools import cache

import mindspore as ms
import numpy as np
import pytest
from helpers import check_start_weights
from hypothesis import given
from hypothesis import strategies as st
from mindspore import nn
from parity import MODES, examples, forward
from reference.stored import about

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.generator import ResNetGenerator

PROPERTY = examples(15)
MULTIPLES_OF_4 = st.integers(2, 14).map(lambda n: 4 * n)


@cache
def paper_generator() -> ResNetGenerator:
    ms.set_seed(0)
    return ResNetGenerator()


@cache
def small_generator() -> ResNetGenerator:
    ms.set_seed(0)
    return ResNetGenerator(base_channels=2, n_layers=1)


def random_images(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


@PROPERTY
@given(
    batch=st.integers(1, 3), height=MULTIPLES_OF_4, width=MULTIPLES_OF_4, seed=st.integers(0, 10**6)
)
def test_height_and_width_are_kept(batch, height, width, seed):
    images = random_images(batch, 3, height, width, seed=seed)
    result = forward(small_generator(), images, "PyNative")
    assert result.shape == images.shape and result.dtype == np.float32
    assert np.abs(result).max() <= 1


@PROPERTY
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)).filter(
        lambda s: any(side % 4 or side < 8 for side in s)
    )
)
def test_other_sizes_are_refused(size):
    with pytest.raises(
        LessonError,
        match=f"at least 8 that are divisible by 4, but the image is {size[0]}×{size[1]};",
    ):
        forward(small_generator(), np.zeros((1, 3, *size), np.float32), "PyNative")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(4, 8), (8, 4), (10, 8), (8, 10)])
def test_other_sizes_are_refused_in_both_modes(size, mode):
    with pytest.raises(LessonError, match=f"{size[0]}×{size[1]}"):
        forward(small_generator(), np.zeros((1, 3, *size), np.float32), mode)


@examples(6)
@given(batch=st.integers(2, 3), seed=st.integers(0, 10**6))
def test_an_image_does_not_see_the_rest_of_the_batch(batch, seed):
    images = random_images(batch, 3, 16, 20, seed=seed)
    together = forward(small_generator(), images, "PyNative")
    for i in range(batch):
        alone = forward(small_generator(), images[i : i + 1], "PyNative")
        np.testing.assert_allclose(together[i : i + 1], alone, rtol=0, atol=1e-5)


def test_training_and_inference_are_the_same():
    generator, images = ResNetGenerator(base_channels=2, n_layers=1), random_images(2, 3, 16, 20)
    results = [
        forward(generator.set_train(training), images, "PyNative")
        for training in (False, True, False)
    ]
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def test_values_are_limited_by_tanh():
    """With a last layer 100 times as strong, values come near both ends of [-1, 1], not beyond."""
    generator = ResNetGenerator(base_channels=4, n_layers=1)
    *_, weight, bias = generator.trainable_params()
    images = random_images(1, 3, 16, 16)
    before = np.arctanh(forward(generator, images, "PyNative").astype(np.float64))
    weight.set_data(weight * 100)
    after = forward(generator, images, "PyNative")
    assert after.min() < -0.99 and after.max() > 0.99
    # nothing but tanh follows that layer
    np.testing.assert_allclose(after, np.tanh(100 * before), rtol=0, atol=1e-3)


@pytest.mark.parametrize("in_channels, out_channels", [(1, 3), (4, 2)])
def test_other_numbers_of_channels(in_channels, out_channels):
    generator = ResNetGenerator(in_channels, out_channels, base_channels=2, n_layers=1)
    assert forward(generator, random_images(1, in_channels, 8, 12), "PyNative").shape == (
        1,
        out_channels,
        8,
        12,
    )


def test_parameters_at_the_papers_size():
    shapes = [list(parameter.shape) for parameter in paper_generator().trainable_params()]
    assert shapes == [shape for _, shape in about()["shapes"]["paper"]["G"]]
    assert sum(parameter.size for parameter in paper_generator().get_parameters()) == 11_378_179


@pytest.mark.parametrize("n_layers", [0, 3, 6])
def test_every_block_adds_its_own_parameters(n_layers):
    generator = ResNetGenerator(n_layers=n_layers)
    assert (
        sum(parameter.size for parameter in generator.get_parameters())
        == 756_739 + n_layers * 1_180_160
    )


def test_nine_distinct_blocks():
    blocks = list(paper_generator().blocks)
    assert len({id(block) for block in blocks}) == 9
    assert len({id(parameter) for block in blocks for parameter in block.get_parameters()}) == 9 * 4
    first_weights = [block.trainable_params()[0].asnumpy() for block in blocks]
    for i in range(9):
        for j in range(i):
            assert (
                abs(np.corrcoef(first_weights[i].ravel(), first_weights[j].ravel())[0, 1]) < 0.01
            ), (i, j)


def test_start_weights():
    check_start_weights(paper_generator())


def test_every_convolution_but_the_last_is_normalised():
    """Doubling weights before an instance norm changes nearly nothing; of the last layer, much."""
    generator, images = ResNetGenerator(base_channels=4, n_layers=2), random_images(1, 3, 16, 16)
    before = forward(generator, images, "PyNative")
    *inner, last = [p for p in generator.trainable_params() if len(p.shape) == 4]
    for weight in inner:
        weight.set_data(weight * 2)
    np.testing.assert_allclose(forward(generator, images, "PyNative"), before, rtol=0, atol=2e-2)
    last.set_data(last * 2)
    assert np.abs(forward(generator, images, "PyNative") - before).max() > 0.05


def test_a_picture_of_one_colour_has_no_border():
    """With reflection padding an even picture stays even; zeros around it would not do that."""
    generator = ResNetGenerator(base_channels=4, n_layers=0)
    for parameter in generator.trainable_params():
        if len(parameter.shape) == 1:
            parameter.set_data(
                ms.Tensor(np.random.default_rng(0).normal(size=parameter.shape).astype(np.float32))
            )
    first = nn.SequentialCell(*list(generator.encoder)[:2])  # the padding and the 7×7 convolution
    result = forward(first, np.full((1, 3, 12, 12), 0.7, np.float32), "PyNative")
    np.testing.assert_allclose(
        result, np.broadcast_to(result[:, :, :1, :1], result.shape), rtol=0, atol=1e-5
    )
