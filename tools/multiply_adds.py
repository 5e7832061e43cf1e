"""Count the multiply–adds of a training step, from the layers of the networks; `python tools/multiply_adds.py` prints them.

Only convolutions count; norms, activations and Adam add little arithmetic to theirs. A layer costs the same
three times: forward, for the gradient of its weights, and for the gradient of its input.
"""

import cyclegan_lessons  # noqa: F401 (first: it sets what MindSpore reads when it is imported)
from mindspore import nn

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.discriminator import PatchDiscriminator
from cyclegan_lessons.generator import ResNetGenerator

SIZES = {
    "small": LessonConfig(image_size=64, base_channels=16, n_layers=3),
    "middle": LessonConfig(image_size=128, base_channels=32, n_layers=6),
    "paper": LessonConfig(image_size=256, base_channels=64, n_layers=9),
}
PARTS = ("7×7 in", "3×3 down", "blocks", "3×3 up", "7×7 out", "discriminators")


def multiply_adds(network: nn.Cell, side: int) -> list[int]:
    """Multiply–adds of each convolution of a chain of layers, in one forward pass of one square image of that side.

    A convolution multiplies each of its weights once for every output position, a transposed one once for every input
    position; zeros of the padding are counted as if they were pixels.
    """
    counts = []
    for _, cell in network.cells_and_names():
        if isinstance(cell, nn.ReflectionPad2d):
            side += sum(cell.padding[-1])
        elif isinstance(cell, nn.Conv2dTranspose):
            counts.append(side**2 * cell.weight.size)
            side *= cell.stride[0]
        elif isinstance(cell, nn.Conv2d):
            padding = cell.padding if isinstance(cell.padding, int) else cell.padding[0]
            side = (side + 2 * padding - cell.kernel_size[0]) // cell.stride[0] + 1
            counts.append(side**2 * cell.weight.size)
    return counts


def multiply_adds_of_a_step(config: LessonConfig) -> dict[str, int]:
    """Multiply–adds that one step of batch 1 cannot do without, by `PARTS`; both generators and both discriminators.

    Each generator translates three images: one for the fake, one for the cycle, one for the identity. Nobody asks for
    the gradient of a real image, so of these three only the fake in the cycle needs the first layer's third share. The
    discriminators judge one fake each for the generators, which need no gradient of weights, and then a real and a fake
    image, whose own gradients are not needed.
    """
    k, n = config.base_channels, config.n_layers
    first, *rest = multiply_adds(ResNetGenerator(base_channels=k, n_layers=n), config.image_size)
    down, blocks, up, last = rest[:2], rest[2 : 2 + 2 * n], rest[2 + 2 * n : -1], rest[-1:]
    judge = multiply_adds(PatchDiscriminator(base_channels=k), config.image_size)
    passes = 3 * 2
    counts = [first * (3 * passes - 2 * 2), *(sum(part) * 3 * passes for part in (down, blocks, up, last))]
    counts.append(2 * sum(judge) * 2 + 4 * (3 * sum(judge) - judge[0]))
    return dict(zip(PARTS, counts, strict=True))


def described(config: LessonConfig) -> str:
    """The size of the networks, such as ``64×64, 16 channels, 3 blocks``."""
    return f"{config.image_size}×{config.image_size}, {config.base_channels} channels, {config.n_layers} blocks"


if __name__ == "__main__":
    print(f"{'billions of multiply–adds in a step':<36}" + "".join(f"{part:>16}" for part in (*PARTS, "sum")))
    for size in SIZES.values():
        counts = multiply_adds_of_a_step(size)
        total = sum(counts.values())
        cells = [f"{count / 1e9:.2f} ({count / total:>3.0%})" for count in counts.values()]
        print(f"{described(size):<36}" + "".join(f"{cell:>16}" for cell in (*cells, f"{total / 1e9:.2f}")))
