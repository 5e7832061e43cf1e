"""The finale: a CycleGAN of the learner's own pieces, trained on the orchard for about two
minutes."""

import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from cyclegan_lessons.exercises.checking import RIGHT, UNTRIED, WRONG, Answer, judge
from cyclegan_lessons.exercises.pieces import keep_piece, piece_file
from cyclegan_lessons.exercises.registry import EXERCISES
from cyclegan_lessons.layers import start_weights
from cyclegan_lessons.orchard import render_orchard
from cyclegan_lessons.processes import sleep_while_computing, spread_threads
from cyclegan_lessons.progress import progress
from cyclegan_lessons.training import compiled_update

# the exercises whose pieces take part, in the order in which a picture meets them
PIECES = (
    "pairs",
    "augment",
    "generator",
    "discriminator",
    "adversarial",
    "cycle",
    "identity",
    "pool",
    "schedule",
    "translate",
    "error",
)
SIZE, SCENES, CHANNELS, BLOCKS = 32, 100, 16, 3
SECONDS = 120  # of training; a third of it at the constant rate
MOST_EPOCHS = 5  # at the constant rate, of SCENES steps each; twice as many decay
RATE, LAMBDA_CYCLE, LAMBDA_IDENTITY = 8e-4, 10.0, 10.0

EDITED = "the code that passed its check was changed since: run the check in its notebook again."


class Finale:
    """Networks, losses, pools and schedule, made of ``pieces``: functions and classes by name."""

    def __init__(self, pieces: dict):
        self.pieces = pieces
        networks = nn.Cell()
        with start_weights(0):
            for name in ("G", "F"):
                setattr(networks, name, pieces["MyGenerator"](CHANNELS, BLOCKS))
            for name in ("D_X", "D_Y"):
                setattr(networks, name, pieces["MyDiscriminator"](CHANNELS))
        self.networks = networks
        self.optimizers = [adam(networks.G, networks.F), adam(networks.D_X, networks.D_Y)]
        self.generator_step, self.discriminator_step = (
            sleep_while_computing(compiled_update(losses, optimizer))
            for losses, optimizer in zip(
                (self.generator_losses(), self.discriminator_losses()), self.optimizers
            )
        )
        self.pools = [pieces["MyPool"](50, seed=seed) for seed in range(2)]

    def generator_losses(self) -> Callable:
        G, F, D_X, D_Y = (getattr(self.networks, name) for name in ("G", "F", "D_X", "D_Y"))
        adversarial = self.pieces["my_adversarial_loss"]
        cycle, identity = self.pieces["my_cycle_loss"], self.pieces["my_identity_loss"]

        def losses(x, y):
            fake_y, fake_x = G(x), F(y)
            total = adversarial(D_Y(fake_y), True) + adversarial(D_X(fake_x), True)
            total = (
                total + LAMBDA_CYCLE * cycle(G, F, x, y) + LAMBDA_IDENTITY * identity(G, F, x, y)
            )
            return total, fake_x, fake_y

        return losses

    def discriminator_losses(self) -> Callable:
        D_X, D_Y = self.networks.D_X, self.networks.D_Y
        adversarial = self.pieces["my_adversarial_loss"]

        def losses(x, y, fake_x, fake_y):
            real = adversarial(D_X(x), True) + adversarial(D_Y(y), True)
            fake = adversarial(D_X(fake_x), False) + adversarial(D_Y(fake_y), False)
            return (real + fake) / 2, real, fake

        return losses

    def train(self, seconds: float, most_epochs: int):
        """Epochs of `SCENES` steps on rendered apples and oranges, of different scenes.

        The first epochs, with a constant rate, go on for a third of the time; twice as many follow.
        So a slow computer trains fewer steps, but 3 epochs at least.
        """
        bar = progress(None, "training", 3 * most_epochs * SCENES, "step", shown=True)
        with bar, spread_threads(self.steps(seconds, most_epochs)) as steps:
            for epochs in steps:
                bar.total = epochs * SCENES
                bar.update()

    def steps(self, seconds: float, most_epochs: int) -> Iterator[int]:
        """Train; yields after each step how many epochs there will be."""
        apples, oranges = (render_orchard(SCENES, 36, d, seed=i).images for i, d in enumerate("xy"))
        rng, start, done = np.random.default_rng(0), time.monotonic(), 0
        while done < most_epochs and (not done or time.monotonic() - start < seconds / 3):
            for _ in self.epoch(apples, oranges, RATE, rng):
                yield 3 * most_epochs
            done += 1
        for rate in self.pieces["my_linear_decay"](RATE, done, 2 * done)[done:]:
            for _ in self.epoch(apples, oranges, rate, rng):
                yield 3 * done

    def epoch(self, apples: np.ndarray, oranges: np.ndarray, rate: float, rng) -> Iterator[None]:
        for optimizer in self.optimizers:
            ops.assign(optimizer.learning_rate, Tensor(rate, ms.float32))
        for i, j in self.pieces["my_pairs"](SCENES, SCENES, rng):
            yield self.step(*(self.augmented(image, rng) for image in (apples[i], oranges[j])))

    def augmented(self, image: np.ndarray, rng: np.random.Generator) -> Tensor:
        return Tensor(np.ascontiguousarray(self.pieces["my_augment"](image, SIZE, rng)[None]))

    def step(self, x: Tensor, y: Tensor):
        _, *fakes = self.generator_step(x, y)
        old = [Tensor(pool.query(fake.asnumpy())) for pool, fake in zip(self.pools, fakes)]
        self.discriminator_step(x, y, *old)

    def result(self, n: int = 24) -> tuple[dict, float]:
        """Test scenes with their translations, and the error on the fruit relative to that of the
        untranslated scenes."""
        scenes, twins, masks = render_orchard(n, SIZE, "x", seed=99)
        translated = np.stack(
            [self.pieces["my_translate"](self.networks.G, scene) for scene in scenes]
        )
        error = self.pieces["my_fruit_error"]
        share = error(translated, twins, masks).mean() / error(scenes, twins, masks).mean()
        return {"x": scenes[:8], "G(x)": translated[:8]}, float(share)


