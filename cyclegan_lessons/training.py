"""Chapter 6: train G, F, D_X and D_Y together (section 4 and appendix 7.1 of the CycleGAN
paper)."""

import json
import math
import zlib
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import mindspore as ms
import numpy as np
from mindspore import nn, ops
from tqdm import tqdm

from cyclegan_lessons.amp import MixedPrecision, unscaling
from cyclegan_lessons.checkpoint import assign_strictly, read_checkpoint, write_checkpoint
from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.dataset import describe_data, load_unpaired
from cyclegan_lessons.device import sleep_while_computing, spread_threads
from cyclegan_lessons.discriminator import PatchDiscriminator
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.generator import ResNetGenerator
from cyclegan_lessons.image_pool import ImagePool
from cyclegan_lessons.losses import adversarial_loss, cycle_consistency_loss, identity_loss
from cyclegan_lessons.parallel import SharedPool, averaging, join
from cyclegan_lessons.runs import RunFolder, stop_signals

LOSS_NAMES = ("total", "G", "F", "cycle_x", "cycle_y", "identity_x", "identity_y", "D_X", "D_Y")


def linear_decay(initial_rate: float, constant_epochs: int, decay_epochs: int) -> list[float]:
    """One learning rate per epoch: constant, then falling in equal steps, so that one more step
    would reach 0.

    The first is always ``initial_rate``; with 100 + 100 epochs the last is ``initial_rate`` / 101
    (appendix 7.1).
    """
    epochs = constant_epochs + decay_epochs
    steps_to_zero = epochs - max(constant_epochs, 1) + 1
    return [initial_rate * min(1.0, (epochs - epoch) / steps_to_zero) for epoch in range(epochs)]


class CycleGAN(nn.Cell):
    """The four networks of one model: G: X→Y, F: Y→X, and the discriminators D_X and D_Y."""

    def __init__(self, config: LessonConfig):
        super().__init__()
        ms.set_seed(config.seed)  # for the start weights
        self.G = ResNetGenerator(base_channels=config.base_channels, n_layers=config.n_layers)
        self.F = ResNetGenerator(base_channels=config.base_channels, n_layers=config.n_layers)
        self.D_X = PatchDiscriminator(base_channels=config.base_channels)
        self.D_Y = PatchDiscriminator(base_channels=config.base_channels)


def make_generator_step(networks: CycleGAN, optimizer: nn.Optimizer, config: LessonConfig):
    """Return the compiled function that takes N×3×H×W images x and y and updates G and F once.

    It returns the total loss, its six terms in the order of `LOSS_NAMES`, and the fakes F(y) and
    G(x).
    """
    G, F, D_X, D_Y = networks.G, networks.F, networks.D_X, networks.D_Y
    kind, lambda_cycle, lambda_identity = (
        config.adversarial,
        config.lambda_cycle,
        config.lambda_identity,
    )

    def generator_loss(x, y):
        # one pass of G for both, as a batch of 2N
        fake_y, same_y = ops.chunk(G(ops.concat((x, y))), 2)
        fake_x, same_x = ops.chunk(F(ops.concat((y, x))), 2)
        loss_g = adversarial_loss(D_Y(fake_y), True, kind)
        loss_f = adversarial_loss(D_X(fake_x), True, kind)
        cycle_x = cycle_consistency_loss(F(fake_y), x)  # forward cycle x → G(x) → F(G(x))
        cycle_y = cycle_consistency_loss(G(fake_x), y)  # backward cycle y → F(y) → G(F(y))
        identity_x = identity_loss(same_x, x)
        identity_y = identity_loss(same_y, y)
        total = (
            loss_g
            + loss_f
            + lambda_cycle * (cycle_x + cycle_y)
            + lambda_identity * (identity_x + identity_y)
        )
        return total, loss_g, loss_f, cycle_x, cycle_y, identity_x, identity_y, fake_x, fake_y

    differentiate = ms.value_and_grad(generator_loss, None, optimizer.parameters, has_aux=True)

    @ms.jit
    def generator_step(x, y):
        values, gradients = differentiate(x, y)
        optimizer(gradients)
        return values

    return generator_step


def make_discriminator_step(networks: CycleGAN, optimizer: nn.Optimizer, config: LessonConfig):
    """Return the compiled function that takes real x and y and fakes of each, and updates D_X and
    D_Y once.

    It returns the losses of D_X and of D_Y. Each is halved as in appendix 7.1, though under Adam
    that changes little.
    """
    D_X, D_Y, kind = networks.D_X, networks.D_Y, config.adversarial

    def discriminator_loss(D, real, fake):
        on_real, on_fake = ops.chunk(D(ops.concat((real, fake))), 2)
        return (adversarial_loss(on_real, True, kind) + adversarial_loss(on_fake, False, kind)) / 2

    def both_losses(x, y, fake_x, fake_y):
        loss_x, loss_y = discriminator_loss(D_X, x, fake_x), discriminator_loss(D_Y, y, fake_y)
        return loss_x + loss_y, loss_x, loss_y

    differentiate = ms.value_and_grad(both_losses, None, optimizer.parameters, has_aux=True)

    @ms.jit
    def discriminator_step(x, y, fake_x, fake_y):
        (_, loss_x, loss_y), gradients = differentiate(x, y, fake_x, fake_y)
        optimizer(gradients)
        return loss_x, loss_y

    return discriminator_step


