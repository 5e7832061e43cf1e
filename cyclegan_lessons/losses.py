"""Chapter 4: the three losses. Each is a scalar, the mean over the batch and all positions."""

from mindspore import Tensor, ops

from cyclegan_lessons.errors import LessonError

# Every number that a training step reports: what G and F minimise and its six terms, D_X's, D_Y's.
LOSS_NAMES = ("total", "G", "F", "cycle_x", "cycle_y", "identity_x", "identity_y", "D_X", "D_Y")


def adversarial_loss(prediction: Tensor, is_real: bool, kind: str = "lsgan") -> Tensor:
    """How far raw scores N×1×h×w are from "real" (``is_real``) or "fake": a scalar from 0 on.

    ``"lsgan"``: mean squared distance to 1 or 0 (section 4's choice, Mao et al. 2017). ``"log"``:
    the cross-entropy of equation 1, on raw scores. D's loss adds the two cases; G's loss is the
    real case on its own fakes. Raises `LessonError` on another kind.
    """
    if kind == "lsgan":
        target = 1.0 if is_real else 0.0
        return ((prediction - target) ** 2).mean()
    if kind == "log":
        # −log σ(s) or −log(1 − σ(s))
        return ops.softplus(-prediction if is_real else prediction).mean()
    return unknown_kind(kind)


# plain Python while a graph is compiled, which knows no exception classes but the built-in ones
@ops.constexpr
def unknown_kind(kind: str):
    """Raise `LessonError`: there is no adversarial loss of this kind."""
    raise LessonError(f"kind must be 'lsgan' or 'log', but it is {kind!r}; choose one of the two.")


def cycle_consistency_loss(reconstruction: Tensor, image: Tensor) -> Tensor:
    """Mean absolute difference between an image and its round trip (equation 2), from 0 to 2.

    Both are N×3×H×W in [-1, 1].
    """
    return (reconstruction - image).abs().mean()


def identity_loss(same: Tensor, image: Tensor) -> Tensor:
    """Mean absolute change of an image that is in the target domain, from 0 to 2 (section 5.2).

    For G it is the difference between G(y) and y, both N×3×H×W in [-1, 1].
    """
    return (same - image).abs().mean()
