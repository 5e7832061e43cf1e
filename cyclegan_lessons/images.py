"""Chapter 1: image files of any mode in, RGB out, and pixels as the numbers that networks take."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mindspore as ms
import numpy as np
from PIL import Image, ImageOps

from cyclegan_lessons.cache import readable
from cyclegan_lessons.errors import LessonError

# pixels up to which a photograph is stored in its own size: 32 times the paper's 256×256
LARGEST = 2**21
MOST = 2**26  # pixels up to which an image is read at all; a small file can claim any number


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


def is_clutter(name: str) -> bool:
    """Whether a file or folder is of the kind that systems put beside pictures by themselves."""
    return name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini")


def list_images(folder: str | Path) -> list[Path]:
    """The files of a folder in alphabetical order, at least one; folders in it are left out.

    Hidden files and the like are left out too. Raises `LessonError` when there is no such folder,
    no file in it, or something else, such as a link to a file that is not there.
    """
    folder = Path(folder)
    with readable(folder):
        if not folder.is_dir():
            raise LessonError(
                f"a folder {folder} with JPEG or PNG images is needed, but there is none; create "
                "and fill it."
            )
        found = sorted(path for path in folder.iterdir() if not is_clutter(path.name))
        files = [path for path in found if not path.is_dir()]
    if not files:
        holds = "holds only folders" if found else "is empty"
        raise LessonError(
            f"at least one JPEG or PNG image is needed in {folder}, but it {holds}; put images "
            "into it."
        )
    for file in files:
        check_file(file)
    return files


def list_only_images(folder: str | Path) -> list[Path]:
    """As `list_images`, but folders beside the images are refused: their images would be lost."""
    files = list_images(folder)
    for path in sorted(Path(folder).iterdir()):
        if path.is_dir() and not is_clutter(path.name):
            raise LessonError(
                f"{folder} should hold images only, but there is a folder in it, {path.name}; move "
                "its images up, or the folder away."
            )
    return files


def check_file(path: str | Path):
    """Raise `LessonError` unless there is an ordinary file at ``path``, or a link to one."""
    path = Path(path)
    with readable(path):
        if not path.is_file():
            there = path.exists() or path.is_symlink()
            what = "it is none, or a link to none" if there else "there is no such file"
            raise LessonError(f"{path} should be an image file, but {what}; check the path.")


def read_image(path: str | Path) -> np.ndarray:
    """Read an image file of any mode as uint8 H×W×3, upright.

    Greyscale becomes grey RGB, 16 bits become 8, transparent parts become white, and a camera's
    turned image is turned. Raises `LessonError` when it is not a JPEG or PNG image of up to 64
    megapixels.
    """
    with decoding(path):
        return np.asarray(_to_rgb(_open(path)))


def encode_file(path: str | Path) -> bytes:
    """What is stored of an image file: an RGB JPEG as it is, else a PNG; shrunk if very large.

    Raises `LessonError` as `read_image` does.
    """
    with decoding(path):
        image = _open(path)
        stored = Path(path).stat().st_size
        upright = image.getexif().get(0x0112, 1) == 1
        small = image.width * image.height <= LARGEST and stored <= 3 * LARGEST
        if image.format == "JPEG" and image.mode == "RGB" and upright and small:
            return Path(path).read_bytes()
        rgb = _to_rgb(image)
        scale = (LARGEST / (rgb.width * rgb.height)) ** 0.5
        if scale < 1:
            size = [max(1, int(side * scale)) for side in rgb.size]
            rgb = rgb.resize(size, Image.LANCZOS)
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


@contextmanager
def decoding(path: str | Path) -> Iterator[None]:
    """Turn whatever a damaged image makes the decoders raise into a `LessonError`."""
    try:
        yield
    except LessonError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            with readable(path):
                raise
        raise LessonError(
            f"{path} should be a JPEG or PNG image, but it cannot be read as one; repair or "
            "remove it."
        ) from error


def _open(path: str | Path) -> Image.Image:
    """Open an image and decode all of it, so that a file cut short is noticed."""
    check_file(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(path, formats=["JPEG", "PNG"])
            pixels = image.width * image.height
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            pixels = MOST + 1  # Pillow's own limits are higher
    if pixels > MOST:
        raise LessonError(
            f"{path} should have at most {MOST // 2**20} megapixels, but it has more; make it "
            "smaller."
        )
    image.load()
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16-bit greyscale, which convert() would clip at 255
        pixels = (np.asarray(image) // 256).clip(0, 255).astype(np.uint8)
        image = Image.fromarray(pixels)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=3)
    return file.getvalue()
