"""Chapter 12: count the multiply–adds of a training step, from the layers of the networks.

Only convolutions count; norms, activations and Adam add little arithmetic to theirs. A layer costs
the same three times: forward, for the gradient of its weights, and for the gradient of its input.
"""

from mindspore import nn

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.detail import RepeatPixels, generator_of
from cyclegan_lessons.discriminator import PatchDiscriminator

PARTS = ("7×7 in", "3×3 down", "blocks", "3×3 up", "7×7 out", "discriminators")


def multiply_adds(network: nn.Cell, side: int) -> list[int]:
    """Multiply–adds of each convolution of a network, for one square image of that side.

    A convolution multiplies each of its weights once for every output position, a transposed one
    once for every input position; zeros of the padding are counted as if they were pixels.
    """
    counts = []
    for _, cell in network.cells_and_names():
        if isinstance(cell, nn.ReflectionPad2d):
            side += sum(cell.padding[-1])
        elif isinstance(cell, RepeatPixels):
            side *= 2
        elif isinstance(cell, nn.Conv2dTranspose):
            counts.append(side**2 * cell.weight.size)
            side *= cell.stride[0]
        elif isinstance(cell, nn.Conv2d):
            padding = cell.padding if isinstance(cell.padding, int) else cell.padding[0]
            side = (side + 2 * padding - cell.kernel_size[0]) // cell.stride[0] + 1
            counts.append(side**2 * cell.weight.size)
    return counts


def multiply_adds_of_a_step(config: LessonConfig) -> dict[str, int]:
    """Multiply–adds that one step of batch 1 cannot do without, by `PARTS`, in all four networks.

    Each generator translates three images: one for the fake, one for the cycle, one for the
    identity. Nobody asks for the gradient of a real image, so of these three only the fake in the
    cycle needs the first layer's third share. The discriminators judge one fake each for the
    generators, which need no gradient of weights, and then a real and a fake image, whose own
    gradients are not needed.
    """
    k, n = config.base_channels, config.n_layers
    first, *rest = multiply_adds(generator_of(config), config.image_size)
    down, blocks, up, last = rest[:2], rest[2 : 2 + 2 * n], rest[2 + 2 * n : -1], rest[-1:]
    judge = multiply_adds(PatchDiscriminator(base_channels=k), config.image_size)
    passes = 3 * 2
    counts = [
        first * (3 * passes - 2 * 2),
        *(sum(part) * 3 * passes for part in (down, blocks, up, last)),
    ]
    counts.append(2 * sum(judge) * 2 + 4 * (3 * sum(judge) - judge[0]))
    return dict(zip(PARTS, counts, strict=True))
