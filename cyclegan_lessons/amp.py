"""Mixed precision (amp): convolutions compute in float16, everything that is kept or added up stays
float32.

A GPU or an Ascend convolves float16 several times faster, and moves half the bytes. The weights,
Adam, and the losses stay float32: a step of 2e-4 · 0.001 would vanish beside a float16 weight of
0.02.
"""

from types import SimpleNamespace

import mindspore as ms
from mindspore import nn

# float16 ends at 6e-8. The mean absolute error of a 256×256 image has a gradient of 5e-6 at each
# pixel, and less further back, so gradients are multiplied by this number while they are float16.
# It is far from float16's other end, 65504.
SCALE = 1024.0


class ScaleGradient(nn.Cell):
    """Return the input as it is, and multiply the gradient that comes back by ``factor``."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def construct(self, x):
        return x * 1  # PyNative mode would not see the gradient pass through x itself

    def bprop(self, x, out, gradient):
        return (gradient * self.factor,)


class MixedPrecision(nn.Cell):
    """A network of ours, float32 in and out, whose convolutions compute in float16.

    The gradient of the input is right; those of the weights come out `SCALE` times as large.
    """

    def __init__(self, network: nn.Cell):
        super().__init__(auto_prefix=False)
        for _, cell in network.cells_and_names():
            if isinstance(cell, (nn.Conv2d, nn.Conv2dTranspose)):
                cell.to_float(ms.float16)
        self.network = network
        self.enlarge, self.reduce = ScaleGradient(SCALE), ScaleGradient(1 / SCALE)

    def construct(self, x):
        return self.enlarge(self.network(self.reduce(x)).astype(ms.float32))


def unscaling(optimizer: nn.Optimizer):
    """Return what stands in for ``optimizer`` where networks are in `MixedPrecision`.

    It divides the gradients by `SCALE`.
    """

    def update(gradients):
        return optimizer(tuple([gradient / SCALE for gradient in gradients]))

    update.parameters = optimizer.parameters
    return update


def mixed(networks: nn.Cell, optimizer: nn.Optimizer) -> tuple:
    """The networks G, F, D_X and D_Y in `MixedPrecision`, and an optimiser that fits them."""
    names = ("G", "F", "D_X", "D_Y")
    wrapped = {name: MixedPrecision(getattr(networks, name)) for name in names}
    return SimpleNamespace(**wrapped), unscaling(optimizer)
