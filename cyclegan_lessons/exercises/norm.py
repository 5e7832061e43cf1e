"""Exercise on instance norm."""

import mindspore as ms
import numpy as np

from cyclegan_lessons.exercises.checking import (
    array,
    close,
    compare,
    expect,
    expect_tensor,
    function,
    run,
    tensor,
)
from cyclegan_lessons.exercises.exercise import Exercise, Wrong


def check_norm(my_instance_norm):
    function(my_instance_norm, "my_instance_norm")
    for n, c, h, w in ((2, 3, 6, 4), (1, 5, 3, 8)):
        x = ms.Tensor(tensor(n, c, h, w, seed=n).asnumpy() * np.arange(1, c + 1)[:, None, None])
        x = (x + 3).astype(ms.float32)
        result = array(run(my_instance_norm, x), "the result of my_instance_norm", (n, c, h, w))
        check_normalised(result, x.asnumpy().astype(float))
    weak = tensor(1, 2, 8, 8, scale=0.002)
    result = array(run(my_instance_norm, weak), "the result of my_instance_norm", (1, 2, 8, 8))
    z = weak.asnumpy().astype(float)
    right = (z - z.mean((2, 3), keepdims=True)) / np.sqrt(z.var((2, 3), keepdims=True) + 1e-5)
    expect(
        close(result, right, 1e-3),
        "ε is wrong or in the wrong place: 1e-5 is added to the variance, inside the square root.",
    )
    expect_tensor(run(my_instance_norm, weak), "the result of my_instance_norm")


def check_normalised(result: np.ndarray, z: np.ndarray):
    def norm(axes, ddof=0, root=True, shift=True):
        deviation = z.var(axes, keepdims=True, ddof=ddof) + 1e-5
        mean = z.mean(axes, keepdims=True) if shift else 0
        return (z - mean) / (np.sqrt(deviation) if root else deviation)

    guesses = [
        (
            norm((0, 2, 3)),
            "you normalise over the batch: every image must be normalised by itself, "
            "so the mean is over height and width alone.",
        ),
        (
            norm((1, 2, 3)),
            "you normalise over all channels of an image: each channel has its own "
            "mean and variance.",
        ),
        (norm((2,)), "you normalise each column by itself: the mean is over height and width."),
        (norm((3,)), "you normalise each row by itself: the mean is over height and width."),
        (norm((2, 3), root=False), "you divide by the variance: divide by its square root."),
        (norm((2, 3), shift=False), "you do not subtract the mean."),
        (
            norm((2, 3), ddof=1),
            "you divide the sum of squares by one less than the number of "
            "pixels: batch norm and instance norm divide by the number itself.",
        ),
        (z, "your norm hands back its input unchanged."),
    ]
    compare(
        result,
        norm((2, 3)),
        guesses,
        "the result has not the mean 0 and the variance 1 in each channel of each image.",
        1e-3,
    )


NORM = Exercise(
    name="norm",
    subject="generator",
    title="Instance norm",
    task="Write `my_instance_norm(x)`, the equation of the section on instance norm, for a Tensor "
    "N×C×H×W and with ε = 1e-5 in the square root.",
    solution='''from mindspore import ops


def my_instance_norm(x):
    """Each channel of each image with mean 0 and variance 1; N×C×H×W in and out."""
    mean = x.mean((2, 3), keep_dims=True)
    variance = ((x - mean) ** 2).mean((2, 3), keep_dims=True)
    return (x - mean) / ops.sqrt(variance + 1e-5)
''',
    check=check_norm,
    hints=(
        "The mean of each channel of each image is over the axes 2 and 3: `x.mean((2, 3), "
        "keep_dims=True)` has the shape N×C×1×1 and can be subtracted.",
        "The variance is the mean of `(x - mean) ** 2` over the same axes. Divide by "
        "`ops.sqrt(variance + 1e-5)`.",
    ),
    wrong=(
        Wrong("(2, 3)", "(0, 2, 3)", "you normalise over the batch"),
        Wrong("(2, 3)", "(1, 2, 3)", "you normalise over all channels"),
        Wrong("ops.sqrt(variance + 1e-5)", "(variance + 1e-5)", "you divide by the variance"),
        Wrong("(x - mean) / ", "x / ", "you do not subtract the mean"),
        Wrong("ops.sqrt(variance + 1e-5)", "(ops.sqrt(variance) + 1e-5)", "ε is wrong"),
        Wrong(
            "return (x - mean) / ops.sqrt(variance + 1e-5)",
            "return ((x - mean) / ops.sqrt(variance + 1e-5)).asnumpy()",
            "{what} is right, but of the type",
        ),
        Wrong("(2, 3)", "(3,)", "you normalise each row by itself"),
    ),
    right="right. Each image is normalised by itself, whatever else is in the batch.",
)

EXERCISES = (NORM,)