def adam(*networks: nn.Cell) -> nn.Adam:
    weights = [weight for network in networks for weight in network.trainable_params()]
    return nn.Adam(weights, learning_rate=RATE, beta1=0.5)


def load(path: Path) -> dict:
    """What a file defines. It is a module, since MindSpore reads the source of what it compiles."""
    name = f"cyclegan_piece_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return vars(module)


def read_piece(path: Path) -> dict:
    """What a kept piece defines; nothing when somebody has edited it until it is no Python."""
    try:
        return load(path)
    except Exception:
        return {}


def gather(namespace: dict, folder: Path) -> tuple[dict, list[str], dict[str, object]]:
    """The pieces by the names that they have in code, the exercises of which they are the
    learner's own, and the answers to those that are wrong.

    A piece of the notebook comes before one that passed its check earlier; where there is none,
    the solution takes its place, written into ``folder``.
    """
    pieces, own, wrong = {}, [], {}
    for name in PIECES:
        exercise, path = EXERCISES[name], piece_file(name)
        answer = judge(exercise, namespace)
        if answer.outcome == RIGHT:
            keep_piece(exercise, namespace)
        elif answer.outcome != UNTRIED:
            wrong[name] = answer
            continue
        if path.exists():
            own.append(name)
            found = read_piece(path)
            if judge(exercise, found).outcome != RIGHT:
                wrong[name] = Answer(WRONG, EDITED, {})
        else:
            path = folder / f"{name}.py"
            path.write_text(exercise.solution, encoding="utf-8")
            found = load(path)
        pieces |= {variable: found.get(variable) for variable in exercise.names}
    return pieces, own, wrong


def finale(namespace: dict, seconds: float = SECONDS, most_epochs: int = MOST_EPOCHS):
    """Gather, train and measure; returns (own, wrong, result), the result None unless all is
    right."""
    with tempfile.TemporaryDirectory() as folder:
        pieces, own, wrong = gather(namespace, Path(folder))
        if wrong or not own:
            return own, wrong, None
        model = Finale(pieces)
        model.train(seconds, most_epochs)
        return own, wrong, model.result()
