"""Exercises on the adversarial loss."""

import mindspore as ms
import numpy as np

from cyclegan_lessons.exercises.checking import (
    compare,
    expect,
    expect_tensor,
    function,
    number,
    run,
    tensor,
)
from cyclegan_lessons.exercises.exercise import Exercise, Wrong


def sigmoid(s: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-s))


def check_adversarial(my_adversarial_loss):
    function(my_adversarial_loss, "my_adversarial_loss")
    for seed, is_real in ((1, True), (2, False), (3, True)):
        scores = tensor(2, 1, 3, 5, seed=seed, scale=3)
        s, target = scores.asnumpy(), float(is_real)
        loss = value_of(my_adversarial_loss, scores, is_real, "lsgan")
        check_lsgan(loss, s, target)
        loss = value_of(my_adversarial_loss, scores, is_real, "log")
        check_log(loss, -s if is_real else s)
    for is_real in (True, False):
        extreme = ms.Tensor(np.float32([[[[200.0, -200.0]]]]))
        loss = my_adversarial_loss(extreme, is_real, "log")
        loss = loss.asnumpy() if isinstance(loss, ms.Tensor) else loss  # it may be infinite
        wanted = "log form is 100 for the scores 200 and -200"
        expect(
            np.allclose(loss, 100),
            "the {wanted}, but yours is not: log(sigmoid(s)) is infinite there; ops.softplus is "
            "the same function without that.",
            wanted=wanted,
        )
    for kind in ("lsgan", "log"):
        result = my_adversarial_loss(tensor(1, 1, 2, 2), True, kind)
        expect_tensor(result, f'my_adversarial_loss(…, True, "{kind}")')


def value_of(my_adversarial_loss, scores, is_real: bool, kind: str) -> float:
    def loss(scores):
        return my_adversarial_loss(scores, is_real, kind)

    return number(run(loss, scores), f'my_adversarial_loss(…, {is_real}, "{kind}")')


def check_lsgan(loss: float, s: np.ndarray, target: float):
    compare(
        loss,
        ((s - target) ** 2).mean(),
        [
            (
                (s.mean() - target) ** 2,
                "you average the scores before the square: then patches "
                "that are too high hide those that are too low; square first.",
            ),
            (
                ((s - 1 + target) ** 2).mean(),
                "the targets are the wrong way round: real is 1, fake is 0.",
            ),
            (
                np.abs(s - target).mean(),
                "you take the distance, but least squares wants its square.",
            ),
            (
                ((s - target) ** 2).sum(),
                "you add up all patches: take their mean, so that the loss "
                "does not grow with the picture.",
            ),
            (
                ((sigmoid(s) - target) ** 2).mean(),
                "you apply a sigmoid: least squares works on the raw scores.",
            ),
        ],
        "the least-squares loss is not right for random scores: it is the mean over all patches of "
        "(score − target)², with the target 1 for real and 0 for fake.",
    )


def check_log(loss: float, z: np.ndarray):
    """``z``: the scores, with a minus for the real case."""
    softplus = np.log1p(np.exp(z))
    compare(
        loss,
        softplus.mean(),
        [
            (
                np.log1p(np.exp(-z)).mean(),
                "in the log form real and fake are the wrong way round: "
                "for a real image a high score must make the loss small.",
            ),
            (
                -softplus.mean(),
                "the log form has the wrong sign: a logarithm of a probability is "
                "negative, and a loss is not.",
            ),
            (softplus.sum(), "you add up all patches of the log form: take their mean."),
        ],
        "the log form is not right for random scores: it is the mean of −log σ(s) for real, and "
        "of −log(1 − σ(s)) for fake.",
    )


ADVERSARIAL = Exercise(
    name="adversarial",
    subject="losses",
    title="The adversarial loss",
    task="Write `my_adversarial_loss(prediction, is_real, kind)` for raw scores N×1×h×w: least "
    'squares for `"lsgan"`, and the cross-entropy of equation 1 for `"log"`.',
    solution='''from mindspore import ops


def my_adversarial_loss(prediction, is_real, kind="lsgan"):
    """How far raw scores N×1×h×w are from real (is_real) or fake; a scalar."""
    if kind == "lsgan":
        target = 1.0 if is_real else 0.0
        return ((prediction - target) ** 2).mean()
    return ops.softplus(-prediction if is_real else prediction).mean()
''',
    check=check_adversarial,
    hints=(
        "Begin with least squares: the target is 1 for real and 0 for fake, and the loss is the "
        "mean of the squared differences.",
        "For the log form, −log σ(s) is softplus(−s), and −log(1 − σ(s)) is softplus(s). "
        "`ops.softplus` takes a Tensor.",
    ),
    wrong=(
        Wrong(
            "((prediction - target) ** 2).mean()",
            "(prediction.mean() - target) ** 2",
            "you average the scores before the square",
        ),
        Wrong("1.0 if is_real else 0.0", "0.0 if is_real else 1.0", "the targets are the wrong"),
        Wrong(
            "((prediction - target) ** 2)", "(prediction - target).abs()", "you take the distance"
        ),
        Wrong(" ** 2).mean()", " ** 2).sum()", "you add up all patches: take"),
        Wrong("(prediction - target)", "(ops.sigmoid(prediction) - target)", "you apply a sigmoid"),
        Wrong(
            "-prediction if is_real else prediction",
            "prediction if is_real else -prediction",
            "in the log form real and fake",
        ),
        Wrong(
            "((prediction - target) ** 2).mean()",
            "float(((prediction - target) ** 2).mean())",
            "{what} is right, but of the type",
        ),
        Wrong("return ops.softplus", "return -ops.softplus", "the log form has the wrong sign"),
        Wrong(
            "ops.softplus(-prediction if is_real else prediction)",
            "(-ops.log(ops.sigmoid(prediction if is_real else -prediction)))",
            "the {wanted}, but yours is not",
        ),
    ),
    right="right. Both forms agree with the paper, also for scores that are far away.",
)

EXERCISES = (ADVERSARIAL,)
