"""Exercises whose answer is a number or a letter."""

from inspect import Parameter, Signature

import numpy as np

from cyclegan_lessons.exercises.checking import TYPE, NotTried, array, expect
from cyclegan_lessons.exercises.exercise import Exercise, Wrong


def question(
    name, subject, title, task, answers: dict, slips: dict, hints, right, after=""
) -> Exercise:
    """An exercise with one variable for each answer: a number, a list of numbers or a letter.

    ``slips`` gives, for each variable, wrong values that are known, with what to say to them.
    """

    def check(*given):
        if any(value is ... for value in given):
            raise NotTried
        for value, (variable, wanted) in zip(given, answers.items()):
            check_answer(variable, value, wanted, slips.get(variable, {}))

    parameters = [Parameter(variable, Parameter.POSITIONAL_OR_KEYWORD) for variable in answers]
    check.__signature__ = Signature(parameters)
    code = "".join(f"{variable} = {literal(value)}\n" for variable, value in answers.items())
    wrong = tuple(
        Wrong(
            f"{variable} = {literal(answers[variable])}\n",
            f"{variable} = {literal(slip)}\n",
            sentence,
        )
        for variable, known in slips.items()
        for slip, sentence in known.items()
    )
    return Exercise(name, subject, title, task, code, check, hints, wrong, right, after=after)


def literal(value) -> str:
    """A value as the code of the course has it."""
    return (
        f'"{value}"' if isinstance(value, str) else repr(value).replace("(", "[").replace(")", "]")
    )


def check_answer(variable: str, value, wanted, known: dict):
    if isinstance(wanted, str):
        came = type(value).__name__
        expect(isinstance(value, str), TYPE, what=variable, came=came, wanted='a letter, as "a",')
        answer = value.strip().lower()
        same = [sentence for slip, sentence in known.items() if slip == answer]
    else:
        answer = array(value, variable, np.shape(wanted))
        exact = np.asarray(wanted).dtype.kind == "i"  # counts are, measured numbers are rounded
        if np.allclose(answer, wanted, rtol=0 if exact else 5e-3, atol=0):
            return
        same = [text for slip, text in known.items() if np.allclose(answer, slip, rtol=1e-6)]
    for sentence in same:
        expect(False, sentence)
    expect(
        isinstance(wanted, str) and answer == wanted,
        "{name} is not right: read the section again, or ask for a hint.",
        name=variable,
    )
