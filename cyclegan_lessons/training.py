"""Chapter 6: train G, F, D_X and D_Y together (section 4 and appendix 7.1 of the CycleGAN paper).

Saving, recording, stopping and the like are in fitting.py; this module is what is learned.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from cyclegan_lessons.amp import mixed
from cyclegan_lessons.checkpoint import assign_strictly, read_checkpoint, write_checkpoint
from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.dataset import epoch_steps, load_unpaired
from cyclegan_lessons.detail import generator_of
from cyclegan_lessons.discriminator import PatchDiscriminator
from cyclegan_lessons.fitting import fit
from cyclegan_lessons.layers import start_weights
from cyclegan_lessons.losses import (
    LOSS_NAMES,
    adversarial_loss,
    cycle_consistency_loss,
    identity_loss,
)
from cyclegan_lessons.parallel import join
from cyclegan_lessons.processes import sleep_while_computing

POOLS = ("pool_x", "pool_y")
OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")


def linear_decay(initial_rate: float, constant_epochs: int, decay_epochs: int) -> list[float]:
    """One learning rate per epoch: constant, then falling in equal steps towards 0.

    The step after the last would reach 0. The first rate is always ``initial_rate``; with 100 + 100
    epochs the last is ``initial_rate`` / 101 (appendix 7.1).
    """
    epochs = constant_epochs + decay_epochs
    steps_to_zero = epochs - max(constant_epochs, 1) + 1
    return [initial_rate * min(1.0, (epochs - epoch) / steps_to_zero) for epoch in range(epochs)]


class CycleGAN(nn.Cell):
    """The four networks of one model: G: X→Y, F: Y→X, and the discriminators D_X and D_Y."""

    def __init__(self, config: LessonConfig):
        super().__init__()
        channels = config.base_channels
        with start_weights(config.seed):
            self.G, self.F = generator_of(config), generator_of(config)
            self.D_X = PatchDiscriminator(base_channels=channels)
            self.D_Y = PatchDiscriminator(base_channels=channels)


def generator_losses(networks: CycleGAN, config: LessonConfig) -> Callable:
    """Return the function that takes N×3×H×W images x and y and computes what G and F minimise.

    It returns the total (equation 3 and the identity loss), its six terms in the order of
    `LOSS_NAMES`, and the fakes F(y) and G(x).
    """
    G, F, D_X, D_Y = networks.G, networks.F, networks.D_X, networks.D_Y
    kind, lambda_cycle, lambda_identity = (
        config.adversarial,
        config.lambda_cycle,
        config.lambda_identity,
    )

    def losses(x: Tensor, y: Tensor) -> tuple:
        fake_y, same_y = ops.chunk(G(ops.concat((x, y))), 2)  # one pass of G, as a batch of 2N
        fake_x, same_x = ops.chunk(F(ops.concat((y, x))), 2)
        loss_g = adversarial_loss(D_Y(fake_y), True, kind)
        loss_f = adversarial_loss(D_X(fake_x), True, kind)
        cycle_x = cycle_consistency_loss(F(fake_y), x)  # forward cycle x → G(x) → F(G(x))
        cycle_y = cycle_consistency_loss(G(fake_x), y)  # backward cycle y → F(y) → G(F(y))
        identity_x = identity_loss(same_x, x)
        identity_y = identity_loss(same_y, y)
        total = loss_g + loss_f + lambda_cycle * (cycle_x + cycle_y)
        total = total + lambda_identity * (identity_x + identity_y)
        return total, loss_g, loss_f, cycle_x, cycle_y, identity_x, identity_y, fake_x, fake_y

    return losses


def discriminator_losses(networks: CycleGAN, config: LessonConfig) -> Callable:
    """Return the function that takes real x and y and fakes of each: what D_X and D_Y minimise.

    It returns the sum of both losses, the loss of D_X and that of D_Y. Each is halved as in
    appendix 7.1, though under Adam that changes little.
    """
    D_X, D_Y, kind = networks.D_X, networks.D_Y, config.adversarial

    def loss(D: PatchDiscriminator, real: Tensor, fake: Tensor) -> Tensor:
        on_real, on_fake = ops.chunk(D(ops.concat((real, fake))), 2)
        return (adversarial_loss(on_real, True, kind) + adversarial_loss(on_fake, False, kind)) / 2

    def losses(x: Tensor, y: Tensor, fake_x: Tensor, fake_y: Tensor) -> tuple:
        loss_x, loss_y = loss(D_X, x, fake_x), loss(D_Y, y, fake_y)
        return loss_x + loss_y, loss_x, loss_y

    return losses


def compiled_update(losses: Callable, optimizer: nn.Optimizer) -> Callable:
    """Return the compiled training step: it takes images as ``losses`` does, updates the weights of
    ``optimizer`` once along the gradient of the first loss, and returns all losses.
    """
    differentiate = ms.value_and_grad(losses, None, optimizer.parameters, has_aux=True)

    @ms.jit
    def update(*images):
        values, gradients = differentiate(*images)
        optimizer(gradients)
        return values

    return update


class CycleGANTrainer:
    """One training run: the four networks, two Adam optimisers, two image pools, the steps done.

    ``trainer.G``, ``.F``, ``.D_X`` and ``.D_Y`` are the networks. Everything that happens follows
    from ``config``: two trainers with the same configuration and data end with the same weights on
    the same machine. With several workers each of them has a trainer; all have the same weights at
    every step.
    """

    def __init__(self, config: LessonConfig):
        self.config = config
        self.group = join(config.workers)
        self.networks = CycleGAN(config)
        self.G, self.F = self.networks.G, self.networks.F
        self.D_X, self.D_Y = self.networks.D_X, self.networks.D_Y
        self.generator_optimizer = self._adam(self.G, self.F)
        self.discriminator_optimizer = self._adam(self.D_X, self.D_Y)
        self.pool_x = self.group.pool(config.pool_size, config.seed)
        self.pool_y = self.group.pool(config.pool_size, config.seed + 1)
        self.generator_step = self._step(generator_losses, self.generator_optimizer)
        self.discriminator_step = self._step(discriminator_losses, self.discriminator_optimizer)
        self.rates = linear_decay(config.learning_rate, config.constant_epochs, config.decay_epochs)
        self.step = 0  # training steps done
        self.data: dict | None = None  # what was trained on, as `describe_data` says
        self.history: list[dict] = []  # what `fit` has recorded: one row of numbers per step

    def _adam(self, *networks: nn.Cell) -> nn.Adam:
        weights = [weight for network in networks for weight in network.trainable_params()]
        return nn.Adam(weights, learning_rate=self.config.learning_rate, beta1=self.config.beta1)

    def _step(self, losses: Callable, optimizer: nn.Optimizer) -> Callable:
        networks = self.networks
        if self.config.amp:
            networks, optimizer = mixed(networks, optimizer)
        update = compiled_update(losses(networks, self.config), self.group.averaging(optimizer))
        return sleep_while_computing(update)

    def train_step(self, image_x: Tensor, image_y: Tensor) -> dict[str, float]:
        """Update both generators, then both discriminators; return the losses by name.

        ``image_x`` and ``image_y`` are N×3×H×W, float32 in [-1, 1].
        """
        *losses, fake_x, fake_y = self.generator_step(image_x, image_y)
        old_x = Tensor(self.pool_x.query(fake_x.asnumpy()))
        old_y = Tensor(self.pool_y.query(fake_y.asnumpy()))
        _, loss_x, loss_y = self.discriminator_step(image_x, image_y, old_x, old_y)
        self.step += 1
        return dict(zip(LOSS_NAMES, map(float, (*losses, loss_x, loss_y)), strict=True))

    def set_rate(self, rate: float):
        """Let both optimisers use the learning rate ``rate`` from the next step on."""
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            ops.assign(optimizer.learning_rate, Tensor(rate, ms.float32))

    def pairs(self, data: Path, epoch: int) -> ms.dataset.Dataset:
        """The random pairs of one epoch, as `load_unpaired` gives them to this worker."""
        c = self.config
        mine = {"workers": c.workers, "rank": self.group.rank, "load_size": c.load_size}
        return load_unpaired(data, c.image_size, c.batch_size, seed=c.seed, epoch=epoch, **mine)

    def steps(self, data: Path, last: int) -> Iterator[dict]:
        """Train until step ``last`` is done; yield the step, epoch, rate and losses of each step.

        After `restore` it continues with the very images that an uninterrupted run would have taken
        next, since these follow from the seed, the epoch and the place in the epoch.
        """
        length = epoch_steps(data, self.config.batch_size, self.config.workers)
        while self.step < last:
            epoch, done = divmod(self.step, length)
            self.set_rate(self.rates[epoch])
            pairs = self.pairs(data, epoch).create_dict_iterator(num_epochs=1)
            for pair in islice(pairs, done, done + last - self.step):
                losses = self.train_step(pair["image_x"], pair["image_y"])
                yield {"step": self.step, "epoch": epoch, "rate": self.rates[epoch], **losses}

    fit = fit  # `steps` to the configured end, recorded, saved and shown

    def parameters(self) -> dict[str, ms.Parameter]:
        """Every number that training changes, by name: the networks', and the optimisers' own."""
        found = dict(self.networks.parameters_and_names())
        for prefix in OPTIMIZERS:
            for name, parameter in getattr(self, prefix).parameters_and_names():
                if name not in found:
                    found[f"{prefix}.{name}"] = parameter
        return found

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """Everything that the next step depends on: tensors by name, and what JSON can hold."""
        tensors = dict(self.parameters())
        info = {"config": asdict(self.config), "step": self.step, "data": self.data, "pools": {}}
        for name in POOLS:
            pool = getattr(self, name).state()
            info["pools"][name] = pool["rng"]
            if pool["images"]:
                tensors[f"{name}.images"] = Tensor(np.stack(pool["images"]))
        return tensors, info

    def load_state(self, tensors: dict[str, Tensor], info: dict, source: Path):
        """Go back to what `state` returned, as ``source`` holds it.

        Raises `LessonError`, and changes nothing, unless all of it fits.
        """
        self.config.check_same(info["config"], source)
        images = {name: tensors.get(f"{name}.images") for name in POOLS}
        others = {f"{name}.images" for name in POOLS}
        weights = {name: tensor for name, tensor in tensors.items() if name not in others}
        assign_strictly(self.parameters(), weights, source)
        for name in POOLS:
            stored = [] if images[name] is None else list(images[name].asnumpy())
            getattr(self, name).load_state({"images": stored, "rng": info["pools"][name]})
        self.step, self.data = info["step"], info.get("data")
        self.history = self.history[: self.step]

    def save(self, path: Path):
        """Write `state` to one checkpoint file."""
        write_checkpoint(path, *self.state())

    def restore(self, path: Path):
        """Go back to the state that `save` wrote; as `load_state`."""
        self.load_state(*read_checkpoint(path), path)
