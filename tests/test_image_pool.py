"""The image pool: what a single query does, and whether hits and ages follow the theory.

A full pool of S images returns the new one with probability 1/2. Otherwise it returns a random
stored one and puts the new one in its place. So at every query a stored image is drawn with
probability p = 1/(2S), and the number of queries from storing an image to returning it is
geometric: P(k) = (1 − p)^(k − 1) · p, with mean 2S. The draws are seeded; the confidence says how
likely a right pool would fail with a new seed.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parity import examples
from scipy import stats

from cyclegan_lessons.image_pool import ImagePool

PROPERTY = examples(30)
CONFIDENCE = 0.999


def numbered(*numbers: int) -> np.ndarray:
    """Fakes that can be recognised: N×3×2×2, filled with their number."""
    return np.stack([np.full((3, 2, 2), number, np.float32) for number in numbers])


def numbers(images: np.ndarray) -> list[int]:
    assert images.shape[1:] == (3, 2, 2) and images.dtype == np.float32
    assert np.all(images == images[:, :1, :1, :1]), "an image was mixed from several"
    return images[:, 0, 0, 0].astype(int).tolist()


def ask(pool: ImagePool, first: int, last: int) -> list[int]:
    """Query with the numbers ``first`` … ``last`` − 1, one at a time, and return the answers."""
    return [numbers(pool.query(numbered(number)))[0] for number in range(first, last)]


def assert_share(hits: int, trials: int, probability: float):
    low, high = stats.binom.interval(CONFIDENCE, trials, probability)
    assert low <= hits <= high, f"{hits} of {trials}, expected {low:.0f} to {high:.0f}"


@PROPERTY
@given(size=st.integers(1, 60), seed=st.integers(0, 10**6))
def test_pool_fills_first(size, seed):
    pool = ImagePool(size, seed)
    assert ask(pool, 0, size) == list(range(size))
    assert numbers(np.stack(pool.images)) == list(range(size))


@PROPERTY
@given(size=st.integers(1, 20), batch=st.integers(1, 4), seed=st.integers(0, 10**6))
def test_every_query_returns_or_keeps_each_image_once(size, batch, seed):
    """What was returned and what is stored are together all that came in."""
    pool, returned, given_images = ImagePool(size, seed), [], range(0, 40 * batch)
    for start in given_images[::batch]:
        answer = numbers(pool.query(numbered(*range(start, start + batch))))
        assert len(answer) == batch and max(answer) < start + batch
        returned += answer
    stored = numbers(np.stack(pool.images))
    assert len(stored) == size
    # while the pool fills, an image is returned and stored: those count twice
    assert sorted(returned + stored) == sorted([*given_images, *range(size)])


@PROPERTY
@given(seed=st.integers(0, 10**6))
def test_pool_of_size_0_returns_its_input(seed):
    assert ask(ImagePool(0, seed), 0, 50) == list(range(50))


def test_half_of_the_answers_are_old():
    pool, n = ImagePool(50, seed=1), 20_000
    ask(pool, 0, 50)
    old = sum(answer < number for number, answer in enumerate(ask(pool, 50, 50 + n), 50))
    assert_share(old, n, 0.5)


def test_ages_are_geometric():
    size, n = 10, 40_000
    p = 1 / (2 * size)
    pool = ImagePool(size, seed=2)
    ask(pool, 0, size)
    ages = [
        number - answer
        for number, answer in enumerate(ask(pool, size, size + n), size)
        if answer < number
    ]
    edges = [0, *range(1, 60, 3), 80, 100, np.inf]  # bins of ages; the smallest possible age is 1
    expected = len(ages) * np.diff(stats.geom.cdf(edges, p))
    observed = np.histogram(ages, np.array(edges) + 0.5)[0]
    assert observed.sum() == len(ages) and expected.min() > 20
    statistic = ((observed - expected) ** 2 / expected).sum()
    assert statistic < stats.chi2.ppf(CONFIDENCE, len(expected) - 1), f"χ² = {statistic:.1f}"


def test_every_place_is_used_equally():
    size, n = 8, 16_000
    pool = ImagePool(size, seed=3)
    ask(pool, 0, size)
    hits = np.zeros(size)
    for number in range(size, n):
        before = numbers(np.stack(pool.images))
        ask(pool, number, number + 1)
        hits += np.array(before) != np.array(numbers(np.stack(pool.images)))
    expected = hits.sum() / size
    assert ((hits - expected) ** 2 / expected).sum() < stats.chi2.ppf(CONFIDENCE, size - 1)


def test_the_default_is_the_papers_50():
    pool = ImagePool()
    ask(pool, 0, 60)
    assert len(pool.images) == 50


def test_images_of_one_batch_are_treated_one_by_one():
    pool = ImagePool(50, seed=4)
    ask(pool, 0, 50)
    old = [
        np.array(numbers(pool.query(numbered(*range(i, i + 3))))) < i for i in range(50, 1550, 3)
    ]
    assert_share(int(np.sum(old)), 1500, 0.5)
    mixed = sum(0 < row.sum() < 3 for row in old)
    assert_share(mixed, 500, 0.75)  # three independent coins agree with probability 1/4


@PROPERTY
@given(size=st.integers(1, 12), before=st.integers(0, 40), seed=st.integers(0, 10**6))
def test_restored_pool_goes_on_alike(size, before, seed):
    pool, other = ImagePool(size, seed), ImagePool(size, seed + 1)
    ask(pool, 0, before)
    ask(other, 500, 520)
    state = pool.state()
    expected = ask(pool, 100, 140)
    other.load_state(state)
    assert ask(other, 100, 140) == expected
    other.load_state(state)  # the state is a copy: the queries since did not change it
    assert ask(other, 100, 140) == expected


def test_seed_decides():
    answers = [[*ask(pool, 0, 40)] for pool in (ImagePool(4, 1), ImagePool(4, 1), ImagePool(4, 2))]
    assert answers[0] == answers[1] != answers[2]


def test_pool_keeps_copies():
    pool = ImagePool(2, seed=0)
    images = numbered(1, 2)
    pool.query(images)
    images[:] = 9
    assert numbers(np.stack(pool.images)) == [1, 2]
    swapped = [pool.query(images := numbered(3)) for _ in range(20)]
    images[:] = 9
    assert set(numbers(np.concatenate(swapped))) <= {1, 2, 3}
    assert 9 not in numbers(np.stack(pool.images))


@pytest.mark.parametrize("batch", [1, 3])
def test_shape_and_type_are_kept(batch):
    answer = ImagePool(5).query(np.zeros((batch, 3, 8, 12), np.float32))
    assert answer.shape == (batch, 3, 8, 12) and answer.dtype == np.float32


def test_draws_are_those_of_the_default_seed():
    """Saved outputs and resumed runs rest on this very sequence."""
    rng, stored, expected = np.random.default_rng(0), [0, 1, 2], [0, 1, 2]
    for number in range(3, 40):
        if rng.random() < 0.5:
            expected.append(number)
        else:
            place = rng.integers(3)
            expected.append(stored[place])
            stored[place] = number
    assert ask(ImagePool(3), 0, 40) == expected
