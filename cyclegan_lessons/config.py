"""Every number that a training run depends on, in one frozen object, and the three presets of the
course."""

from dataclasses import dataclass

from cyclegan_lessons.errors import LessonError


@dataclass(frozen=True)
class LessonConfig:
    """The settings of one CycleGAN, with the paper's values as defaults (section 4 and appendix
    7.1).

    Images are square crops of ``image_size`` pixels; rates and weights are plain numbers; every
    randomness of a run follows from ``seed``. Raises `LessonError` when a value makes no sense.
    """

    image_size: int = 256  # side of the training crop in pixels, a multiple of 4
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
    workers: int = 1  # processes that train together, each with a batch of its own
    amp: bool = False  # convolve in float16, which a GPU or an Ascend does faster

    def __post_init__(self):
        # 24: the discriminator's map is then 1×1
        least = {"image_size": 24, "base_channels": 1, "batch_size": 1, "workers": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise LessonError(
                    f"{name} must be at least {value}, but it is {getattr(self, name)}; choose a "
                    "larger value."
                )
        for name in (
            "n_layers",
            "constant_epochs",
            "decay_epochs",
            "pool_size",
            "lambda_cycle",
            "lambda_identity",
        ):
            if getattr(self, name) < 0:
                raise LessonError(
                    f"{name} must not be negative, but it is {getattr(self, name)}; choose 0 or "
                    "more."
                )
        if self.image_size % 4:
            raise LessonError(
                f"image_size must be divisible by 4, but it is {self.image_size}; "
                f"choose {self.image_size // 4 * 4} or {self.image_size // 4 * 4 + 4}."
            )
        if self.adversarial not in ("lsgan", "log"):
            raise LessonError(
                f"adversarial must be 'lsgan' or 'log', but it is {self.adversarial!r}; choose "
                "one of the two."
            )

    @property
    def epochs(self) -> int:
        """Length of the whole schedule in epochs."""
        return self.constant_epochs + self.decay_epochs


#: The configurations of the course by name: quick, demo and paper.
PRESETS = {
    "quick": LessonConfig(image_size=64, base_channels=16, n_layers=3, steps=30),
    "demo": LessonConfig(  # its schedule, rate and identity weight were found by trying
        image_size=64,
        base_channels=16,
        n_layers=3,
        constant_epochs=4,
        decay_epochs=18,
        learning_rate=8e-4,
        lambda_identity=20.0,
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
