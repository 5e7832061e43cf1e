"""Chapter 8: how good translations are, in numbers with intervals; against twins, how wrong."""

import numpy as np
from scipy.stats import binomtest
from skimage.metrics import structural_similarity

from cyclegan_lessons.errors import LessonError

RESAMPLES = 2000  # of the test images, for one confidence interval


def absolute_error(
    images: np.ndarray, others: np.ndarray, masks: np.ndarray | None = None
) -> np.ndarray:
    """Mean absolute difference per image in [0, 1] units, N values.

    The images are uint8 N×H×W×3, and the masks, bool N×H×W, say where to look.
    """
    difference = np.abs(images.astype(np.float64) - others).mean(axis=-1) / 255  # N×H×W
    if masks is None:
        return difference.mean(axis=(1, 2))
    return (difference * masks).sum(axis=(1, 2)) / masks.sum(axis=(1, 2))


def similarity(
    images: np.ndarray, others: np.ndarray, masks: np.ndarray | None = None
) -> np.ndarray:
    """Structural similarity per image (Wang et al. 2004): 1 for equal images.

    It is computed in windows of 7×7 pixels. Arguments as in `absolute_error`.
    """
    pairs = [
        structural_similarity(a, b, channel_axis=-1, full=True) for a, b in zip(images, others)
    ]
    if masks is None:
        return np.array([mean for mean, _ in pairs])
    # values: H×W×3
    return np.array([values[mask].mean() for (_, values), mask in zip(pairs, masks)])


def histograms(image: np.ndarray) -> list[np.ndarray]:
    """Six histograms of one image, uint8 H×W×3: two of it, of its half and of its quarter size.

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
    """Describe each image by its six histograms: N×216, each row of length 1.

    Images are uint8 N×H×W×3 of any size from 8×8 on. Square roots of the shares make the product
    of two rows the mean overlap (Bhattacharyya coefficient) of the histograms.
    """
    return np.stack([np.sqrt(np.concatenate(histograms(image)) / 6) for image in images])


def kernel_distance(
    x: np.ndarray,
    y: np.ndarray,
    weights_x: np.ndarray | None = None,
    weights_y: np.ndarray | None = None,
) -> np.ndarray:
    """Squared maximum mean discrepancy of two sets of features without bias: about 0 if alike.

    The features are M×d and N×d, with M and N from 2 on. The kernel is (a·b + 1)³, that of the KID
    (Bińkowski et al. 2018) but for its features and their scale, as these have length 1; the
    estimate is the U-statistic of Gretton et al. 2012, lemma 6. Whole weights, …×M and …×N, count
    each image as often as that and give … values: of resampled sets, in which no image is compared
    with its own copies. A set of copies of one image has no distance: nan.
    """
    weights_x = np.ones(len(x)) if weights_x is None else weights_x
    weights_y = np.ones(len(y)) if weights_y is None else weights_y

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T + 1) ** 3

    def within(a: np.ndarray, weights: np.ndarray) -> np.ndarray:  # mean over different pairs
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
    """How often each of ``n`` images is in each of the bootstrap's sets: int 2000×n.

    A set holds n images, drawn with replacement.
    """
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)


def interval(values: np.ndarray) -> list[float]:
    """The ends of a number's 95% confidence interval, by the percentile method.

    ``values`` are the number's values in the bootstrap's sets.
    """
    return np.nanpercentile(values, (2.5, 97.5)).tolist()


def edge_agreement(
    images: np.ndarray, others: np.ndarray, masks: np.ndarray | None = None
) -> np.ndarray:
    """How far the edges of two images agree, per image: 1 for the same edges, -1 for opposite ones.

    It is the cosine Σ g·h / √(Σ g·g · Σ h·h), where g and h are the two images' differences of grey
    levels between neighbours, in both directions. It does not see colour, brightness or contrast:
    blurred or moved edges lower it, and new or missing ones. Arguments as in `absolute_error`; only
    neighbours that are both in the mask count. Two images without edges agree: 1.
    """
    g, h = edges(images, masks), edges(others, masks)
    own, both = ((g**2).sum(axis=1), (h**2).sum(axis=1)), (g * h).sum(axis=1)
    lengths = np.sqrt(own[0] * own[1])
    flat = (own[0] == 0) & (own[1] == 0)
    return np.where(flat, 1.0, both / np.where(lengths > 0, lengths, 1))


def edges(images: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
    """Differences of grey levels between neighbours, downwards and to the right: N rows.

    Where one of the two is outside the mask, bool N×H×W, the difference is 0. The grey level is
    0.299 R + 0.587 G + 0.114 B (Recommendation ITU-R BT.601).
    """
    grey = images @ (0.299, 0.587, 0.114)  # N×H×W
    masks = np.ones(grey.shape, bool) if masks is None else masks
    down = (grey[:, 1:] - grey[:, :-1]) * (masks[:, 1:] & masks[:, :-1])
    right = (grey[:, :, 1:] - grey[:, :, :-1]) * (masks[:, :, 1:] & masks[:, :, :-1])
    return np.concatenate([part.reshape(len(grey), -1) for part in (down, right)], axis=1)


def spread(images: np.ndarray) -> float:
    """How much uint8 images N×H×W×3 differ from each other, from 0 (all the same) to 0.5.

    It is the standard deviation of each value over the images, in units of white, and the mean of
    these. Far below that of real images it tells of mode collapse.
    """
    return float(images.std(axis=0).mean() / 255)


def share_interval(hits: int, n: int) -> list[float]:
    """The ends of the 95% confidence interval of a share, when ``hits`` of ``n`` trials had a hit.

    It is Wilson's (1927), which fits small ``n`` too and never leaves [0, 1].
    """
    return list(binomtest(hits, n).proportion_ci(method="wilson"))


def study(answers: str, truth: str) -> dict[str, float]:
    """Score a human study: ``"r"`` says that a picture is real, ``"t"`` that it is translated.

    Both strings have a letter for each picture. The result says how many answers are ``right``,
    ``of`` how many, and the ``low`` and ``high`` end of the 95% interval of that share; ``fooled``
    counts the translated pictures that were taken for real. Raises `LessonError` when a letter is
    another, or one is missing.
    """
    if len(answers) != len(truth) or not set(answers) <= set("rt"):
        raise LessonError(
            f"answers must be {len(truth)} letters, r for real or t for translated, but they are "
            f"{answers!r}; write one letter for each picture."
        )
    pairs = list(zip(answers, truth))
    right = sum(answer == true for answer, true in pairs)
    low, high = share_interval(right, len(truth))
    fooled = pairs.count(("r", "t"))
    return {"right": right, "of": len(truth), "low": low, "high": high, "fooled": fooled}


def measure(
    images: np.ndarray,
    translated: np.ndarray,
    returned: np.ndarray,
    twins: np.ndarray | None = None,
    masks: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Every number that each image has for itself, N values a name; see `scores.Scores`.

    Images are uint8 N×H×W×3, masks bool N×H×W, True on the fruit.
    """
    numbers = {"cycle_error": absolute_error(returned, images)}
    if twins is not None:
        numbers |= {
            "fruit_error": absolute_error(translated, twins, masks),
            "fruit_baseline": absolute_error(images, twins, masks),
            "outside_error": absolute_error(translated, twins, ~masks),
            "edge_agreement": edge_agreement(translated, twins, ~masks),
            "ssim": similarity(translated, twins),
            "ssim_baseline": similarity(images, twins),
            "fruit_ssim": similarity(translated, twins, masks),
            "fruit_ssim_baseline": similarity(images, twins, masks),
        }
    return numbers
