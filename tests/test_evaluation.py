"""The numbers of an evaluation, against values known beforehand and against slow or other
computations of the same."""

from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from cyclegan_lessons import LessonConfig, evaluation, render_orchard
from cyclegan_lessons.checkpoint import write_checkpoint
from cyclegan_lessons.dataset import load_images, prepare_orchard, write_arrays
from cyclegan_lessons.evaluation import (
    absolute_error,
    evaluate,
    image_features,
    interval,
    kernel_distance,
    resample,
    similarity,
)
from cyclegan_lessons.training import CycleGAN


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepare_orchard(32, n_train=2, n_test=3, folder=tmp_path_factory.mktemp("data"))


def test_the_error_is_a_mean_in_units_of_white():
    black, white = np.zeros((2, 4, 4, 3), np.uint8), np.full((2, 4, 4, 3), 255, np.uint8)
    white[1, :2] = 0  # the upper half of the second image is equal
    np.testing.assert_allclose(absolute_error(black, white), [1, 0.5])
    mask = np.zeros((2, 4, 4), bool)
    mask[:, 2:] = True
    np.testing.assert_allclose(absolute_error(black, white, mask), [1, 1])
    np.testing.assert_allclose(absolute_error(white, black, ~mask), [1, 0])


def test_the_similarity_of_a_part_looks_at_this_part():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, 32, 32, 3), np.uint8)
    other, mask = image.copy(), np.zeros((1, 32, 32), bool)
    other[:, 20:] = rng.integers(0, 256, (1, 12, 32, 3))
    mask[:, :16] = True  # three pixels more belong to the windows
    assert similarity(image, image) == 1 and similarity(image, other, mask) == 1
    assert similarity(image, other, ~mask) < similarity(image, other) < 0.9


def slow_features(image):
    """Another way to the features of one image: histograms of numpy, and loops over neighbours."""
    parts = []
    for scale in (1, 2, 4):
        height, width = image.shape[0] // scale, image.shape[1] // scale
        pixels = np.array(
            [
                [
                    image[scale * i : scale * (i + 1), scale * j : scale * (j + 1)].mean((0, 1))
                    for j in range(width)
                ]
                for i in range(height)
            ]
        )
        colours = np.histogramdd(pixels.reshape(-1, 3), bins=[[0, 64, 128, 192, 256]] * 3)[
            0
        ].ravel()
        steps = [
            abs(pixels[i, j, c] - pixels[i + di, j + dj, c])
            for di, dj in ((0, 1), (1, 0))
            for i in range(height - di)
            for j in range(width - dj)
            for c in range(3)
        ]
        differences = np.histogram(steps, [0, 1, 2, 4, 8, 16, 32, 64, 256])[0]
        parts += [np.sqrt(part / part.sum() / 6) for part in (colours, differences)]
    return np.concatenate(parts)


def test_features_against_a_slow_computation():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (3, 16, 12, 3), np.uint8)
    images[1] //= 16  # small differences
    images[2] = images[2] // 64 * 64  # at the edges of the colours' boxes
    features = image_features(images)
    assert features.shape == (3, 216)
    np.testing.assert_allclose(features, [slow_features(image) for image in images], atol=1e-12)
    np.testing.assert_allclose((features**2).sum(axis=1), 1)
    assert image_features(images[:, :15, :11]).shape == (3, 216)  # odd sizes do


def test_features_see_colours_and_differences_but_not_places():
    colours = np.zeros((2, 8, 8, 3), np.uint8)
    colours[1] = 255
    black, white = image_features(colours)
    # both are flat: the same differences, other colours
    assert black @ white == pytest.approx(1 / 2)
    image = np.random.default_rng(2).integers(0, 256, (1, 16, 16, 3), np.uint8)
    np.testing.assert_array_equal(image_features(image), image_features(image[:, ::-1, ::-1]))


