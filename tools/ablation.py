"""Train the same small budget of steps with and without each trap, and measure the results against
the twins.

`make ablation` trains with each of the traps named in `RUNS`, from `tests/traps`, with every seed,
each in a process of its own, and adds two lines (one a direction) to book/ablation.csv, which
chapter 9 plots. What the file already holds is not trained again; delete lines to train them anew.
All of it takes half an hour to an hour on two cores.
"""

import argparse
import csv
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "book" / "ablation.csv"
COLUMNS = (
    "trap",
    "seed",
    "steps",
    "direction",
    "relative_fruit_error",
    "outside_error",
    "cycle_error",
)
RUNS = (
    "none",
    "shared_blocks",
    "norm_off",
    "pool_forgets",
    "d_loss_not_halved",
    "half_cycle",
    "identity_twice",
    "layer_norm",
    "mean_before_square",
    "frozen_augmentation",
    "no_decay",
    "zero_padding_leaky",
    "sigmoid_lsgan",
    "output_padding_zeros",
)


def train_one(trap: str, seed: int) -> list[dict]:
    """Train once and return one row of `COLUMNS` for each direction; the numbers are means over the
    test scenes."""
    sys.path.insert(0, str(ROOT / "tests"))
    from traps.variants import trapped

    from cyclegan_lessons.config import LessonConfig
    from cyclegan_lessons.dataset import load_images, prepare_orchard
    from cyclegan_lessons.evaluation import absolute_error
    from cyclegan_lessons.inference import translate
    from cyclegan_lessons.training import CycleGANTrainer

    config = LessonConfig(
        image_size=32,
        base_channels=16,
        n_layers=2,
        learning_rate=1e-3,
        constant_epochs=2,
        decay_epochs=2,
        seed=seed,
    )  # small and fast: five times the paper's learning rate, four epochs of 100 steps
    data = prepare_orchard(config.image_size, n_train=100)
    with nullcontext() if trap == "none" else trapped(trap):
        trainer = CycleGANTrainer(config)
        trainer.fit(data, progress=False)
        rows = []
        for direction, there, back in (
            ("x2y", trainer.G, trainer.F),
            ("y2x", trainer.F, trainer.G),
        ):
            name = f"test_{direction[0]}"
            images, twins, masks = (
                load_images(data, name + part) for part in ("", "_twin", "_mask")
            )
            translated = translate(there, images)
            error, baseline = (
                absolute_error(each, twins, masks).mean() for each in (translated, images)
            )
            numbers = {
                "relative_fruit_error": error / baseline,
                "outside_error": absolute_error(translated, twins, ~masks).mean(),
                "cycle_error": absolute_error(translate(back, translated), images).mean(),
            }
            numbers = {name: f"{value:.4f}" for name, value in numbers.items()}
            rows.append(
                {"trap": trap, "seed": seed, "steps": trainer.step, "direction": direction}
                | numbers
            )
    return rows


def read() -> list[dict]:
    """The rows that are stored."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="") as file:
        return list(csv.DictReader(file))


def add(rows: list[dict]):
    """Store rows beside the others, in the order of `RUNS`."""
    rows = sorted(
        read() + rows, key=lambda row: (RUNS.index(row["trap"]), int(row["seed"]), row["direction"])
    )
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--one",
        metavar="TRAP",
        choices=RUNS,
        help="train this one with the first seed, in this process",
    )
    options = parser.parse_args()
    if options.one:
        add(train_one(options.one, options.seeds[0]))
        return
    for trap in RUNS:
        for seed in options.seeds:
            if (trap, str(seed)) not in {(row["trap"], row["seed"]) for row in read()}:
                print(f"{trap}, seed {seed}", flush=True)
                subprocess.run(
                    [sys.executable, __file__, "--one", trap, "--seeds", str(seed)], check=True
                )


if __name__ == "__main__":
    main()
