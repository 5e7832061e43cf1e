"""What the commands do; their options are in arguments.py.

Each imports what it needs itself: MindSpore takes two seconds to import, and `--help` or a mistyped
option is answered at once.
"""

import json
import sys
from dataclasses import replace

from cyclegan_lessons.classroom.commands import check_in, overview, progress
from cyclegan_lessons.language import in_language


def fetch(options):
    """Download apple2orange, or take an archive that is here, and make checked MindRecord files."""
    from cyclegan_lessons.config import get_preset
    from cyclegan_lessons.dataset import prepare_dataset

    size = get_preset("quick").image_size  # of the orchard; photographs keep their own
    print(prepare_dataset(options.dataset, size, folder=options.out, url=options.url))


def train(options):
    """Train a model on a data set and keep everything about it in a run folder."""
    from cyclegan_lessons.config import get_preset
    from cyclegan_lessons.device import select_device
    from cyclegan_lessons.processes import is_worker

    config = configured(get_preset(options.preset), options)
    select_device(options.device)
    if config.workers > 1 and not is_worker():
        train_with_workers(options, config)
    else:
        train_in_this_process(options, config)


def configured(preset, options):
    """The settings of a training: those of a preset, changed as the options say."""
    config = replace(preset, seed=options.seed, workers=options.workers, amp=options.amp)
    if options.steps is not None:
        config = replace(config, steps=options.steps)
    if options.epochs is not None:  # the paper's shape: half of them constant, half decaying
        halves = {"constant_epochs": -(-options.epochs // 2), "decay_epochs": options.epochs // 2}
        config = replace(config, **halves, steps=None)
    return config


def train_in_this_process(options, config):
    """Train, as the only process or as one of several workers."""
    from cyclegan_lessons.dataset import load_images, prepare_dataset
    from cyclegan_lessons.fitting import resume
    from cyclegan_lessons.inference import sample_rows
    from cyclegan_lessons.parallel import join
    from cyclegan_lessons.plotting import tile
    from cyclegan_lessons.runs import RunFolder
    from cyclegan_lessons.training import CycleGANTrainer

    group, every = join(config.workers), options.save_every
    data = prepare_dataset(options.dataset, image_size=config.picture_size)
    held_out = [load_images(data, f"test_{d}", 4, config.picture_size) for d in "xy"]
    run = RunFolder(options.out, config, resume=options.resume, writes=group.rank == 0)
    trainer = CycleGANTrainer(config)
    if options.resume:
        resume(trainer, run)

    def save_sample(trainer):
        rows = sample_rows(trainer.G, trainer.F, *held_out)
        run.save_sample(tile(list(rows.values())), trainer.step)

    try:
        trainer.fit(data, run, save_every=every, sample_every=every, on_sample=save_sample)
    except KeyboardInterrupt:
        if group.rank:  # msrun would kill the others, who may still be saving
            return
        said = in_language(
            f"Stopped and saved after step {trainer.step}; the same command with --resume "
            "continues."
        )
        print(f"\n{said}", file=sys.stderr)
        raise
    if group.size == 1:
        print(in_language(f"Trained {trainer.step} steps; the run is in {options.out}."))


def train_with_workers(options, config):
    """Start the same command in several workers, after all that can be checked before."""
    from cyclegan_lessons.dataset import epoch_steps, prepare_dataset
    from cyclegan_lessons.launcher import launch
    from cyclegan_lessons.runs import checkpoints_in, refuse_to_overwrite, step_of

    if not options.resume:
        refuse_to_overwrite(options.out)
    data = prepare_dataset(options.dataset, image_size=config.picture_size)
    epoch_steps(data, config.batch_size, config.workers)  # enough images for all?
    launch(config.workers, ["-m", "cyclegan_lessons", *options.arguments], options.out)
    step = step_of(checkpoints_in(options.out)[-1])
    by = config.workers
    print(in_language(f"Trained {step} steps with {by} workers; the run is in {options.out}."))


def report(options):
    """Make one HTML page that shows a training run: curves, samples, numbers and configuration."""
    from cyclegan_lessons.report import write_report

    page = write_report(options.run, options.out, options.overwrite)
    print(in_language(f"The report is in {page}."))


def translate(options):
    """Translate images and folders of images with a trained model.

    For each image NAME.jpg there will be FOLDER/NAME.png, and FOLDER/side_by_side/NAME.png with the
    image beside it. An image of more than 0.76 megapixels (0.31 with the paper's network, whose
    layers are wider) is translated at that size, so that memory and time stay small.
    """
    from cyclegan_lessons.device import select_device
    from cyclegan_lessons.export import find_checkpoint
    from cyclegan_lessons.picture_files import translate_files

    select_device(options.device)
    written = translate_files(
        options.images,
        options.out,
        find_checkpoint(options.checkpoint),
        options.direction,
        overwrite=options.overwrite,
    )
    print(in_language(f"Translated {len(written)} images into {options.out}."))


def evaluate(options):
    """Print how good the translations of a data set's test images are."""
    from cyclegan_lessons.device import select_device
    from cyclegan_lessons.export import find_checkpoint
    from cyclegan_lessons.scores import LEAST_IMAGES, evaluate

    select_device(options.device)
    checkpoint = find_checkpoint(options.checkpoint)
    results = evaluate(options.dataset, checkpoint)
    if options.json:
        print(json.dumps({way: scores.to_json() for way, scores in results.items()}, indent=2))
        return
    value, interval = in_language("value"), in_language("95% interval")
    to = in_language("{low} to {high}")
    for way, scores in results.items():
        print(f"{way:24}{value:>8}   {interval if scores.interval else ''}".rstrip())
        print(f"  {'images':22}{scores.images:8}")
        for name, value in scores.numbers.items():
            low, high = scores.interval.get(name, (None, None))
            between = "" if low is None else to.format(low=f"{low:.4f}", high=f"{high:.4f}")
            print(f"  {name:22}{value:8.4f}   {between}".rstrip())
    if any(scores.images < LEAST_IMAGES for scores in results.values()):
        said = in_language(
            f"An interval needs at least {LEAST_IMAGES} test images of each domain that it uses."
        )
        print(said)
    if "fruit_error" not in results["x2y"].numbers:
        print(in_language("There are no twins in this dataset, so errors cannot be measured."))


def export(options):
    """Write both generators for other programs, as ONNX files or as one HTML page."""
    from cyclegan_lessons.export import export

    for path in export(options.source, options.out, options.format, options.overwrite):
        print(in_language("Written: {path}").format(path=path))


def devices(options):
    """Print for each kind of device what it needs, what is there and what is missing."""
    from cyclegan_lessons.device import quiet_mindspore
    from cyclegan_lessons.diagnosis import describe_devices

    with quiet_mindspore():
        print(describe_devices())


COMMANDS = {f.__name__: f for f in (fetch, train, report, translate, evaluate, export, devices)}
COMMANDS |= {"progress": progress, "check-in": check_in, "class": overview}