def slow_distance(x, y, of_x=None, of_y=None):
    """Loops over all pairs; ``of_x`` and ``of_y`` say which image each row is, and copies of one
    image are left out."""
    of_x = range(len(x)) if of_x is None else of_x
    of_y = range(len(y)) if of_y is None else of_y

    def kernel(a, b):
        return (sum(p * q for p, q in zip(a, b)) + 1) ** 3

    def within(rows, of):
        return np.mean([kernel(a, b) for a, i in zip(rows, of) for b, j in zip(rows, of) if i != j])

    return within(x, of_x) + within(y, of_y) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def test_kernel_distance_against_loops_over_the_pairs():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(5, 4)), rng.normal(0.5, 1, (7, 4))
    assert kernel_distance(x, y) == pytest.approx(slow_distance(x, y))
    draws_x, draws_y = (
        rng.multinomial(5, np.full(5, 0.2), 4),
        rng.multinomial(7, np.full(7, 1 / 7), 4),
    )
    draws_x[0], draws_y[0] = (5, 0, 0, 0, 0), 1
    distances = kernel_distance(x, y, draws_x, draws_y)
    assert np.isnan(distances[0])  # of five copies of one image
    for distance, draw_x, draw_y in zip(distances[1:], draws_x[1:], draws_y[1:]):
        i, j = np.repeat(range(5), draw_x), np.repeat(range(7), draw_y)
        assert distance == pytest.approx(slow_distance(x[i], y[j], i, j))


def test_kernel_distance_is_unbiased():
    """The mean over many small samples is the true distance, 0 for two samples of one
    distribution."""
    rng = np.random.default_rng(4)

    def mean_and_error(shift, n=2000):
        # 0 or 1, and moved by shift
        pairs = rng.integers(0, 2, (n, 2, 6, 1)) + np.array([0, shift]).reshape(2, 1, 1)
        distances = [kernel_distance(x, y) for x, y in pairs]
        return np.mean(distances), np.std(distances) / n**0.5

    mean, error = mean_and_error(0)
    assert abs(mean) < 4 * error
    # (ab + 1)³ = a³b³ + 3a²b² + 3ab + 1, so the distance is that of the moments: 0, 1 have 1/2,
    # 1/2, 1/2; 1, 2 have 3/2, 5/2, 9/2
    mean, error = mean_and_error(1)
    assert abs(mean - (4**2 + 3 * 2**2 + 3 * 1**2)) < 4 * error


def test_kernel_distance_is_zero_for_scenes_of_one_kind_and_not_for_two():
    apples, others, oranges = (
        image_features(render_orchard(24, 32, domain, seed).images)
        for domain, seed in (("x", 1), ("x", 2), ("y", 3))
    )
    assert abs(kernel_distance(apples, others)) < 0.1 < 0.5 < kernel_distance(apples, oranges)


def test_intervals_are_those_of_scipy():
    values = np.random.default_rng(5).exponential(size=60)
    draws = resample(60)
    assert (
        (draws.sum(axis=1) == 60).all()
        and np.array_equal(draws, resample(60))
        and not np.array_equal(draws, resample(60, 1))
    )
    expected = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=2000, random_state=0
    ).confidence_interval
    np.testing.assert_allclose(interval(draws @ values / 60), expected, rtol=0.03)


def test_kernel_distances_of_sets_drawn_again_spread_as_the_interval_says():
    """95% intervals of 60 pairs of samples: nearly all hold the true distance; with far too short
    ones most would not."""
    rng, hits = np.random.default_rng(6), 0
    for seed in range(60):
        x, y = rng.integers(0, 2, (2, 30, 1)) + np.array([0, 1]).reshape(2, 1, 1)
        low, high = interval(
            kernel_distance(x, y, resample(30, seed)[:400], resample(30, 100 + seed)[:400])
        )
        hits += low < 31 < high  # the true distance, as above
    assert hits >= 51  # 57 are expected; fewer than 51 of 60 have a probability below 1%


