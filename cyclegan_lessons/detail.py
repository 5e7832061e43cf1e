"""Chapter 2: a generator that keeps the details of its image, with two changes to the paper's."""

from mindspore import Tensor, nn, ops

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.generator import ResNetGenerator, check_size
from cyclegan_lessons.layers import InstanceNorm2d, OutputConvolution, convolution


class RepeatPixels(nn.Cell):
    """Double height and width: every pixel becomes four; N×C×H×W to N×C×2H×2W."""

    def construct(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        x = ops.tile(x.reshape((n, c, h, 1, w, 1)), (1, 1, 1, 2, 1, 2))
        return x.reshape((n, c, 2 * h, 2 * w))


class DetailGenerator(ResNetGenerator):
    """The paper's generator with another decoder, for images that should stay sharp.

    It enlarges by repeating pixels before a 3×3 convolution (Odena et al. 2016), where the paper's
    transposed convolutions paint a grid. Its last convolution sees the image x itself beside the
    features, so it can copy what should stay. Instance norm has taken the tint of the image, and
    its convolutions of stride 2 the texture, out of the features. Images and errors are those of
    `ResNetGenerator`.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        base_channels: int = 64,
        n_layers: int = 9,
    ):
        super().__init__(in_channels, out_channels, base_channels, n_layers)
        k = base_channels
        self.decoder = nn.SequentialCell(*doubled(4 * k, 2 * k), *doubled(2 * k, k))  # N×k×H×W
        self.output = nn.SequentialCell(
            nn.ReflectionPad2d(3),
            OutputConvolution(k + in_channels, out_channels, 7),
            nn.Tanh(),
        )

    def construct(self, x: Tensor) -> Tensor:
        check_size(*x.shape[2:])
        features = self.decoder(self.blocks(self.encoder(x)))
        return self.output(ops.concat([features, x.astype(features.dtype)], axis=1))


def doubled(in_channels: int, out_channels: int) -> list[nn.Cell]:
    """Layers that double height and width."""
    return [
        RepeatPixels(),
        nn.ReflectionPad2d(1),
        convolution(in_channels, out_channels, 3),
        InstanceNorm2d(),
        nn.ReLU(),
    ]


def generator_of(config: LessonConfig) -> ResNetGenerator:
    """A generator as the settings say: the paper's, or with ``detail`` the other one."""
    kind = DetailGenerator if config.detail else ResNetGenerator
    return kind(base_channels=config.base_channels, n_layers=config.n_layers)
