"""Exercise on the whole generator."""

from collections.abc import Iterator

import mindspore as ms
import numpy as np
from mindspore import nn

from cyclegan_lessons.exercises.checking import array, close, compare, expect, function, run, tensor
from cyclegan_lessons.exercises.exercise import Exercise, Wrong
from cyclegan_lessons.exercises.networks import (
    cell,
    expect_channels,
    expect_seen,
    load,
    random_weights,
    replaced,
    start_weights,
    weights,
    zero_padding,
)
from cyclegan_lessons.generator import ResNetGenerator
from cyclegan_lessons.layers import InstanceNorm2d

CHANNELS, BLOCKS = 2, 3


def ours(arrays: list | None = None) -> nn.Cell:
    network = ResNetGenerator(base_channels=CHANNELS, n_layers=BLOCKS)
    if arrays is not None:
        load(network, arrays)
    return network


# layers that are often taken for others
CHANGES = [
    (
        InstanceNorm2d,
        lambda layer: nn.Identity(),
        "instance norm is missing: it follows every convolution but the last.",
    ),
    (
        nn.ReLU,
        lambda layer: nn.LeakyReLU(0.2),
        "your generator has leaky ReLUs: these are the "
        "discriminator's; the generator has plain ReLUs.",
    ),
    (
        nn.ReflectionPad2d,
        zero_padding,
        "you pad with zeros before the 7×7 layers: pad by reflection.",
    ),
    (
        nn.Tanh,
        lambda layer: nn.Sigmoid(),
        "your generator ends with a sigmoid, whose range is "
        "[0, 1]: the pictures are in [-1, 1], so take a tanh.",
    ),
]


def check_generator(MyGenerator):
    function(MyGenerator, "MyGenerator")
    network = cell(MyGenerator(CHANNELS, BLOCKS), "MyGenerator")
    x = tensor(2, 3, 16, 24, seed=4)
    array(run(network, x), "the result of MyGenerator", x.shape)
    check_parameters(network)
    arrays = random_weights(ours(), 0.2)
    load(network, arrays)
    result = array(run(network, x), "the result of MyGenerator", x.shape)
    network.set_train()
    expect(
        close(array(run(network, x), "the result of MyGenerator", x.shape), result),
        "in training your generator gives other values than in inference: use InstanceNorm2d, "
        "which does the same in both.",
    )
    check_result(result, x, arrays)
    start_weights(MyGenerator(8, 2), "MyGenerator")


def check_parameters(network: nn.Cell):
    right = ours()
    block = sum(p.size for p in weights(right.blocks[0]))

    def count(blocks):
        return sum(p.size for p in weights(right)) + (blocks - BLOCKS) * block

    came = sum(p.size for p in weights(network))
    expect_channels(network, CHANNELS, "MyGenerator")
    expect_seen(network, count(BLOCKS), BLOCKS * block)
    expect(
        came != count(1),
        "your blocks are one block, used {blocks} times: [block] * n makes no copies; make a new "
        "block in each turn of the loop.",
        blocks=BLOCKS,
    )
    for extra in (-1, 1):
        expect(
            came != count(BLOCKS + extra),
            "your generator has a residual block too many or too few.",
        )
    expect(came != count(BLOCKS) - 3, "the last convolution of your generator has no bias.")
    expect(
        [p.shape for p in weights(network)] == [p.shape for p in weights(right)],
        "with {k} base channels and {blocks} blocks your generator has {came} parameters, and "
        "{wanted} are right; or its layers are in another order: compare them with the line of the "
        "paper.",
        k=CHANNELS,
        blocks=BLOCKS,
        came=came,
        wanted=count(BLOCKS),
    )