def test_perfect_translations_and_none_at_all(data, monkeypatch):
    """With the twins as translations every error is 0; with the images themselves the fruit error
    is the baseline."""
    sets = {
        name: load_images(data, name) for name in ("test_x", "test_y", "test_x_twin", "test_y_twin")
    }
    twin_of = {**dict(zip(map(bytes, sets["test_x"]), sets["test_x_twin"]))}
    twin_of |= dict(zip(map(bytes, sets["test_y"]), sets["test_y_twin"]))
    twin_of |= {
        bytes(twin): np.frombuffer(image, np.uint8).reshape(twin.shape)
        for image, twin in list(twin_of.items())
    }
    monkeypatch.setattr(evaluation, "load_generator", lambda checkpoint, direction: None)

    monkeypatch.setattr(
        evaluation,
        "translate",
        lambda generator, images: np.stack([twin_of[bytes(i)] for i in images]),
    )
    for numbers in evaluate(data).values():
        assert numbers["images"] == 3 and numbers["ssim"] == numbers["fruit_ssim"] == 1
        assert numbers["cycle_error"] == numbers["fruit_error"] == numbers["outside_error"] == 0
        assert (
            numbers["fruit_baseline"] > 0.1
            and numbers["kernel_distance"] < 0.5 * numbers["kernel_baseline"]
        )
        assert numbers["interval"]["relative_fruit_error"] == [0, 0]

    monkeypatch.setattr(evaluation, "translate", lambda generator, images: images)
    for numbers in evaluate(data).values():
        assert (
            numbers["relative_fruit_error"] == 1
            and numbers["ssim"] < 0.99
            and numbers["outside_error"] == 0
        )
        # it is a ratio scene by scene of each drawn set
        assert numbers["interval"]["relative_fruit_error"] == [1, 1]
        for name in ("ssim", "fruit_ssim"):
            assert numbers[name] == numbers[f"{name}_baseline"]
        assert numbers["kernel_distance"] == numbers["kernel_baseline"]


def test_a_real_checkpoint_in_both_directions(data, tmp_path):
    config = LessonConfig(image_size=32, base_channels=2, n_layers=1)
    write_checkpoint(
        tmp_path / "a.ckpt",
        dict(CycleGAN(config).parameters_and_names()),
        {"config": asdict(config)},
    )
    results = evaluate(data, tmp_path / "a.ckpt")
    assert set(results) == {"x2y", "y2x"}
    for numbers in results.values():  # an untrained network is bad at it
        assert (
            numbers["relative_fruit_error"] > 0.5
            and numbers["outside_error"] > 0.05
            and numbers["ssim"] < 0.5
        )
        ends = numbers.pop("interval")
        assert set(ends) == set(numbers) - {"images"}
        assert all(
            low <= numbers[name] <= high
            for name, (low, high) in ends.items()
            if not name.startswith("kernel")
        )
        # none is nan, although some sets are copies of one image
        assert all(low < high for low, high in ends.values())


def test_without_twins_and_with_a_single_image(data, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "load_generator", lambda checkpoint, direction: None)
    monkeypatch.setattr(evaluation, "translate", lambda generator, images: images)
    for name, n in (("test_x", 2), ("test_y", 3)):
        write_arrays(load_images(data, name, limit=n), tmp_path, name)
    numbers = evaluate(tmp_path)["x2y"]
    assert set(numbers) == {
        "images",
        "cycle_error",
        "kernel_distance",
        "kernel_baseline",
        "interval",
    }
    assert set(numbers["interval"]) == {"cycle_error", "kernel_distance", "kernel_baseline"}

    write_arrays(load_images(data, "test_y", limit=1), tmp_path, "test_y")
    results = evaluate(tmp_path)
    assert results["y2x"] == {"images": 1, "cycle_error": 0, "interval": {}}
    assert results["x2y"] == {"images": 2, "cycle_error": 0, "interval": {"cycle_error": [0, 0]}}
