"""Chapter 7: load a trained generator and translate images with it."""

from pathlib import Path

import numpy as np
from mindspore import nn
from PIL import Image

from cyclegan_lessons.checkpoint import load_strictly, read_checkpoint
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.generator import ResNetGenerator
from cyclegan_lessons.images import list_images, read_image, to_images, to_tensor

DIRECTIONS = {"x2y": "G", "y2x": "F"}  # apples to oranges, and back
# the demo preset, trained on the orchard
SHIPPED_MODEL = Path(__file__).parent / "models" / "orchard.ckpt"
BATCH = 16  # images that pass through the generator together


def load_generator(checkpoint: Path | None = None, direction: str = "x2y") -> ResNetGenerator:
    """Return the generator G (``"x2y"``) or F (``"y2x"``) of a checkpoint; without one, of the
    model in the package.

    The network is built from the configuration stored in the checkpoint. Raises `LessonError` when
    the file is missing or damaged, or when a single parameter is missing, left over or of another
    shape.
    """
    if direction not in DIRECTIONS:
        raise LessonError(
            f"direction must be x2y or y2x, but it is {direction!r}; choose one of the two."
        )
    checkpoint = Path(checkpoint or SHIPPED_MODEL)
    tensors, info = read_checkpoint(checkpoint)
    config = info["config"]
    generator = ResNetGenerator(base_channels=config["base_channels"], n_layers=config["n_layers"])
    load_strictly(generator, tensors, checkpoint, prefix=DIRECTIONS[direction] + ".")
    return generator


def translate(generator: nn.Cell, images: np.ndarray) -> np.ndarray:
    """Translate uint8 images N×H×W×3, or one of H×W×3, and return the same shape and type.

    Any height and width will do: the image is extended by reflection to the next multiples of 4
    (and at least 8), and the result is cut back. Raises `LessonError` for any other shape or type.
    """
    images = np.asarray(images)
    if (
        images.dtype != np.uint8
        or images.ndim not in (3, 4)
        or images.shape[-1] != 3
        or 0 in images.shape
    ):
        raise LessonError(
            f"translate needs uint8 images of shape N×H×W×3 or H×W×3, but got {images.dtype} of "
            "shape "
            f"{'×'.join(map(str, images.shape))}; convert them first, for example with PIL's "
            "convert('RGB')."
        )
    if images.ndim == 3:
        return translate(generator, images[None])[0]
    height, width = images.shape[1:3]
    rows, columns = (max(8, -(-side // 4) * 4) - side for side in (height, width))
    padded = np.pad(images, ((0, 0), (0, rows), (0, columns), (0, 0)), mode="symmetric")
    parts = [
        to_images(generator(to_tensor(padded[i : i + BATCH]))) for i in range(0, len(padded), BATCH)
    ]
    return np.concatenate(parts)[:, :height, :width]


def translate_files(
    inputs: list[Path], out: Path, checkpoint: Path | None = None, direction: str = "x2y"
) -> list[Path]:
    """Translate image files, and all images in folders, and return the paths of the pictures
    written to ``out``.

    For each ``NAME.jpg`` there will be ``out/NAME.png``, the translation in the image's own size,
    and ``out/side_by_side/NAME.png``, the original and the translation next to each other. Raises
    `LessonError` when an input is not an image, two inputs have one name, or ``out`` cannot be
    written; then nothing is written.
    """
    paths = [
        path
        for given in map(Path, inputs)
        for path in (list_images(given) if given.is_dir() else [given])
    ]
    names = [path.stem for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise LessonError(
                f"two of the images are called {name}, and would overwrite each other; rename one."
            )
    for path in paths:
        read_image(path)  # all inputs are checked before anything is written
    generator = load_generator(checkpoint, direction)
    out, written = Path(out), []
    try:
        (out / "side_by_side").mkdir(parents=True, exist_ok=True)
        for path in paths:
            image = read_image(path)
            result = translate(generator, image)
            Image.fromarray(result).save(out / f"{path.stem}.png")
            Image.fromarray(np.hstack([image, result])).save(
                out / "side_by_side" / f"{path.stem}.png"
            )
            written.append(out / f"{path.stem}.png")
    except OSError as error:
        raise LessonError(
            f"{out} cannot be written ({error.strerror}); choose another folder."
        ) from error
    return written
