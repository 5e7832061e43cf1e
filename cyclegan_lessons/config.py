"""Every number that a training run depends on, in one frozen object, and the course's presets."""

import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.language import in_language

MANY = 2**31 - 1  # where a whole number has no other end

# The least and the largest value of each number that must be whole ...
WHOLE = {
    "image_size": (24, 8192),  # from 24 on the discriminator's map has a position
    "load_size": (24, 8192),
    "base_channels": (1, MANY),
    "n_layers": (0, MANY),
    "batch_size": (1, MANY),
    "constant_epochs": (0, 1_000_000),
    "decay_epochs": (0, 1_000_000),
    "steps": (0, MANY),
    "pool_size": (0, MANY),
    "seed": (0, 2**32 - 2),  # NumPy's generators take no larger one; a pool takes the next one
    "workers": (1, MANY),
}
# ... and of each that need not be; `math.nextafter` excludes the end itself.
REAL = {
    "learning_rate": (math.nextafter(0, 1), 1e6),
    "beta1": (0, math.nextafter(1, 0)),
    "lambda_cycle": (0, 1e6),
    "lambda_identity": (0, 1e6),
}


@dataclass(frozen=True)
class LessonConfig:
    """The settings of one CycleGAN, with the paper's values as defaults (section 4, appendix 7.1).

    Images are square crops of ``image_size`` pixels; rates and weights are plain numbers; every
    randomness of a run follows from ``seed``. Raises `LessonError` when a value makes no sense.
    """

    image_size: int = 256  # side of the training crop in pixels, a multiple of 4
    load_size: int | None = None  # side of the image before the crop; None: 286/256 of the crop's
    base_channels: int = 64  # channels after the first convolution, of G and of D
    n_layers: int = 9  # residual blocks of a generator
    batch_size: int = 1  # images of each domain in a step, for each worker
    learning_rate: float = 2e-4  # Adam's rate during the constant part
    beta1: float = 0.5  # Adam's first moment decay
    constant_epochs: int = 100
    decay_epochs: int = 100  # then linearly towards zero
    steps: int | None = None  # stop earlier, after this many steps; None: run all epochs
    lambda_cycle: float = 10.0
    lambda_identity: float = 5.0
    adversarial: str = "lsgan"  # or "log", the paper's equation 1
    pool_size: int = 50
    seed: int = 0
    detail: bool = False  # generators that keep details: `DetailGenerator`, not the paper's
    workers: int = 1  # processes that train together, each with a batch of its own
    amp: bool = False  # convolve in float16, which a GPU or an Ascend does faster

    def __post_init__(self):
        for name, (least, most) in {**WHOLE, **REAL}.items():
            value, kinds = getattr(self, name), (int,) if name in WHOLE else (int, float)
            if name in ("steps", "load_size") and value is None:
                continue
            # a comparison with nan is false, and True is no number of anything
            if type(value) not in kinds or not least <= value <= most:
                raise LessonError(
                    f"{name} must be {admitted(name)}, but it is {value!r}; choose such a number."
                )
        if self.image_size % 4:
            smaller = self.image_size // 4 * 4
            raise LessonError(
                f"image_size must be divisible by 4, but it is {self.image_size}; choose "
                f"{smaller} or {smaller + 4}."
            )
        if self.load_size is not None and self.load_size < self.image_size:
            raise LessonError(
                f"load_size must be at least image_size, {self.image_size}, since crops are taken "
                f"from it, but it is {self.load_size}; choose a larger one."
            )
        if self.adversarial not in ("lsgan", "log"):
            raise LessonError(
                f"adversarial must be 'lsgan' or 'log', but it is {self.adversarial!r}; choose one "
                f"of the two."
            )
        for name in ("detail", "amp"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise LessonError(f"{name} must be True or False, but it is {value!r}; choose one.")

    @property
    def epochs(self) -> int:
        """Length of the complete schedule in epochs."""
        return self.constant_epochs + self.decay_epochs

    @property
    def picture_size(self) -> int:
        """Side in pixels of whole pictures, as the model is tested on them and shown with them."""
        return self.load_size or self.image_size

    def check_same(self, stored: dict, source: Path):
        """Raise `LessonError` when a run with the ``stored`` settings cannot continue with these.

        The number of steps may differ: a run may be made longer. Fields that ``stored`` lacks, as
        older runs do, have their defaults. ``source`` is where the settings are stored.
        """
        ours, theirs = asdict(self), asdict(LessonConfig()) | stored
        names = [field.name for field in fields(self) if field.name != "steps"]
        said = in_language("{name} {theirs}, not {ours}")
        different = [
            said.format(name=name, theirs=theirs[name], ours=ours[name])
            for name in names
            if theirs[name] != ours[name]
        ]
        if different:
            settings = in_language(", and ").join(different)
            raise LessonError(
                f"{source} was trained with {settings}; resume with the same configuration, or "
                f"start a new run."
            )


def admitted(name: str) -> str:
    """In words, which numbers a setting may be."""
    if name in WHOLE:
        least, most = WHOLE[name]
        lower = in_language(f"a whole number of at least {least}")
        return lower if most == MANY else lower + in_language(f", at most {most}")
    least, most = REAL[name]
    lower = in_language(f"at least {least}")
    if least != round(least):
        lower = in_language(f"greater than {round(least)}")
    if most == round(most):
        return lower + in_language(f", at most {most:g}")
    return lower + in_language(f", less than {round(most)}")


#: The configurations of the course by name: quick, demo, photos and paper.
PRESETS = {
    "quick": LessonConfig(image_size=64, base_channels=16, n_layers=3, steps=30),
    "demo": LessonConfig(  # its schedule, rate and identity weight were found by trying
        image_size=64,
        load_size=128,
        base_channels=24,
        n_layers=3,
        constant_epochs=10,
        decay_epochs=15,
        learning_rate=8e-4,
        lambda_identity=10.0,
        detail=True,
    ),
    "photos": LessonConfig(  # fewer epochs, as there are more photographs; see docs/model.md
        image_size=64,
        load_size=128,
        base_channels=24,
        n_layers=3,
        constant_epochs=2,
        decay_epochs=2,
        learning_rate=8e-4,
        lambda_identity=1.0,
        detail=True,
    ),
    "paper": LessonConfig(),
}


def get_preset(name: str) -> LessonConfig:
    """Return the preset called ``name``; raises `LessonError` when there is none."""
    if name not in PRESETS:
        raise LessonError(
            f"preset must be one of {', '.join(PRESETS)}, but it is {name!r}; choose one of these."
        )
    return PRESETS[name]
