"""The discriminator: the paper's parameters, map sizes, and the patches that its scores see."""

from functools import cache

import mindspore as ms
import numpy as np
import pytest
from helpers import check_start_weights
from hypothesis import given
from hypothesis import strategies as st
from mindspore import nn
from parity import examples, forward
from reference.stored import about

from cyclegan_lessons.discriminator import PatchDiscriminator, receptive_field
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.layers import InstanceNorm2d

PROPERTY = examples(8)
# score i sees the rows 8i − 23 … 8i + 46; negative ones are padding
STRIDE, FIELD, OFFSET = 8, 70, -23


@cache
def paper_discriminator() -> PatchDiscriminator:
    ms.set_seed(0)
    return PatchDiscriminator()


def without_norm(discriminator: PatchDiscriminator) -> PatchDiscriminator:
    """Take out the instance norms, with which every score depends on every pixel."""
    norms = [i for i, cell in enumerate(discriminator.layers) if isinstance(cell, InstanceNorm2d)]
    for i in norms:
        discriminator.layers[i] = nn.Identity()
    assert len(norms) >= 1 and not any(
        isinstance(c, InstanceNorm2d) for _, c in discriminator.cells_and_names()
    )
    return discriminator


def give_weights(
    discriminator: PatchDiscriminator, seed: int, positive: bool = False
) -> PatchDiscriminator:
    """Draw weights that keep numbers of order one; positive ones, so that no paths cancel."""
    rng = np.random.default_rng(seed)
    for p in discriminator.trainable_params():
        values = rng.normal(
            0, 1 / np.sqrt(p.size / p.shape[0]) if p.ndim == 4 else 0.1, p.shape
        ).astype(np.float32)
        p.set_data(ms.Tensor(np.abs(values) + 1e-3 if positive else values))
    return discriminator


def map_side(side: int) -> int:
    for stride in (2, 2, 2, 1, 1):
        side = (side + 2 - 4) // stride + 1
    return side


@PROPERTY
@given(batch=st.integers(1, 3), height=st.integers(32, 90), width=st.integers(32, 90))
def test_size_of_the_map(batch, height, width):
    scores = forward(
        PatchDiscriminator(base_channels=1),
        np.zeros((batch, 3, height, width), np.float32),
        "PyNative",
    )
    assert scores.shape == (batch, 1, map_side(height), map_side(width))


def test_a_map_of_30x30_at_the_papers_size():
    images = np.zeros((1, 3, 256, 256), np.float32)
    assert forward(PatchDiscriminator(base_channels=1), images, "PyNative").shape[2:] == (30, 30)


def gradients_of_cells(discriminator, image: np.ndarray, cells: list) -> np.ndarray:
    """Gradient of each of these scores by the image: one copy of the image for each cell."""
    copies = ms.Tensor(np.repeat(image, len(cells), axis=0))

    def chosen(copies):
        scores = discriminator(copies)
        return sum(scores[n, 0, i, j] for n, (i, j) in enumerate(cells))

    return ms.grad(chosen)(copies).asnumpy()


@examples(4)
@given(height=st.integers(80, 110), width=st.integers(80, 110), seed=st.integers(0, 10**6))
def test_every_inner_score_sees_70_pixels(height, width, seed):
    """The gradient of a score is positive on its 70×70 square and zero outside."""
    discriminator = without_norm(
        give_weights(PatchDiscriminator(base_channels=1), seed, positive=True)
    )
    image = np.random.default_rng(seed).uniform(-1, 1, (1, 3, height, width)).astype(np.float32)
    rows, columns = (
        [i for i in range(map_side(n)) if 0 <= STRIDE * i + OFFSET <= n - FIELD]
        for n in (height, width)
    )
    cells = [(i, j) for i in rows for j in columns]
    assert cells
    for (i, j), gradient in zip(
        cells, gradients_of_cells(discriminator, image, cells), strict=True
    ):
        expected = np.zeros((3, height, width), bool)
        top, left = STRIDE * i + OFFSET, STRIDE * j + OFFSET
        expected[:, top : top + FIELD, left : left + FIELD] = True
        assert np.array_equal(gradient > 0, expected) and np.array_equal(gradient != 0, expected), (
            i,
            j,
        )


