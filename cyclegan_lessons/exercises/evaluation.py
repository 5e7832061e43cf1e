"""Exercises on the measures: the error on the fruit, and the distance of two sets."""

import numpy as np

from cyclegan_lessons.exercises.checking import CHANGED, array, compare, expect, function, number
from cyclegan_lessons.exercises.exercise import Exercise, Wrong


def check_error(my_fruit_error):
    function(my_fruit_error, "my_fruit_error")
    rng = np.random.default_rng(21)
    images, twins = rng.integers(0, 256, (2, 4, 6, 5, 3)).astype(np.uint8)
    masks = rng.random((4, 6, 5)) < np.array([0.1, 0.3, 0.6, 0.9])[:, None, None]
    masks[:, 0, 0] = True
    before = images.copy(), twins.copy(), masks.copy()
    value = my_fruit_error(images, twins, masks)
    came = array(value, "the result of my_fruit_error")
    expect(
        came.shape != (),
        "you return one number for all images: return one for each, so that intervals can be made.",
    )
    came = array(value, "the result of my_fruit_error", (4,))
    same = all((a == b).all() for a, b in zip(before, (images, twins, masks)))
    expect(same, CHANGED, what="my_fruit_error")
    signed = images.astype(float) - twins
    check_error_value(came, signed, images, twins, masks)


def check_error_value(came, signed, images, twins, masks):
    area = masks.sum(axis=(1, 2))

    def inside(difference, area=area):
        return (difference.mean(axis=-1) * masks).sum(axis=(1, 2)) / area / 255

    difference = np.abs(signed)
    compare(
        came,
        inside(difference),
        error_guesses(inside, difference, signed, images, twins, masks),
        "the error is not right for random pictures: the mean over the mask's pixels and the three "
        "colours of |image − twin| / 255, one number an image.",
    )


def error_guesses(inside, difference, signed, images, twins, masks) -> list[tuple]:
    """What wrong answers give, each with what to say to it."""
    area, outside = masks.sum(axis=(1, 2)), ~masks
    return [
        (
            inside(np.abs((images - twins).astype(float))),
            "uint8 has no negative numbers, so 3 - 5 is 254: convert to float before you subtract.",
        ),
        (
            inside(difference) * 255,
            "the error is in steps of 1/255: divide by 255, so that it is between 0 and 1.",
        ),
        (
            difference.mean(axis=(1, 2, 3)) / 255,
            "you look at the whole image: only the pixels where the mask is True count.",
        ),
        (
            inside(difference, 30),
            "you divide by all pixels: divide by the number of pixels "
            "of the mask, or a small fruit would have a small error.",
        ),
        (inside(signed), "differences of opposite sign cancel: take their absolute value."),
        (
            ((difference / 255) ** 2 * masks[..., None]).sum(axis=(1, 2, 3)) / area / 3,
            "you square the differences: the mean absolute difference is asked for.",
        ),
        (inside(difference) * 2, "the unit is [0, 1], where white is 1 from black: divide by 255."),
        (inside(difference, area / 3), "you add up the three colours: take their mean."),
        (
            (difference.mean(axis=-1) * outside).sum(axis=(1, 2)) / outside.sum(axis=(1, 2)) / 255,
            "you look outside the fruit: the mask is True where the fruit is.",
        ),
    ]


ERROR = Exercise(
    name="error",
    subject="evaluation",
    title="The error on the fruit",
    task="Write `my_fruit_error(images, twins, masks)`: for each image the mean absolute "
    "difference from its twin, in [0, 1] units, over the pixels where its mask is True.",
    solution='''import numpy as np


def my_fruit_error(images, twins, masks):
    """uint8 N×H×W×3 twice and bool N×H×W; N errors from 0 to 1."""
    difference = np.abs(images.astype(float) - twins).mean(axis=-1) / 255
    return (difference * masks).sum(axis=(1, 2)) / masks.sum(axis=(1, 2))
''',
    check=check_error,
    hints=(
        "What is `np.uint8(3) - np.uint8(5)`? Convert to float first.",
        "The mean over the colours is N×H×W. Multiply it by the masks, sum over height and width, "
        "and divide by the number of pixels of each mask.",
    ),
    wrong=(
        Wrong(
            "np.abs(images.astype(float) - twins)",
            "np.abs((images - twins).astype(float))",
            "uint8 has no negative",
        ),
        Wrong(" / 255", "", "the error is in steps"),
        Wrong(
            "(difference * masks).sum(axis=(1, 2)) / masks.sum(axis=(1, 2))",
            "difference.mean(axis=(1, 2))",
            "you look at the whole image",
        ),
        Wrong("/ masks.sum(axis=(1, 2))", "/ masks[0].size", "you divide by all pixels"),
        Wrong(" / 255", " / 127.5", "the unit is [0, 1]"),
        Wrong(
            "np.abs(images.astype(float) - twins).mean(axis=-1) / 255",
            "((images.astype(float) - twins) ** 2).mean(axis=-1) / 255**2",
            "you square the differences",
        ),
        Wrong(
            "np.abs(images.astype(float) - twins)",
            "(images.astype(float) - twins)",
            "differences of opposite sign",
        ),
        Wrong("masks.sum(axis=(1, 2))", "masks.sum()", "the error is not right"),
        Wrong("    return ", "    masks = ~masks\n    return ", "you look outside the fruit"),
        Wrong("masks.sum(axis=(1, 2))\n", "masks.sum(axis=(1, 2)).mean()\n", "the error is not"),
    ),
    right="right. One error for each fruit, however small the fruit is.",
)


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T + 1) ** 3


