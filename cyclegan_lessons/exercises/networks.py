"""What the checks of networks share: the learner's network gets the weights of ours, and must do
the same."""

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from cyclegan_lessons.exercises.checking import expect


def cell(value, what: str) -> nn.Cell:
    """A network of the learner's."""
    expect(
        isinstance(value, nn.Cell),
        "{what} must be a class of nn.Cell: write class {what}(nn.Cell), and call "
        "super().__init__() first.",
        what=what,
    )
    return value


def weights(network: nn.Cell) -> list[ms.Parameter]:
    return list(network.trainable_params())


def load(network: nn.Cell, arrays: list[np.ndarray]):
    """Give a new network of the learner's the weights of ours."""
    for parameter, values in zip(weights(network), arrays, strict=True):
        ops.assign(parameter, ms.Tensor(values))


def random_weights(network: nn.Cell, scale: float = 0.3) -> list[np.ndarray]:
    """Weights and biases that show every part of a network."""
    rng = np.random.default_rng(7)
    return [rng.normal(0, scale, p.shape).astype(np.float32) for p in weights(network)]


def replaced(network: nn.Cell, kind: type, make) -> nn.Cell:
    """``network`` with ``make(layer)`` in the place of each layer of one kind."""
    chains = [c for _, c in network.cells_and_names() if isinstance(c, nn.SequentialCell)]
    places = [(chain, i) for chain in chains for i in range(len(chain))]
    for chain, i in places:
        if isinstance(chain[i], kind):
            chain[i] = make(chain[i])
    return network


def zero_padding(layer: nn.ReflectionPad2d) -> nn.Cell:
    return nn.ConstantPad2d(layer.padding[-1][0], 0.0)


def start_weights(network: nn.Cell, what: str):
    """Weights from N(0, 0.02), biases 0."""
    kernels = np.concatenate([p.asnumpy().ravel() for p in weights(network) if p.ndim == 4])
    biases = np.concatenate([p.asnumpy().ravel() for p in weights(network) if p.ndim == 1])
    expect(
        0.018 < kernels.std() < 0.022 and not biases.any(),
        "the start weights of {what} are not the paper's: N(0, 0.02) for kernels, 0 for biases; "
        "use convolution and upsampling from cyclegan_lessons.layers.",
        what=what,
    )


def expect_channels(network: nn.Cell, channels: int, what: str):
    """A `Finding` when the first layer has another number of channels than was asked for."""
    kernels = [p for p in weights(network) if p.ndim == 4]
    expect(
        not kernels or kernels[0].shape[0] == channels,
        "{what}({asked}) has {came} channels in its first layer: use base_channels, not a number.",
        what=what,
        asked=channels,
        came=kernels[0].shape[0] if kernels else 0,
    )


def expect_seen(network: nn.Cell, wanted: int, hidden: int):
    """A `Finding` when MindSpore sees no weights, or not those of a part with ``hidden`` ones."""
    expect(
        sum(p.size for p in weights(network)) not in (0, wanted - hidden),
        "MindSpore does not see the weights of some of your layers: make them in __init__, and put "
        "a list of layers into nn.SequentialCell or nn.CellList.",
    )
