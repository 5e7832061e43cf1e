"""What both networks are made of: convolutions with the paper's start weights, instance norm."""

from collections.abc import Iterator
from contextlib import contextmanager

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops
from mindspore.common.initializer import Normal


@contextmanager
def start_weights(seed: int) -> Iterator[None]:
    """Let the start weights of networks that are built inside follow from ``seed`` alone.

    MindSpore draws them from NumPy's global generator, which is afterwards as it was before.
    """
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


class InstanceNorm2d(nn.Cell):
    """Bring every channel of every image to mean 0 and variance 1 (Ulyanov et al. 2016).

    Without parameters; shape N×C×H×W in and out. Each image is normalised by its own mean and
    variance, so the result does not depend on the rest of the batch, and it is the same in training
    and in inference.
    """

    def __init__(self, epsilon: float = 1e-5):
        super().__init__()
        # BatchNorm writes its moving mean and variance into its inputs. A compiled graph may keep a
        # single `ones` for scale and variance and a single `zeros` for bias and mean, so with a
        # momentum it would change its own scale and bias.
        self.batch_norm = ops.BatchNorm(is_training=True, epsilon=epsilon, momentum=0.0)

    def construct(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        ones, zeros = ops.ones((n * c,), ms.float32), ops.zeros((n * c,), ms.float32)
        x = x.reshape((1, n * c, h, w))  # every (image, channel) becomes a channel of its own
        x = self.batch_norm(x, ones, zeros, zeros, ones)[0]
        return x.reshape((n, c, h, w))


def convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0
) -> nn.Conv2d:
    """A convolution with bias: weights start as N(0, 0.02²), the bias at 0 (appendix 7.1)."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        pad_mode="pad",
        padding=padding,
        has_bias=True,
        weight_init=Normal(0.02),
        bias_init="zeros",
    )


class OutputConvolution(nn.Conv2d):
    """A `convolution` without padding that is fast on a CPU when it has few output channels.

    Weights, bias and result are those of the convolution. Only the computation differs: on a CPU
    few output channels make a convolution slow, and a convolution equals the transposed convolution
    whose kernels are turned by 180° and have their two channel axes swapped.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int):
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            pad_mode="valid",
            has_bias=True,
            weight_init=Normal(0.02),
            bias_init="zeros",
        )
        self.transposed = ops.Conv2DTranspose(
            in_channels, kernel_size, pad_mode="pad", pad=kernel_size - 1
        )

    def construct(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        k = self.kernel_size[0]
        # float16 in mixed precision
        turned = self.weight.swapaxes(0, 1).flip((2, 3)).astype(x.dtype)
        y = self.transposed(x, turned, (n, self.out_channels, h - k + 1, w - k + 1))
        return ops.bias_add(y, self.bias.astype(x.dtype))


def upsampling(in_channels: int, out_channels: int) -> nn.Conv2dTranspose:
    """A 3×3 transposed convolution of stride 2 that doubles height and width exactly.

    ``padding=(1, 0, 1, 0)`` (top, bottom, left, right) is the layer that other frameworks write as
    ``padding=1, output_padding=1``; MindSpore's own ``output_padding=1`` leaves the last row and
    column at zero on a CPU.
    """
    return nn.Conv2dTranspose(
        in_channels,
        out_channels,
        3,
        stride=2,
        pad_mode="pad",
        padding=(1, 0, 1, 0),
        has_bias=True,
        weight_init=Normal(0.02),
        bias_init="zeros",
    )
