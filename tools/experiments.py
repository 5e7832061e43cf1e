"""Repeat the paper's ablation on the orchard, and measure every variant against the twins.

`make experiments` trains each of `VARIANTS` with five seeds, every training in a process of its
own, and adds two lines (one a direction) to book/experiments.csv, which chapter 10 reads. All
variants come with a seed before the next seed begins, so a part of the file is of use. What the
file already holds is not trained again; delete lines to train them anew. ``--jobs 2`` trains two at
once, each on one core. The picture of chapter 10 was drawn with ``--one cycle_alone --seeds 2
--strip book/figures/cycle_alone.png``. `--sick FOLDER` trains the run that goes wrong for chapter 6
instead.
"""

import argparse
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from threading import Lock

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "book" / "experiments.csv"
SEEDS = range(5)
COLUMNS = (
    "config",
    "seed",
    "steps",
    "direction",
    "relative_fruit_error",
    "outside_error",
    "edge_agreement",
    "cycle_error",
    "kernel_distance",
    "relative_spread",
)
#: One budget for all: the paper's rate times five, and a small network, for some minutes on a core.
BUDGET = {
    "image_size": 64,
    "base_channels": 8,
    "n_layers": 3,
    "learning_rate": 1e-3,
    "constant_epochs": 3,
    "decay_epochs": 3,
}
#: G's and D's rates in the run that goes wrong. With 1e-4 and 1e-3 D does not win yet.
SICK_RATES = (2e-5, 1e-3)
GAN, FORWARD, BACKWARD = ("G", "F"), ("cycle_x",), ("cycle_y",)
IDENTITY = ("identity_x", "identity_y")


@dataclass(frozen=True)
class Variant:
    """What G and F minimise, by the names of `losses.LOSS_NAMES`, and other changed settings."""

    terms: tuple[str, ...]
    changes: dict = field(default_factory=dict)


#: The first five are those of the paper's tables 4 and 5 (section 5.1.4), without identity loss.
VARIANTS = {
    "cycle_alone": Variant(FORWARD + BACKWARD),
    "gan_alone": Variant(GAN),
    "gan_forward": Variant(GAN + FORWARD),
    "gan_backward": Variant(GAN + BACKWARD),
    "cyclegan": Variant(GAN + FORWARD + BACKWARD),
    "identity": Variant(GAN + FORWARD + BACKWARD + IDENTITY),
    "identity_no_pool": Variant(GAN + FORWARD + BACKWARD + IDENTITY, {"pool_size": 0}),
}


def losses_of(terms: tuple[str, ...]) -> Callable:
    """A `generator_losses` whose total is the weighted sum of ``terms`` alone.

    It returns all the others too, so that a history shows them.
    """
    from cyclegan_lessons.losses import LOSS_NAMES
    from cyclegan_lessons.training import generator_losses

    def make(networks, config):
        right = generator_losses(networks, config)
        weights = {"G": 1.0, "F": 1.0}
        weights |= dict.fromkeys(FORWARD + BACKWARD, config.lambda_cycle)
        weights |= dict.fromkeys(IDENTITY, config.lambda_identity)
        parts = tuple((LOSS_NAMES.index(name), weights[name]) for name in terms)

        def losses(x, y):
            values = right(x, y)
            total = 0.0
            for place, weight in parts:
                total = total + weight * values[place]
            return (total, *values[1:])

        return losses

    return make


def trainer_of(name: str, seed: int, **changes):
    """The trainer of a variant, at the budget or with ``changes`` of it."""
    from cyclegan_lessons.config import LessonConfig
    from cyclegan_lessons.training import CycleGANTrainer

    variant = VARIANTS[name]
    trainer = CycleGANTrainer(LessonConfig(**BUDGET | variant.changes | changes, seed=seed))
    losses = losses_of(variant.terms)
    trainer.generator_step = trainer._step(losses, trainer.generator_optimizer)
    return trainer


def train_one(name: str, seed: int, strip: Path | None = None) -> list[dict]:
    """Train a variant and return one row of `COLUMNS` for each direction.

    Into the file ``strip`` go some test pictures x, G(x) and F(G(x)).
    """
    from cyclegan_lessons.dataset import prepare_orchard
    from cyclegan_lessons.device import select_device

    select_device()
    trainer = trainer_of(name, seed)
    data = prepare_orchard(trainer.config.image_size)
    trainer.fit(data, progress=False)
    if strip:
        draw(trainer, data, strip)
    start = {"config": name, "seed": seed, "steps": trainer.step}
    ways = (("x2y", trainer.G, trainer.F), ("y2x", trainer.F, trainer.G))
    return [start | {"direction": way} | measured(data, way, *nets) for way, *nets in ways]


def draw(trainer, data: Path, strip: Path):
    """Write six test pictures of X, and below them G(x) and F(G(x))."""
    from PIL import Image

    from cyclegan_lessons.dataset import load_images
    from cyclegan_lessons.inference import translate
    from cyclegan_lessons.plotting import tile

    x = load_images(data, "test_x", limit=6)
    fake_y = translate(trainer.G, x)
    Image.fromarray(tile([x, fake_y, translate(trainer.F, fake_y)])).save(strip)


