"""Chapter 7: translate image files and folders, and write the results beside their originals."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.files import replacing
from cyclegan_lessons.images import list_images, read_image
from cyclegan_lessons.inference import load_generator, translate
from cyclegan_lessons.language import in_language
from cyclegan_lessons.progress import progress


def largest_picture(base_channels: int) -> int:
    """The most pixels that a picture is translated with; a larger one is made smaller first.

    On a CPU a generator takes about 34 · (channels + 17) bytes of memory for each pixel, measured
    with 16 and with 64 channels; a `DetailGenerator` takes up to 5 in 100 more. So this many pixels
    take less than a gigabyte: 757,575 with 16 channels, 308,641 with the paper's 64.
    """
    return 25_000_000 // (base_channels + 17)


def translate_files(
    inputs: list[Path],
    out: Path,
    checkpoint: Path | None = None,
    direction: str = "x2y",
    overwrite: bool = False,
) -> list[Path]:
    """Translate image files, and all images in folders; return the pictures written to ``out``.

    For each ``NAME.jpg`` there will be ``out/NAME.png``, the translation, and
    ``out/side_by_side/NAME.png``, the original and the translation next to each other. They have
    the original's size, but at most the pixels of `largest_picture`; a line on stderr says how many
    images were made smaller.

    Raises `LessonError` when an input is not an image, two inputs have one name, a result is there
    already (``overwrite`` replaces it, never an input), or ``out`` cannot be written.
    """
    out = Path(out)
    with system_errors(out):
        paths = find_images(inputs)
        names = [f"{path.stem}.png" for path in paths]
        refuse_to_lose(paths, names, out, overwrite)
        generator = load_generator(checkpoint, direction)
        most = largest_picture(generator.encoder[1].out_channels)
        reading = progress(paths, "reading")  # all of them before anything is written
        large = sum(read_image(path)[..., 0].size > most for path in reading)
        if large:
            say_smaller(large, len(paths), most)
        (out / "side_by_side").mkdir(parents=True, exist_ok=True)
        for path, name in zip(progress(paths, "translating"), names):
            image = shrink(read_image(path), most)
            result = translate(generator, image)
            save(result, out / name)
            save(np.hstack([image, result]), out / "side_by_side" / name)
    return [out / name for name in names]


@contextmanager
def system_errors(out: Path) -> Iterator[None]:
    """Raise `LessonError` when the system refuses to read or write a file in the block."""
    try:
        yield
    except OSError as error:
        raise LessonError(
            f"{error.filename or out} cannot be read or written ({error.strerror or error}); check "
            "its permissions and the space on the disk, or choose another folder."
        ) from error


def say_smaller(large: int, images: int, most: int):
    """Say that images of more than ``most`` pixels are translated at a smaller size."""
    said = in_language(
        f"{large} of {images} images are made smaller: this network translates at most "
        f"{most / 1e6:.2f} megapixels."
    )
    print(said, file=sys.stderr)


def find_images(inputs: list[Path]) -> list[Path]:
    """The image files among the inputs and in the folders among them; no two may have one name."""
    paths = []
    for given in map(Path, inputs):
        if not given.is_dir() and not given.is_file():
            raise LessonError(
                f"an image or a folder of images was expected at {given}, but there is none; check "
                "the path."
            )
        paths += list_images(given) if given.is_dir() else [given]
    paths = list(dict.fromkeys(paths))  # an image that was given twice
    for path in paths:
        path.open("rb").close()  # permissions are said here, what is in it later
    name, copies = Counter(path.stem for path in paths).most_common(1)[0]
    if copies > 1:
        raise LessonError(
            f"two of the images are called {name}, and would overwrite each other; rename one."
        )
    return paths


def refuse_to_lose(paths: list[Path], names: list[str], out: Path, overwrite: bool):
    """Raise `LessonError` when a result would replace an input, or, unless asked for, any file."""
    inputs = {path.resolve(): path for path in paths}
    results = [folder / name for folder in (out, out / "side_by_side") for name in names]
    for result in results:
        if result.resolve() in inputs:  # through a link, too
            raise LessonError(
                f"{result} is one of the images to translate, and would be replaced by its "
                "translation; choose another folder for the results."
            )
    there = [result for result in results if os.path.lexists(result)]
    if there and not overwrite:
        raise LessonError(
            f"the results must not replace other files, but {there[0]} is there already; choose "
            "another folder, or --overwrite (in Python, overwrite=True) to replace it."
        )


def shrink(image: np.ndarray, most: int) -> np.ndarray:
    """Make an image, uint8 H×W×3, smaller until it has at most ``most`` pixels."""
    height, width = image.shape[:2]
    scale = (most / (height * width)) ** 0.5
    if scale >= 1:
        return image
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.LANCZOS))


def save(image: np.ndarray, path: Path):
    """Write an image, uint8 H×W×3, as a PNG file that is complete as soon as it has its name."""
    with replacing(path) as draft:
        Image.fromarray(image).save(draft)
