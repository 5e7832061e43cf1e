"""The course's commands: ``python -m cyclegan_lessons fetch | train | report | translate |
evaluate``."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from cyclegan_lessons.classroom.commands import add_commands


def fetch(options):
    """Download apple2orange (or take an archive that is here), check it and make MindRecord files
    of it."""
    from cyclegan_lessons.config import get_preset
    from cyclegan_lessons.dataset import prepare_dataset

    size = get_preset("quick").image_size  # of the orchard; photographs keep their own
    print(prepare_dataset(options.dataset, size, folder=options.out, url=options.url))


def train(options):
    """Train a model on a data set and keep everything about it in a run folder."""
    from cyclegan_lessons.config import get_preset
    from cyclegan_lessons.dataset import load_images, prepare_dataset
    from cyclegan_lessons.device import select_device
    from cyclegan_lessons.fitting import resume
    from cyclegan_lessons.parallel import join
    from cyclegan_lessons.plotting import sample_rows, tile
    from cyclegan_lessons.processes import is_worker
    from cyclegan_lessons.runs import RunFolder
    from cyclegan_lessons.training import CycleGANTrainer

    config = configured(get_preset(options.preset), options)
    select_device(options.device)
    if config.workers > 1 and not is_worker():
        return train_with_workers(options, config)
    group = join(config.workers)
    data = prepare_dataset(options.dataset, image_size=config.image_size)
    held_out = [
        load_images(data, name, image_size=config.image_size, limit=4)
        for name in ("test_x", "test_y")
    ]
    run = RunFolder(options.out, config, resume=options.resume, writes=group.rank == 0)
    trainer = CycleGANTrainer(config)
    if options.resume:
        resume(trainer, run)

    def save_sample(trainer):
        rows = sample_rows(trainer.G, trainer.F, *held_out)
        run.save_sample(tile(list(rows.values())), trainer.step)

    every = options.save_every
    try:
        trainer.fit(data, run, save_every=every, sample_every=every, on_sample=save_sample)
    except KeyboardInterrupt:
        if group.rank:  # msrun would kill the others, who may still be saving
            return
        print(
            f"\nStopped and saved after step {trainer.step}; the same command with --resume "
            f"continues.",
            file=sys.stderr,
        )
        raise
    if group.size == 1:
        print(f"Trained {trainer.step} steps; the run is in {options.out}.")


def configured(preset, options):
    """The settings of a training: those of a preset, changed as the options say."""
    config = replace(preset, seed=options.seed, workers=options.workers, amp=options.amp)
    if options.steps is not None:
        config = replace(config, steps=options.steps)
    if options.epochs is not None:  # the paper's shape: half of them constant, half decaying
        halves = {"constant_epochs": -(-options.epochs // 2), "decay_epochs": options.epochs // 2}
        config = replace(config, **halves, steps=None)
    return config


def train_with_workers(options, config):
    """Start the same command in several workers, after all that can be checked before."""
    from cyclegan_lessons.dataset import epoch_steps, prepare_dataset
    from cyclegan_lessons.launcher import launch
    from cyclegan_lessons.runs import checkpoints_in, refuse_to_overwrite, step_of

    if not options.resume:
        refuse_to_overwrite(options.out)
    data = prepare_dataset(options.dataset, image_size=config.image_size)
    epoch_steps(data, config.batch_size, config.workers)  # enough images for all?
    launch(config.workers, ["-m", "cyclegan_lessons", *options.arguments], options.out)
    step = step_of(checkpoints_in(options.out)[-1])
    print(f"Trained {step} steps with {config.workers} workers; the run is in {options.out}.")


def report(options):
    """Make one HTML page that shows a training run: curves, samples, numbers and configuration."""
    from cyclegan_lessons.report import write_report

    page = write_report(options.run, options.out, options.overwrite)
    print(f"The report is in {page}.")


def translate(options):
    """Translate images and folders of images with a trained model."""
    from cyclegan_lessons.inference import translate_files

    written = translate_files(options.images, options.out, options.checkpoint, options.direction)
    print(f"Translated {len(written)} images into {options.out}.")


def evaluate(options):
    """Print how good the translations of a data set's test images are."""
    from cyclegan_lessons import evaluation
    from cyclegan_lessons.checkpoint import read_checkpoint
    from cyclegan_lessons.dataset import prepare_dataset
    from cyclegan_lessons.inference import SHIPPED_MODEL

    # a wrong path is said before the data are prepared
    _, info = read_checkpoint(options.checkpoint or SHIPPED_MODEL)
    size = info["config"]["image_size"]
    results = evaluation.evaluate(
        prepare_dataset(options.dataset, image_size=size), options.checkpoint, size
    )
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for direction, numbers in results.items():
        ends = numbers.pop("interval")
        print(f"{direction:24}{'value':>8}   95% interval" if ends else direction)
        for name, value in numbers.items():
            line = (
                f"  {name:22}{value:8.4f}" if isinstance(value, float) else f"  {name:22}{value:8}"
            )
            print(f"{line}   {ends[name][0]:.4f} to {ends[name][1]:.4f}" if name in ends else line)
    if "fruit_error" not in results["x2y"]:
        print("There are no twins in this dataset, so errors cannot be measured.")


