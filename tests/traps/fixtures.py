"""What the called tests get from pytest otherwise, made small, and once, since no trap makes a
difference to it."""

import tempfile
from functools import cache
from pathlib import Path

import helpers
import numpy as np

from cyclegan_lessons.records import write_mindrecord


@cache
def folder() -> Path:
    """A folder that lives as long as this process."""
    folder.kept = tempfile.TemporaryDirectory()
    return Path(folder.kept.name)


@cache
def numbered() -> Path:
    """A data folder whose images are of one colour each: 5 in X, 8 in Y."""
    for name, n in (("train_x", 5), ("train_y", 8)):
        shades = ((f"{i}", np.full((16, 16, 3), 10 * i, np.uint8)) for i in range(n))
        write_mindrecord(shades, folder() / "numbered" / f"{name}.mindrecord")
    return folder() / "numbered"


@cache
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)


@cache
def small_checkpoint() -> Path:
    return helpers.small_checkpoint(folder() / "small.ckpt")
