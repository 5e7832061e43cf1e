"""Exercise on the patch-wise contrastive loss."""

from collections.abc import Callable

import mindspore as ms
import numpy as np

from cyclegan_lessons.exercises.checking import (
    close,
    compare,
    expect,
    function,
    number,
    run,
    tensor,
)
from cyclegan_lessons.exercises.exercise import Exercise, Wrong


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def cross_entropy(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    """N×P×P to the cross-entropy of the diagonal, N×P."""
    shifted = scores - scores.max(axis, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return -np.diagonal(logs, axis1=1, axis2=2)


def check_contrast(my_patch_loss):
    function(my_patch_loss, "my_patch_loss")
    for temperature, seed in ((0.5, 1), (0.2, 2)):
        queries, keys = tensor(2, 5, 4, seed=seed, scale=3), tensor(2, 5, 4, seed=seed + 20)

        def loss(queries, keys):
            return my_patch_loss(queries, keys, temperature)

        value = number(run(loss, queries, keys), "my_patch_loss")
        check_value(
            value, queries.asnumpy().astype(float), keys.asnumpy().astype(float), temperature
        )
    gradients = ms.grad(loss, (0, 1))(queries, keys)
    expect(
        close(gradients[1].asnumpy(), 0),
        "a gradient passes the keys, so the encoder could make the input fit the translation: use "
        "ops.stop_gradient on them.",
    )
    expect(
        not close(gradients[0].asnumpy(), 0),
        "no gradient passes the queries: nothing would be learned.",
    )


def check_value(value: float, q: np.ndarray, k: np.ndarray, temperature: float):
    def scores(a, b, t=temperature):
        return a @ b.swapaxes(1, 2) / t

    a, b = unit(q), unit(k)
    compare(
        value,
        cross_entropy(scores(a, b)).mean(),
        guesses(q, k, scores, temperature),
        "the loss is not right for random features: products of unit vectors, divided by the "
        "temperature, then the cross-entropy of the place of the query, then the mean.",
    )


def guesses(q: np.ndarray, k: np.ndarray, scores: Callable, temperature: float) -> list[tuple]:
    """What wrong answers give, each with what to say to it."""
    a, b = unit(q), unit(k)
    flat_a, flat_b = a.reshape(1, -1, a.shape[-1]), b.reshape(1, -1, b.shape[-1])
    return [
        (
            cross_entropy(scores(q, k)).mean(),
            "the features are not brought to length 1, so "
            "strong features win: normalise along the last axis.",
        ),
        (
            cross_entropy(scores(a, b, 1.0)).mean(),
            "the temperature is not used: divide the products by it.",
        ),
        (
            cross_entropy(scores(a, b, 1 / temperature)).mean(),
            "you multiply by the "
            "temperature: divide by it, so that a small one makes the choice sharper.",
        ),
        (
            cross_entropy(scores(a, b), axis=1).mean(),
            "each key looks for its query in yours: "
            "a query must look for its key, so the sum is over the keys.",
        ),
        (
            cross_entropy(scores(flat_a, flat_b)).mean(),
            "patches of the other images of the "
            "batch take part: the wrong choices come from the same image.",
        ),
        (cross_entropy(scores(a, b)).sum(), "you add up the patches: take their mean."),
        (
            -cross_entropy(scores(a, b)).mean(),
            "the sign is wrong: a good match must make the loss small.",
        ),
        (
            -np.diagonal(scores(a, b), axis1=1, axis2=2).mean(),
            "only the right pairs count in "
            "yours: without the other places, all features could become equal.",
        ),
    ]


CONTRAST = Exercise(
    name="contrast",
    subject="contrast",
    title="The patch-wise contrastive loss",
    task="Write `my_patch_loss(queries, keys, temperature)` of CUT for features N×P×C: each query "
    "must find the key of its own place among the P keys of its image. No gradient passes the "
    "keys.",
    solution='''from mindspore import ops


def my_patch_loss(queries, keys, temperature=0.07):
    """Mean cross-entropy of finding key i for query i; features N×P×C; a scalar."""
    queries = queries / queries.norm(dim=-1, keepdim=True)
    keys = ops.stop_gradient(keys / keys.norm(dim=-1, keepdim=True))
    scores = ops.matmul(queries, keys.swapaxes(1, 2)) / temperature
    right = (queries * keys).sum(axis=-1) / temperature
    return (ops.logsumexp(scores, -1) - right).mean()
''',
    check=check_contrast,
    hints=(
        "First bring all features to length 1. `ops.matmul(queries, keys.swapaxes(1, 2))` is then "
        "the cosine of each query with each key of its image, N×P×P.",
        "The cross-entropy of query i is `logsumexp` over its P scores, less its score with key i: "
        "that is `(queries * keys).sum(axis=-1)`.",
        "`ops.stop_gradient(keys)` keeps the gradient out of the keys.",
    ),
    wrong=(
        Wrong(
            "queries = queries / queries.norm(dim=-1, keepdim=True)\n    keys = ops.stop_gradient("
            "keys / keys.norm(dim=-1, keepdim=True))",
            "keys = ops.stop_gradient(keys)",
            "the features are not brought to length 1",
        ),
        Wrong(" / temperature", "", "the temperature is not used"),
        Wrong(" / temperature", " * temperature", "you multiply by the temperature"),
        Wrong("scores, -1", "scores, 1", "each key looks for its query"),
        Wrong("return (ops", "return -(ops", "the sign is wrong"),
        Wrong("ops.logsumexp(scores, -1) - right", "-right", "only the right pairs count"),
        Wrong(".mean()", ".sum()", "you add up the patches"),
        Wrong(
            "ops.stop_gradient(keys / keys.norm(dim=-1, keepdim=True))",
            "keys / keys.norm(dim=-1, keepdim=True)",
            "a gradient passes the keys",
        ),
    ),
    right="right. A translated patch looks for its own place, and there is no way back.",
)

EXERCISES = (CONTRAST,)
