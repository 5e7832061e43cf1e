"""Exercise on inference: translate a picture of any size."""

import mindspore as ms
import numpy as np

from cyclegan_lessons.exercises.checking import CHANGED, TYPE, array, expect, function
from cyclegan_lessons.exercises.exercise import Exercise, Wrong

SIZES = ((16, 24), (13, 18), (8, 30), (5, 9), (6, 6), (33, 3))


class Generator:
    """Stands in for a generator: computes ``change(x)`` and keeps what it was given."""

    def __init__(self, change):
        self.change = change

    def __call__(self, x):
        expect(
            isinstance(x, ms.Tensor) and x.dtype == ms.float32,
            "the generator must get a float32 Tensor, but it got another type.",
        )
        expect(
            x.ndim == 4 and x.shape[0] == 1 and x.shape[1] == 3,
            "the generator must get the shape 1×3×H×W: transpose the picture and add one axis.",
        )
        self.x = x.asnumpy()
        expect(
            not any(side % 4 or side < 8 for side in x.shape[2:]),
            "the generator got a picture of {h}×{w}: both sides must be divisible by 4 and at "
            "least 8, so extend the picture first.",
            h=x.shape[2],
            w=x.shape[3],
        )
        return ms.Tensor(self.change(self.x).astype(np.float32))


def translated(my_translate, picture: np.ndarray, change) -> tuple:
    """The learner's result for one picture, and what the generator got."""
    before, generator = picture.copy(), Generator(change)
    value = my_translate(generator, picture)
    result = array(value, "the result of my_translate")
    came = str(result.dtype)
    expect(
        result.dtype == np.uint8,
        TYPE,
        what="the result of my_translate",
        came=came,
        wanted="uint8",
    )
    result = array(value, "the result of my_translate", picture.shape)
    expect((picture == before).all(), CHANGED, what="my_translate")
    expect(hasattr(generator, "x"), "my_translate never calls the generator.")
    return result.astype(int), generator.x


def check_translate(my_translate):
    function(my_translate, "my_translate")
    rng = np.random.default_rng(12)
    for height, width in SIZES:
        picture = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        result, x = translated(my_translate, picture, lambda x: x)
        check_input(x, picture)
        check_output(my_translate, result, picture)
    check_range(my_translate, picture)


def check_input(x: np.ndarray, picture: np.ndarray):
    height, width = picture.shape[:2]
    expect(x.min() < 0, "the generator got values from 0 to 1: bring the pixels to [-1, 1].")
    sizes = [max(8, -(-side // 4) * 4) for side in (height, width)]
    expect(
        list(x.shape[2:]) == sizes,
        "a picture of {h}×{w} was extended to {a}×{b}: the next sizes that fit are {c}×{d}.",
        h=height,
        w=width,
        a=x.shape[2],
        b=x.shape[3],
        c=sizes[0],
        d=sizes[1],
    )
    values = picture.transpose(2, 0, 1) / 127.5 - 1
    expect(
        np.allclose(x[0, :, :height, :width], values, atol=1e-3),
        "the generator does not get the picture's own pixels at the top left: extend it at the "
        "right and at the bottom, keep the colours, and do not resize.",
    )
    borders = ((0, 0), (0, sizes[0] - height), (0, sizes[1] - width))
    extended = [np.pad(values, borders, mode=kind) for kind in ("reflect", "symmetric")]
    expect(
        any(np.allclose(x[0], other, atol=1e-3) for other in extended),
        "the new border is not a mirror image: np.pad with mode='reflect' makes one, and zeros "
        "would be a grey frame.",
    )


def check_output(my_translate, result: np.ndarray, picture: np.ndarray):
    pixels = picture.astype(int)
    expect(
        np.abs(result - pixels).max() <= 1,
        "a generator that changes nothing changes your picture: bring its result back to 0 to 255, "
        "and cut out the part that was the picture.",
    )
    expect(
        (result == pixels).all(),
        "some pixels come back one too dark: round before you convert to uint8.",
    )
    negative, _ = translated(my_translate, picture, lambda x: -x)
    expect(
        (negative == 255 - pixels).all(),
        "a generator that inverts must give 255 minus the picture: translate its result, not the "
        "picture.",
    )


def check_range(my_translate, picture: np.ndarray):
    strong, _ = translated(my_translate, picture, lambda x: 1.5 * x)
    expect(
        (strong == np.clip(np.rint(1.5 * (picture - 127.5) + 127.5), 0, 255)).all(),
        "values beyond the range come out as other colours: clip to 0 to 255 before you convert to "
        "uint8, where 256 would be 0.",
    )


TRANSLATE = Exercise(
    name="translate",
    subject="inference",
    title="Translate any size",
    task="Write `my_translate(G, image)` for a uint8 image H×W×3 of any size; the result has the "
    "same shape and type. G takes 1×3×H×W in [-1, 1], and its sides must be divisible by 4 and at "
    "least 8: extend the image at the right and at the bottom by mirroring it, and cut the result "
    "back.",
    solution='''import mindspore as ms
import numpy as np


def my_translate(G, image):
    """Translate one uint8 image H×W×3 of any size; the result has the same shape and type."""
    height, width = image.shape[:2]
    rows, columns = (max(8, -(-side // 4) * 4) - side for side in (height, width))
    padded = np.pad(image, ((0, rows), (0, columns), (0, 0)), mode="reflect")
    x = padded.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
    y = G(ms.Tensor(x)).asnumpy()[0].transpose(1, 2, 0)
    pixels = np.rint((y + 1) * 127.5).clip(0, 255).astype(np.uint8)
    return pixels[:height, :width]
''',
    check=check_translate,
    hints=(
        "Five steps: extend with `np.pad`, transpose and scale, call G, scale back, cut.",
        "`-(-side // 4) * 4` is the next multiple of 4. `np.pad(image, ((0, rows), (0, columns), "
        "(0, 0)), mode='reflect')` mirrors.",
        "Back: `np.rint((y + 1) * 127.5).clip(0, 255).astype(np.uint8)`, then `[:height, :width]`.",
    ),
    wrong=(
        Wrong(', mode="reflect"', "", "the new border is not a mirror image"),
        Wrong("max(8, -(-side // 4) * 4) - side", "0 * side", "the generator got a picture of"),
        Wrong("max(8, -(-side // 4) * 4)", "max(8, side // 4 * 4 + 4)", "a picture of {h}×{w} was"),
        Wrong("np.rint((y + 1) * 127.5)", "((y + 1) * 127.5)", "some pixels come back one"),
        Wrong(".clip(0, 255)", "", "values beyond the range"),
        Wrong(" / 127.5 - 1", " / 255", "the generator got values from 0 to 1"),
        Wrong("pixels[:height, :width]", "pixels[-height:, -width:]", "a generator that changes"),
        Wrong("transpose(2, 0, 1)[None]", "transpose(2, 0, 1)", "the generator must get the shape"),
    ),
    right="right. Any size goes in, and the same size comes out.",
)

EXERCISES = (TRANSLATE,)
