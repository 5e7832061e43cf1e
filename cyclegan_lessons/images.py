"""Image files of any mode in, RGB out: what the datasets and the inference share."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from cyclegan_lessons.errors import LessonError

# pixels up to which a photograph is stored in its own size: 32 times the paper's 256×256
LARGEST = 2**21


def list_images(folder: str | Path) -> list[Path]:
    """The files of a folder in alphabetical order, hidden ones left out; raises `LessonError` when
    there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise LessonError(
            f"a folder {folder} with JPEG or PNG images is needed, but there is none; create and "
            "fill it."
        )
    files = sorted(
        file
        for file in folder.iterdir()
        if file.is_file() and file.name[0] != "." and file.name != "Thumbs.db"
    )
    if not files:
        raise LessonError(
            f"at least one JPEG or PNG image is needed in {folder}, but it is empty; put images "
            "into it."
        )
    return files


def read_image(path: str | Path) -> np.ndarray:
    """Read an image file of any mode as uint8 H×W×3, upright; raises `LessonError` when it is not
    an image.

    Greyscale becomes grey RGB, 16 bits become 8, transparent parts become white, and a camera's
    turned image is turned.
    """
    return np.asarray(_to_rgb(_open(path)))


def encode_file(path: str | Path) -> bytes:
    """What is stored of an image file: an RGB JPEG as it is, else the same pixels as PNG; shrunk
    when it is very large."""
    image = _open(path)
    turned = image.getexif().get(0x0112, 1) != 1
    if (
        image.format == "JPEG"
        and image.mode == "RGB"
        and not turned
        and image.width * image.height <= LARGEST
    ):
        return Path(path).read_bytes()
    rgb = _to_rgb(image)
    scale = (LARGEST / (rgb.width * rgb.height)) ** 0.5
    if scale < 1:
        rgb = rgb.resize(
            (max(1, int(rgb.width * scale)), max(1, int(rgb.height * scale))), Image.LANCZOS
        )
    return _png(rgb)


def encode_array(name: str, array: np.ndarray) -> tuple[str, bytes]:
    """A name and an array, uint8 H×W×3 or bool H×W, as a name and PNG bytes; raises `LessonError`
    for any other array."""
    array = np.asarray(array)
    if not (
        array.dtype == np.uint8
        and array.ndim == 3
        and array.shape[2] == 3
        or array.dtype == bool
        and array.ndim == 2
    ):
        raise LessonError(
            f"image {name!r} must be uint8 of shape H×W×3 or bool of shape H×W, but it is "
            f"{array.dtype} of shape "
            f"{'×'.join(map(str, array.shape))}; convert it."
        )
    return name, _png(Image.fromarray(array))


def _open(path: str | Path) -> Image.Image:
    """Open an image and decode all of it, so that a file cut short is noticed."""
    try:
        image = Image.open(path, formats=["JPEG", "PNG"])
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise LessonError(
            f"{path} should be a JPEG or PNG image, but it cannot be read as one; repair or "
            "remove it."
        ) from error
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16-bit greyscale, which convert() would clip at 255
        image = Image.fromarray(
            (np.asarray(image).astype(np.int64) // 256).clip(0, 255).astype(np.uint8)
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=3)
    return file.getvalue()
