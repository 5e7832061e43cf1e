"""Say how good translations are, in numbers; the orchard's twins make it possible to say how wrong they are."""

from pathlib import Path

import numpy as np
from skimage.metrics import structural_similarity

from cyclegan_lessons.dataset import load_images
from cyclegan_lessons.inference import load_generator, translate


def absolute_error(images: np.ndarray, others: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Mean absolute difference per image in [0, 1] units: uint8 N×H×W×3 twice, and bool N×H×W where to look; N values."""
    difference = np.abs(images.astype(np.float64) - others).mean(axis=-1) / 255  # N×H×W
    if masks is None:
        return difference.mean(axis=(1, 2))
    return (difference * masks).sum(axis=(1, 2)) / masks.sum(axis=(1, 2))


def evaluate(data: Path, checkpoint: Path | None = None, image_size: int | None = None) -> dict[str, dict[str, float]]:
    """Translate the test images of ``data`` in both directions and return means over the images, by direction.

    ``cycle_error`` is the mean absolute difference after the round trip. Where the data holds twins, there are also
    ``fruit_error`` and ``outside_error`` against the twin, ``fruit_baseline``, the fruit error of the image that was not
    translated, ``relative_fruit_error``, their ratio, and ``ssim``, the structural similarity to the twin (Wang et al.
    2004). Errors are in [0, 1] units.
    """
    results = {}
    for direction, back in (("x2y", "y2x"), ("y2x", "x2y")):
        name = f"test_{direction[0]}"
        images = load_images(data, name, image_size=image_size)
        translated = translate(load_generator(checkpoint, direction), images)
        returned = translate(load_generator(checkpoint, back), translated)
        numbers = {"cycle_error": absolute_error(returned, images).mean()}
        if (Path(data) / f"{name}_twin.mindrecord").exists():
            twins, masks = (
                load_images(data, f"{name}_{part}", image_size=image_size) for part in ("twin", "mask")
            )
            error = absolute_error(translated, twins, masks).mean()
            baseline = absolute_error(images, twins, masks).mean()
            numbers |= {
                "fruit_error": error,
                "fruit_baseline": baseline,
                "relative_fruit_error": error / baseline,
                "outside_error": absolute_error(translated, twins, ~masks).mean(),
                "ssim": np.mean([structural_similarity(a, b, channel_axis=-1) for a, b in zip(translated, twins)]),
            }
        results[direction] = {"images": len(images)} | {name: float(value) for name, value in numbers.items()}
    return results
