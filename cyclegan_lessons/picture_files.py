"""Chapter 7: translate image files and folders, and write the results beside their originals."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from mindspore import nn
from PIL import Image
from tqdm import tqdm

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.images import list_images, read_image
from cyclegan_lessons.inference import DIRECTIONS, build_generator, read_model, translate


def largest_picture(base_channels: int) -> int:
    """The number of pixels from which on a picture is made smaller before it is translated.

    A generator takes about 34 · (channels + 17) bytes of memory for each pixel on a CPU, measured
    with 16 and 64 channels. With so many pixels that is less than a gigabyte: 757,575 for the 16
    channels of the demo preset, 308,641 for the paper's 64.
    """
    return 25_000_000 // (base_channels + 17)


def translate_files(
    inputs: list[Path],
    out: Path,
    checkpoint: Path | None = None,
    direction: str = "x2y",
    overwrite: bool = False,
    progress: bool = False,
) -> list[Path]:
    """Translate image files, and all images in folders; return the pictures written to ``out``.

    For each ``NAME.jpg`` there will be ``out/NAME.png``, the translation, and
    ``out/side_by_side/NAME.png``, the original and the translation next to each other. They have
    the original's size, or at most `largest_picture`'s number of pixels; one line on stderr says
    how many were made smaller. ``progress`` shows a bar.

    Raises `LessonError` when an input is not an image, two inputs have one name, a result is there
    already (``overwrite`` replaces it, but never an input), or ``out`` cannot be written; then
    nothing is written.
    """
    with system_errors(Path(out)):
        paths = find_images(inputs)
        targets = name_results(paths, Path(out))
        refuse_to_lose(paths, targets, overwrite)
        generator, most = load_for_files(checkpoint, direction)
        sizes = [  # all inputs are read before anything is written
            read_image(path).shape[0] * read_image(path).shape[1]
            for path in tqdm(paths, "reading", unit="image", disable=not progress, leave=False)
        ]
        say_how_many_are_large(sizes, most)
        (Path(out) / "side_by_side").mkdir(parents=True, exist_ok=True)
        bar = tqdm(
            list(zip(paths, targets)), "translating", unit="image", disable=not progress, leave=False
        )
        for path, (alone, beside) in bar:
            image = shrink(read_image(path), most)
            result = translate(generator, image)
            save(result, alone)
            save(np.hstack([image, result]), beside)
    return [alone for alone, _ in targets]
