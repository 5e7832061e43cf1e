"""Chapter 9: say how good translations are, in numbers with intervals; the orchard's twins say even
how wrong they are."""

from pathlib import Path

import numpy as np
from skimage.metrics import structural_similarity

from cyclegan_lessons.dataset import has_twins, load_images
from cyclegan_lessons.inference import load_generator, translate

RESAMPLES = 2000  # of the test images, for one confidence interval


def absolute_error(
    images: np.ndarray, others: np.ndarray, masks: np.ndarray | None = None
) -> np.ndarray:
    """Mean absolute difference per image in [0, 1] units: uint8 N×H×W×3 twice, and bool N×H×W where
    to look; N values."""
    difference = np.abs(images.astype(np.float64) - others).mean(axis=-1) / 255  # N×H×W
    if masks is None:
        return difference.mean(axis=(1, 2))
    return (difference * masks).sum(axis=(1, 2)) / masks.sum(axis=(1, 2))


def similarity(
    images: np.ndarray, others: np.ndarray, masks: np.ndarray | None = None
) -> np.ndarray:
    """Structural similarity per image (Wang et al. 2004, in windows of 7×7): 1 for equal images;
    arguments as above."""
    pairs = [
        structural_similarity(a, b, channel_axis=-1, full=True) for a, b in zip(images, others)
    ]
    if masks is None:
        return np.array([mean for mean, _ in pairs])
    # values: H×W×3
    return np.array([values[mask].mean() for (_, values), mask in zip(pairs, masks)])