def distance_with(kernel, x: np.ndarray, y: np.ndarray) -> float:
    m, n = len(x), len(y)
    kxx, kyy = kernel(x, x), kernel(y, y)
    pairs_x = (kxx.sum() - np.trace(kxx)) / (m * (m - 1))
    pairs_y = (kyy.sum() - np.trace(kyy)) / (n * (n - 1))
    return pairs_x + pairs_y - 2 * kernel(x, y).mean()


def check_distance(my_distance):
    function(my_distance, "my_distance")
    rng = np.random.default_rng(22)
    for m, n in ((6, 6), (5, 9)):
        x, y = rng.normal(0, 0.5, (m, 4)), rng.normal(0.4, 0.6, (n, 4))
        value = number(my_distance(x.copy(), y.copy()), "my_distance")
        right = distance_with(kernel, x, y)
        compare(
            value,
            right,
            distance_guesses(x, y, right),
            "the distance is not right for random features: the mean of (a·b + 1)³ over the pairs "
            "within each set, without an image and itself, less twice the mean between the sets.",
        )


def distance_guesses(x: np.ndarray, y: np.ndarray, right: float) -> list[tuple]:
    """What wrong answers give, each with what to say to it."""
    m, n = len(x), len(y)
    kxx, kyy, kxy = kernel(x, x), kernel(y, y), kernel(x, y)
    return [
        (
            kxx.mean() + kyy.mean() - 2 * kxy.mean(),
            "an image is compared with itself in "
            "yours, which makes the distance too large: leave the diagonal out.",
        ),
        (
            (kxx.sum() - np.trace(kxx)) / m**2
            + (kyy.sum() - np.trace(kyy)) / n**2
            - 2 * kxy.mean(),
            "without the diagonal there are n·(n − 1) pairs, not n².",
        ),
        (
            right + kxy.mean(),
            "the middle term counts twice: x with y and y with x.",
        ),
        (right + 2 * kxy.mean(), "the comparison of the two sets is missing."),
        (
            np.sqrt(abs(right)),
            "you take a square root: the squared distance is asked for, "
            "and its estimate can be negative.",
        ),
        (
            distance_with(lambda a, b: (a @ b.T / x.shape[1] + 1) ** 3, x, y),
            "you divide a·b by the number of features: the kernel of this exercise is (a·b + 1)³.",
        ),
        (max(right, 0), "the estimate may be negative: do not cut it at 0."),
        (
            ((x.mean(0) - y.mean(0)) ** 2).sum(),
            "you compare the means alone: the kernel (a·b + 1)³ sees more.",
        ),
    ]


DISTANCE = Exercise(
    name="distance",
    subject="evaluation",
    title="The distance of two sets",
    task="Write `my_distance(x, y)`: the squared maximum mean discrepancy of two sets of features, "
    "M×d and N×d, with the kernel (a·b + 1)³ and without bias.",
    solution='''import numpy as np


def my_distance(x, y):
    """Features M×d and N×d; the squared distance, about 0 for sets that are alike."""
    m, n = len(x), len(y)
    kxx, kyy, kxy = ((a @ b.T + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within_x = (kxx.sum() - np.trace(kxx)) / (m * (m - 1))
    within_y = (kyy.sum() - np.trace(kyy)) / (n * (n - 1))
    return within_x + within_y - 2 * kxy.mean()
''',
    check=check_distance,
    hints=(
        "`(x @ y.T + 1) ** 3` holds the kernel of every x with every y: M×N. You need three such "
        "tables.",
        "Within a set, leave the diagonal out: `(k.sum() - np.trace(k)) / (n * (n - 1))`.",
    ),
    wrong=(
        Wrong(
            "(kxx.sum() - np.trace(kxx)) / (m * (m - 1))\n    within_y = (kyy.sum() - "
            "np.trace(kyy)) / (n * (n - 1))",
            "kxx.mean()\n    within_y = kyy.mean()",
            "an image is compared with itself",
        ),
        Wrong(
            "(m * (m - 1))\n    within_y = (kyy.sum() - np.trace(kyy)) / (n * (n - 1))",
            "m**2\n    within_y = (kyy.sum() - np.trace(kyy)) / n**2",
            "without the diagonal",
        ),
        Wrong("2 * kxy", "kxy", "the middle term counts twice"),
        Wrong(
            "return within_x + within_y - 2 * kxy.mean()",
            "return np.sqrt(abs(within_x + within_y - 2 * kxy.mean()))",
            "you take a square root",
        ),
        Wrong(" - 2 * kxy.mean()", "", "the comparison of the two sets"),
        Wrong("a @ b.T + 1", "a @ b.T / a.shape[1] + 1", "you divide a·b by the number"),
        Wrong("** 3", "** 2", "the distance is not right"),
    ),
    right="right. It is about 0 for two halves of one set, and larger for other images.",
)

EXERCISES = (ERROR, DISTANCE)