def check_result(result: np.ndarray, x: ms.Tensor, arrays: list):
    right = ours(arrays)(x).asnumpy()

    def other(kind, make) -> Iterator[np.ndarray]:
        """Without and with the residual blocks, which may be the package's."""
        network = ours(arrays)
        replaced(network.encoder, kind, make), replaced(network.decoder, kind, make)
        yield network(x).asnumpy()
        yield replaced(network, kind, make)(x).asnumpy()

    expect(
        np.abs(result).max() <= 1 + 1e-4,
        "some values of your result are outside [-1, 1]: the last layer is a tanh.",
    )
    guesses = ((guess, text) for kind, make, text in CHANGES for guess in other(kind, make))
    compare(
        result,
        right,
        guesses,
        "with the weights of our generator yours gives other values: a norm, a ReLU or a padding "
        "is missing, or at another place; instance norm and ReLU follow every convolution but the "
        "last.",
        1e-3,
    )


GENERATOR = Exercise(
    name="generator",
    subject="generator",
    title="The generator",
    task="Write `MyGenerator(base_channels, n_layers)`: c7s1-k, d2k, d4k, n × R4k, u2k, uk, "
    "c7s1-3. Take `convolution`, `upsampling`, `InstanceNorm2d` and `ResidualBlock` from the "
    "package, or your own block.",
    solution='''from mindspore import nn

from cyclegan_lessons.generator import ResidualBlock
from cyclegan_lessons.layers import InstanceNorm2d, convolution, upsampling


class MyGenerator(nn.Cell):
    """Images N×3×H×W in [-1, 1] in and out, H and W divisible by 4."""

    def __init__(self, base_channels=64, n_layers=9):
        super().__init__()
        k = base_channels
        layers = [nn.ReflectionPad2d(3), convolution(3, k, 7), InstanceNorm2d(), nn.ReLU()]
        for i in (k, 2 * k):
            layers += [convolution(i, 2 * i, 3, stride=2, padding=1), InstanceNorm2d(), nn.ReLU()]
        layers += [ResidualBlock(4 * k) for _ in range(n_layers)]
        for i in (4 * k, 2 * k):
            layers += [upsampling(i, i // 2), InstanceNorm2d(), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), convolution(k, 3, 7), nn.Tanh()]
        self.layers = nn.SequentialCell(layers)

    def construct(self, x):
        """Translate."""
        return self.layers(x)
''',
    check=check_generator,
    hints=(
        "Make one list of layers and give it to `nn.SequentialCell`. After every convolution but "
        "the last come `InstanceNorm2d()` and `nn.ReLU()`.",
        "c7s1-k is `nn.ReflectionPad2d(3), convolution(3, k, 7)`; d2k is `convolution(k, 2 * k, 3, "
        "stride=2, padding=1)`; u2k is `upsampling(4 * k, 2 * k)`.",
        "The blocks: `[ResidualBlock(4 * k) for _ in range(n_layers)]`. The end: reflection "
        "padding, `convolution(k, 3, 7)`, `nn.Tanh()`.",
    ),
    wrong=(
        Wrong(
            "[ResidualBlock(4 * k) for _ in range(n_layers)]",
            "[ResidualBlock(4 * k)] * n_layers",
            "your blocks are one block",
        ),
        Wrong("range(n_layers)", "range(n_layers - 1)", "your generator has a residual block too"),
        Wrong(", nn.Tanh()", "", "some values of your result are outside"),
        Wrong("nn.Tanh()", "nn.Sigmoid()", "your generator ends with a sigmoid"),
        Wrong("nn.ReLU()", "nn.LeakyReLU(0.2)", "your generator has leaky ReLUs"),
        Wrong(
            "convolution(k, 3, 7)",
            "nn.Conv2d(k, 3, 7, pad_mode='valid')",
            "the last convolution of your generator has no bias",
        ),
        Wrong("InstanceNorm2d(), nn.ReLU()]", "nn.ReLU()]", "instance norm is missing"),
        Wrong("k = base_channels", "k = 8", "{what}({asked}) has {came} channels"),
        Wrong(
            "nn.SequentialCell(layers)\n",
            "[nn.SequentialCell(layers)]\n\n    def __call__(self, x):\n"
            "        return self.layers[0](x)\n",
            "MindSpore does not see the weights",
        ),
    ),
    right="right. Shape and range stay, the blocks are distinct, and the weights start as the "
    "paper's.",
)

EXERCISES = (GENERATOR,)
