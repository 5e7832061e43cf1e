"""Trapped networks and layers. Each stands in for the class or function of the package that its docstring names."""

import mindspore as ms
from mindspore import nn, ops
from mindspore.common.initializer import Normal

from cyclegan_lessons.generator import ResNetGenerator

# ------------------------------------------------------------------------------------------------- the whole generator


def swap_cells(cell: nn.Cell, kind: type, make):
    """Put ``make(old)`` in the place of every cell of a ``kind`` in the sequences below ``cell``."""
    for _, sequence in cell.cells_and_names():
        if isinstance(sequence, nn.SequentialCell):
            for i, old in enumerate(sequence):
                if isinstance(old, kind):
                    sequence[i] = make(old)


class SharedBlocks(ResNetGenerator):
    """`ResNetGenerator` with ``[block] * n``: a list of n references to one block."""

    def __init__(self, in_channels: int = 3, out_channels: int = 3, base_channels: int = 64, n_layers: int = 9):
        super().__init__(in_channels, out_channels, base_channels, n_layers)
        self.blocks = nn.SequentialCell(list(self.blocks)[:1] * n_layers)


class ZeroPadded(ResNetGenerator):
    """`ResNetGenerator` with zeros around the maps instead of their reflection."""

    def __init__(self, in_channels: int = 3, out_channels: int = 3, base_channels: int = 64, n_layers: int = 9):
        super().__init__(in_channels, out_channels, base_channels, n_layers)
        swap_cells(self, nn.ReflectionPad2d, lambda pad: nn.ZeroPad2d(pad.padding[0][0]))


class Leaky(ResNetGenerator):
    """`ResNetGenerator` with the discriminator's LeakyReLU instead of ReLU."""

    def __init__(self, in_channels: int = 3, out_channels: int = 3, base_channels: int = 64, n_layers: int = 9):
        super().__init__(in_channels, out_channels, base_channels, n_layers)
        swap_cells(self, nn.ReLU, lambda _: nn.LeakyReLU(0.2))


class ZeroPaddedLeaky(ZeroPadded):
    """Both at once, as in the tutorial, where `shifted_upsampling` comes on top."""

    def __init__(self, in_channels: int = 3, out_channels: int = 3, base_channels: int = 64, n_layers: int = 9):
        super().__init__(in_channels, out_channels, base_channels, n_layers)
        swap_cells(self, nn.ReLU, lambda _: nn.LeakyReLU(0.2))


# ---------------------------------------------------------------------------------------------------------- the layers


def shifted_upsampling(in_channels: int, out_channels: int) -> nn.Conv2dTranspose:
    """`upsampling` with ``pad_mode="same"``: the right size, one pixel off."""
    return nn.Conv2dTranspose(
        in_channels, out_channels, 3, stride=2, pad_mode="same", has_bias=True, weight_init=Normal(0.02), bias_init="zeros"
    )  # fmt: skip


def zeros_upsampling(in_channels: int, out_channels: int) -> nn.Conv2dTranspose:
    """`upsampling` written as in other frameworks, with ``padding=1, output_padding=1``."""
    return nn.Conv2dTranspose(
        in_channels, out_channels, 3, stride=2, pad_mode="pad", padding=1, output_padding=1, has_bias=True,
        weight_init=Normal(0.02), bias_init="zeros",
    )  # fmt: skip


class BatchNormNeverTrained(nn.Cell):
    """`InstanceNorm2d` as a batch norm whose `set_train()` is never called: mean 0 and variance 1 for ever."""

    def __init__(self, epsilon: float = 1e-5):
        super().__init__()
        self.batch_norm = ops.BatchNorm(is_training=False, epsilon=epsilon)

    def construct(self, x):
        channels = x.shape[1]
        ones, zeros = ops.ones((channels,), ms.float32), ops.zeros((channels,), ms.float32)
        return self.batch_norm(x, ones, zeros, zeros, ones)[0]


class LayerNorm(nn.Cell):
    """`InstanceNorm2d` as group norm with one group: one mean and one variance for all channels of an image."""

    def __init__(self, epsilon: float = 1e-5):
        super().__init__()
        self.batch_norm = ops.BatchNorm(is_training=True, epsilon=epsilon, momentum=0.0)

    def construct(self, x):
        n, c, h, w = x.shape
        ones, zeros = ops.ones((n,), ms.float32), ops.zeros((n,), ms.float32)
        x = x.reshape((1, n, c * h, w))  # every image becomes a channel of its own
        x = self.batch_norm(x, ones, zeros, zeros, ones)[0]
        return x.reshape((n, c, h, w))
