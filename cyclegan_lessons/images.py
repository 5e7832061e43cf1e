"""Chapter 1: image files of any mode in, RGB out, and pixels as the numbers that networks take."""

import io
from pathlib import Path

import mindspore as ms
import numpy as np
from PIL import Image, ImageOps

from cyclegan_lessons.errors import LessonError

# pixels up to which a photograph is stored in its own size: 32 times the paper's 256×256
LARGEST = 2**21


def to_values(pixels: np.ndarray) -> np.ndarray:
    """uint8 pixels of any shape to float32 in [-1, 1]."""
    return pixels.astype(np.float32) / 127.5 - 1


def to_pixels(values: np.ndarray) -> np.ndarray:
    """Values in [-1, 1] of any shape to uint8 pixels, rounded; the inverse of `to_values`."""
    return np.rint((values + 1) * 127.5).clip(0, 255).astype(np.uint8)


def to_tensor(images: np.ndarray) -> ms.Tensor:
    """uint8 N×H×W×3 to the float32 N×3×H×W in [-1, 1] that the networks take."""
    return ms.Tensor(to_values(images.transpose(0, 3, 1, 2)))


def to_images(tensor: ms.Tensor) -> np.ndarray:
    """The networks' N×3×H×W in [-1, 1] to uint8 N×H×W×3."""
    return to_pixels(tensor.asnumpy().transpose(0, 2, 3, 1))


def list_images(folder: str | Path) -> list[Path]:
    """The files of a folder in alphabetical order, without hidden ones; at least one.

    Raises `LessonError` when there is no such folder or nothing in it.
    """
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
    """Read an image file of any mode as uint8 H×W×3, upright.

    Greyscale becomes grey RGB, 16 bits become 8, transparent parts become white, and a camera's
    turned image is turned. Raises `LessonError` when it is not an image.
    """
    return np.asarray(_to_rgb(_open(path)))


def encode_file(path: str | Path) -> bytes:
    """What is stored of an image file: an RGB JPEG as it is, else a PNG; shrunk if very large."""
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
    """A name and an array, uint8 H×W×3 or bool H×W, as a name and PNG bytes.

    Raises `LessonError` for any other array.
    """
    array = np.asarray(array)
    is_picture = array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3
    is_mask = array.dtype == bool and array.ndim == 2
    if not (is_picture or is_mask):
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
