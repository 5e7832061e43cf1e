"""Exercise on traps: a test that notices one."""

import numpy as np
from mindspore import nn

from cyclegan_lessons.exercises.checking import TYPE, NotTried, expect, function
from cyclegan_lessons.exercises.exercise import Exercise, Wrong
from cyclegan_lessons.generator import ResidualBlock


class SharedTail(nn.Cell):
    """A block whose second convolution belongs to another block, too."""

    def __init__(self, tail: nn.Cell):
        super().__init__()
        self.head, self.tail = nn.Conv2d(2, 2, 3), tail

    def construct(self, x):
        return x + self.tail(self.head(x))


def verdict(test, blocks: list, what: str) -> bool:
    """What the learner's test says of some blocks."""
    result = test(list(blocks))
    if result is ...:
        raise NotTried
    is_bool = isinstance(result, (bool, np.bool_))
    expect(is_bool, TYPE, what=what, came=type(result).__name__, wanted="True or False")
    return bool(result)


def check_shared(no_shared_weights):
    function(no_shared_weights, "no_shared_weights")

    def says(blocks):
        return verdict(no_shared_weights, blocks, "the result of no_shared_weights")

    def new():
        return ResidualBlock(2)

    one, other, tail = new(), new(), nn.Conv2d(2, 2, 3)
    expect(says([new() for _ in range(4)]), "your test refuses four blocks that share nothing.")
    expect(
        not says([one] * 3),
        "your test passes [block] * 3, one block used three times: look at the weights of blocks.",
    )
    equal = [new(), new()]
    for a, b in zip(equal[0].trainable_params(), equal[1].trainable_params()):
        b.set_data(a)
    expect(
        says(equal),
        "your test refuses two blocks with equal values but weights of their own, which training "
        "will make different: ask whether they are the same object, with `is` or id().",
    )
    expect(says([new()]), "your test refuses a single block, which shares with nobody.")
    expect(
        not says([one, other, one]),
        "your test looks at neighbours alone: in [a, b, a] the first and the last are shared.",
    )
    expect(
        not says([new(), one, new(), one, new()]),
        "your test looks at the ends alone: in [a, b, c, b, d] the second block comes twice.",
    )
    expect(
        not says([SharedTail(tail), SharedTail(tail)]),
        "two different blocks can hold the same convolution: compare all parameters, not blocks.",
    )


SHARED = Exercise(
    name="shared",
    subject="traps",
    title="A test that notices shared weights",
    task="Write `no_shared_weights(blocks)`: True when no two of the residual blocks in a list "
    "have a parameter in common, else False. It should notice the trap `[block] * n`.",
    solution='''def no_shared_weights(blocks):
    """Whether all parameters of a list of cells belong to one cell alone."""
    found = [id(weight) for block in blocks for weight in block.trainable_params()]
    return len(set(found)) == len(found)
''',
    check=check_shared,
    hints=(
        "`block.trainable_params()` is the list of the parameters of one block. When is the same "
        "parameter there twice?",
        "Two parameters with equal values are not the same object: collect `id(weight)` of all "
        "blocks in one list, and compare its length with that of its set.",
    ),
    wrong=(
        Wrong("return len(set(found)) == len(found)", "return True", "your test passes [block]"),
        Wrong("return len(set(found)) == len(found)", "return False", "your test refuses four"),
        Wrong("id(weight)", "weight.asnumpy().tobytes()", "your test refuses"),
        Wrong(
            "return len(set(found)) == len(found)",
            "return len(blocks) == 1 or all(a is not b for a, b in zip(blocks, blocks[1:]))",
            "your test looks at neighbours",
        ),
        Wrong(
            "return len(set(found)) == len(found)",
            "return len(blocks) == 1 or blocks[0] is not blocks[-1] and blocks[0] is not blocks[1]",
            "your test looks at the ends",
        ),
        Wrong(
            "return len(set(found)) == len(found)",
            "return len(set(map(id, blocks))) == len(blocks)",
            "two different blocks can hold",
        ),
        Wrong("return len(set(found)) == len(found)", "return len(found)", "{what} is of the type"),
    ),
    right="right. Your test notices the trap, and it does not cry wolf.",
)

EXERCISES = (SHARED,)
