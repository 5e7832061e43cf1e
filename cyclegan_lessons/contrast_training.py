"""Chapter 11: train one translator without a way back, with the patch-wise contrastive loss (CUT).

Park et al. (2020). There is no F and no D_X; what keeps the content is `contrast`.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.contrast import patch_contrastive_loss, patch_features
from cyclegan_lessons.dataset import epoch_steps, load_unpaired
from cyclegan_lessons.discriminator import PatchDiscriminator
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.generator import ResNetGenerator
from cyclegan_lessons.layers import start_weights
from cyclegan_lessons.losses import adversarial_loss
from cyclegan_lessons.processes import sleep_while_computing, spread_threads
from cyclegan_lessons.training import compiled_update, linear_decay

PLACES = 64  # patches of each map in a step; the paper has 256, at four times the side
CONTRAST_LOSSES = ("total", "G", "contrast", "D_Y")  # what a step reports


class PatchHead(nn.Cell):
    """The small network behind the features of one map: N×P×C to N×P×width."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.layers = nn.SequentialCell(
            nn.Dense(channels, width), nn.ReLU(), nn.Dense(width, width)
        )

    def construct(self, patches: Tensor) -> Tensor:
        return self.layers(patches)


class ContrastNetworks(nn.Cell):
    """G: X→Y, its discriminator D_Y, and one `PatchHead` for each map of `encode`."""

    def __init__(self, config: LessonConfig):
        super().__init__()
        k, n = config.base_channels, config.n_layers
        with start_weights(config.seed):
            self.G = ResNetGenerator(base_channels=k, n_layers=n)
            self.D_Y = PatchDiscriminator(base_channels=k)
            channels = (3, 2 * k, 4 * k, *(4 * k for _ in range(n)))
            self.heads = nn.CellList([PatchHead(c, 4 * k) for c in channels])


def encode(G: ResNetGenerator, images: Tensor) -> list[Tensor]:
    """The first half of G, images N×3×H×W to maps: pixels, behind d128, d256, and each block.

    The last one is what the decoder makes the translation of. The paper takes two of the blocks.
    """
    maps, z = [images], images
    for place, layer in enumerate(G.encoder):
        z = layer(z)
        if place in (6, 9):  # the ReLU behind d128, the ReLU behind d256
            maps.append(z)
    for block in G.blocks:
        z = block(z)
        maps.append(z)
    return maps


def contrast_generator_losses(networks: ContrastNetworks, weight: float) -> Callable:
    """Return the function of x, y and places that computes what G and the heads minimise.

    x and y are N×3×H×W; ``places``, int32 M×P, are the patches to compare in each of the M maps.
    It returns the total, the adversarial and the contrastive loss, and the fake G(x). As in the
    paper, G(y) must keep the patches of y as well: that takes the part of the identity loss. The
    contrastive loss is the mean over both images and all maps, as in the authors' code.
    """
    G, D_Y, heads = networks.G, networks.D_Y, networks.heads

    def losses(x: Tensor, y: Tensor, places: Tensor) -> tuple:
        maps = encode(G, ops.concat((x, y)))
        translated = G.decoder(maps[-1])  # G(x) and G(y)
        fake_y = ops.chunk(translated, 2)[0]
        adversarial = adversarial_loss(D_Y(fake_y), True)
        contrast = 0.0
        for i, (key_map, query_map) in enumerate(zip(maps, encode(G, translated))):
            keys = patch_features(key_map, places[i], heads[i])
            queries = patch_features(query_map, places[i], heads[i])
            contrast = contrast + patch_contrastive_loss(queries, keys) / len(maps)
        return adversarial + weight * contrast, adversarial, contrast, fake_y

    return losses


def contrast_discriminator_loss(networks: ContrastNetworks) -> Callable:
    """Return the function of images y and fakes G(x): what D_Y minimises, and its two cases."""

    def losses(y: Tensor, fake_y: Tensor) -> tuple:
        on_real, on_fake = ops.chunk(networks.D_Y(ops.concat((y, fake_y))), 2)
        real, fake = adversarial_loss(on_real, True), adversarial_loss(on_fake, False)
        return (real + fake) / 2, real, fake

    return losses


