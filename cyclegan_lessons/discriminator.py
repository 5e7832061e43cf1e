"""Chapter 3: the discriminator, a 70×70 PatchGAN, as in appendix 7.2 of the CycleGAN paper.

The PatchGAN is from Isola et al. (2017).
"""

from mindspore import Tensor, nn

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.layers import InstanceNorm2d, convolution


class PatchDiscriminator(nn.Cell):
    """Score overlapping patches as real or fake: C64-C128-C256-C512 and one more convolution.

    Takes float32 images of shape N×C×H×W with values in [-1, 1] and returns raw scores of shape
    N×1×h×w, one a patch: no sigmoid, as least squares wants. With ``n_layers`` = 3 strided layers
    each score sees 70×70 pixels. Raises `LessonError` when ``n_layers`` is below 1.
    """

    def __init__(self, in_channels: int = 3, base_channels: int = 64, n_layers: int = 3):
        super().__init__()
        if n_layers < 1:
            raise LessonError(
                f"a discriminator needs at least 1 strided layer, but n_layers is {n_layers}; the "
                "paper has 3."
            )
        k = channels = base_channels
        # the first layer has no norm
        layers = [convolution(in_channels, k, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for i in range(1, n_layers + 1):
            previous, channels = channels, min(2**i, 8) * k
            stride = 2 if i < n_layers else 1
            layers += [
                convolution(previous, channels, 4, stride, padding=1),
                InstanceNorm2d(),
                nn.LeakyReLU(0.2),
            ]
        layers += [convolution(channels, 1, 4, padding=1)]
        self.layers = nn.SequentialCell(layers)

    def construct(self, x: Tensor) -> Tensor:
        return self.layers(x)


def receptive_field(network: nn.Cell) -> int:
    """Side, in input pixels, of the square that one output value of a network depends on.

    Walks the convolutions of ``network`` from the last to the first: a layer of kernel k and stride
    s turns a field of r pixels behind it into (r − 1)·s + k pixels before it. Instance norm, which
    looks at the whole image, is left out.
    """
    field = 1
    for _, cell in reversed(list(network.cells_and_names())):
        if isinstance(cell, nn.Conv2d):
            field = (field - 1) * cell.stride[0] + cell.kernel_size[0]
    return field
