"""Exercises on the schedule of the learning rate."""

import numpy as np

from cyclegan_lessons.exercises.checking import array, close, expect, function
from cyclegan_lessons.exercises.exercise import Exercise, Wrong


def check_schedule(my_linear_decay):
    function(my_linear_decay, "my_linear_decay")
    for rate, constant, decay in ((2e-4, 100, 100), (3e-4, 3, 2), (1e-3, 5, 0), (8e-4, 4, 18)):
        rates = (
            array(my_linear_decay(rate, constant, decay), "the result of my_linear_decay", None)
            / rate
        )
        expect(
            rates.ndim == 1 and len(rates) == constant + decay,
            "for {constant} constant and {decay} decaying epochs your schedule has {came} rates, "
            "but it needs one for each epoch.",
            constant=constant,
            decay=decay,
            came=rates.size,
        )
        check_rates(rates, constant, decay)


def check_rates(rates: np.ndarray, constant: int, decay: int):
    expect(
        close(rates[:constant], 1),
        "in the constant epochs your rate is not the initial rate.",
    )
    if decay:
        falling = rates[constant - 1 :]
        expect(
            not close(falling, 1), "your rate never falls: it must go down in the decaying epochs."
        )
        expect(
            not close(rates[constant], 1),
            "the first decaying epoch still has the initial rate: it must be one step lower.",
        )
        expect(
            close(np.diff(falling, 2), 0),
            "your rate does not fall in equal steps: it must be a straight line.",
        )
        expect(
            not close(falling[-1], 0),
            "your last epoch has the rate 0 and learns nothing: one more step should reach 0.",
        )
        expect(
            close(falling, 1 - np.arange(decay + 1) / (decay + 1)),
            "the steps of your decay have the wrong size: after {decay} decaying epochs, one more "
            "step should reach 0.",
            decay=decay,
        )


SCHEDULE = Exercise(
    name="schedule",
    subject="training",
    title="The schedule of the learning rate",
    task="Write `my_linear_decay(initial_rate, constant_epochs, decay_epochs)`: a list with one "
    "rate for each epoch, constant at first, then falling in equal steps, so that one more step "
    "would reach 0.",
    solution='''def my_linear_decay(initial_rate, constant_epochs, decay_epochs):
    """One learning rate for each epoch, at least one of which is constant."""
    step = initial_rate / (decay_epochs + 1)
    falling = [initial_rate - step * i for i in range(1, decay_epochs + 1)]
    return [initial_rate] * constant_epochs + falling
''',
    check=check_schedule,
    hints=(
        "With two decaying epochs there are three steps from the initial rate to 0. How large is "
        "one of them?",
        "The constant part is `[initial_rate] * constant_epochs`. The i-th decaying epoch, i from "
        "1, is i steps lower.",
    ),
    wrong=(
        Wrong("(decay_epochs + 1)\n", "max(decay_epochs, 1)\n", "your last epoch has the rate 0"),
        Wrong("initial_rate - step * i", "initial_rate", "your rate never falls"),
        Wrong("range(1, decay_epochs + 1)", "range(decay_epochs)", "the first decaying epoch"),
        Wrong("initial_rate - step * i", "initial_rate * 0.9**i", "your rate does not fall in"),
        Wrong("+ falling", "+ falling[1:]", "for {constant} constant and"),
        Wrong("step * i", "step * i / 2", "the steps of your decay have the wrong size"),
    ),
    right="right. The last epoch still learns, and the one after it would not.",
)

EXERCISES = (SCHEDULE,)
