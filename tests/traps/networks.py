"""Trapped networks and layers. Each stands in for the class or function of the package that its
docstring names."""

import mindspore as ms
import numpy as np
from mindspore import nn, ops
from mindspore.common.initializer import Normal

from cyclegan_lessons.discriminator import PatchDiscriminator
from cyclegan_lessons.generator import ResNetGenerator
from cyclegan_lessons.layers import InstanceNorm2d, convolution

# --- the whole generator --------------------------------------------------------------------------


def swap_cells(cell: nn.Cell, kind: type, make):
    """Put ``make(old)`` in the place of every cell of a ``kind`` in the sequences below
    ``cell``."""
    for _, sequence in cell.cells_and_names():
        if isinstance(sequence, nn.SequentialCell):
            for i, old in enumerate(sequence):
                if isinstance(old, kind):
                    sequence[i] = make(old)


class SharedBlocks(ResNetGenerator):
    """`ResNetGenerator` with ``[block] * n``: a list of n references to one block."""

    def __init__(self, *sizes, **named_sizes):
        super().__init__(*sizes, **named_sizes)
        self.blocks = nn.SequentialCell(list(self.blocks)[:1] * len(self.blocks))


class ZeroPadded(ResNetGenerator):
    """`ResNetGenerator` with zeros around the maps instead of their reflection."""

    def __init__(self, *sizes, **named_sizes):
        super().__init__(*sizes, **named_sizes)
        for _, cells in self.cells_and_names():
            for i, pad in enumerate(cells if isinstance(cells, nn.SequentialCell) else ()):
                # the convolution pads by itself: nn.ZeroPad2d takes seconds on a CPU
                if isinstance(pad, nn.ReflectionPad2d):
                    old, cells[i] = cells[i + 1], nn.Identity()
                    size, padding = old.kernel_size[0], pad.padding[0][0]
                    cells[i + 1] = convolution(
                        old.in_channels, old.out_channels, size, padding=padding
                    )


class Leaky(ResNetGenerator):
    """`ResNetGenerator` with the discriminator's LeakyReLU instead of ReLU."""

    def __init__(self, *sizes, **named_sizes):
        super().__init__(*sizes, **named_sizes)
        swap_cells(self, nn.ReLU, lambda _: nn.LeakyReLU(0.2))


class ZeroPaddedLeaky(ZeroPadded):
    """Both at once, as in the tutorial, where `shifted_upsampling` comes on top."""

    def __init__(self, *sizes, **named_sizes):
        super().__init__(*sizes, **named_sizes)
        swap_cells(self, nn.ReLU, lambda _: nn.LeakyReLU(0.2))


class BiaslessOutput(ResNetGenerator):
    """`ResNetGenerator` whose last convolution has no bias."""

    def __init__(self, *sizes, **named_sizes):
        super().__init__(*sizes, **named_sizes)
        no_bias = {"has_bias": False, "weight_init": Normal(0.02)}
        out_channels, channels = self.decoder[-2].weight.shape[:2]
        self.decoder[-2] = nn.Conv2d(channels, out_channels, 7, pad_mode="pad", **no_bias)


# --- the whole discriminator ----------------------------------------------------------------------


class FourStrides(PatchDiscriminator):
    """`PatchDiscriminator` with stride 2 in every layer from C64 to C512, as the paper's prose has
    it."""

    def __init__(self, in_channels: int = 3, base_channels: int = 64, n_layers: int = 3):
        super().__init__(in_channels, base_channels, n_layers)
        inner, outer = (min(2 ** (n_layers - i), 8) * base_channels for i in (1, 0))
        self.layers[-4] = convolution(inner, outer, 4, stride=2, padding=1)


class SigmoidScores(PatchDiscriminator):
    """`PatchDiscriminator` that ends in a sigmoid, so that every score lies between 0 and 1."""

    def construct(self, x):
        return ops.sigmoid(self.layers(x))