class ContrastTrainer:
    """One training of G: X→Y alone; the counterpart of `CycleGANTrainer` without a cycle.

    Size, batch, rates and seed are those of ``config``; there is no image pool. ``weight`` is that
    of the contrastive loss: 1 in the paper, and 0 leaves a GAN that nothing ties to its input.
    Raises `LessonError` when ``config`` asks for other generators than the paper's.
    """

    def __init__(self, config: LessonConfig, weight: float = 1.0):
        if config.detail:
            raise LessonError(
                "detail must be False where the loss compares patches, which takes the paper's "
                "generator apart, but it is True; leave it out."
            )
        self.config, self.step = config, 0
        self.networks = ContrastNetworks(config)
        self.G, self.D_Y = self.networks.G, self.networks.D_Y
        generator = [*self.G.trainable_params(), *self.networks.heads.trainable_params()]
        losses = contrast_generator_losses(self.networks, weight)
        self.generator_step = self._step(losses, generator)
        judge = contrast_discriminator_loss(self.networks)
        self.discriminator_step = self._step(judge, self.D_Y.trainable_params())
        self.rates = linear_decay(config.learning_rate, config.constant_epochs, config.decay_epochs)

    def _step(self, losses: Callable, weights: list[ms.Parameter]) -> Callable:
        c = self.config
        optimizer = nn.Adam(weights, learning_rate=c.learning_rate, beta1=c.beta1)
        update = sleep_while_computing(compiled_update(losses, optimizer))
        update.optimizer = optimizer
        return update

    def places(self, height: int, width: int) -> Tensor:
        """Where the next step compares: for each map `PLACES` different places, by the step."""
        rng = np.random.default_rng([self.config.seed, self.step])
        n = self.config.n_layers
        sizes = [height * width, height * width // 4, *[height * width // 16] * (n + 1)]
        drawn = [rng.choice(size, min(PLACES, sizes[-1]), replace=False) for size in sizes]
        return Tensor(np.stack(drawn), ms.int32)

    def train_step(self, image_x: Tensor, image_y: Tensor) -> dict[str, float]:
        """Update G and the heads, then D_Y; return `CONTRAST_LOSSES` by name.

        ``image_x`` and ``image_y`` are N×3×H×W, float32 in [-1, 1].
        """
        places = self.places(*image_x.shape[2:])
        *losses, fake_y = self.generator_step(image_x, image_y, places)
        loss_y, *_ = self.discriminator_step(image_y, fake_y)
        self.step += 1
        return dict(zip(CONTRAST_LOSSES, map(float, (*losses, loss_y)), strict=True))

    def set_rate(self, rate: float):
        """Let both optimisers use the learning rate ``rate`` from the next step on."""
        for update in (self.generator_step, self.discriminator_step):
            ops.assign(update.optimizer.learning_rate, Tensor(rate, ms.float32))

    def steps(self, data: Path, last: int, from_y: bool = False) -> Iterator[dict]:
        """Train until step ``last`` is done; yield the number and the losses of each step.

        The pairs are those of `CycleGANTrainer.steps`; with ``from_y`` the two domains of the data
        change places, so that G translates Y to X.
        """
        with spread_threads(self._steps(data, last, from_y)) as rows:
            yield from rows

    def _steps(self, data: Path, last: int, from_y: bool) -> Iterator[dict]:
        c = self.config
        length = epoch_steps(data, c.batch_size)
        while self.step < last:
            epoch, done = divmod(self.step, length)
            self.set_rate(self.rates[epoch])
            pairs = load_unpaired(
                data, c.image_size, c.batch_size, c.seed, epoch, load_size=c.load_size
            )
            rows = pairs.create_dict_iterator(num_epochs=1)
            for pair in islice(rows, done, done + last - self.step):
                images = pair["image_x"], pair["image_y"]
                losses = self.train_step(*(images[::-1] if from_y else images))
                yield {"step": self.step, **losses}
