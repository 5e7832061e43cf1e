"""Exercises on augmentation with fresh randomness."""

import numpy as np

from cyclegan_lessons.exercises.checking import CHANGED, TYPE, array, expect, function
from cyclegan_lessons.exercises.exercise import Exercise, Wrong

SIZE, LOADED = 32, 36  # of a crop, and of the picture before: 286/256 of it, rounded


def ramps(height: int, width: int) -> np.ndarray:
    """A picture whose red grows to the right and whose green grows downwards; its blue is 7."""
    picture = np.full((height, width, 3), 7, np.uint8)
    picture[..., 0] = np.rint(np.linspace(0, 250, width))
    picture[..., 1] = np.rint(np.linspace(0, 250, height))[:, None]
    return picture


def crop(my_augment, picture: np.ndarray, rng) -> np.ndarray:
    """The learner's crop as pixel values from 0 to 255, 3×S×S."""
    before = picture.copy()
    value = my_augment(picture, SIZE, rng)
    result = array(value, "the result of my_augment", (3, SIZE, SIZE))
    expect((picture == before).all(), CHANGED, what="my_augment")
    wanted = "a float32 array"
    expect(
        result.dtype == np.float32,
        TYPE,
        what="the result of my_augment",
        came=str(result.dtype),
        wanted=wanted,
    )
    return (result + 1) * 127.5


def check_augment(my_augment):
    function(my_augment, "my_augment")
    rng = np.random.default_rng(5)
    check_range(my_augment, rng)
    crops = [crop(my_augment, ramps(LOADED, LOADED), rng) for _ in range(300)]
    expect(
        all(np.allclose(c[2], 7, atol=0.6) for c in crops),
        "the colours of your crops are mixed up: blue must stay blue; look at the transpose.",
    )
    expect(
        all(np.ptp(c[0], axis=0).max() < 1 and np.ptp(c[1], axis=1).max() < 1 for c in crops),
        "your crops are turned: rows must stay rows and columns columns; look at the transpose.",
    )
    check_draws(crops)
    again = [
        [crop(my_augment, ramps(LOADED, LOADED), rng) for _ in range(8)]
        for rng in (np.random.default_rng(8), np.random.default_rng(8))
    ]
    expect(
        (np.array(again[0]) == again[1]).all(),
        "the same rng in the same state gives two different crops: draw from rng alone.",
    )
    check_resize(my_augment)
    check_ratio(my_augment)


def check_range(my_augment, rng):
    black, white = (
        crop(my_augment, np.full((LOADED, LOADED, 3), value, np.uint8), rng) for value in (0, 255)
    )
    expect(
        not np.allclose(white, 255 * 127.5 + 127.5),
        "the values go up to 255: bring them to [-1, 1].",
    )
    expect(
        not np.allclose(black, 127.5),
        "black becomes 0: the range is [-1, 1], so black must be -1 and white 1.",
    )
    expect(
        np.allclose(black, 0, atol=0.1) and np.allclose(white, 255, atol=0.1),
        "black must become -1 and white 1: divide by 127.5, then subtract 1.",
    )


def check_draws(crops: list[np.ndarray]):
    """Offsets and flips of crops of a picture that already had the enlarged size."""
    ends = [(c[0, 0, 0], c[0, 0, -1], c[1, 0, 0], c[1, -1, 0]) for c in crops]
    flips = [left > right for left, right, _, _ in ends]
    step = 250 / (LOADED - 1)
    places = {
        (round(float(min(left, right) / step)), round(float(min(top, bottom) / step)))
        for left, right, top, bottom in ends
    }
    expect(
        len(places) > 1,
        "every crop of yours shows the same part: draw the place anew in every call, from rng.",
    )
    expect(
        not any(top > bottom for _, _, top, bottom in ends),
        "some of your crops stand on their head: mirror left and right only.",
    )
    expect(any(flips), "your crops are never mirrored: half of them should be.")
    expect(not all(flips), "your crops are always mirrored: half of them should be.")
    expect(
        0.35 < np.mean(flips) < 0.65,
        "{share:.0%} of your crops are mirrored: one half should be.",
        share=np.mean(flips),
    )
    expect(
        any(across != down for across, down in places),
        "your crops move along the diagonal: draw the column and the row each for itself.",
    )
    last = LOADED - SIZE
    expect(
        {place for pair in places for place in pair} == set(range(last + 1)),
        "some places are never drawn: the first row and column can be 0 to {last}, with both ends.",
        last=last,
    )