@pytest.mark.parametrize("n_layers, expected", [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_receptive_field_is_the_one_in_the_gradients(n_layers, expected):
    network = PatchDiscriminator(base_channels=1, n_layers=n_layers)
    assert receptive_field(network) == expected
    discriminator = without_norm(give_weights(network, 1, positive=True))
    # wide enough that the middle cell's field does not touch the border
    side = 2 * expected + 2 ** (n_layers + 1)
    cells = forward(discriminator, np.zeros((1, 3, side, side), np.float32), "PyNative").shape[2]
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, side, side)).astype(np.float32)
    seen = gradients_of_cells(discriminator, image, [(cells // 2, cells // 2)])[0, 0] != 0
    assert seen.any(axis=1).sum() == seen.any(axis=0).sum() == expected


@pytest.mark.parametrize("n_layers", [0, -1])
def test_at_least_one_strided_layer(n_layers):
    with pytest.raises(LessonError, match=f"at least 1 strided layer, but n_layers is {n_layers};"):
        PatchDiscriminator(base_channels=1, n_layers=n_layers)


def test_receptive_field_of_known_chains():
    def conv(kernel, stride):
        return nn.Conv2d(1, 1, kernel, stride)

    assert receptive_field(nn.SequentialCell(conv(3, 1))) == 3
    assert receptive_field(nn.SequentialCell(conv(3, 2), nn.ReLU(), conv(5, 1))) == 3 + 2 * 4
    assert (
        receptive_field(nn.SequentialCell(conv(1, 3), conv(2, 2), conv(4, 1))) == 1 + 3 * 1 + 6 * 3
    )


@PROPERTY
@given(rows=st.integers(0, 2), columns=st.integers(0, 2), seed=st.integers(0, 10**6))
def test_shifting_the_image_by_the_stride_shifts_the_map(rows, columns, seed):
    discriminator = without_norm(give_weights(PatchDiscriminator(base_channels=2), seed))
    scene = np.random.default_rng(seed).uniform(-1, 1, (1, 3, 112, 120)).astype(np.float32)
    height, width = 112 - 8 * rows, 120 - 8 * columns
    one = forward(discriminator, scene[:, :, :height, :width], "PyNative")
    other = forward(discriminator, scene[:, :, 8 * rows :, 8 * columns :], "PyNative")
    # cells whose field lies in both images: 3 from the top and left, as many as fit below and to
    # the right
    last_i, last_j = (
        (n - 8 * shift - FIELD - OFFSET) // STRIDE
        for n, shift in ((height, rows), (width, columns))
    )
    ours = other[:, :, 3 : last_i + 1, 3 : last_j + 1]
    assert ours.size >= 1
    np.testing.assert_allclose(
        ours,
        one[:, :, 3 + rows : last_i + 1 + rows, 3 + columns : last_j + 1 + columns],
        rtol=1e-4,
        atol=1e-5,
    )


@PROPERTY
@given(batch=st.integers(2, 4), seed=st.integers(0, 10**6))
def test_an_image_does_not_see_the_rest_of_the_batch(batch, seed):
    discriminator = give_weights(PatchDiscriminator(base_channels=2), seed)
    images = np.random.default_rng(seed).uniform(-1, 1, (batch, 3, 36, 40)).astype(np.float32)
    together = forward(discriminator, images, "PyNative")
    for i in range(batch):
        alone = forward(discriminator, images[i : i + 1], "PyNative")
        np.testing.assert_allclose(together[i : i + 1], alone, rtol=0, atol=1e-4)


def test_scores_are_raw():
    """The last layer is linear: its bias is simply added to every score, also outside [0, 1]."""
    discriminator = give_weights(PatchDiscriminator(base_channels=2), 0)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32)
    before = forward(discriminator, image, "PyNative")
    bias = discriminator.trainable_params()[-1]
    start = bias.asnumpy().copy()
    for change in (-5.0, 5.0):
        bias.set_data(ms.Tensor(start + np.float32(change)))
        scores = forward(discriminator, image, "PyNative")
        np.testing.assert_allclose(scores, before + change, rtol=0, atol=1e-5)
    assert before.min() < 0 and (before + 5).max() > 1


def test_the_first_layer_has_no_norm():
    """Twice the first layer's weights and bias give other scores; a norm would undo that."""
    discriminator = give_weights(PatchDiscriminator(base_channels=2), 3)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 48, 48)).astype(np.float32)
    # the first convolution and LeakyReLU
    first = nn.SequentialCell(*list(discriminator.layers)[:2])
    once = forward(first, image, "PyNative")
    for parameter in first.trainable_params():
        parameter.set_data(parameter * 2)
    np.testing.assert_allclose(forward(first, image, "PyNative"), 2 * once, rtol=1e-5, atol=1e-6)
    kinds = [type(cell) for cell in discriminator.layers]
    assert kinds[:3] == [nn.Conv2d, nn.LeakyReLU, nn.Conv2d] and kinds.count(InstanceNorm2d) == 3


def test_parameters_at_the_papers_size():
    shapes = [list(parameter.shape) for parameter in paper_discriminator().trainable_params()]
    assert shapes == [shape for _, shape in about()["shapes"]["paper"]["D_X"]]
    assert sum(parameter.size for parameter in paper_discriminator().get_parameters()) == 2_764_737


def test_start_weights():
    check_start_weights(paper_discriminator())


def test_channels_stop_growing_at_eight_times_the_first():
    cells = PatchDiscriminator(base_channels=2, n_layers=5).layers
    channels = [cell.out_channels for cell in cells if isinstance(cell, nn.Conv2d)]
    assert channels == [2, 4, 8, 16, 16, 16, 1]


def test_training_and_inference_are_the_same():
    discriminator = give_weights(PatchDiscriminator(base_channels=2), 0)
    image = np.random.default_rng(0).uniform(-1, 1, (2, 3, 40, 40)).astype(np.float32)
    results = [
        forward(discriminator.set_train(training), image, "PyNative")
        for training in (False, True, False)
    ]
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])