def measured(data: Path, direction: str, there, back) -> dict[str, str]:
    """The numbers of one direction: means over the test scenes, and the kernel distance."""
    from cyclegan_lessons.dataset import load_images
    from cyclegan_lessons.evaluation import image_features, kernel_distance, measure, spread
    from cyclegan_lessons.inference import translate

    source, _, target = direction.partition("2")
    names = (f"test_{source}{part}" for part in ("", "_twin", "_mask"))
    images, twins, masks = (load_images(data, name) for name in names)
    translated = translate(there, images)
    each = measure(images, translated, translate(back, translated), twins, masks)
    mean = {name: values.mean() for name, values in each.items()}
    mean["relative_fruit_error"] = mean["fruit_error"] / mean["fruit_baseline"]
    mean["relative_spread"] = spread(translated) / spread(twins)
    others = load_images(data, f"test_{target}")
    mean["kernel_distance"] = kernel_distance(image_features(translated), image_features(others))
    return {name: f"{mean[name]:.4f}" for name in COLUMNS[4:]}


def train_sick(folder: Path, seed: int = 0):
    """Train a CycleGAN whose discriminators learn fifty times as fast, into a run folder."""
    from mindspore import Tensor, float32, ops

    from cyclegan_lessons.dataset import load_images, prepare_orchard
    from cyclegan_lessons.inference import sample_rows
    from cyclegan_lessons.plotting import tile
    from cyclegan_lessons.runs import RunFolder

    trainer = trainer_of("identity", seed, learning_rate=SICK_RATES[0])

    def set_rate(rate: float):
        part = rate / SICK_RATES[0]
        rates = zip((trainer.generator_optimizer, trainer.discriminator_optimizer), SICK_RATES)
        for optimizer, own in rates:
            ops.assign(optimizer.learning_rate, Tensor(part * own, float32))

    trainer.set_rate = set_rate
    data = prepare_orchard(trainer.config.image_size)
    held = [load_images(data, f"test_{domain}", limit=6) for domain in "xy"]
    run = RunFolder(folder, trainer.config)

    def draw(trainer):
        rows = sample_rows(trainer.G, trainer.F, *held)
        run.save_sample(tile(list(rows.values())), trainer.step)

    trainer.fit(data, run, sample_every=200, on_sample=draw)


def read(path: Path = RESULTS) -> list[dict]:
    """The rows that are stored."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def add(rows: list[dict], path: Path = RESULTS):
    """Store rows beside the others, in the order of `VARIANTS`; the file is replaced whole."""
    from cyclegan_lessons.files import write_whole

    order = list(VARIANTS)
    rows = sorted(
        read(path) + rows,
        key=lambda row: (order.index(row["config"]), int(row["seed"]), row["direction"]),
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def missing(path: Path = RESULTS, seeds=SEEDS) -> list[tuple[str, int]]:
    """The trainings that the file lacks: all variants with the first seed, then the next seed."""
    done = {(row["config"], int(row["seed"])) for row in read(path)}
    wanted = [(name, seed) for seed in seeds for name in VARIANTS]
    return [each for each in wanted if each not in done]


def train_missing(jobs: int, seeds):
    """Train what the file lacks, ``jobs`` at once, with more than one each on a core of its own."""
    cores, lock = Queue(), Lock()
    for core in sorted(os.sched_getaffinity(0))[:jobs] if jobs > 1 else [None]:
        cores.put(core)

    def train(name: str, seed: int):
        core = cores.get()
        print(f"{name}, seed {seed}", flush=True)
        command = [sys.executable, __file__, "--one", name, "--seeds", str(seed)]
        try:
            ended = subprocess.run(
                command + ([] if core is None else ["--core", str(core)]),
                stdout=subprocess.PIPE,
                check=True,
            )
        finally:
            cores.put(core)
        with lock:
            add(json.loads(ended.stdout.splitlines()[-1]))

    with ThreadPoolExecutor(cores.qsize()) as pool:
        for each in [pool.submit(train, *each) for each in missing(seeds=seeds)]:
            each.result()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, each on one core")
    parser.add_argument("--one", choices=VARIANTS, help="train this one and print its numbers")
    parser.add_argument("--strip", type=Path, metavar="FILE", help="for --one: its test pictures")
    parser.add_argument("--core", type=int, help="the core for --one")
    parser.add_argument("--sick", type=Path, metavar="FOLDER", help="train the run that goes wrong")
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})  # before MindSpore starts its threads
    if options.sick:
        train_sick(options.sick)
    elif options.one:
        print("\n" + json.dumps(train_one(options.one, options.seeds[0], options.strip)))
    else:
        train_missing(options.jobs, options.seeds)


if __name__ == "__main__":
    main()
