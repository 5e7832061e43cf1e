"""Around the training loop: what makes a run that can be stopped, recorded, resumed and watched.

The loop itself is `CycleGANTrainer.steps` (chapter 6). Here each of its steps is agreed upon by all
workers, checked, recorded and saved.
"""

import json
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np

from cyclegan_lessons.dataset import describe_data, epoch_steps
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.processes import spread_threads, stop_signals
from cyclegan_lessons.progress import progress

NEW_RUN = "start a new run with a smaller learning rate or another seed"


def fit(
    trainer,
    data: Path,
    run=None,
    save_every: int = 500,
    sample_every: int = 100,
    progress: bool = True,
    on_sample: Callable | None = None,
) -> list[dict]:
    """Train on the MindRecord files in ``data`` to the configured end, and return the history.

    ``run``, a `RunFolder`, receives the history, and a checkpoint every ``save_every`` steps and at
    the end; then it is closed. ``on_sample`` is called with the trainer every ``sample_every``
    steps and at the end. With several workers only the first one writes, shows and calls, losses
    are means over all, and what stops one stops all after the same step.

    Ctrl-C and SIGTERM stop after a complete step, save, and raise `KeyboardInterrupt`. Raises
    `LessonError` when the schedule is too short, the data are not those that the run began with, or
    a loss is no longer finite.
    """
    if trainer.group.rank:
        run, on_sample, progress = None, None, False
    check_data(trainer, describe_data(data))
    last = last_step(trainer, data)
    bar = progress_bar(trainer.step, last, progress)
    steps, stopping = spread_threads(trainer.steps(data, last)), saved_when_stopped(trainer, run)
    with run or nullcontext(), bar as show, stopping, stop_signals() as stops, steps as rows:
        for row in rows:
            stop = record(trainer, row, run, bool(stops))
            show(row)
            if on_sample and (trainer.step == last or trainer.step % sample_every == 0):
                on_sample(trainer)
            if stop:
                raise KeyboardInterrupt
            if run and (trainer.step == last or trainer.step % save_every == 0):
                save(trainer, run)  # after the sample: a run that continues misses none
    return trainer.history


def resume(trainer, run):
    """Bring a new trainer to the newest checkpoint of a `RunFolder`, with the history up to it."""
    path, tensors, info = run.newest_checkpoint()
    trainer.load_state(tensors, info, path)
    trainer.history = run.continue_from(trainer.step, trainer.config)


def record(trainer, row: dict, run, stop: bool) -> bool:
    """Agree with all workers on a step's losses, check and keep them; whether all are to stop."""
    losses = {name: value for name, value in row.items() if name not in ("step", "epoch", "rate")}
    losses, stop = trainer.group.agree(losses, stop)
    for name, value in losses.items():
        if not math.isfinite(value):
            raise LessonError(
                f"every loss must stay finite, but {name} became {value} at step {trainer.step}; "
                f"{NEW_RUN}."
            )
    row.update(losses)
    trainer.history.append(row)
    if run:
        run.record(row)
    return stop


def save(trainer, run):
    """Write a checkpoint, unless a weight is no longer finite: nothing could continue from it."""
    tensors, info = trainer.state()
    for name, tensor in tensors.items():
        if not np.isfinite(tensor.asnumpy()).all():
            raise LessonError(
                f"every weight must stay finite, but {name} is not after step {trainer.step}; "
                f"nothing was saved for this step; {NEW_RUN}."
            )
    run.save(trainer.step, tensors, info)


@contextmanager
def saved_when_stopped(trainer, run) -> Iterator[None]:
    """Save what was reached when the block ends in `KeyboardInterrupt`."""
    try:
        yield
    except KeyboardInterrupt:
        if run:
            save(trainer, run)
        raise


def last_step(trainer, data: Path) -> int:
    """The step at which the configuration ends; raises `LessonError` beyond the schedule."""
    config = trainer.config
    length = epoch_steps(data, config.batch_size, config.workers)
    end = config.epochs * length
    if config.steps is not None and config.steps > end:
        raise LessonError(
            f"{config.steps} steps were asked for, but {config.epochs} epochs of {length} steps "
            f"end after {end}; ask for fewer steps or for more epochs."
        )
    return end if config.steps is None else config.steps


def check_data(trainer, data: dict):
    """Raise `LessonError` unless the run began with the same images, in all workers.

    ``data`` is what `describe_data` says of them.
    """
    if trainer.data and trainer.data["sha256"] != data["sha256"]:
        raise LessonError(
            f"the run was trained on the images in {trainer.data['name']}, but those in "
            f"{data['name']} are others; resume with the same data set, or start a new run."
        )
    trainer.data = data
    parts = asdict(trainer.config), data["sha256"]
    marks = [zlib.crc32(json.dumps(part).encode()) % 2**24 for part in parts]  # as float32, exact
    trainer.group.check_same(step=trainer.step, configuration=marks[0], images=marks[1])


@contextmanager
def progress_bar(first: int, last: int, shown: bool) -> Iterator[Callable[[dict], None]]:
    """A bar from step ``first`` to ``last``; the block calls what it is given with each row."""
    with progress(None, "training", last, unit="step", first=first, shown=shown) as bar:

        def show(row: dict):
            bar.update()
            losses = {name: f"{row[name]:.2f}" for name in ("G", "F", "D_X", "D_Y")}
            bar.set_postfix(epoch=row["epoch"], rate=f"{row['rate']:.2g}", **losses)

        yield show
