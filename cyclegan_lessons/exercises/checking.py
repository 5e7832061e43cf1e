"""How an answer is checked: run it on inputs that the learner has not seen, and say one thing that
is wrong.

Behaviour is compared, never text. Nothing that happens here raises, prints, or changes anything of
the learner's: what is wrong becomes a sentence, and the random numbers of the notebook go on as if
no check had been.
"""

import io
import random
import re
import signal
import traceback
from collections.abc import Callable, Iterable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from threading import current_thread, main_thread
from time import thread_time
from typing import NamedTuple

import mindspore as ms
import numpy as np
from mindspore import nn

from cyclegan_lessons.exercises.exercise import Exercise

UNTRIED, WRONG, RIGHT = "untried", "wrong", "right"
SECONDS = 20  # of computing, after which code is taken to run for ever; a check needs 2

NOT_TRIED = "not tried yet. Put your code in the place of the three dots, and run both cells again."
STOPPED = "your code stops with {error}{place}{message}. Run that line by itself to see why."
OUTSIDE = (
    "your code stops with {error}{message}. Compare its names and arguments with those of the stub."
)
LATE = (
    "MindSpore cannot compute {what}{message}. Print the shape after each line of your code: which "
    "is the first that you did not expect?"
)
ENDLESS = "your code does not come to an end: look for a loop whose condition stays true."
IS_NONE = "{what} is None: does it end with a return and the value that is asked for?"
TYPE = "{what} is of the type {came}, but {wanted} is needed."
SHAPE = "{what} has the shape {came}, but {wanted} is needed: look at it with print(x.shape)."
NOT_FINITE = (
    "{what} holds nan or an infinite number: look for a division by 0, or for the logarithm of a "
    "number that is not positive."
)
NO_GRADIENT = (
    "{what} is right, but of the type {came}, and no gradient passes through it: compute with "
    "Tensors and ops alone, without NumPy, asnumpy() and float()."
)
CHANGED = "{what} changes the values of its input, which the caller still needs: work on a copy."


class NotTried(Exception):
    """The learner has not put anything in the place of the three dots."""


class Finding(Exception):
    """Something that is wrong: a sentence with names in braces, and their values."""

    def __init__(self, sentence: str, **values):
        super().__init__(sentence)
        self.sentence, self.values = sentence, values


class TooLong(BaseException):
    """The learner's code did not end."""


class Answer(NamedTuple):
    """The result of a check: `UNTRIED`, `WRONG` or `RIGHT`, and what to say."""

    outcome: str
    sentence: str
    values: dict


def judge(exercise: Exercise, namespace: dict) -> Answer:
    """Check what ``namespace`` holds under the exercise's names; never raises."""
    try:
        with undisturbed(), time_limit():
            exercise.check(*[find(name, namespace) for name in exercise.names])
    except NotTried:
        return Answer(UNTRIED, NOT_TRIED, {})
    except Finding as finding:
        return Answer(WRONG, finding.sentence, finding.values)
    except TooLong:
        return Answer(WRONG, ENDLESS, {})
    except (Exception, SystemExit) as error:
        found = describe(error, namespace)
        return Answer(WRONG, STOPPED if found["place"] else OUTSIDE, found)
    return Answer(RIGHT, exercise.right, {})


def expect(condition, sentence: str, **values):
    """Raise the `Finding` unless ``condition`` holds."""
    if not condition:
        raise Finding(sentence, **values)


def find(name: str, namespace: dict):
    """What the learner has put under ``name``."""
    value = namespace.get(name, ...)
    if value is ...:
        raise NotTried
    expect(value is not None, "{what} is None: put your answer in its place.", what=name)
    return value


def function(value, what: str) -> Callable:
    """A function or class of the learner's, else a `Finding`."""
    expect(callable(value), TYPE, what=what, came=type(value).__name__, wanted="a function")
    return value


def run(function: Callable, *inputs):
    """Call the learner's function on the inputs, as the mode of MindSpore's context says."""
    if ms.get_context("mode") == ms.GRAPH_MODE and not isinstance(function, nn.Cell):
        function = ms.jit(function)
    return function(*inputs)


