"""Exercise on human studies: how sure is a share?"""

import numpy as np

from cyclegan_lessons.exercises.checking import array, compare, expect, function
from cyclegan_lessons.exercises.exercise import Exercise, Wrong

Z = 1.96


def interval(hits: int, n: int, z: float = Z) -> np.ndarray:
    """Wilson's interval of a share."""
    p, shrink = hits / n, 1 + z**2 / n
    middle = (p + z**2 / (2 * n)) / shrink
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / shrink
    return np.array([middle - half, middle + half])


def check_share(my_share_interval):
    function(my_share_interval, "my_share_interval")
    for hits, n in ((13, 20), (45, 100), (3, 7), (0, 10), (10, 10)):
        ends = array(my_share_interval(hits, n), "the result of my_share_interval", (2,))
        expect(
            ends[0] <= ends[1],
            "the ends are the wrong way round: the low end comes first.",
        )
        compare(
            ends,
            interval(hits, n),
            share_guesses(hits, n),
            "the interval is not right for small numbers such as 13 of 20: compute the middle, "
            "then half of the width, each as the formula has it.",
            2e-4,
        )


def share_guesses(hits: int, n: int) -> list[tuple]:
    """What wrong answers give, each with what to say to it."""
    p, shrink, right = hits / n, 1 + Z**2 / n, interval(hits, n)
    plain = Z * np.sqrt(p * (1 - p) / n)
    middle, half = right.mean(), np.ptp(right) / 2
    return [
        (
            np.array([p - plain, p + plain]),
            "that is p ± z·√(p(1 − p)/n), which says that 0 of 10 is certain: take the terms with "
            "z² in, too.",
        ),
        (right * 100, "the ends are in per cent: a share is between 0 and 1."),
        (
            np.array([p - half, p + half]),
            "the middle is not p: Wilson's interval is pulled towards one half.",
        ),
        (
            right * shrink,
            "the division by 1 + z²/n is missing.",
        ),
        (
            np.array([middle - half * shrink, middle + half * shrink]),
            "only the middle is divided by 1 + z²/n in yours: divide the half width, too.",
        ),
        (interval(hits, n, 1.0), "that is the interval of one standard error: z is 1.96."),
        (interval(hits, n, 2.576), "that is the 99% interval: z is 1.96 for 95%."),
        (
            np.array([middle - half / 2, middle + half / 2]),
            "your interval is half as wide as it should be: z·√… goes to both sides.",
        ),
    ]


SHARE = Exercise(
    name="share",
    subject="experiments",
    title="The interval of a share",
    task="Write `my_share_interval(hits, n)`, the 95% interval of a share $p$ = hits / n, as it is "
    "used for a study with people (Wilson, 1927), with $z = 1.96$:\n\n$$\n"
    r"\frac{p + \frac{z^2}{2n} \pm z \sqrt{\frac{p (1 - p)}{n} + \frac{z^2}{4n^2}}}"
    r"{1 + \frac{z^2}{n}}"
    "\n$$",
    solution='''import math


def my_share_interval(hits, n):
    """The low and the high end, from 0 to 1, of the 95% interval of hits / n."""
    z = 1.96
    p = hits / n
    middle = p + z**2 / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    shrink = 1 + z**2 / n
    return (middle - half) / shrink, (middle + half) / shrink
''',
    check=check_share,
    hints=(
        "Three numbers first: the middle `p + z**2 / (2 * n)`, half of the width, and what both "
        "are divided by.",
        "Half of the width is `z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))`. Return the low "
        "end and the high end.",
    ),
    wrong=(
        Wrong(
            "    return (middle - half) / shrink, (middle + half) / shrink",
            "    half = z * math.sqrt(p * (1 - p) / n)\n    return p - half, p + half",
            "that is p ± z",
        ),
        Wrong("shrink = 1 + z**2 / n", "shrink = 1", "the division by 1 + z²/n is missing"),
        Wrong(
            "(middle - half) / shrink, (middle + half) / shrink",
            "middle / shrink - half, middle / shrink + half",
            "only the middle is divided",
        ),
        Wrong("z = 1.96", "z = 1.0", "that is the interval of one standard error"),
        Wrong("z = 1.96", "z = 2.576", "that is the 99% interval"),
        Wrong(
            "(middle - half) / shrink, (middle + half) / shrink",
            "p - half / shrink, p + half / shrink",
            "the middle is not p",
        ),
        Wrong(
            "return (middle - half) / shrink, (middle + half) / shrink",
            "return 100 * (middle - half) / shrink, 100 * (middle + half) / shrink",
            "the ends are in per cent",
        ),
        Wrong(
            "(middle - half) / shrink, (middle + half) / shrink",
            "(middle + half) / shrink, (middle - half) / shrink",
            "the ends are the wrong way round",
        ),
    ),
    right="right. It never leaves 0 to 1, and 0 of 10 is not certain.",
)

EXERCISES = (SHARE,)
