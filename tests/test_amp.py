"""Mixed precision: what computes in float16 and what does not, and that small gradients survive. On
CPU it is only slower."""

from dataclasses import replace

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from parity import Recording, weights

from cyclegan_lessons import CycleGANTrainer, LessonConfig, PatchDiscriminator
from cyclegan_lessons.amp import SCALE, MixedPrecision, unscaling
from cyclegan_lessons.layers import OutputConvolution
from cyclegan_lessons.training import LOSS_NAMES

CONFIG = LessonConfig(image_size=32, base_channels=2, n_layers=1)


@pytest.fixture(scope="module")
def images() -> list[ms.Tensor]:
    return [
        ms.Tensor(a)
        for a in np.random.default_rng(0).uniform(-1, 1, (2, 1, 3, 32, 32)).astype(np.float32)
    ]


def test_a_compiled_step_is_the_float32_step_but_for_rounding(images):
    """Losses to 1 percent, but not exactly; weights, names and Adam's states as without amp, so
    checkpoints are the same."""
    plain, half = (
        CycleGANTrainer(CONFIG),
        CycleGANTrainer(replace(CONFIG, amp=True)),
    )
    start = weights(half)
    first, second = plain.train_step(*images), half.train_step(*images)
    assert second == pytest.approx(first, rel=1e-2) and second != first
    for name, arrays in weights(half).items():
        assert all(not np.array_equal(a, b) for a, b in zip(arrays, start[name], strict=True)), name
    assert {n: (p.shape, p.dtype) for n, p in half.parameters().items()} == {
        n: (p.shape, p.dtype) for n, p in plain.parameters().items()
    }
    assert tuple(second) == LOSS_NAMES
    for trainer, dtype in ((plain, ms.float32), (half, ms.float16)):
        cells = [cell for _, cell in trainer.D_X.cells_and_names() if isinstance(cell, nn.Conv2d)]
        assert cells[0](images[0]).dtype == dtype


def test_convolutions_compute_in_float16_between_float32(images):
    discriminator = PatchDiscriminator(base_channels=2)
    expected = discriminator(images[0])
    network = MixedPrecision(discriminator)
    scores = network(images[0])
    convolutions = [
        cell for _, cell in discriminator.cells_and_names() if isinstance(cell, nn.Conv2d)
    ]
    assert len(convolutions) == 5 and convolutions[0](images[0]).dtype == ms.float16
    assert expected.dtype == scores.dtype == ms.float32
    assert 0 < np.abs(scores.asnumpy() - expected.asnumpy()).max() < 1e-2


def test_the_output_convolution_computes_in_float16_too(images):
    layer = OutputConvolution(3, 3, 7)
    expected = layer(images[0])
    MixedPrecision(layer)
    result = layer(images[0])
    assert (expected.dtype, result.dtype) == (ms.float32, ms.float16)
    assert 0 < np.abs(result.asnumpy() - expected.asnumpy()).max() < 1e-2


def test_gradients_below_float16_survive():
    """A gradient of 1e-9 is 0 in float16. Weights get theirs times SCALE, which their optimiser
    divides away; inputs do not."""
    layer = nn.Conv2d(1, 1, 1, has_bias=False, weight_init="ones")
    network = MixedPrecision(layer)
    x = ms.Tensor(np.ones((1, 1, 1, 1)), ms.float32)
    recording = Recording(layer.trainable_params())
    of_x, of_weights = ms.grad(lambda x: 1e-9 * network(x).sum(), 0, recording.parameters)(x)
    assert float(of_weights[0]) == pytest.approx(1e-9 * SCALE, rel=0.1)
    assert float(of_x) == pytest.approx(1e-9, rel=0.1)
    unscaling(recording)(of_weights)
    assert float(recording.gradients[0]) == pytest.approx(1e-9, rel=0.1)
    lost = ms.grad(lambda x: 1e-9 * layer(x).sum().astype(ms.float32), None, recording.parameters)(
        x
    )
    assert float(lost[0]) == 0, "the reason for SCALE"