class CycleGANTrainer:
    """One training run: the four networks, two Adam optimisers, two image pools and the number of
    steps done.

    ``trainer.G``, ``.F``, ``.D_X`` and ``.D_Y`` are the networks. Everything that happens follows
    from ``config``: two trainers with the same configuration and data end with the same weights on
    the same machine. With several workers each of them has a trainer; all have the same weights at
    every step.
    """

    def __init__(self, config: LessonConfig):
        self.config = config
        self.group = join(config.workers)
        self.networks = CycleGAN(config)
        self.G, self.F, self.D_X, self.D_Y = (
            getattr(self.networks, name) for name in ("G", "F", "D_X", "D_Y")
        )
        self.generator_optimizer = self._adam(self.G, self.F)
        self.discriminator_optimizer = self._adam(self.D_X, self.D_Y)
        pool = ImagePool if config.workers == 1 else partial(SharedPool, self.group)
        self.pool_x = pool(config.pool_size, seed=config.seed)
        self.pool_y = pool(config.pool_size, seed=config.seed + 1)
        networks, optimizers = (
            self.networks,
            [self.generator_optimizer, self.discriminator_optimizer],
        )
        if config.amp:
            networks = SimpleNamespace(
                **{n: MixedPrecision(getattr(networks, n)) for n in ("G", "F", "D_X", "D_Y")}
            )
            optimizers = [unscaling(optimizer) for optimizer in optimizers]
        if config.workers > 1:
            optimizers = [averaging(optimizer, self.group) for optimizer in optimizers]
        self.generator_step = sleep_while_computing(
            make_generator_step(networks, optimizers[0], config)
        )
        self.discriminator_step = sleep_while_computing(
            make_discriminator_step(networks, optimizers[1], config)
        )
        self.rates = linear_decay(config.learning_rate, config.constant_epochs, config.decay_epochs)
        self.step = 0  # training steps done
        self.data: dict | None = None  # what was trained on, as `describe_data` says
        self.history: list[dict] = []  # one row of numbers per step
        self._threads_are_spread = False

    def _adam(self, *networks: nn.Cell) -> nn.Adam:
        weights = [weight for network in networks for weight in network.trainable_params()]
        return nn.Adam(weights, learning_rate=self.config.learning_rate, beta1=self.config.beta1)

    def train_step(self, image_x: ms.Tensor, image_y: ms.Tensor) -> dict[str, float]:
        """Update both generators, then both discriminators, on N×3×H×W images in [-1, 1]; return
        the losses by name."""
        *generator_losses, fake_x, fake_y = self.generator_step(image_x, image_y)
        old_x = ms.Tensor(self.pool_x.query(fake_x.asnumpy()))
        old_y = ms.Tensor(self.pool_y.query(fake_y.asnumpy()))
        discriminator_losses = self.discriminator_step(image_x, image_y, old_x, old_y)
        if not self._threads_are_spread:
            spread_threads()
            self._threads_are_spread = True
        self.step += 1
        return dict(
            zip(LOSS_NAMES, map(float, (*generator_losses, *discriminator_losses)), strict=True)
        )

    def set_rate(self, rate: float):
        """Let both optimisers use the learning rate ``rate`` from the next step on."""
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            ops.assign(optimizer.learning_rate, ms.Tensor(rate, ms.float32))

    def fit(
        self,
        data: Path,
        run: RunFolder | None = None,
        save_every: int = 500,
        sample_every: int = 100,
        progress: bool = True,
        on_sample=None,
    ) -> list[dict]:
        """Train on the MindRecord files in ``data`` until the configured end, and return the
        history.

        ``run`` receives history, samples and a checkpoint every ``save_every`` steps and at the
        end. ``on_sample`` is called with the trainer every ``sample_every`` steps and at the end.
        Going on after `restore` starts with the very image that an uninterrupted run would have
        taken next. With several workers only the first one writes, shows and calls, the losses are
        means over all, and what stops one stops all after the same step. Raises `LessonError` when
        the schedule is shorter than ``config.steps``, when the data are not those that the run
        began with, or when a loss is not finite any more.
        """
        config, epoch_steps = self.config, self._load(data, 0).get_dataset_size()
        if self.group.rank:
            run, on_sample, progress = None, None, False
        self._check_data(describe_data(data))
        last = config.epochs * epoch_steps if config.steps is None else config.steps
        if last > config.epochs * epoch_steps:
            raise LessonError(
                f"{last} steps were asked for, but {config.epochs} epochs of {epoch_steps} steps "
                "end after "
                f"{config.epochs * epoch_steps}; ask for fewer steps or for more epochs."
            )
        bar = tqdm(total=last, initial=self.step, unit="step", disable=not progress)
        try:
            with stop_signals() as stops:
                while self.step < last:
                    epoch, done = divmod(self.step, epoch_steps)
                    self.set_rate(self.rates[epoch])
                    batches = self._load(data, epoch).create_dict_iterator(num_epochs=1)
                    for batch in islice(batches, done, done + last - self.step):
                        losses = self.train_step(batch["image_x"], batch["image_y"])
                        losses, stop = self.group.agree(losses, bool(stops))
                        self._check_finite(losses)
                        self.history.append(
                            {"step": self.step, "epoch": epoch, "rate": self.rates[epoch], **losses}
                        )
                        if run:
                            run.record(self.history[-1])
                        bar.update()
                        shown = {name: f"{losses[name]:.2f}" for name in ("G", "F", "D_X", "D_Y")}
                        bar.set_postfix(epoch=epoch, rate=f"{self.rates[epoch]:.2g}", **shown)
                        if stop:
                            raise KeyboardInterrupt
                        at_end = self.step == last
                        if on_sample and (at_end or self.step % sample_every == 0):
                            on_sample(self)
                        # last: a run that goes on misses no sample
                        if run and (at_end or self.step % save_every == 0):
                            run.save(self)
        except KeyboardInterrupt:
            if run:
                run.save(self)
            raise
        finally:
            bar.close()
        return self.history

    def _load(self, data: Path, epoch: int):
        c = self.config
        return load_unpaired(
            data,
            image_size=c.image_size,
            batch_size=c.batch_size,
            seed=c.seed,
            epoch=epoch,
            workers=c.workers,
            rank=self.group.rank,
        )

    def _check_data(self, data: dict):
        if self.data and self.data["sha256"] != data["sha256"]:
            raise LessonError(
                f"the run was trained on the images in {self.data['name']}, but those in "
                f"{data['name']} are others; resume "
                f"with the same data set, or start a new run."
            )
        self.data = data
        marks = [
            zlib.crc32(json.dumps(part).encode()) % 2**24
            for part in (asdict(self.config), data["sha256"])
        ]
        self.group.check_same(step=self.step, configuration=marks[0], images=marks[1])

    def _check_finite(self, losses: dict[str, float]):
        for name, value in losses.items():
            if not math.isfinite(value):
                raise LessonError(
                    f"every loss must stay finite, but {name} became {value} at step {self.step}; "
                    "go back to the last "
                    f"checkpoint and try a smaller learning rate."
                )

    def save(self, path: Path):
        """Write everything that the next step depends on to one checkpoint file."""
        tensors = {name: parameter for name, parameter in self._parameters().items()}
        pools = {}
        for name, pool in (("pool_x", self.pool_x), ("pool_y", self.pool_y)):
            state = pool.state()
            pools[name] = state["rng"]
            if state["images"]:
                tensors[f"{name}.images"] = ms.Tensor(np.stack(state["images"]))
        write_checkpoint(
            path,
            tensors,
            {"config": asdict(self.config), "step": self.step, "data": self.data, "pools": pools},
        )

    def restore(self, path: Path):
        """Go back to the state that `save` wrote. Raises `LessonError`, and changes nothing, unless
        all of it fits."""
        tensors, info = read_checkpoint(path)
        # an old one may lack newer fields
        ours, theirs = asdict(self.config), asdict(LessonConfig()) | info["config"]
        names = [name for name in {**ours, **theirs} if name != "steps"]  # a run may be made longer
        different = [
            f"{n} {theirs.get(n)}, not {ours.get(n)}" for n in names if theirs.get(n) != ours.get(n)
        ]
        if different:
            raise LessonError(
                f"{path} was trained with {', and '.join(different)}; resume with the same "
                "configuration, or start a new run."
            )
        images = {name: tensors.pop(f"{name}.images", None) for name in ("pool_x", "pool_y")}
        assign_strictly(self._parameters(), tensors, path)
        for name, pool in (("pool_x", self.pool_x), ("pool_y", self.pool_y)):
            stored = [] if images[name] is None else list(images[name].asnumpy())
            pool.load_state({"images": stored, "rng": info["pools"][name]})
        self.step, self.data = info["step"], info.get("data")
        self.history = self.history[: self.step]

    def _parameters(self) -> dict[str, ms.Parameter]:
        """Every stored parameter by name: the networks', and each optimiser's own under a
        prefix."""
        found = dict(self.networks.parameters_and_names())
        for prefix in ("generator_optimizer", "discriminator_optimizer"):
            for name, parameter in getattr(self, prefix).parameters_and_names():
                if name not in found:
                    found[f"{prefix}.{name}"] = parameter
        return found
