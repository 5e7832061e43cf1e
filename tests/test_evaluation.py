"""The numbers of an evaluation, against values known beforehand and against slow or other
computations of the same."""

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cosine

from cyclegan_lessons import LessonError, render_orchard
from cyclegan_lessons.evaluation import (
    absolute_error,
    edge_agreement,
    image_features,
    interval,
    kernel_distance,
    resample,
    share_interval,
    similarity,
    spread,
    study,
)


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


@pytest.fixture(scope="module")
def scenes():
    return render_orchard(6, 48, "x", seed=7)


def test_edges_agree_with_themselves_and_oppose_their_negative(scenes):
    images, masks = scenes.images, ~scenes.masks
    for where in (None, masks):
        np.testing.assert_allclose(edge_agreement(images, images, where), 1)
        np.testing.assert_allclose(edge_agreement(255 - images, images, where), -1)
        halved = images / 2 + 100  # less contrast, another brightness
        np.testing.assert_allclose(edge_agreement(halved, images, where), 1)


def test_edges_are_seen_outside_the_fruit_only(scenes):
    """The twin differs on the fruit, so it agrees around it and not over the picture."""
    np.testing.assert_allclose(edge_agreement(scenes.images, scenes.twins, ~scenes.masks), 1)
    assert (edge_agreement(scenes.images, scenes.twins) < 0.99).all()
    assert (edge_agreement(scenes.images, scenes.twins, scenes.masks) < 0.95).all()


def test_blurring_moving_and_noise_lower_the_agreement_of_edges(scenes):
    images, masks = scenes.images, ~scenes.masks
    values = [
        edge_agreement(gaussian_filter(images, (0, sigma, sigma, 0)), images, masks)
        for sigma in (0.3, 0.6, 1.2, 2.4)
    ]
    assert (np.diff([np.ones(6), *values], axis=0) < 0).all()  # the stronger, the lower
    noise = np.random.default_rng(8).integers(0, 256, images.shape, np.uint8)
    assert (abs(edge_agreement(noise, images, masks)) < 0.1).all()
    assert (edge_agreement(np.roll(images, 1, axis=2), images, masks) < 0.9).all()


def test_edges_of_closed_form():
    """A ramp to the right and one downwards are orthogonal; their sum is at 45° to both."""
    rows, columns = np.mgrid[:8, :8]
    right, down, both = (
        np.stack([grey] * 3, axis=-1)[None] for grey in (columns, rows, rows + columns)
    )
    np.testing.assert_allclose(edge_agreement(right, down), 0)
    np.testing.assert_allclose(edge_agreement(both, down), 0.5**0.5)
    flat = np.full((1, 8, 8, 3), 7)
    np.testing.assert_array_equal(edge_agreement(flat, flat + 1), 1)
    np.testing.assert_array_equal(edge_agreement(flat, down), 0)
    np.testing.assert_array_equal(edge_agreement(down, flat), 0)


def test_the_grey_level_is_that_of_the_eye():
    """Edges of one colour to the right and of another downwards, against the first alone."""
    ramp = np.arange(8.0)[None, None, :, None] * np.ones((1, 8, 1, 1))
    red, green, blue = (ramp * np.eye(3)[i] for i in range(3))
    for other, weight in ((green, 0.587), (blue, 0.114)):
        together = red + other.swapaxes(1, 2)
        np.testing.assert_allclose(edge_agreement(together, red), 0.299 / np.hypot(0.299, weight))


def slow_agreement(image, other, mask):
    """Another way to the agreement of edges: loops over the pixels, and SciPy's cosine distance."""
    pairs = []
    for i in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            for k, m in ((i + 1, j), (i, j + 1)):
                if k < mask.shape[0] and m < mask.shape[1] and mask[i, j] and mask[k, m]:
                    pairs.append(
                        [
                            np.dot(picture[k, m].astype(float) - picture[i, j], [299, 587, 114])
                            for picture in (image, other)
                        ]
                    )
    return 1 - cosine(*np.transpose(pairs))


def test_edges_against_a_slow_computation():
    rng = np.random.default_rng(9)
    images, others = rng.integers(0, 256, (2, 4, 9, 11, 3), np.uint8)
    masks = rng.random((4, 9, 11)) < 0.7
    expected = [slow_agreement(*each) for each in zip(images, others, masks)]
    np.testing.assert_allclose(edge_agreement(images, others, masks), expected)


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


def test_the_spread_is_0_for_one_picture_and_that_of_a_coin_for_black_and_white():
    black, white = np.zeros((3, 8, 8, 3), np.uint8), np.full((1, 8, 8, 3), 255, np.uint8)
    assert spread(black) == 0
    # a value that is 1 once in four times: the square root of 1/4 · 3/4
    assert spread(np.concatenate([black, white])) == pytest.approx(np.sqrt(3) / 4)
    scenes = render_orchard(8, 32, "y", seed=1).images
    assert spread(scenes[:1].repeat(8, axis=0)) < 1e-6 < 0.05 < spread(scenes)


@pytest.mark.parametrize("hits, n", [(0, 20), (1, 20), (10, 20), (20, 20), (268, 1000)])
def test_the_interval_of_a_share_holds_the_shares_that_explain_it(hits, n):
    """Its ends are the shares p whose standard error puts ``hits`` 1.96 of them away."""
    z = stats.norm.ppf(0.975)
    for end in share_interval(hits, n):
        away = abs(hits / n - end) / np.sqrt(end * (1 - end) / n) if 0 < end < 1 else z
        assert away == pytest.approx(z, rel=1e-6)
    low, high = share_interval(hits, n)
    assert 0 <= low <= hits / n <= high <= 1 and high - low > 0.05


def test_the_score_of_a_study():
    score = study("rtrtrt", "rtrttr")
    assert (score["right"], score["of"], score["fooled"]) == (4, 6, 1)
    assert [score["low"], score["high"]] == share_interval(4, 6)
    assert study("tttttt", "rtrttr")["fooled"] == 0 and study("rrrrrr", "rtrttr")["fooled"] == 3


@pytest.mark.parametrize("answers", ["", "rt", "rtrtrtr", "rtrtrx", "RTRTRT"])
def test_a_study_without_an_answer_for_each_picture_is_refused(answers):
    with pytest.raises(LessonError, match="6 letters, r for real or t for translated") as error:
        study(answers, "rtrttr")
    assert repr(answers) in str(error.value)
