"""Exercise on the residual block."""

import mindspore as ms
import numpy as np
from mindspore import nn

from cyclegan_lessons.exercises.checking import array, compare, expect, function, run, tensor
from cyclegan_lessons.exercises.exercise import Exercise, Wrong
from cyclegan_lessons.exercises.networks import (
    cell,
    expect_seen,
    load,
    random_weights,
    replaced,
    start_weights,
    weights,
    zero_padding,
)
from cyclegan_lessons.generator import ResidualBlock
from cyclegan_lessons.layers import InstanceNorm2d


def check_block(MyResidualBlock):
    function(MyResidualBlock, "MyResidualBlock")
    block = cell(MyResidualBlock(6), "MyResidualBlock")
    x = tensor(2, 6, 8, 10, seed=3, scale=2)
    ours = ResidualBlock(6)
    array(run(block, x), "the result of MyResidualBlock", x.shape)
    came, wanted = (sum(p.size for p in weights(network)) for network in (block, ours))
    expect_seen(block, wanted, wanted)
    expect(
        came != wanted - 12, "your convolutions have no bias: has_bias is False unless you say so."
    )
    expect(
        came == wanted and [p.shape for p in weights(block)] == [p.shape for p in weights(ours)],
        "a block with 6 channels has {came} parameters, but {wanted} are right: two 3×3 "
        "convolutions from 6 to 6 channels, with bias.",
        came=came,
        wanted=wanted,
    )
    arrays = random_weights(ours)
    load(block, arrays), load(ours, arrays)
    result = array(run(block, x), "the result of MyResidualBlock", x.shape)
    check_block_result(result, x, ours, arrays)
    start_weights(MyResidualBlock(48), "MyResidualBlock")


def check_block_result(result: np.ndarray, x: ms.Tensor, ours: nn.Cell, arrays: list):
    def other(kind, make):
        network = replaced(ResidualBlock(6), kind, make)
        load(network, arrays)
        return network(x).asnumpy()

    body, right = ours.body(x).asnumpy(), ours(x).asnumpy()
    no_middle = other(nn.ReLU, lambda layer: nn.Identity())
    guesses = [
        (body, "you return the change alone: add it to the input."),
        (np.maximum(right, 0), "there is a ReLU after the sum: the block ends with the sum."),
        (
            x.asnumpy() + np.maximum(body, 0),
            "there is a ReLU after the second norm: the change must be able to be negative.",
        ),
        (no_middle, "the ReLU between the two convolutions is missing."),
        (
            other(nn.ReLU, lambda layer: nn.LeakyReLU(0.2)),
            "you use a leaky ReLU: the generator has plain ReLUs.",
        ),
        (
            other(nn.ReflectionPad2d, zero_padding),
            "you pad with zeros: the paper pads residual blocks by reflection.",
        ),
        (other(InstanceNorm2d, lambda layer: nn.Identity()), "instance norm is missing."),
        (x.asnumpy() - body, "you subtract the change: add it."),
    ]
    compare(
        result,
        right,
        guesses,
        "with the weights of our block yours gives other values: reflection padding, convolution, "
        "norm, ReLU, then padding, convolution and norm again, and the sum.",
        1e-3,
    )


BLOCK = Exercise(
    name="block",
    subject="generator",
    title="A residual block",
    task="Write `MyResidualBlock(channels)`, an `nn.Cell`: two 3×3 convolutions with reflection "
    "padding and instance norm, a ReLU between them, and the sum. `convolution` has the paper's "
    "start weights.",
    solution='''from mindspore import nn

from cyclegan_lessons.layers import InstanceNorm2d, convolution


class MyResidualBlock(nn.Cell):
    """Rk: compute a change and add it to the input; N×k×H×W in and out."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.SequentialCell(
            nn.ReflectionPad2d(1),
            convolution(channels, channels, 3),
            InstanceNorm2d(),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            convolution(channels, channels, 3),
            InstanceNorm2d(),
        )

    def construct(self, x):
        """The input plus its change."""
        return x + self.body(x)
''',
    check=check_block,
    hints=(
        "Put the seven layers of the change into one `nn.SequentialCell` and call it in "
        "`construct`. A 3×3 convolution without padding takes one pixel away on each side.",
        "`nn.ReflectionPad2d(1)`, `convolution(channels, channels, 3)`, `InstanceNorm2d()`, "
        "`nn.ReLU()`, and the first three once more.",
    ),
    wrong=(
        Wrong("x + self.body(x)", "self.body(x)", "you return the change alone"),
        Wrong("            nn.ReLU(),\n", "", "the ReLU between"),
        Wrong("nn.ReLU()", "nn.LeakyReLU(0.2)", "you use a leaky ReLU"),
        Wrong("nn.ReflectionPad2d(1)", "nn.ConstantPad2d(1, 0.0)", "you pad with zeros"),
        Wrong(
            "return x + self.body(x)",
            "return nn.ReLU()(x + self.body(x))",
            "there is a ReLU after the sum",
        ),
        Wrong(
            "            InstanceNorm2d(),\n        )",
            "            InstanceNorm2d(),\n            nn.ReLU(),\n        )",
            "there is a ReLU after the second",
        ),
        Wrong(
            "convolution(channels, channels, 3)",
            "nn.Conv2d(channels, channels, 3, pad_mode='valid')",
            "your convolutions have no bias",
        ),
        Wrong(
            "convolution(channels, channels, 3)",
            "nn.Conv2d(channels, channels, 3, pad_mode='valid', has_bias=True)",
            "the start weights of",
        ),
        Wrong("InstanceNorm2d()", "nn.Identity()", "instance norm is missing"),
        Wrong(
            "nn.SequentialCell(\n",
            "(lambda *layers: lambda x: nn.SequentialCell(*layers)(x))(\n",
            "MindSpore does not see the weights",
        ),
    ),
    right="right. With weights of zero it hands its input on: a block learns a change.",
)

EXERCISES = (BLOCK,)