def check_resize(my_augment):
    for height, width in ((72, 120), (30, 30)):
        crops = [crop(my_augment, ramps(height, width), np.random.default_rng(i)) for i in range(3)]
        for c in crops:
            spans = np.ptp(c[0, 0]), np.ptp(c[1, :, 0])
            expect(
                all(abs(span - 250 * (SIZE - 1) / (LOADED - 1)) < 16 for span in spans),
                "a crop of a picture of another size does not show 256/286 of its height and "
                "width: resize it to the enlarged square first, then cut.",
            )


def check_ratio(my_augment):
    """A picture that has the enlarged size already is not resized: the crop is a part of it."""
    picture = np.random.default_rng(2).integers(0, 256, (286, 286, 3)).astype(np.uint8)
    result = array(my_augment(picture, 256, np.random.default_rng(3)), "the result", (3, 256, 256))
    pixels = np.rint((result + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    parts = np.lib.stride_tricks.sliding_window_view(picture[:31], 256, axis=1)  # 31×31×3×256
    expect(
        any((parts == row.T).all(axis=(2, 3)).any() for row in (pixels[0], pixels[0, ::-1])),
        "the enlarged side is wrong: it is round(size * 286 / 256), so a picture of 286×286 pixels "
        "keeps its size before 256×256 are cut out of it.",
    )


AUGMENT = Exercise(
    name="augment",
    subject="dataset",
    title="Augmentation with fresh randomness",
    task="Write `my_augment(image, size, rng)`: resize an image of any size to the square of side "
    "`round(size * 286 / 256)`, cut out `size`×`size` pixels at a random place, mirror it half of "
    "the time, and bring it to the shape and range of the networks. All that is random comes from "
    "`rng`, a NumPy generator.",
    solution='''import numpy as np
from PIL import Image


def my_augment(image, size, rng):
    """uint8 H×W×3 to a random crop, perhaps mirrored: float32 3×S×S in [-1, 1]."""
    loaded = round(size * 286 / 256)
    resized = Image.fromarray(image).resize((loaded, loaded), Image.BICUBIC)
    left, top = rng.integers(0, loaded - size, 2, endpoint=True)
    pixels = np.asarray(resized)[top : top + size, left : left + size]
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    return pixels.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
''',
    check=check_augment,
    hints=(
        "Four steps: enlarge with PIL's `resize`, cut with two slices, mirror with `[:, ::-1]`, "
        "then `transpose(2, 0, 1)` and the range.",
        "`rng.integers(0, loaded - size, 2, endpoint=True)` draws a column and a row; "
        "`rng.random() < 0.5` is the coin.",
    ),
    wrong=(
        Wrong("(0, loaded - size, 2, endpoint=True)", "(0, 1, 2)", "every crop of yours shows"),
        Wrong("rng.integers", "np.random.default_rng(0).integers", "every crop of yours shows"),
        Wrong(", endpoint=True", "", "some places are never drawn"),
        Wrong("top : top + size", "left : left + size", "your crops move along the diagonal"),
        Wrong("rng.random() < 0.5", "False", "your crops are never mirrored"),
        Wrong("pixels[:, ::-1]", "pixels[::-1]", "some of your crops stand on their head"),
        Wrong(" / 127.5 - 1", " / 255", "black becomes 0"),
        Wrong(" / 127.5 - 1", "", "the values go up to 255"),
        Wrong("transpose(2, 0, 1)", "transpose(2, 1, 0)", "your crops are turned"),
        Wrong(
            "resized = Image.fromarray(image).resize((loaded, loaded), Image.BICUBIC)",
            "resized = np.pad(image, ((0, loaded), (0, loaded), (0, 0)), mode='edge')",
            "a crop of a picture of another size",
        ),
        Wrong("size * 286", "size * 288", "the enlarged side is wrong"),
        Wrong("rng.random()", "np.random.random()", "the same rng in the same state"),
    ),
    right="right. Every call shows another part, and the same rng shows it again.",
)

EXERCISES = (AUGMENT,)
