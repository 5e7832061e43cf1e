"""Exercises on training with many workers: the averaged gradient, and the count of
multiply–adds."""

import numpy as np

from cyclegan_lessons.exercises.checking import CHANGED, array, compare, expect, function, number
from cyclegan_lessons.exercises.exercise import Exercise, Wrong


def check_average(my_average):
    function(my_average, "my_average")
    rng = np.random.default_rng(31)
    shapes = (2, 3), (4,), (1, 2, 2)
    for workers in (1, 2, 3):
        given = [[rng.normal(size=shape) for shape in shapes] for _ in range(workers)]
        before = [[gradient.copy() for gradient in worker] for worker in given]
        result = my_average(given)
        if result is not ... and result is not None:
            length = len(result) if isinstance(result, (list, tuple)) else 0
            expect(
                length == len(shapes),
                "the result must be a list with one gradient for each parameter, {n} here.",
                n=len(shapes),
            )
        else:
            array(result, "the result of my_average")
        same = all((a == b).all() for w, v in zip(given, before) for a, b in zip(w, v))
        expect(same, CHANGED, what="my_average")
        for i, shape in enumerate(shapes):
            parts = np.stack([worker[i] for worker in given])
            compare(
                array(result[i], "a gradient of the result", shape),
                parts.mean(axis=0),
                [
                    (
                        parts.sum(axis=0),
                        "you add the gradients up: with more workers the step "
                        "would grow; take the mean.",
                    ),
                    (parts[0], "only the first worker counts in yours."),
                    (parts[-1], "only the last worker counts in yours."),
                    (
                        parts.sum(axis=0) / len(shapes),
                        "you divide by the number of parameters: divide by the number of workers.",
                    ),
                    (np.median(parts, axis=0), "you take the median: take the mean."),
                ],
                "the mean over the workers is not right for random gradients.",
            )


AVERAGE = Exercise(
    name="average",
    subject="cluster",
    title="The averaged gradient",
    task="Write `my_average(gradients)`. `gradients` holds one list for each worker, with one "
    "array for each parameter. Return one list: for each parameter the mean over the workers.",
    solution='''def my_average(gradients):
    """Lists of arrays, one list a worker, to one list of their means, one a parameter."""
    workers = len(gradients)
    return [sum(parts) / workers for parts in zip(*gradients)]
''',
    check=check_average,
    hints=(
        "`zip(*gradients)` goes through the parameters: each turn gives that parameter's gradients "
        "of all workers.",
        "`sum(parts) / len(gradients)` is the mean of one parameter. It makes a new array.",
    ),
    wrong=(
        Wrong("sum(parts) / workers", "sum(parts)", "you add the gradients up"),
        Wrong("sum(parts) / workers", "parts[0]", "only the first worker"),
        Wrong("sum(parts) / workers", "parts[-1]", "only the last worker"),
        Wrong("len(gradients)", "len(gradients[0])", "you divide by the number of parameters"),
        Wrong(
            "[sum(parts) / workers for parts in zip(*gradients)]",
            "[sum(part.mean() for part in worker) / workers for worker in gradients]",
            "the result must be a list with one gradient",
        ),
    ),
    right="right. Two workers with one image each make the step of one worker with two images.",
)

LAYERS = ((3, 64, 7, 256), (64, 128, 3, 128), (256, 256, 3, 64), (512, 1, 4, 30))


def check_multiply_adds(my_multiply_adds):
    function(my_multiply_adds, "my_multiply_adds")
    for c, d, kernel, side in LAYERS:
        value = number(my_multiply_adds(c, d, kernel, side), "the result of my_multiply_adds")
        right = c * d * kernel**2 * side**2
        compare(
            value,
            right,
            [
                (
                    c * d * kernel**2,
                    "you count the weights: each of them is used once for every "
                    "place of the output.",
                ),
                (c * d * kernel * side**2, "a kernel has height and width: kernel² weights."),
                (c * d * kernel**2 * side, "the output has height and width: side² places."),
                (d * kernel**2 * side**2, "every output value sums over all input channels."),
                (c * kernel**2 * side**2, "every output channel has its own kernels."),
                (2 * right, "a multiplication and its addition count as one."),
                (
                    d * (c * kernel**2 + 1) * side**2,
                    "the bias is added without a multiplication: leave it out.",
                ),
            ],
            "the count is not right for some layers: how many places has the output, how many "
            "channels, and how many products does one of its values need?",
            1e-9,
        )


MULTIPLY_ADDS = Exercise(
    name="multiply-adds",
    subject="cluster",
    title="Count the multiply–adds",
    task="Write `my_multiply_adds(in_channels, out_channels, kernel, side)`: how many times a "
    "convolution multiplies and adds for one image whose output is `side`×`side`.",
    solution='''def my_multiply_adds(in_channels, out_channels, kernel, side):
    """Multiply–adds of one convolution with a square kernel; side: of its output, in pixels."""
    products = in_channels * kernel**2
    values = out_channels * side**2
    return products * values
''',
    check=check_multiply_adds,
    hints=(
        "How many numbers has the output? And how many products are summed for one of them?",
        "The output has out_channels · side² numbers; each needs in_channels · kernel² products.",
    ),
    wrong=(
        Wrong(" * side**2", "", "you count the weights"),
        Wrong("kernel**2", "kernel", "a kernel has height and width"),
        Wrong("side**2", "side", "the output has height"),
        Wrong("in_channels * kernel**2", "kernel**2", "every output value sums over"),
        Wrong("out_channels * side**2", "side**2", "every output channel has its own"),
        Wrong("return products", "return 2 * products", "a multiplication and its addition"),
    ),
    right="right. With it you can say what a step costs before you buy a machine.",
)

EXERCISES = (AVERAGE, MULTIPLY_ADDS)
