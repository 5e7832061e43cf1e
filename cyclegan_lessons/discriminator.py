"""Chapter 3: the discriminator, a 70×70 PatchGAN after Isola et al. (2017), as in appendix 7.2 of
the CycleGAN paper."""

from mindspore import nn

from cyclegan_lessons.layers import InstanceNorm2d, convolution


class PatchDiscriminator(nn.Cell):
    """Score overlapping patches of an image as real or fake: C64-C128-C256-C512 and a convolution
    to one channel.

    Takes float32 images of shape N×C×H×W with values in [-1, 1] and returns raw scores of shape
    N×1×h×w, one a patch: no sigmoid, as least squares wants. With ``n_layers`` = 3 strided layers
    each score sees 70×70 pixels.
    """

    def __init__(self, in_channels: int = 3, base_channels: int = 64, n_layers: int = 3):
        super().__init__()
        k = base_channels
        # the first has no norm
        layers = [convolution(in_channels, k, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for i in range(1, n_layers + 1):
            channels = min(2**i, 8) * k
            stride = 2 if i < n_layers else 1
            layers += [
                convolution(k * min(2 ** (i - 1), 8), channels, 4, stride, padding=1),
                InstanceNorm2d(),
                nn.LeakyReLU(0.2),
            ]
        layers += [convolution(channels, 1, 4, padding=1)]
        self.layers = nn.SequentialCell(layers)

    def construct(self, x):
        return self.layers(x)


def receptive_field(network: nn.Cell) -> int:
    """Side, in input pixels, of the square that one output value of a chain of convolutions depends
    on.

    Walks the convolutions of ``network`` from the last to the first: a layer of kernel k and stride
    s turns a field of r pixels behind it into (r − 1)·s + k pixels before it. Instance norm, which
    looks at the whole image, is left out.
    """
    field = 1
    for _, cell in reversed(list(network.cells_and_names())):
        if isinstance(cell, nn.Conv2d):
            field = (field - 1) * cell.stride[0] + cell.kernel_size[0]
    return field
