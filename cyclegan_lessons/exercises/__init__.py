"""Exercises that answer: ``check("pool")``, ``hint("pool")`` and ``solution("pool")`` in a
notebook."""

import sys

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.exercises import log
from cyclegan_lessons.exercises.checking import RIGHT, UNTRIED, WRONG, judge
from cyclegan_lessons.exercises.pieces import keep_piece
from cyclegan_lessons.exercises.registry import exercise_called
from cyclegan_lessons.language import in_language

NO_PIECES = "not tried yet. It trains with your pieces that passed their checks: {pieces}."
FINALE = "trained with your {own}. The error on the fruit is {share:.0%} of that before."
MARKS = {UNTRIED: "○", WRONG: "✗", RIGHT: "✓"}


def say(mark: str, exercise: str, sentence: str, /, **values):
    """Print one answer in the language of the course; values that are words have one, too."""
    values = {k: in_language(v) if isinstance(v, str) else v for k, v in values.items()}
    print(mark, f"{exercise}:", in_language(sentence).format(**values))


def check(name: str):
    """Try what you wrote for the exercise ``name`` on new inputs, and print whether it is right.

    It looks for your functions and classes in the notebook that calls it, and it never raises.
    """
    namespace = sys._getframe(1).f_globals
    try:
        exercise = exercise_called(name)
    except LessonError as error:
        print(error)
        return
    answer = judge(exercise, namespace)
    say(MARKS[answer.outcome], name, answer.sentence, **answer.values)
    if answer.outcome == UNTRIED:
        return
    finding = {"finding": answer.sentence} if answer.outcome == WRONG else {}
    saved = log.append(exercise=name, event=answer.outcome, **finding)
    if answer.outcome == RIGHT:
        saved = keep_piece(exercise, namespace) and saved
    if not saved:
        print(
            in_language(
                "Your progress could not be saved; set the environment variable "
                "CYCLEGAN_LESSONS_PROGRESS to a file that can be written."
            )
        )


def hint(name: str):
    """Print the next hint for the exercise ``name``; after the last one, the last one again."""
    try:
        exercise = exercise_called(name)
    except LessonError as error:
        print(error)
        return
    try:
        entries = log.read()
    except LessonError:  # a hint needs no log
        entries = []
    given = [e for e in entries if e["exercise"] == name and e["event"] == "hint"]
    number = min(len(given) + 1, len(exercise.hints))
    log.append(exercise=name, event="hint", number=number)
    say("?", name, exercise.hints[number - 1])
    if number == len(exercise.hints):
        print(in_language(f'That was the last hint; solution("{name}") shows one way to do it.'))


def solution(name: str):
    """Print one solution of the exercise ``name``; the log says that you looked at it."""
    try:
        exercise = exercise_called(name)
    except LessonError as error:
        print(error)
        return
    log.append(exercise=name, event="solution")
    print(exercise.solution, end="")


def build_your_own():
    """Train a CycleGAN of your own pieces on the orchard for about two minutes, and show oranges.

    Your pieces are those of the notebook that calls it, and those that passed their checks before;
    the course's take the places of the others. A wrong piece is named, and nothing is trained.
    """
    from cyclegan_lessons.exercises.finale import PIECES, finale
    from cyclegan_lessons.plotting import show_rows

    own, wrong, result = finale(sys._getframe(1).f_globals)
    for name, answer in wrong.items():
        say(MARKS[WRONG], name, answer.sentence, **answer.values)
    if wrong:
        return
    if not own:
        say(MARKS[UNTRIED], "build_your_own", NO_PIECES, pieces=", ".join(PIECES))
        return
    rows, share = result
    say(MARKS[RIGHT], "build_your_own", FINALE, own=", ".join(own), share=share)
    show_rows(rows)