def histograms(image: np.ndarray) -> list[np.ndarray]:
    """Six histograms of one image, uint8 H×W×3: at three scales, the image itself, half and a
    quarter of it, two of each.

    One is of the colours, in 4×4×4 boxes; one of the differences between neighbours, in 8 steps
    from below 1 to above 64.
    """
    # from 0 to 255; halves and quarters of them are exact
    parts, pixels = [], image.astype(np.float64)
    for _ in range(3):
        boxes = (pixels // 64).astype(int) @ (16, 4, 1)  # H×W, 0 to 63
        steps = [np.abs(np.diff(pixels, axis=axis)).ravel() for axis in (0, 1)]
        bins = np.digitize(np.concatenate(steps), 2.0 ** np.arange(7))  # 0 to 7
        for values, n in ((boxes.ravel(), 64), (bins, 8)):
            parts.append(np.bincount(values, minlength=n) / values.size)
        height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
        pixels = pixels[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
    return parts


def image_features(images: np.ndarray) -> np.ndarray:
    """Describe each image, uint8 N×H×W×3 of any size from 8×8 on, by its six histograms: N×216,
    each row of length 1.

    Square roots of the shares make the product of two rows the mean overlap (Bhattacharyya
    coefficient) of the histograms.
    """
    return np.stack([np.sqrt(np.concatenate(histograms(image)) / 6) for image in images])


def kernel_distance(x: np.ndarray, y: np.ndarray, weights_x=None, weights_y=None) -> np.ndarray:
    """Squared maximum mean discrepancy of two sets of features, M×d and N×d, M, N ≥ 2, without
    bias: about 0 if alike.

    The kernel is (a·b + 1)³, that of the KID (Bińkowski et al. 2018) but for its features and their
    scale, as these have length 1; the estimate is the U-statistic of Gretton et al. 2012, lemma 6.
    Whole weights, …×M and …×N, count each image as often as that and give … values: of resampled
    sets, in which no image is compared with its own copies. A set of copies of one image has no
    distance: nan.
    """
    weights_x = np.ones(len(x)) if weights_x is None else weights_x
    weights_y = np.ones(len(y)) if weights_y is None else weights_y

    def kernel(a, b):
        return (a @ b.T + 1) ** 3

    def within(a, weights):  # mean over the pairs of two different images
        values = kernel(a, a)
        np.fill_diagonal(values, 0)
        pairs = weights.sum(-1) ** 2 - (weights**2).sum(-1)
        with np.errstate(invalid="ignore"):
            return ((weights @ values) * weights).sum(-1) / pairs

    between = ((weights_x @ kernel(x, y)) * weights_y).sum(-1) / (
        weights_x.sum(-1) * weights_y.sum(-1)
    )
    return within(x, weights_x) + within(y, weights_y) - 2 * between


def resample(n: int, seed: int = 0) -> np.ndarray:
    """How often each of ``n`` images is in each of the bootstrap's sets, n images drawn with
    replacement: int 2000×n."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)


def interval(values: np.ndarray) -> list[float]:
    """The two ends of the 95% confidence interval, given a number's values in the bootstrap's sets
    (percentile method)."""
    return np.nanpercentile(values, (2.5, 97.5)).tolist()


def measure(images, translated, returned, twins=None, masks=None) -> dict[str, np.ndarray]:
    """Every number that each image has for itself, N values a name: see `evaluate`; uint8 N×H×W×3,
    masks bool N×H×W."""
    numbers = {"cycle_error": absolute_error(returned, images)}
    if twins is not None:
        numbers |= {
            "fruit_error": absolute_error(translated, twins, masks),
            "fruit_baseline": absolute_error(images, twins, masks),
            "outside_error": absolute_error(translated, twins, ~masks),
            "ssim": similarity(translated, twins),
            "ssim_baseline": similarity(images, twins),
            "fruit_ssim": similarity(translated, twins, masks),
            "fruit_ssim_baseline": similarity(images, twins, masks),
        }
    return numbers


def evaluate(
    data: Path, checkpoint: Path | None = None, image_size: int | None = None
) -> dict[str, dict]:
    """Translate the test images of ``data`` in both directions; return means over the images, for
    ``x2y`` and ``y2x``.

    ``cycle_error`` is the mean absolute difference after the round trip, and ``kernel_distance``
    that of the translations from the real test images of the other domain (`kernel_distance` of
    `image_features`). Where the data holds twins, there are also ``fruit_error`` and
    ``outside_error`` against the twin, ``relative_fruit_error``, the part of the baseline that is
    left, and ``ssim`` and ``fruit_ssim``, the structural similarity to the twin of the whole image
    and of the fruit. A ``…_baseline`` is the number of the images that nobody translated (outside
    the fruit, their error is 0). Errors are in [0, 1] units. ``images`` counts the images, and
    ``interval`` holds the two ends of the 95% confidence interval of each number over the test
    images. With a single image there is no interval, and no distance.
    """
    sets = {domain: load_images(data, f"test_{domain}", image_size=image_size) for domain in "xy"}
    features = {domain: image_features(images) for domain, images in sets.items()}
    draws = {
        domain: resample(len(images), seed) for seed, (domain, images) in enumerate(sets.items())
    }
    results = {}
    for direction, back in (("x2y", "y2x"), ("y2x", "x2y")):
        source, target = direction[0], direction[-1]
        images, known = sets[source], {}
        if has_twins(data):
            known = {
                part + "s": load_images(data, f"test_{source}_{part}", image_size=image_size)
                for part in ("twin", "mask")
            }
        translated = translate(load_generator(checkpoint, direction), images)
        returned = translate(load_generator(checkpoint, back), translated)

        single = measure(images, translated, returned, **known)
        numbers = {name: values.mean() for name, values in single.items()}
        drawn = {name: draws[source] @ values / len(images) for name, values in single.items()}
        if known:
            for values in (numbers, drawn):
                values["relative_fruit_error"] = values["fruit_error"] / values["fruit_baseline"]
        if min(len(images) for images in sets.values()) > 1:
            own = {
                "kernel_distance": image_features(translated),
                "kernel_baseline": features[source],
            }
            for name, rows in own.items():
                numbers[name] = kernel_distance(rows, features[target])
                drawn[name] = kernel_distance(rows, features[target], draws[source], draws[target])
        results[direction] = {"images": len(images)} | {
            name: float(value) for name, value in numbers.items()
        }
        results[direction]["interval"] = (
            {name: interval(drawn[name]) for name in numbers} if len(images) > 1 else {}
        )
    return results
