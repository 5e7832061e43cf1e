"""Exercises on the generators' step."""

from types import SimpleNamespace

import mindspore as ms
import numpy as np
from mindspore import nn

from cyclegan_lessons.exercises.checking import close, compare, expect, function, number, tensor
from cyclegan_lessons.exercises.exercise import Exercise, Wrong

CYCLE, IDENTITY = 7.0, 3.0  # weights that the learner has not seen


class Times(nn.Cell):
    """A "network" that multiplies images by its only weight."""

    def __init__(self, factor: float, name: str):
        super().__init__()
        self.factor = ms.Parameter(ms.Tensor(factor, ms.float32), name=name)

    def construct(self, x):
        return x * self.factor


class Recorder:
    """Stands in for an optimiser: keeps what it is given, and changes nothing."""

    def __init__(self, *networks: Times):
        self.parameters = ms.ParameterTuple([network.factor for network in networks])
        self.calls = []

    def __call__(self, gradients):
        self.calls.append(gradients)
        return True


def closed_form(g: float, f: float, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """The terms of the total loss for G(x) = g·x, F(y) = f·y, D_X(x) = 2x and D_Y(y) = −y."""
    return {
        "G": ((-g * x - 1) ** 2).mean(),
        "F": ((2 * f * y - 1) ** 2).mean(),
        "cycle_x": np.abs(f * g * x - x).mean(),
        "cycle_y": np.abs(f * g * y - y).mean(),
        "identity_x": np.abs(f * x - x).mean(),
        "identity_y": np.abs(g * y - y).mean(),
    }


def total(g: float, f: float, x: np.ndarray, y: np.ndarray, **instead: float) -> float:
    terms = closed_form(g, f, x, y) | instead
    adversarial = terms["G"] + terms["F"]
    cycle, identity = terms["cycle_x"] + terms["cycle_y"], terms["identity_x"] + terms["identity_y"]
    return adversarial + CYCLE * cycle + IDENTITY * identity


def check_step(my_generator_step):
    function(my_generator_step, "my_generator_step")
    for g, f, seed in ((0.5, 1.75, 1), (1.25, -0.5, 2)):
        networks = SimpleNamespace(
            G=Times(g, "G"), F=Times(f, "F"), D_X=Times(2.0, "D_X"), D_Y=Times(-1.0, "D_Y")
        )
        optimizer = Recorder(networks.G, networks.F)
        x, y = tensor(1, 3, 4, 4, seed=seed), tensor(1, 3, 4, 4, seed=seed + 9, scale=0.5)
        loss = my_generator_step(networks, optimizer, x, y, CYCLE, IDENTITY)
        value = number(loss, "the loss that my_generator_step returns")
        check_value(value, g, f, x.asnumpy(), y.asnumpy())
        check_gradients(optimizer, g, f, x.asnumpy().astype(float), y.asnumpy().astype(float))


def check_value(value: float, g: float, f: float, x: np.ndarray, y: np.ndarray):
    compare(
        value,
        total(g, f, x, y),
        guesses(g, f, x, y) + weight_guesses(closed_form(g, f, x, y)),
        "the total loss is not right for small test networks: compute the six terms one by one, "
        "and compare each with the chapter.",
    )


def guesses(g: float, f: float, x: np.ndarray, y: np.ndarray) -> list[tuple]:
    """What wrong answers give, each with what to say to it."""
    terms = closed_form(g, f, x, y)
    wrong_identity = {
        "identity_x": np.abs(g * x - x).mean(),
        "identity_y": np.abs(f * y - y).mean(),
    }
    zero = {"G": ((g * x) ** 2).mean(), "F": ((2 * f * y) ** 2).mean()}
    swapped = {"G": ((2 * g * x - 1) ** 2).mean(), "F": ((-f * y - 1) ** 2).mean()}
    real = {"G": ((-y - 1) ** 2).mean(), "F": ((2 * x - 1) ** 2).mean()}
    return [
        (
            total(g, f, x, y, **wrong_identity),
            "the identity loss is |G(x) − x| in your step: "
            "that punishes translating; G must leave y alone, and F must leave x alone.",
        ),
        (
            total(g, f, x, y, **zero),
            "the generators want their fakes to be judged as fake in your step: their target is 1.",
        ),
        (
            total(g, f, x, y, **swapped),
            "the discriminators are the wrong way round: D_Y judges G(x), and D_X judges F(y).",
        ),
        (
            total(g, f, x, y, **real),
            "the generators are judged by the real images: let the "
            "discriminators look at the fakes.",
        ),
        (
            total(g, f, x, y, cycle_y=terms["cycle_x"]),
            "your step has the cycle of x twice: the second one is y → F(y) → G(F(y)).",
        ),
        (total(g, f, x, y, cycle_y=0.0), "the cycle of y is missing in your step."),
        (total(g, f, x, y, F=0.0), "your step leaves out what D_X says about F(y)."),
    ]


def weight_guesses(terms: dict[str, float]) -> list[tuple]:
    """The same for mistakes with the two weights."""
    adversarial = terms["G"] + terms["F"]
    cycles, identities = (
        terms["cycle_x"] + terms["cycle_y"],
        terms["identity_x"] + terms["identity_y"],
    )
    return [
        (
            adversarial + CYCLE * cycles + CYCLE * IDENTITY * identities,
            "the identity loss is weighted twice: with lambda_cycle too; look at your brackets.",
        ),
        (
            adversarial + IDENTITY * cycles + CYCLE * identities,
            "the two weights are the wrong way round.",
        ),
        (
            adversarial + cycles + identities,
            "the weights lambda_cycle and lambda_identity are not used.",
        ),
    ]


def check_gradients(optimizer: Recorder, g: float, f: float, x: np.ndarray, y: np.ndarray):
    expect(
        optimizer.calls,
        "the loss is right, but nothing is learned: hand the gradients to the optimiser.",
    )
    expect(len(optimizer.calls) == 1, "your step calls the optimiser more than once.")
    (gradients,) = optimizer.calls
    expect(
        isinstance(gradients, (tuple, list)) and len(gradients) == 2,
        "the optimiser must get one gradient for each of optimizer.parameters, and only these: "
        "pass them to ms.value_and_grad as the third argument.",
    )
    came = [number(gradient, "a gradient") for gradient in gradients]
    h = 1e-6
    right = [
        (total(g + h, f, x, y) - total(g - h, f, x, y)) / (2 * h),
        (total(g, f + h, x, y) - total(g, f - h, x, y)) / (2 * h),
    ]
    expect(
        not close(came[::-1], right, 1e-3), "the gradients reach the optimiser in the wrong order."
    )
    expect(
        close(came, right, 1e-3),
        "the loss is right, but its gradient is not: all of it must be computed inside the "
        "function that is differentiated, without stop_gradient, and unchanged.",
    )


STEP = Exercise(
    name="step",
    subject="training",
    title="The generators' step",
    task="Write `my_generator_step(networks, optimizer, x, y, lambda_cycle, lambda_identity)`: "
    "compute the total loss of G and F and its gradients with regard to `optimizer.parameters`, "
    "hand them to `optimizer(gradients)`, and return the loss. The adversarial losses are least "
    "squares.",
    solution='''import mindspore as ms


def my_generator_step(networks, optimizer, x, y, lambda_cycle=10.0, lambda_identity=5.0):
    """Update G and F once on images N×3×H×W, and return the total loss, a scalar."""
    G, F, D_X, D_Y = networks.G, networks.F, networks.D_X, networks.D_Y

    def total_loss(x, y):
        fake_y, fake_x = G(x), F(y)
        adversarial = ((D_Y(fake_y) - 1) ** 2).mean() + ((D_X(fake_x) - 1) ** 2).mean()
        cycle = (F(fake_y) - x).abs().mean() + (G(fake_x) - y).abs().mean()
        identity = (G(y) - y).abs().mean() + (F(x) - x).abs().mean()
        return adversarial + lambda_cycle * cycle + lambda_identity * identity

    differentiate = ms.value_and_grad(total_loss, None, optimizer.parameters)
    loss, gradients = differentiate(x, y)
    optimizer(gradients)
    return loss
''',
    check=check_step,
    hints=(
        "Write a function `total_loss(x, y)` inside: two fakes, then six terms. Below it come "
        "three lines: differentiate, update, return.",
        "`ms.value_and_grad(total_loss, None, optimizer.parameters)` makes a function that returns "
        "the loss and the gradients.",
        "The six terms: D_Y on G(x), D_X on F(y), both cycles times lambda_cycle, G(y) against y "
        "and F(x) against x times lambda_identity.",
    ),
    wrong=(
        Wrong(
            "(G(y) - y).abs().mean() + (F(x) - x)",
            "(G(x) - x).abs().mean() + (F(y) - y)",
            "the identity loss is |G(x) − x|",
        ),
        Wrong(
            "(D_Y(fake_y) - 1) ** 2).mean() + ((D_X(fake_x) - 1)",
            "(D_Y(fake_y) - 0) ** 2).mean() + ((D_X(fake_x) - 0)",
            "the generators want their",
        ),
        Wrong(
            "D_Y(fake_y) - 1) ** 2).mean() + ((D_X(fake_x)",
            "D_X(fake_y) - 1) ** 2).mean() + ((D_Y(fake_x)",
            "the discriminators are the wrong",
        ),
        Wrong("(G(fake_x) - y)", "(F(fake_y) - x)", "your step has the cycle of x twice"),
        Wrong(" + (G(fake_x) - y).abs().mean()", "", "the cycle of y is missing"),
        Wrong(
            "lambda_cycle * cycle + lambda_identity * identity",
            "lambda_cycle * (cycle + lambda_identity * identity)",
            "the identity loss is weighted",
        ),
        Wrong("    optimizer(gradients)\n", "", "the loss is right, but nothing is learned"),
        Wrong(
            "fake_y, fake_x = G(x), F(y)",
            "fake_y, fake_x = ms.ops.stop_gradient(G(x)), ms.ops.stop_gradient(F(y))",
            "the loss is right, but its gradient is not",
        ),
        Wrong(
            "optimizer.parameters)",
            "(*optimizer.parameters, *D_X.trainable_params()))",
            "the optimiser must get one gradient",
        ),
    ),
    right="right. Six terms, one gradient for each weight of G and F, and one update.",
)

EXERCISES = (STEP,)
