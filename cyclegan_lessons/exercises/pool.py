"""Exercises on the image pool."""

import numpy as np

from cyclegan_lessons.exercises.checking import CHANGED, array, expect, function
from cyclegan_lessons.exercises.exercise import Exercise, Wrong

SIZE = 4


def numbered(*numbers: int) -> np.ndarray:
    """Images of shape 1×2×2, each filled with its number."""
    return np.stack([np.full((1, 2, 2), number, np.float32) for number in numbers])


def ask(pool, *numbers: int) -> list[int]:
    """What the pool answers to numbered images, as numbers."""
    images = numbered(*numbers)
    answer = array(pool.query(images), "the answer of query", images.shape)
    expect((images == numbered(*numbers)).all(), CHANGED, what="query")
    expect(
        np.ptp(answer, axis=(1, 2, 3)).max() == 0,
        "your pool mixes the pixels of several images: an answer must be a whole image.",
    )
    return [int(image[0, 0, 0]) for image in answer]


def check_pool(MyPool):
    function(MyPool, "MyPool")
    pool = MyPool(SIZE, seed=3)
    expect(
        ask(pool, 0, 1) + ask(pool, 2) + ask(pool, 3) == [0, 1, 2, 3],
        "while your pool fills, it does not hand back each new image as it is.",
    )
    answers = [ask(pool, i)[0] for i in range(SIZE, 2000)]
    check_ages(np.array(answers), np.arange(SIZE, 2000))
    check_seeds(MyPool)
    check_batches(MyPool)
    check_copies(MyPool)
    check_size_0(MyPool)


def check_size_0(MyPool):
    numbers = list(range(20))
    try:
        same = ask(MyPool(0, seed=3), *numbers) == numbers
    except (ValueError, IndexError):  # a place was drawn of none
        same = False
    expect(
        same,
        "a pool of size 0 must hand back just what it is given: what does yours do when size is 0?",
    )


def check_ages(answers: np.ndarray, asked: np.ndarray):
    """The statistics of the answers to single images after the pool is full."""
    ages = asked - answers
    expect(
        (ages > 0).any(),
        "your pool hands back what it was just given: is it still filled at the next call, and "
        "does the coin decide?",
    )
    expect(
        (ages == 0).any(),
        "your pool never hands back the new image itself: half of the time it should.",
    )
    share = (ages > 0).mean()
    expect(
        0.45 < share < 0.55,
        "your pool hands back an old image in {share:.0%} of the calls, but it should in 50%: look "
        "at the coin.",
        share=share,
    )
    old = answers[ages > 0]
    expect(
        len(set(old)) == len(old),
        "your pool hands back the same old image twice: the new image must take its place.",
    )
    mean = ages[ages > 0].mean()
    expect(
        0.8 * 2 * SIZE < mean < 1.2 * 2 * SIZE,
        "the old images that your pool hands back are {mean:.1f} calls old on average, but "
        "{wanted} is right for a random place: look at how the place is drawn.",
        mean=mean,
        wanted=2 * SIZE,
    )


def check_seeds(MyPool):
    first, again, other = (
        [ask(pool, i)[0] for i in range(60)]
        for pool in (MyPool(SIZE, seed=5), MyPool(SIZE, seed=5), MyPool(SIZE, seed=6))
    )
    expect(
        first == again,
        "two of your pools with the same seed give different answers: draw from "
        "np.random.default_rng(seed), made once in __init__.",
    )
    expect(
        first != other,
        "your pool gives the same answers whatever the seed is: hand the seed on to default_rng.",
    )


def check_batches(MyPool):
    pool = MyPool(SIZE, seed=1)
    answers = [ask(pool, 2 * i, 2 * i + 1) for i in range(200)]
    expect(
        any((a != 2 * i) != (b != 2 * i + 1) for i, (a, b) in enumerate(answers)),
        "your pool throws one coin for the whole batch: throw one for each image.",
    )


def check_copies(MyPool):
    pool, buffer = MyPool(2, seed=0), numbered(0)
    seen = []
    for i in range(40):  # the caller writes every fake into the same array
        buffer[:] = i
        seen.append(int(pool.query(buffer)[0, 0, 0, 0]))
    expect(
        any(answer != i for i, answer in enumerate(seen)),
        "the images in your pool change when the caller writes into its array again: store a copy.",
    )


POOL = Exercise(
    name="pool",
    subject="pool",
    title="The image pool",
    task="Write the pool of Shrivastava et al.: `MyPool(size, seed).query(images)` takes N×C×H×W "
    "fresh fakes and returns as many. While the pool fills, every image is stored and returned. "
    "After that, one half of the new images are returned as they are; each of the others takes "
    "the place of a random stored image, and that one is returned. A pool of size 0 returns what "
    "it gets.",
    solution='''import numpy as np


class MyPool:
    """Keep ``size`` fakes of different age."""

    def __init__(self, size=50, seed=0):
        self.size = size
        self.images = []
        self.rng = np.random.default_rng(seed)

    def query(self, images):
        """Take N×C×H×W fresh fakes; return as many, each of them fresh or from an earlier call."""
        answers = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.copy())
                answers.append(image)
            elif self.size == 0 or self.rng.random() < 0.5:
                answers.append(image)
            else:
                place = self.rng.integers(self.size)
                answers.append(self.images[place])
                self.images[place] = image.copy()
        return np.stack(answers)
''',
    check=check_pool,
    hints=(
        "Three cases, one image at a time: the pool is not full yet, the coin says new, the coin "
        "says old. Make the list of images and the random generator in `__init__`.",
        "For the third case draw `place = self.rng.integers(self.size)`, keep "
        "`self.images[place]` as the answer, and put a copy of the new image there.",
        "Collect the answers in a list and return `np.stack(answers)`. A pool of size 0 must not "
        "draw a place.",
    ),
    wrong=(
        Wrong(
            "        answers = []",
            "        self.images = []\n        answers = []",
            "your pool hands back what it was just given",
        ),
        Wrong(
            "self.rng.random() < 0.5",
            "self.rng.random() < 0.1",
            "your pool hands back an old image in {share",
        ),
        Wrong(
            "elif self.size == 0 or self.rng.random() < 0.5",
            "elif self.size == 0",
            "your pool never hands back the new image itself",
        ),
        Wrong(
            "                self.images[place] = image.copy()\n",
            "",
            "your pool hands back the same old image twice",
        ),
        Wrong(
            "self.rng.integers(self.size)",
            "0",
            "the old images that your pool hands back are",
        ),
        Wrong("image.copy()", "image", "the images in your pool change when the caller"),
        Wrong("default_rng(seed)", "default_rng()", "two of your pools with the same seed"),
        Wrong("default_rng(seed)", "default_rng(0)", "your pool gives the same answers whatever"),
        Wrong(
            "self.size == 0 or self.rng.random() < 0.5",
            "self.rng.random() < 0.5",
            "a pool of size 0 must",
        ),
    ),
    right="right. Your pool remembers: old fakes come back, and each of them only once.",
)

EXERCISES = (POOL,)