class DownToOnePixel(PatchDiscriminator):
    """`PatchDiscriminator` that halves a 64×64 image down to 1×1 with instance norm in every layer
    but the first."""

    def __init__(self, in_channels: int = 3, base_channels: int = 64, n_layers: int = 3):
        super().__init__(in_channels, base_channels, n_layers)
        k, channels = base_channels, in_channels
        layers = []
        for i, more in enumerate((k, 2 * k, 4 * k, 8 * k, 8 * k, 8 * k)):
            norm = [InstanceNorm2d()] if i else []
            layers += [
                convolution(channels, more, 4, stride=2, padding=1),
                *norm,
                nn.LeakyReLU(0.2),
            ]
            channels = more
        self.layers = nn.SequentialCell([*layers, convolution(channels, 1, 1)])


# --- the layers -----------------------------------------------------------------------------------


def shifted_upsampling(in_channels: int, out_channels: int) -> nn.Conv2dTranspose:
    """`upsampling` with ``pad_mode="same"``: the right size, one pixel off."""
    return nn.Conv2dTranspose(
        in_channels,
        out_channels,
        3,
        stride=2,
        pad_mode="same",
        has_bias=True,
        weight_init=Normal(0.02),
        bias_init="zeros",
    )


def zeros_upsampling(in_channels: int, out_channels: int) -> nn.Conv2dTranspose:
    """`upsampling` written as in other frameworks, with ``padding=1, output_padding=1``."""
    return nn.Conv2dTranspose(
        in_channels,
        out_channels,
        3,
        stride=2,
        pad_mode="pad",
        padding=1,
        output_padding=1,
        has_bias=True,
        weight_init=Normal(0.02),
        bias_init="zeros",
    )


class BatchNormNeverTrained(nn.Cell):
    """`InstanceNorm2d` as a batch norm whose `set_train()` is never called: mean 0 and variance 1
    for ever."""

    def __init__(self, epsilon: float = 1e-5):
        super().__init__()
        self.batch_norm = ops.BatchNorm(is_training=False, epsilon=epsilon)

    def construct(self, x):
        channels = x.shape[1]
        ones, zeros = ops.ones((channels,), ms.float32), ops.zeros((channels,), ms.float32)
        return self.batch_norm(x, ones, zeros, zeros, ones)[0]


class LayerNorm(nn.Cell):
    """`InstanceNorm2d` as group norm with one group: one mean and one variance for all channels of
    an image."""

    def __init__(self, epsilon: float = 1e-5):
        super().__init__()
        self.batch_norm = ops.BatchNorm(is_training=True, epsilon=epsilon, momentum=0.0)

    def construct(self, x):
        n, c, h, w = x.shape
        ones, zeros = ops.ones((n,), ms.float32), ops.zeros((n,), ms.float32)
        x = x.reshape((1, n, c * h, w))  # every image becomes a channel of its own
        x = self.batch_norm(x, ones, zeros, zeros, ones)[0]
        return x.reshape((n, c, h, w))


class NormByMode(nn.Cell):
    """`InstanceNorm2d` that uses what it knows from training, here mean 0 and variance 1, in
    evaluation mode."""

    def __init__(self, epsilon: float = 1e-5):
        super().__init__()
        self.norm, self.in_evaluation = InstanceNorm2d(epsilon), BatchNormNeverTrained(epsilon)

    def construct(self, x):
        return self.norm(x) if self.training else self.in_evaluation(x)


class GammaAroundZero(nn.Cell):
    """`InstanceNorm2d` with a factor for each channel that starts as N(0, 0.02) instead of N(1,
    0.02)."""

    def __init__(self, epsilon: float = 1e-5):
        super().__init__()
        self.norm = InstanceNorm2d(epsilon)
        self.gamma = ms.Parameter(
            ms.Tensor(np.random.default_rng(0).normal(0, 0.02, (1, 2048, 1, 1)), ms.float32)
        )

    def construct(self, x):
        return self.gamma[:, : x.shape[1]] * self.norm(x)


class MovingMoments(InstanceNorm2d):
    """`InstanceNorm2d` whose batch norm keeps its momentum, 0.1, and so writes into the constants
    that it is given."""

    def __init__(self, epsilon: float = 1e-5):
        super().__init__(epsilon)
        self.batch_norm = ops.BatchNorm(is_training=True, epsilon=epsilon)
