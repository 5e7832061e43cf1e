"""The losses against the paper's formulas in float64, and against PyTorch's stored values."""

import mindspore as ms
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from parity import examples
from reference.stored import about, stored

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.losses import adversarial_loss, cycle_consistency_loss, identity_loss

PROPERTY = examples(60)
SHAPES = hnp.array_shapes(min_dims=4, max_dims=4, max_side=6)
SCORES = hnp.arrays(np.float32, SHAPES, elements=st.floats(-30, 30, width=32))


def value(loss: ms.Tensor) -> float:
    assert loss.shape == (), "a loss is a scalar"
    return float(loss.asnumpy())


@ms.jit
def adversarial_in_graph(scores, is_real, kind):
    return adversarial_loss(scores, is_real, kind)


@pytest.mark.parametrize("size", about()["D sizes"])
@pytest.mark.parametrize("position, name", list(enumerate(about()["terms"])))
def test_adversarial_loss_equals_the_reference(position, name, size):
    kind, case = name.split()
    scores, expected = (
        ms.Tensor(stored()[f"float64/D/{size}"]),
        stored()[f"float64/terms/{size}"][position],
    )
    assert value(adversarial_loss(scores, case == "real", kind)) == pytest.approx(
        expected, rel=1e-6
    )
    if size == "52x44":
        assert value(adversarial_in_graph(scores, case == "real", kind)) == pytest.approx(
            expected, rel=1e-6
        )


@PROPERTY
@given(scores=SCORES)
def test_adversarial_loss_formulas(scores):
    s, t = scores.astype(np.float64), ms.Tensor(scores)
    assert value(adversarial_loss(t, True)) == pytest.approx(
        np.mean((s - 1) ** 2), rel=1e-6, abs=1e-12
    )
    assert value(adversarial_loss(t, False)) == pytest.approx(np.mean(s**2), rel=1e-6, abs=1e-12)
    # equation 1: the discriminator's probability is σ(s), so −log σ(s) = log(1 + e^−s). In float32,
    # 1 + e^−s is 1 when e^−s is below 1.2e-7, the spacing of numbers there, and some of MindSpore's
    # kernels then return 0.
    assert value(adversarial_loss(t, True, "log")) == pytest.approx(
        np.mean(np.logaddexp(0, -s)), rel=1e-5, abs=1.2e-7
    )
    assert value(adversarial_loss(t, False, "log")) == pytest.approx(
        np.mean(np.logaddexp(0, s)), rel=1e-5, abs=1.2e-7
    )


def test_adversarial_loss_judges_every_patch():
    """The mean is over squared distances: a map that is right only on average is not right."""
    undecided = ms.Tensor(np.array([[[[3.0, -1.0]]]], np.float32))
    assert value(adversarial_loss(undecided, True)) == 4.0
    assert value(adversarial_loss(undecided, False)) == 5.0


def test_least_squares_is_the_default():
    scores = ms.Tensor(np.array([[[[0.25, 2.0]]]], np.float32))
    for is_real in (True, False):
        assert value(adversarial_loss(scores, is_real)) == value(
            adversarial_loss(scores, is_real, "lsgan")
        )


@pytest.mark.parametrize("score", [-1000.0, 1000.0])
def test_log_loss_does_not_overflow(score):
    scores = ms.Tensor(np.full((1, 1, 2, 2), score, np.float32))
    assert value(adversarial_loss(scores, True, "log")) == pytest.approx(max(-score, 0.0))
    assert value(adversarial_loss(scores, False, "log")) == pytest.approx(max(score, 0.0))


def test_unknown_kind_is_refused():
    scores = ms.Tensor(np.zeros((1, 1, 2, 2), np.float32))
    for function, kind in (
        (adversarial_loss, "wgan"),
        (adversarial_loss, "hinge"),
        (adversarial_in_graph, "wgan"),
    ):
        with pytest.raises(LessonError, match=f"'lsgan' or 'log', but it is '{kind}'"):
            function(scores, True, kind)


@pytest.mark.parametrize("loss", [cycle_consistency_loss, identity_loss])
@PROPERTY
@given(data=st.data())
def test_pixel_losses_are_mean_absolute_differences(loss, data):
    shape = data.draw(hnp.array_shapes(min_dims=4, max_dims=4, max_side=5))
    a, b = (
        data.draw(hnp.arrays(np.float32, shape, elements=st.floats(-1, 1, width=32))) for _ in "ab"
    )
    expected = np.mean(np.abs(a.astype(np.float64) - b))
    assert value(loss(ms.Tensor(a), ms.Tensor(b))) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert value(loss(ms.Tensor(a), ms.Tensor(a))) == 0
