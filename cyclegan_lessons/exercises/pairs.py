"""Exercises on the unpaired draw."""

import numpy as np

from cyclegan_lessons.exercises.checking import array, expect, function
from cyclegan_lessons.exercises.exercise import Exercise, Wrong


def draw(my_pairs, n_x: int, n_y: int, rng) -> np.ndarray:
    pairs = array(my_pairs(n_x, n_y, rng), "the result of my_pairs", (max(n_x, n_y), 2))
    expect(
        pairs.min() >= 0 and (pairs.max(axis=0) < (n_x, n_y)).all(),
        "your pairs hold a number that no image has: the first column goes from 0 to n_x - 1, the "
        "second from 0 to n_y - 1.",
    )
    return pairs


def check_pairs(my_pairs):
    function(my_pairs, "my_pairs")
    rng = np.random.default_rng(11)
    for n_x, n_y in ((12, 12), (7, 17), (17, 7), (5, 20)):
        epochs = [draw(my_pairs, n_x, n_y, rng) for _ in range(3)]
        for epoch in epochs:
            check_counts(epoch, n_x, n_y)
        check_order(epochs, n_x, n_y)
    first, again = (draw(my_pairs, 9, 9, np.random.default_rng(4)) for _ in range(2))
    expect(
        (first == again).all(),
        "the same rng in the same state gives two different epochs: draw from rng alone.",
    )


def check_counts(epoch: np.ndarray, n_x: int, n_y: int):
    counts = [
        np.bincount(epoch[:, side].astype(int), minlength=n) for side, n in ((0, n_x), (1, n_y))
    ]
    larger = counts[0] if n_x >= n_y else counts[1]
    expect(
        (larger == 1).all(),
        "in an epoch of yours some images of the larger set come twice and others never: use a "
        "permutation, not independent draws.",
    )
    expect(
        all(np.ptp(count) <= 1 for count in counts),
        "in an epoch of yours some images of the smaller set come much more often than others: "
        "go through all of them before one comes again.",
    )
    smaller, n = epoch[:, int(n_y <= n_x)], min(n_x, n_y)
    rounds = [smaller[i : i + n] for i in range(0, len(smaller), n)]
    expect(
        all(len(set(r)) == len(r) for r in rounds),
        "an image of the smaller set comes again before all of them came once: use up one "
        "permutation, then draw the next.",
    )


def check_order(epochs: list[np.ndarray], n_x: int, n_y: int):
    expect(
        not (epochs[0] == epochs[1]).all(),
        "two epochs of yours have the same pairs: draw a new order in every call.",
    )
    expect(
        not any((epoch[:, 0] == np.arange(len(epoch)) % n_x).all() for epoch in epochs),
        "X comes in its stored order: shuffle both sides.",
    )
    expect(
        not any((epoch[:, 1] == np.arange(len(epoch)) % n_y).all() for epoch in epochs),
        "Y comes in its stored order: shuffle both sides.",
    )
    partners = [dict(epoch.tolist()) for epoch in epochs]
    expect(
        not all(pairs == partners[0] for pairs in partners),
        "every X keeps the same Y in all epochs: shuffle the two sides independently.",
    )
    n = min(n_x, n_y)
    rounds = [
        epoch[:, int(n_y <= n_x)][: 2 * n].reshape(-1) for epoch in epochs if 2 * n <= len(epoch)
    ]
    expect(
        not rounds or any((r[:n] != r[n:]).any() for r in rounds),
        "the smaller set is repeated in the same order within an epoch: draw a new order for each "
        "round.",
    )


PAIRS = Exercise(
    name="pairs",
    subject="dataset",
    title="The unpaired draw",
    task="Write `my_pairs(n_x, n_y, rng)`: the pairs of one epoch, as numbers of images. Both "
    "sides are shuffled independently. The epoch is as long as the larger set; the smaller begins "
    "again, in a new order, until it is as long.",
    solution='''import numpy as np


def my_pairs(n_x, n_y, rng):
    """One epoch: integers max(n_x, n_y)×2, the number of an X and of a Y in each row."""
    length = max(n_x, n_y)
    sides = []
    for n in (n_x, n_y):
        order = []
        while len(order) < length:
            order.extend(rng.permutation(n))
        sides.append(order[:length])
    return np.stack(sides, axis=1)
''',
    check=check_pairs,
    hints=(
        "`rng.permutation(n)` is a list of all numbers below n in a random order. One side needs "
        "one of them; the smaller side needs several, one after the other.",
        "Make one list for X and one for Y, cut both to `max(n_x, n_y)`, and put them side by side "
        "with `np.stack((xs, ys), axis=1)`.",
    ),
    wrong=(
        Wrong("rng.permutation(n)", "rng.integers(0, n, n)", "in an epoch of yours some images of"),
        Wrong("rng.permutation(n)", "range(n)", "two epochs of yours have the same pairs"),
        Wrong(
            "return np.stack(sides, axis=1)",
            "return np.stack((np.arange(length) % n_x, sides[1]), axis=1)",
            "X comes in its stored order",
        ),
        Wrong(
            "return np.stack(sides, axis=1)",
            "return np.stack((sides[0], np.arange(length) % n_y), axis=1)",
            "Y comes in its stored order",
        ),
        Wrong(
            "    sides = []\n    for n in (n_x, n_y):\n",
            "    sides = []\n    seed = int(rng.integers(99))\n    for n in (n_x, n_y):\n"
            "        rng = np.random.default_rng(seed)\n",
            "every X keeps the same Y",
        ),
        Wrong(
            "            order.extend(rng.permutation(n))",
            "            first = order[:n] or list(rng.permutation(n))\n"
            "            order.extend(first)",
            "the smaller set is repeated in the same order",
        ),
        Wrong(
            "return np.stack(sides, axis=1)",
            "xs, ys = (rng.permutation(length) % n for n in (n_x, n_y))\n"
            "    return np.stack((xs, ys), axis=1)",
            "an image of the smaller set comes again",
        ),
        Wrong("rng.permutation", "np.random.permutation", "the same rng in the same state"),
    ),
    right="right. Every epoch pairs them anew, and nobody comes twice before all came once.",
)

EXERCISES = (PAIRS,)