def array(value, what: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """The numbers in a Tensor, an array, a number or a list of the learner's, of a given shape.

    Raises `NotTried` for the three dots of the stub, and a `Finding` for anything else.
    """
    if value is ...:
        raise NotTried
    expect(value is not None, IS_NONE, what=what)
    wanted = "a number" if shape == () else "a Tensor or an array of numbers"
    try:
        numbers = computed(value, what) if isinstance(value, ms.Tensor) else np.asarray(value)
    except (ValueError, TypeError):  # lists of different lengths
        numbers = np.asarray("x")
    expect(numbers.dtype.kind in "fiub", TYPE, what=what, came=type(value).__name__, wanted=wanted)
    if shape is not None:
        fits = numbers.shape == shape or (shape == () and numbers.size == 1)
        needed = written(shape) if shape else "a single number"
        expect(fits, SHAPE, what=what, came=written(numbers.shape), wanted=needed)
        numbers = numbers.reshape(shape)
    expect(np.isfinite(numbers).all(), NOT_FINITE, what=what)
    return numbers


def computed(value: ms.Tensor, what: str) -> np.ndarray:
    """The numbers of a Tensor. MindSpore computes later than Python calls, and complains here."""
    try:
        return value.asnumpy()
    except Exception as error:
        raise Finding(LATE, what=what, message=describe(error, {})["message"]) from None


def expect_tensor(value, what: str):
    """A `Finding` when a result is right, but no Tensor: a network could not learn from it."""
    expect(isinstance(value, ms.Tensor), NO_GRADIENT, what=what, came=type(value).__name__)


def number(value, what: str) -> float:
    """One number of the learner's, else a `Finding`."""
    return float(array(value, what, ()))


def written(shape: tuple[int, ...]) -> str:
    """A shape in the way of the book: 1×3×64×64."""
    return "×".join(map(str, shape)) or "of a single number"


def close(a, b, tolerance: float = 1e-4) -> bool:
    """Whether two arrays are equal but for rounding."""
    return np.allclose(a, b, rtol=tolerance, atol=tolerance)


def tensor(*shape: int, seed: int = 0, scale: float = 1.0) -> ms.Tensor:
    """Random float32 numbers in [-scale, scale]: an input that the learner has not seen."""
    values = np.random.default_rng([91, seed]).uniform(-scale, scale, shape)
    return ms.Tensor(values.astype(np.float32))


def compare(value, right, guesses: Iterable[tuple], sentence: str, tolerance: float = 1e-4):
    """Raise a `Finding` unless ``value`` is ``right``: the sentence of the guess that it is equal
    to, else ``sentence``. Guesses that take time are a generator, which a right value never runs.
    """
    if close(value, right, tolerance):
        return
    for guess, text in guesses:
        expect(not close(value, guess, tolerance), text)
    raise Finding(sentence)


@contextmanager
def undisturbed():
    """Inside, nothing is printed and random numbers start anew; afterwards they are as before."""
    states = random.getstate(), np.random.get_state()
    random.seed(0)
    np.random.seed(0)  # MindSpore's start weights come from it
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextmanager
def time_limit():
    """Raise `TooLong` inside when this thread has computed for too long, where that can be known.

    Time in which other programs compute does not count.
    """
    if not hasattr(signal, "setitimer") or current_thread() is not main_thread():
        yield
        return
    start = thread_time()

    def stop(*_):
        if thread_time() - start > SECONDS:
            raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 1, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def describe(error: BaseException, namespace: dict) -> dict[str, str]:
    """The name, the place in the learner's code and the first line of an exception's message."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_globals is namespace:
            code = frame.f_code
            place = f" in line {line - code.co_firstlineno + 1} of {code.co_name}"
    message = next(iter(str(error).strip().splitlines()), "")[:160].rstrip(".")
    known = message and not re.search(r"/\w+/|\\|0x[0-9a-f]{6}", message)
    message = f", which says: {message}" if known else ""
    return {"error": type(error).__name__, "place": place, "message": message}
