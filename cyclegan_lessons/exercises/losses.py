"""Exercises on the cycle-consistency loss and the identity loss."""

import numpy as np

from cyclegan_lessons.exercises.checking import (
    compare,
    expect_tensor,
    function,
    number,
    run,
    tensor,
)
from cyclegan_lessons.exercises.exercise import Exercise, Wrong


def model_g(v):
    return 0.5 * v + 0.1 * v * v


def model_f(v):
    return 1.5 * v - 0.2


def check_cycle(my_cycle_loss):
    function(my_cycle_loss, "my_cycle_loss")

    def loss(x, y):
        return my_cycle_loss(model_g, model_f, x, y)

    for seed in (1, 2):
        x, y = tensor(2, 3, 4, 6, seed=seed), tensor(2, 3, 4, 6, seed=seed + 5, scale=0.5)
        value = number(run(loss, x, y), "my_cycle_loss")
        x, y = x.asnumpy(), y.asnumpy()
        there, back = model_f(model_g(x)) - x, model_g(model_f(y)) - y
        forward, backward = np.abs(there).mean(), np.abs(back).mean()
        compare(
            value,
            forward + backward,
            cycle_guesses(x, y),
            "the value is not right for two test networks: it is the mean of |F(G(x)) − x| plus "
            "the mean of |G(F(y)) − y|, without λ.",
        )
    expect_tensor(run(loss, tensor(1, 3, 2, 2), tensor(1, 3, 2, 2)), "the result of my_cycle_loss")


def cycle_guesses(x: np.ndarray, y: np.ndarray) -> list[tuple]:
    """What wrong answers give, each with what to say to it."""
    there, back = model_f(model_g(x)) - x, model_g(model_f(y)) - y
    forward, backward = np.abs(there).mean(), np.abs(back).mean()
    return [
        (forward, "you count the cycle of x alone: y → F(y) → G(F(y)) is the other half."),
        (backward, "you count the cycle of y alone: x → G(x) → F(G(x)) is the other half."),
        (
            2 * forward,
            "you count the cycle of x twice: the second one is y → F(y) → "
            "G(F(y)), and it is compared with y.",
        ),
        ((forward + backward) / 2, "you halve the sum: equation 2 adds the two cycles."),
        (
            (there**2).mean() + (back**2).mean(),
            "you square the differences: equation 2 takes their absolute values.",
        ),
        (np.abs(there).sum() + np.abs(back).sum(), "you add up all pixels: take the mean."),
        (
            there.mean() + back.mean(),
            "differences of opposite sign cancel: take the absolute value before the mean.",
        ),
        (
            np.abs(model_g(x) - x).mean() + np.abs(model_f(y) - y).mean(),
            "you compare G(x) with x: that punishes translating; go back with F first.",
        ),
        (
            np.abs(model_g(model_f(x)) - x).mean() + np.abs(model_f(model_g(y)) - y).mean(),
            "your cycles go through the networks in the wrong order: x meets G first, y F.",
        ),
    ]


CYCLE = Exercise(
    name="cycle",
    subject="losses",
    title="The cycle-consistency loss",
    task="Write `my_cycle_loss(G, F, x, y)`, equation 2: the mean absolute difference of each "
    "cycle, and then the sum of both, without λ.",
    solution='''def my_cycle_loss(G, F, x, y):
    """The mean of |F(G(x)) − x| plus the mean of |G(F(y)) − y|; images N×3×H×W; a scalar."""
    forward = (F(G(x)) - x).abs().mean()
    backward = (G(F(y)) - y).abs().mean()
    return forward + backward
''',
    check=check_cycle,
    hints=(
        "x goes to G, then to F, and should be x again. Where does y go?",
        "`(F(G(x)) - x).abs().mean()` is the first of the two terms.",
    ),
    wrong=(
        Wrong("return forward + backward", "return forward", "you count the cycle of x alone"),
        Wrong("G(F(y)) - y", "F(G(x)) - x", "you count the cycle of x twice"),
        Wrong(
            "forward + backward", "float(forward + backward)", "{what} is right, but of the type"
        ),
        Wrong(".abs()", ".square()", "you square the differences"),
        Wrong(".mean()", ".sum()", "you add up all pixels"),
        Wrong(".abs()", "", "differences of opposite sign cancel"),
        Wrong(
            "(F(G(x)) - x).abs().mean()\n    backward = (G(F(y))",
            "(G(x) - x).abs().mean()\n    backward = (F(y)",
            "you compare G(x) with x",
        ),
        Wrong(
            "(F(G(x)) - x).abs().mean()\n    backward = (G(F(y))",
            "(G(F(x)) - x).abs().mean()\n    backward = (F(G(y))",
            "your cycles go through",
        ),
    ),
    right="right. Both round trips count, each as much as the other.",
)


