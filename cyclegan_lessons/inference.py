"""Chapter 7: load a trained generator and translate images with it."""

from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn
from tqdm import tqdm

from cyclegan_lessons.checkpoint import load_strictly, read_checkpoint
from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.detail import generator_of
from cyclegan_lessons.discriminator import PatchDiscriminator
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.generator import ResNetGenerator
from cyclegan_lessons.images import to_images, to_tensor

DIRECTIONS = {"x2y": "G", "y2x": "F"}  # apples to oranges, and back
# the demo preset, trained on the orchard
SHIPPED_MODEL = Path(__file__).parent / "models" / "orchard.ckpt"
# what passes through a generator together: so many images, and pixels, since they take memory
BATCH, BATCH_PIXELS = 16, 2**20
LARGEST_WEIGHT = 10_000  # those of trained generators are below 10


def load_generator(checkpoint: Path | None = None, direction: str = "x2y") -> ResNetGenerator:
    """Return the generator G (``"x2y"``) or F (``"y2x"``) of a checkpoint, ready to translate.

    Without ``checkpoint`` it is the model in the package. Raises `LessonError` for any other
    direction, and as `load_generators` does.
    """
    if direction not in DIRECTIONS:
        raise LessonError(
            f"direction must be x2y or y2x, but it is {direction!r}; choose one of the two."
        )
    return build(DIRECTIONS[direction], *read_model(checkpoint))


def load_generators(
    checkpoint: Path | None = None,
) -> tuple[ResNetGenerator, ResNetGenerator, LessonConfig]:
    """Return G, F and the configuration that they were trained with, from one checkpoint.

    Without ``checkpoint`` it is the model in the package. Raises `LessonError` when the file is
    missing or damaged, when a single parameter is missing, left over or of another shape, or when
    a weight is no sensible number.
    """
    tensors, config, source = read_model(checkpoint)
    G, F = (build(name, tensors, config, source) for name in ("G", "F"))
    return G, F, config


def load_discriminators(
    checkpoint: Path | None = None,
) -> tuple[PatchDiscriminator, PatchDiscriminator]:
    """Return D_X and D_Y of a checkpoint, without one those of the model in the package.

    Raises `LessonError` as `load_generators` does.
    """
    tensors, config, source = read_model(checkpoint)
    D_X, D_Y = (build(name, tensors, config, source) for name in ("D_X", "D_Y"))
    return D_X, D_Y


def read_model(checkpoint: Path | None) -> tuple[dict[str, ms.Tensor], LessonConfig, Path]:
    """The tensors of a checkpoint by name, the configuration in it, and its path."""
    source = Path(checkpoint or SHIPPED_MODEL)
    tensors, info = read_checkpoint(source)
    return tensors, LessonConfig(**info["config"]), source


def build(
    name: str, tensors: dict[str, ms.Tensor], config: LessonConfig, source: Path
) -> ResNetGenerator | PatchDiscriminator:
    """The network ``name``, G, F, D_X or D_Y, with its weights among ``tensors``."""
    weights = {key: tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}
    check_weights(weights, config, source)
    if name.startswith("D"):
        network = PatchDiscriminator(base_channels=config.base_channels)
    else:
        network = generator_of(config)
    load_strictly(network, weights, source, prefix=f"{name}.")
    return network


def check_weights(weights: dict[str, ms.Tensor], config: LessonConfig, source: Path):
    """Raise `LessonError` unless the weights are numbers that a training can end with."""
    widest = max((side for weight in weights.values() for side in weight.shape), default=0)
    if config.n_layers > len(weights) or config.base_channels > widest:
        # said here, since a network as large as that might not fit into the memory
        raise LessonError(
            f"{source} describes a generator of {config.n_layers} blocks and "
            f"{config.base_channels} channels, but its weights are of a smaller one; use another "
            "checkpoint."
        )
    for name, weight in weights.items():
        if weight.dtype not in (ms.float32, ms.float16):
            problem = f"is of type {str(weight.dtype).lower()}"
        elif not (np.abs(weight.asnumpy()) <= LARGEST_WEIGHT).all():  # nan is not
            problem = f"holds one that is not finite or above {LARGEST_WEIGHT:,}"
        else:
            continue
        raise LessonError(
            f"the weights in {source} must be small floating-point numbers, but {name} {problem}; "
            "use an earlier checkpoint."
        )


def translate(generator: nn.Cell, images: np.ndarray, bar: tqdm | None = None) -> np.ndarray:
    """Translate uint8 images N×H×W×3, or one of H×W×3, and return the same shape and type.

    Any height and width will do: the image is extended by reflection to the next multiples of 4
    (and at least 8), and the result is cut back. A progress bar ``bar`` moves on by one for each
    image. Raises `LessonError` for any other shape or type.
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
            f"shape {'×'.join(map(str, images.shape))}; convert them first, for example with PIL's "
            "convert('RGB')."
        )
    if images.ndim == 3:
        return translate(generator, images[None], bar)[0]
    height, width = images.shape[1:3]
    rows, columns = (max(8, -(-side // 4) * 4) - side for side in (height, width))
    padded = np.pad(images, ((0, 0), (0, rows), (0, columns), (0, 0)), mode="reflect")
    batch = max(1, min(BATCH, BATCH_PIXELS // (height * width)))
    parts = []
    for i in range(0, len(padded), batch):
        parts.append(to_images(generator(to_tensor(padded[i : i + batch]))))
        if bar is not None:
            bar.update(len(parts[-1]))
    return np.concatenate(parts)[:, :height, :width]


def sample_rows(
    G: nn.Cell, F: nn.Cell, images_x: np.ndarray, images_y: np.ndarray, bar: tqdm | None = None
) -> dict[str, np.ndarray]:
    """Translate both ways and back: the rows x, G(x), F(G(x)), y, F(y), G(F(y)) of a sample grid.

    All images are uint8 N×H×W×3. A progress bar ``bar`` moves on by one for each translation.
    """
    fake_y, fake_x = translate(G, images_x, bar), translate(F, images_y, bar)
    return {
        "x": images_x,
        "G(x)": fake_y,
        "F(G(x))": translate(F, fake_y, bar),
        "y": images_y,
        "F(y)": fake_x,
        "G(F(y))": translate(G, fake_x, bar),
    }
