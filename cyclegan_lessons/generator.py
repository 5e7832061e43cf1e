"""Chapter 2: the generator, a ResNet, as in appendix 7.2 of the CycleGAN paper.

The architecture is that of Johnson et al. (2016).
"""

from mindspore import Tensor, nn, ops

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.layers import InstanceNorm2d, OutputConvolution, convolution, upsampling


class ResidualBlock(nn.Cell):
    """Rk: two 3×3 convolutions whose result is added to the input; N×k×H×W in and out."""

    def __init__(self, channels: int):
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

    def construct(self, x: Tensor) -> Tensor:
        return x + self.body(x)


# plain Python while a graph is compiled, which knows no exception classes but the built-in ones
@ops.constexpr
def check_size(height: int, width: int):
    """Raise `LessonError` unless both sides can be halved twice and padded by reflection."""
    if height % 4 or width % 4 or height < 8 or width < 8:
        raise LessonError(
            "the generator needs a height and a width of at least 8 that are divisible by 4, but "
            f"the image is {height}×{width}; resize or pad it (translate() does so by itself)."
        )


class ResNetGenerator(nn.Cell):
    """Translate images: c7s1-64, d128, d256, n × R256, u128, u64, c7s1-3.

    Takes and returns float32 images of shape N×C×H×W with values in [-1, 1]. H and W can be any
    multiples of 4 from 8 on; anything else raises `LessonError`. The paper uses 6 blocks for
    128×128 images and 9 from 256×256 on.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        base_channels: int = 64,
        n_layers: int = 9,
    ):
        super().__init__()
        k = base_channels
        self.encoder = nn.SequentialCell(
            # N×k×H×W
            nn.ReflectionPad2d(3),
            convolution(in_channels, k, 7),
            InstanceNorm2d(),
            nn.ReLU(),
            # N×2k×H/2×W/2
            convolution(k, 2 * k, 3, stride=2, padding=1),
            InstanceNorm2d(),
            nn.ReLU(),
            # N×4k×H/4×W/4
            convolution(2 * k, 4 * k, 3, stride=2, padding=1),
            InstanceNorm2d(),
            nn.ReLU(),
        )
        # n distinct blocks
        self.blocks = nn.SequentialCell([ResidualBlock(4 * k) for _ in range(n_layers)])
        self.decoder = nn.SequentialCell(
            # N×2k×H/2×W/2
            upsampling(4 * k, 2 * k),
            InstanceNorm2d(),
            nn.ReLU(),
            # N×k×H×W
            upsampling(2 * k, k),
            InstanceNorm2d(),
            nn.ReLU(),
            # N×C×H×W
            nn.ReflectionPad2d(3),
            OutputConvolution(k, out_channels, 7),
            nn.Tanh(),
        )

    def construct(self, x: Tensor) -> Tensor:
        check_size(*x.shape[2:])
        return self.decoder(self.blocks(self.encoder(x)))