def check_identity(my_identity_loss):
    function(my_identity_loss, "my_identity_loss")

    def loss(x, y):
        return my_identity_loss(model_g, model_f, x, y)

    for seed in (3, 4):
        x, y = tensor(2, 3, 4, 6, seed=seed), tensor(2, 3, 4, 6, seed=seed + 5, scale=0.5)
        value = number(run(loss, x, y), "my_identity_loss")
        x, y = x.asnumpy(), y.asnumpy()
        of_g, of_f = model_g(y) - y, model_f(x) - x
        compare(
            value,
            np.abs(of_g).mean() + np.abs(of_f).mean(),
            [
                (
                    np.abs(model_g(x) - x).mean() + np.abs(model_f(y) - y).mean(),
                    "you ask G(x) to "
                    "stay x: that punishes translating; G must leave oranges, that is y, alone.",
                ),
                (np.abs(of_g).mean(), "F is missing: it must leave apples, that is x, alone."),
                (np.abs(of_f).mean(), "G is missing: it must leave oranges, that is y, alone."),
                (
                    (of_g**2).mean() + (of_f**2).mean(),
                    "you square the differences: section 5.2 takes their absolute values.",
                ),
                (np.abs(of_g).sum() + np.abs(of_f).sum(), "you add up all pixels: take the mean."),
            ],
            "the value is not right for two test networks: it is the mean of |G(y) − y| plus the "
            "mean of |F(x) − x|, without a weight.",
        )
    result = run(loss, tensor(1, 3, 2, 2), tensor(1, 3, 2, 2))
    expect_tensor(result, "the result of my_identity_loss")


IDENTITY = Exercise(
    name="identity",
    subject="losses",
    title="The identity loss",
    task="Write `my_identity_loss(G, F, x, y)` of section 5.2, without its weight: what is in the "
    "target domain already should stay as it is.",
    solution='''def my_identity_loss(G, F, x, y):
    """How much G changes y and F changes x, as means; images N×3×H×W; a scalar."""
    of_g = (G(y) - y).abs().mean()
    of_f = (F(x) - x).abs().mean()
    return of_g + of_f
''',
    check=check_identity,
    hints=(
        "G makes oranges. Which picture is an orange already?",
        "`(G(y) - y).abs().mean()` is one of the two terms.",
    ),
    wrong=(
        Wrong(
            "(G(y) - y).abs().mean()\n    of_f = (F(x) - x)",
            "(G(x) - x).abs().mean()\n    of_f = (F(y) - y)",
            "you ask G(x) to stay x",
        ),
        Wrong("return of_g + of_f", "return of_g", "F is missing"),
        Wrong(
            "return of_g + of_f", "return float(of_g + of_f)", "{what} is right, but of the type"
        ),
        Wrong("return of_g + of_f", "return of_f", "G is missing"),
        Wrong(".abs()", ".square()", "you square the differences"),
        Wrong(".mean()", ".sum()", "you add up all pixels"),
    ),
    right="right. G leaves oranges alone, and F apples.",
)

EXERCISES = (CYCLE, IDENTITY)
