"""Train with the cycle, with the patch-wise contrastive loss (CUT), and with neither, and measure
the results against the twins, for chapter 11.

    python tools/contrast_trial.py --seeds 0 1 2

Each training is a process of its own. When it ends, book/contrast.csv holds its numbers at each
step of `MEASURED`, and that of the first seed puts six of its translations into
book/figures/contrast_METHOD_DIRECTION.png. What the file already holds is not trained again, so the
command continues where it was stopped; delete lines to train them anew. ``--steps`` stops each
training earlier, for a quick look; a later command without it trains the complete budget.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "book" / "contrast.csv"
KEYS = ("method", "seed", "direction", "step")
NUMBERS = ("relative_fruit_error", "outside_error", "edge_agreement")
# The cycle trains both directions together; CUT and a bare GAN train one at a time.
RUNS = (("cycle", "both"), ("cut", "x2y"), ("cut", "y2x"), ("gan", "x2y"))
MEASURED = (200, 400, 800, 1600, 3200)
SHOWN = 6  # scenes in a picture


def settings(seed: int):
    """The configuration of every training: the same size, images and rates for all methods."""
    from cyclegan_lessons.config import LessonConfig

    return LessonConfig(
        image_size=64,
        base_channels=16,
        n_layers=3,
        learning_rate=5e-4,
        constant_epochs=4,
        decay_epochs=4,
        seed=seed,
    )  # 8 epochs of 400 steps; short, so two and a half times the paper's rate


def train_one(method: str, direction: str, seed: int, last: int) -> list[dict]:
    """Train once, until step ``last``; one row of `KEYS` and `NUMBERS` for each measurement."""
    from cyclegan_lessons.contrast_training import ContrastTrainer
    from cyclegan_lessons.dataset import prepare_orchard
    from cyclegan_lessons.device import select_device
    from cyclegan_lessons.processes import spread_threads
    from cyclegan_lessons.training import CycleGANTrainer

    select_device()
    config = settings(seed)
    data = prepare_orchard(config.image_size)
    if method == "cycle":
        trainer = CycleGANTrainer(config)
        generators = {"x2y": trainer.G, "y2x": trainer.F}
        steps = trainer.steps(data, last)
    else:
        trainer = ContrastTrainer(config, weight=1.0 if method == "cut" else 0.0)
        generators = {direction: trainer.G}
        steps = trainer.steps(data, last, from_y=direction == "y2x")
    rows, translated = [], {}
    with spread_threads(steps) as taken:
        for losses in taken:
            if losses["step"] not in MEASURED:
                continue
            for which, generator in generators.items():
                numbers, translated[which] = score(generator, data, which)
                found = dict(zip(KEYS, (method, seed, which, losses["step"])))
                rows.append(found | numbers)
    for which, images in translated.items() if seed == 0 else ():
        save_picture(method, which, images)
    return rows


def score(generator, data: Path, direction: str) -> tuple[dict[str, str], list]:
    """The `NUMBERS` of a generator, means over the test scenes, and all its translations."""
    from cyclegan_lessons.dataset import load_images
    from cyclegan_lessons.evaluation import absolute_error, edge_agreement
    from cyclegan_lessons.inference import translate

    name = f"test_{direction[0]}"
    images, twins, masks = (load_images(data, name + part) for part in ("", "_twin", "_mask"))
    translated = translate(generator, images)
    error, baseline = (absolute_error(each, twins, masks).mean() for each in (translated, images))
    values = (
        error / baseline,
        absolute_error(translated, twins, ~masks).mean(),
        edge_agreement(translated, twins, ~masks).mean(),
    )
    return {name: f"{value:.4f}" for name, value in zip(NUMBERS, values)}, translated


def save_picture(method: str, direction: str, images):
    """Store the first translations side by side; the chapter cuts them apart again."""
    from PIL import Image

    from cyclegan_lessons.plotting import tile

    path = RESULTS.parent / "figures" / f"contrast_{method}_{direction}.png"
    Image.fromarray(tile([images[:SHOWN]], gap=0)).save(path, optimize=True)


def read() -> list[dict]:
    """The rows that are stored."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="") as file:
        return list(csv.DictReader(file))


def key(row: dict) -> tuple:
    """What a row is sorted by and known by."""
    methods = [method for method, _ in RUNS]
    return methods.index(row["method"]), int(row["seed"]), row["direction"], int(row["step"])


def add(rows: list[dict]):
    """Store rows, in the place of those of the same training and step."""
    from cyclegan_lessons.files import write_whole

    kept = {key(row): row for row in [*read(), *rows]}
    lines = [dict(zip((*KEYS, *NUMBERS), (*KEYS, *NUMBERS))), *(kept[k] for k in sorted(kept))]
    text = "".join(",".join(str(row[name]) for name in (*KEYS, *NUMBERS)) + "\n" for row in lines)
    write_whole(RESULTS, text.encode())


def is_stored(method: str, direction: str, seed: int, last: int) -> bool:
    """Whether the file holds all that a training until step ``last`` would give."""
    stored = {key(row) for row in read()}
    place = [name for name, _ in RUNS].index(method)
    directions = ("x2y", "y2x") if direction == "both" else (direction,)
    return all(
        (place, seed, which, step) in stored
        for which in directions
        for step in MEASURED
        if step <= last
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, choices=MEASURED, default=MEASURED[-1])
    parser.add_argument(
        "--one", nargs=2, metavar=("METHOD", "DIRECTION"), help="train this one, in this process"
    )
    options = parser.parse_args()
    if options.one:
        add(train_one(*options.one, options.seeds[0], options.steps))
        return
    for seed in options.seeds:
        for method, direction in RUNS:
            if not is_stored(method, direction, seed, options.steps):
                print(f"{method}, {direction}, seed {seed}", flush=True)
                command = [sys.executable, __file__, "--one", method, direction]
                numbers = ["--seeds", str(seed), "--steps", str(options.steps)]
                subprocess.run([*command, *numbers], check=True)


if __name__ == "__main__":
    main()
