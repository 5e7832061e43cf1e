"""Exercise on the receptive field."""

import numpy as np

from cyclegan_lessons.exercises.checking import compare, function, number
from cyclegan_lessons.exercises.exercise import Exercise, Wrong

CHAINS = (
    [(3, 2), (5, 1), (4, 3)],
    [(7, 1)],
    [(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)],
    [(2, 2), (3, 1), (3, 2), (1, 1)],
)


def walk(layers: list) -> int:
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


def check_field(my_receptive_field):
    function(my_receptive_field, "my_receptive_field")
    for layers in CHAINS:
        value = number(my_receptive_field(list(layers)), "the result of my_receptive_field")
        strides = int(np.prod([stride for _, stride in layers]))
        compare(
            value,
            walk(layers),
            [
                (
                    walk(layers[::-1]),
                    "you walk from the picture to the score: begin at the last layer and go back.",
                ),
                (
                    1 + sum(kernel - 1 for kernel, _ in layers),
                    "you leave the strides out: behind a stride of 2, one step is two pixels wide.",
                ),
                (strides, "that is the distance of two neighbouring fields, not the size of one."),
                (
                    walk(layers) - 1,
                    "your field is one too small: without layers, a score sees one pixel.",
                ),
                (
                    walk(layers) + 1,
                    "your field is one too large: without layers, a score sees one pixel.",
                ),
            ],
            "the field is not right for some chains of layers: a layer of kernel k and stride s "
            "turns r pixels behind it into (r − 1)·s + k before it.",
        )


FIELD = Exercise(
    name="field",
    subject="discriminator",
    title="The receptive field",
    task="Write `my_receptive_field(layers)`: the side of the square of pixels that one score "
    "sees, for a chain of convolutions, given as (kernel, stride) pairs from the picture to the "
    "score.",
    solution='''def my_receptive_field(layers):
    """Side in pixels of what one value behind all layers sees; layers: (kernel, stride) pairs."""
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field
''',
    check=check_field,
    hints=(
        "Start with one pixel behind the last layer and walk back to the picture: "
        "`for kernel, stride in reversed(layers)`.",
        "The equation of the section says how r pixels behind a layer become "
        "(r − 1) · s + k before it.",
    ),
    wrong=(
        Wrong("reversed(layers)", "layers", "you walk from the picture"),
        Wrong("(field - 1) * stride + kernel", "(field - 1) + kernel", "you leave the strides out"),
        Wrong("(field - 1) * stride + kernel", "field * stride", "that is the distance"),
        Wrong("return field", "return field - 1", "your field is one too small"),
        Wrong("(field - 1) * stride", "field * stride", "the field is not right"),
    ),
    right="right. For the paper's five layers it says 70.",
)

EXERCISES = (FIELD,)
