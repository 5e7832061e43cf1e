"""The layers against their formulas."""

import mindspore as ms
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parity import examples, forward

from cyclegan_lessons.layers import InstanceNorm2d, OutputConvolution, convolution, upsampling

PROPERTY = examples(40)
SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 9), st.integers(2, 9))


def uneven_images(shape, seed: int) -> np.ndarray:
    """Channels with very different means and spreads."""
    rng = np.random.default_rng(seed)
    spread, mean = rng.uniform(0.01, 3, (*shape[:2], 1, 1)), rng.uniform(-2, 2, (*shape[:2], 1, 1))
    return (mean + spread * rng.normal(size=shape)).astype(np.float32)


@PROPERTY
@given(shape=SHAPES, seed=st.integers(0, 10**6))
def test_instance_norm_formula(shape, seed):
    x = uneven_images(shape, seed)
    exact = x.astype(np.float64)
    centred = exact - exact.mean((2, 3), keepdims=True)
    # the variance divides by H·W
    expected = centred / np.sqrt((centred**2).mean((2, 3), keepdims=True) + 1e-5)
    np.testing.assert_allclose(
        forward(InstanceNorm2d(), x, "PyNative"), expected, rtol=0, atol=2e-4
    )


def test_instance_norm_epsilon():
    """A channel whose variance is the epsilon itself keeps half of it; another epsilon can be asked
    for."""
    signs = np.array([1, -1] * 8, np.float32).reshape(1, 1, 4, 4)
    for norm, epsilon in ((InstanceNorm2d(), 1e-5), (InstanceNorm2d(0.25), 0.25)):
        result = forward(norm, signs * np.float32(np.sqrt(epsilon)), "PyNative")
        np.testing.assert_allclose(result, signs / np.sqrt(2), rtol=1e-4)


@PROPERTY
@given(shape=SHAPES, seed=st.integers(0, 10**6))
def test_instance_norm_is_independent_of_the_batch(shape, seed):
    x, norm = uneven_images(shape, seed), InstanceNorm2d()
    together = forward(norm, x, "PyNative")
    for i in range(len(x)):
        np.testing.assert_allclose(
            together[i : i + 1], forward(norm, x[i : i + 1], "PyNative"), rtol=0, atol=1e-6
        )


@PROPERTY
@given(shape=SHAPES, seed=st.integers(0, 10**6))
def test_instance_norm_is_the_same_in_training_and_inference(shape, seed):
    x, norm = uneven_images(shape, seed), InstanceNorm2d()
    results = [
        forward(norm.set_train(training), x, "PyNative") for training in (False, True, False)
    ]
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def test_instance_norm_has_no_parameters():
    assert list(InstanceNorm2d().get_parameters()) == []


def test_instance_norm_does_not_change_itself_in_a_compiled_gradient():
    """Two norms of one size in one compiled gradient: a moving average written into a shared
    constant would show."""
    norm, x = InstanceNorm2d(), ms.Tensor(uneven_images((2, 3, 6, 6), 1) + 3)
    plain, compiled = gradient_of_two_norms(norm, x).asnumpy(), ms.jit(gradient_of_two_norms)
    for _ in range(3):
        np.testing.assert_allclose(compiled(norm, x).asnumpy(), plain, rtol=1e-4, atol=1e-5)


def gradient_of_two_norms(norm, x):
    return ms.grad(lambda x: (norm(ms.ops.tanh(norm(x * x) * x + 2)) * x).sum())(x)


@pytest.mark.parametrize(
    "make, channels",
    [(convolution, (64, 128, 3)), (upsampling, (128, 64)), (OutputConvolution, (64, 128, 3))],
    ids=["convolution", "upsampling", "output"],
)
def test_start_weights(make, channels):
    ms.set_seed(0)  # of a hundred draws, one has no weight beyond four standard deviations
    layer = make(*channels)
    weight, bias = layer.weight.asnumpy(), layer.bias.asnumpy()
    # 73,728: mean and standard deviation are known to about 0.02 / √n and 0.02 / √2n
    n = weight.size
    assert abs(weight.mean()) < 4 * 0.02 / np.sqrt(n)
    assert abs(weight.std() - 0.02) < 4 * 0.02 / np.sqrt(2 * n)
    assert 4 * 0.02 < np.abs(weight).max() < 6 * 0.02, "normal, not truncated or uniform"
    assert np.all(bias == 0)


@PROPERTY
@given(height=st.integers(1, 6), width=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_upsampling_spreads_each_pixel(height, width, seed):
    """Pixel (i, j) times the 3×3 kernel is added around (2i, 2j) of the doubled map, its last row
    included."""
    rng, layer = np.random.default_rng(seed), upsampling(2, 3)
    x = rng.normal(size=(1, 2, height, width)).astype(np.float32)
    kernel, bias = (
        rng.normal(size=(2, 3, 3, 3)).astype(np.float32),
        rng.normal(size=3).astype(np.float32),
    )
    layer.weight.set_data(ms.Tensor(kernel))
    layer.bias.set_data(ms.Tensor(bias))
    canvas = np.zeros((3, 2 * height + 1, 2 * width + 1))  # its first row and column are cut off
    for i in range(height):
        for j in range(width):
            canvas[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.einsum(
                "c,cokl->okl", x[0, :, i, j], kernel
            )
    expected = canvas[:, 1:, 1:] + bias[:, None, None]
    np.testing.assert_allclose(forward(layer, x, "PyNative")[0], expected, rtol=0, atol=1e-5)


@PROPERTY
@given(
    size=st.tuples(st.integers(5, 12), st.integers(5, 12)),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
)
def test_convolution_size(size, kernel, stride, padding):
    result = forward(
        convolution(2, 3, kernel, stride, padding), np.zeros((2, 2, *size), np.float32), "PyNative"
    )
    assert result.shape == (2, 3, *((side + 2 * padding - kernel) // stride + 1 for side in size))


@PROPERTY
@given(
    n=st.integers(1, 2),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 3)),
    kernel=st.integers(1, 5),
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    seed=st.integers(0, 10**6),
)
def test_output_convolution_is_a_convolution(n, channels, kernel, size, seed):
    """The same weights give the same result, and the same gradients of input, weights and bias."""
    rng, layers = (
        np.random.default_rng(seed),
        [make(*channels, kernel) for make in (convolution, OutputConvolution)],
    )
    x = ms.Tensor(rng.normal(size=(n, channels[0], *size)), ms.float32)
    factors = ms.Tensor(
        rng.normal(size=(n, channels[1], *(side - kernel + 1 for side in size))), ms.float32
    )
    weight, bias = rng.normal(size=(*channels[::-1], kernel, kernel)), rng.normal(size=channels[1])
    results = []
    for layer in layers:
        layer.weight.set_data(ms.Tensor(weight, ms.float32))
        layer.bias.set_data(ms.Tensor(bias, ms.float32))
        gradients = ms.grad(
            lambda x, layer=layer: (layer(x) * factors).sum(), 0, layer.trainable_params()
        )(x)
        results.append([layer(x), gradients[0], *gradients[1]])
    for expected, result in zip(*results, strict=True):
        # sums of up to 128 products
        np.testing.assert_allclose(result.asnumpy(), expected.asnumpy(), rtol=0, atol=1e-4)
