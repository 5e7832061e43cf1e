"""Chapter 2: the generator, a ResNet, as in appendix 7.2 of the CycleGAN paper.

The architecture is that of Johnson et al. (2016).
"""

from itertools import pairwise

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
    128×128 images and 9 from 256×256 on, and halves each side twice before them; ``n_downsampling``
    0 or 1 keeps more detail, costs more, and sees less around a pixel.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        base_channels: int = 64,
        n_layers: int = 9,
        n_downsampling: int = 2,
    ):
        super().__init__()
        k = base_channels
        widths = [k * 2**i for i in range(n_downsampling + 1)]  # k, 2k, 4k
        encoder = [nn.ReflectionPad2d(3), convolution(in_channels, k, 7)]  # N×k×H×W
        encoder += [InstanceNorm2d(), nn.ReLU()]
        for narrow, wide in pairwise(widths):  # to N×4k×H/4×W/4
            encoder += [convolution(narrow, wide, 3, stride=2, padding=1)]
            encoder += [InstanceNorm2d(), nn.ReLU()]
        self.encoder = nn.SequentialCell(encoder)
        # n distinct blocks
        self.blocks = nn.SequentialCell([ResidualBlock(widths[-1]) for _ in range(n_layers)])
        decoder = []
        for wide, narrow in pairwise(reversed(widths)):  # back to N×k×H×W
            decoder += [upsampling(wide, narrow), InstanceNorm2d(), nn.ReLU()]
        # N×C×H×W
        decoder += [nn.ReflectionPad2d(3), OutputConvolution(k, out_channels, 7), nn.Tanh()]
        self.decoder = nn.SequentialCell(decoder)

    def construct(self, x: Tensor) -> Tensor:
        check_size(*x.shape[2:])
        return self.decoder(self.blocks(self.encoder(x)))