def count(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is expected, not {text}")
    return number


def make_parser() -> argparse.ArgumentParser:
    """All commands with their options; the names are those of the notebooks' parameters."""
    parser = argparse.ArgumentParser(
        prog="python -m cyclegan_lessons", description="Train and use the paper's CycleGAN."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    dataset = {
        "default": "orchard",
        "metavar": "NAME_OR_FOLDER",
        "help": "orchard, apple2orange, or a folder with trainA trainB testA testB "
        "(default: %(default)s)",
    }
    checkpoint = {
        "type": Path,
        "metavar": "FILE",
        "help": "a .ckpt file of a run (default: the model in the package)",
    }

    command = commands.add_parser("fetch", help=fetch.__doc__, description=fetch.__doc__)
    command.add_argument("--dataset", **dataset | {"default": "apple2orange"})
    command.add_argument(
        "--url",
        metavar="URL_OR_FILE",
        help="where the archive is (default: the known addresses in turn)",
    )
    command.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to keep the data (default: the cache)"
    )
    command.set_defaults(command=fetch)

    command = commands.add_parser("train", help=train.__doc__, description=train.__doc__)
    command.add_argument("--dataset", **dataset)
    command.add_argument(
        "--preset",
        default="quick",
        metavar="NAME",
        help="quick, demo or paper (default: %(default)s)",
    )
    command.add_argument(
        "--device", default="auto", help="auto, CPU, GPU or Ascend (default: %(default)s)"
    )
    command.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="start of all randomness (default: %(default)s)",
    )
    command.add_argument(
        "--workers",
        type=count,
        default=1,
        metavar="N",
        help="train in N processes (default: %(default)s)",
    )
    command.add_argument(
        "--amp", action="store_true", help="convolve in float16, faster on GPU and Ascend"
    )
    length = command.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=count, metavar="N", help="stop after N steps of the preset's schedule"
    )
    length.add_argument(
        "--epochs",
        type=count,
        metavar="N",
        help="N epochs, the rate constant for half, then decaying",
    )
    command.add_argument(
        "--save-every", type=count, default=500, metavar="STEPS", help="default: %(default)s"
    )
    command.add_argument("--resume", action="store_true", help="continue the run in the folder")
    command.add_argument("--out", type=Path, required=True, metavar="RUN_FOLDER")
    command.set_defaults(command=train)

    command = commands.add_parser("report", help=report.__doc__, description=report.__doc__)
    command.add_argument(
        "run",
        type=Path,
        metavar="RUN_FOLDER",
        help="its metrics.json (from evaluate --json) is shown too",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where the page goes (default: report.html in the run folder)",
    )
    command.add_argument(
        "--overwrite",
        action="store_true",
        help="write the page over a file that is no page of this command",
    )
    command.set_defaults(command=report)

    command = commands.add_parser(
        "translate", help=translate.__doc__, description=translate.__doc__
    )
    command.add_argument("images", nargs="+", type=Path, metavar="IMAGE_OR_FOLDER")
    command.add_argument("--checkpoint", **checkpoint)
    command.add_argument(
        "--direction",
        choices=("x2y", "y2x"),
        default="x2y",
        help="default: %(default)s, apples to oranges",
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    command.set_defaults(command=translate)

    command = commands.add_parser("evaluate", help=evaluate.__doc__, description=evaluate.__doc__)
    command.add_argument("--checkpoint", **checkpoint)
    command.add_argument("--dataset", **dataset)
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.set_defaults(command=evaluate)

    add_commands(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; where something has to be mended, print that one sentence and return 1."""
    options = make_parser().parse_args(arguments)
    options.arguments = sys.argv[1:] if arguments is None else arguments
    from cyclegan_lessons.errors import LessonError

    try:
        options.command(options)
    except LessonError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
