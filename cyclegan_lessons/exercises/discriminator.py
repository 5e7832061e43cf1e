"""Exercise on the PatchGAN."""

from collections.abc import Callable, Iterator

import mindspore as ms
import numpy as np
from mindspore import nn

from cyclegan_lessons.discriminator import PatchDiscriminator
from cyclegan_lessons.exercises.checking import (
    array,
    compare,
    expect,
    function,
    run,
    tensor,
)
from cyclegan_lessons.exercises.exercise import Exercise, Wrong
from cyclegan_lessons.exercises.networks import (
    cell,
    expect_channels,
    load,
    random_weights,
    replaced,
    start_weights,
    weights,
)
from cyclegan_lessons.layers import InstanceNorm2d


def check_discriminator(MyDiscriminator):
    function(MyDiscriminator, "MyDiscriminator")
    network = cell(MyDiscriminator(2), "MyDiscriminator")
    ours = PatchDiscriminator(base_channels=2)
    x = tensor(2, 3, 48, 64, seed=6)
    right_shape = ours(x).shape
    value = run(network, x)
    shape = array(value, "the result of MyDiscriminator").shape
    expect(
        shape != (2, 1, 2, 3) and shape != (2, 1, 1, 2),
        "your map is half as large as ours: only the first three layers have the stride 2, as in "
        "the authors' code; the last two have the stride 1.",
    )
    expect(
        len(shape) == 4,
        "your discriminator gives one score for the picture: return the map, one score a patch.",
    )
    array(value, "the result of MyDiscriminator", right_shape)
    check_parameters(network, ours)
    arrays = random_weights(ours, 0.2)
    load(network, arrays), load(ours, arrays)
    result = array(run(network, x), "the result of MyDiscriminator", right_shape)
    check_scores(result, x, arrays)
    start_weights(MyDiscriminator(8), "MyDiscriminator")


def check_parameters(network: nn.Cell, ours: nn.Cell):
    came, wanted = (sum(p.size for p in weights(part)) for part in (network, ours))
    expect_channels(network, 2, "MyDiscriminator")
    expect(
        [p.shape for p in weights(network)] == [p.shape for p in weights(ours)],
        "with 2 base channels your discriminator has {came} parameters, and {wanted} are right; or "
        "its layers are in another order: 4×4 convolutions with bias to k, 2k, 4k, 8k channels and "
        "then to 1.",
        came=came,
        wanted=wanted,
    )


def check_scores(result: np.ndarray, x: ms.Tensor, arrays: list):
    def ours() -> nn.Cell:
        network = PatchDiscriminator(base_channels=2)
        load(network, arrays)
        return network

    right = ours()(x).asnumpy()
    compare(
        result,
        right,
        guesses(ours, x),
        "with the weights of our discriminator yours gives other scores: a norm, a leaky ReLU, a "
        "stride or a padding is missing, or at another place.",
        1e-3,
    )


def guesses(ours: Callable, x: ms.Tensor) -> Iterator[tuple]:
    """What wrong answers give, each with what to say to it."""

    def other(kind, make):
        return replaced(ours(), kind, make)(x).asnumpy()

    right, normed = ours()(x).asnumpy(), ours()
    normed.layers[0] = nn.SequentialCell(normed.layers[0], InstanceNorm2d())
    yield from [
        (
            1 / (1 + np.exp(-right)),
            "your discriminator ends with a sigmoid: least squares works on raw scores.",
        ),
        (
            other(nn.LeakyReLU, lambda layer: nn.ReLU()),
            "you use plain ReLUs: then no gradient "
            "passes where a value is negative; take nn.LeakyReLU(0.2).",
        ),
        (
            other(nn.LeakyReLU, lambda layer: nn.LeakyReLU(0.01)),
            "the slope of your leaky ReLU is 0.01: the paper's is 0.2.",
        ),
        (
            other(InstanceNorm2d, lambda layer: nn.Identity()),
            "instance norm is missing: it follows all layers but the first and the last.",
        ),
        (normed(x).asnumpy(), "the first layer must not be normalised."),
        (
            np.maximum(right, 0.2 * right),
            "there is a leaky ReLU after the last layer: scores are raw.",
        ),
    ]


DISCRIMINATOR = Exercise(
    name="discriminator",
    subject="discriminator",
    title="The PatchGAN",
    task="Write `MyDiscriminator(base_channels)`: C64-C128-C256-C512 and a convolution to one "
    "channel, all 4×4 with padding 1. The first three have the stride 2. Leaky ReLUs have the "
    "slope 0.2.",
    solution='''from mindspore import nn

from cyclegan_lessons.layers import InstanceNorm2d, convolution


class MyDiscriminator(nn.Cell):
    """Images N×3×H×W in [-1, 1] to a map of raw scores N×1×h×w, each of 70×70 pixels."""

    def __init__(self, base_channels=64):
        super().__init__()
        k = base_channels
        layers = [convolution(3, k, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for i, stride in ((k, 2), (2 * k, 2), (4 * k, 1)):
            layers += [convolution(i, 2 * i, 4, stride=stride, padding=1)]
            layers += [InstanceNorm2d(), nn.LeakyReLU(0.2)]
        layers += [convolution(8 * k, 1, 4, padding=1)]
        self.layers = nn.SequentialCell(layers)

    def construct(self, x):
        """Score each patch."""
        return self.layers(x)
''',
    check=check_discriminator,
    hints=(
        "Make a list of layers. The first is a convolution and a leaky ReLU without norm, the last "
        "a convolution alone. Which strides make a field of 70?",
        "`convolution(i, 2 * i, 4, stride=stride, padding=1), InstanceNorm2d(), "
        "nn.LeakyReLU(0.2)` with i = k, 2k, 4k and the strides 2, 2, 1.",
    ),
    wrong=(
        Wrong("(4 * k, 1)", "(4 * k, 2)", "your map is half as large"),
        Wrong(
            "return self.layers(x)",
            "return self.layers(x).mean((1, 2, 3))",
            "your discriminator gives one score",
        ),
        Wrong(
            "convolution(8 * k, 1, 4, padding=1)]",
            "convolution(8 * k, 1, 4, padding=1), nn.Sigmoid()]",
            "your discriminator ends with a sigmoid",
        ),
        Wrong("nn.LeakyReLU(0.2)", "nn.ReLU()", "you use plain ReLUs"),
        Wrong("nn.LeakyReLU(0.2)", "nn.LeakyReLU(0.01)", "the slope of your leaky ReLU"),
        Wrong("InstanceNorm2d(), ", "", "instance norm is missing"),
        Wrong("k = base_channels", "k = 64", "{what}({asked}) has {came} channels"),
        Wrong(
            "padding=1), nn.Leaky",
            "padding=1), InstanceNorm2d(), nn.Leaky",
            "the first layer must not be normalised",
        ),
    ),
    right="right. A map of raw scores, each of which sees 70×70 pixels.",
)

EXERCISES = (DISCRIMINATOR,)
