"""The scores of both directions: of perfect translations, of none at all, and of real networks."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from helpers import SMALL, small_checkpoint

from cyclegan_lessons import scores
from cyclegan_lessons.dataset import load_images, prepare_orchard, write_arrays
from cyclegan_lessons.scores import LEAST_IMAGES, evaluate

CONFIG = SMALL
SETS = [f"test_{domain}{part}" for domain in "xy" for part in ("", "_twin", "_mask")]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepare_orchard(32, n_train=2, n_test=10, folder=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return small_checkpoint(tmp_path_factory.mktemp("model") / "small.ckpt")


@pytest.fixture
def translate_as(monkeypatch):
    """A function that puts ``translate(images)`` in the place of both generators."""

    def put(translate):
        def rows(G, F, x, y, bar):
            fake_y, fake_x = translate(x), translate(y)
            return {
                **{"G(x)": fake_y, "F(G(x))": translate(fake_y)},
                **{"F(y)": fake_x, "G(F(y))": translate(fake_x)},
            }

        monkeypatch.setattr(scores, "load_generators", lambda checkpoint: (None, None, CONFIG))
        monkeypatch.setattr(scores, "sample_rows", rows)

    return put


def a_part_of(data, folder, **counts):
    """A data folder with the first images of each set only, and with what training needs."""
    for name, n in counts.items():
        write_arrays(load_images(data, name, limit=n), folder, name)
    for domain in "xy":
        write_arrays(load_images(data, f"train_{domain}"), folder, f"train_{domain}")
    return folder


def test_perfect_translations(data, translate_as):
    """With the twins as translations every error is 0, and every agreement 1."""
    sets = {name: load_images(data, name) for name in SETS}
    twin_of = {}
    for domain in "xy":
        for image, twin in zip(sets[f"test_{domain}"], sets[f"test_{domain}_twin"]):
            twin_of |= {bytes(image): twin, bytes(twin): image}
    translate_as(lambda images: np.stack([twin_of[bytes(image)] for image in images]))
    for way in evaluate(data).values():
        numbers = way.numbers
        assert way.images == 10
        for name in ("ssim", "fruit_ssim", "edge_agreement"):
            assert numbers[name] == pytest.approx(1), name
        for name in ("cycle_error", "fruit_error", "outside_error"):
            assert numbers[name] == 0, name
        assert numbers["fruit_baseline"] > 0.1
        assert numbers["kernel_distance"] < 0.5 * numbers["kernel_baseline"]
        assert way.interval["relative_fruit_error"] == [0, 0]


def test_no_translation_at_all(data, translate_as):
    """With the images themselves the fruit error is the baseline."""
    translate_as(lambda images: images)
    for way in evaluate(data).values():
        numbers = way.numbers
        assert numbers["relative_fruit_error"] == 1
        assert numbers["outside_error"] == 0
        assert numbers["edge_agreement"] == pytest.approx(1)  # the background stayed
        assert numbers["ssim"] < 0.99
        # it is a ratio of means of each drawn set
        assert way.interval["relative_fruit_error"] == [1, 1]
        for name in ("ssim", "fruit_ssim"):
            assert numbers[name] == numbers[f"{name}_baseline"]
        assert numbers["kernel_distance"] == numbers["kernel_baseline"]


def test_each_direction_has_its_own_images(data, translate_as):
    """A translation that spoils oranges only shows in the scores of oranges only."""
    y = {bytes(image) for image in load_images(data, "test_y")}
    translate_as(lambda images: np.stack([i // 2 if bytes(i) in y else i for i in images]))
    results = evaluate(data)
    assert results["x2y"].numbers["outside_error"] == 0
    assert results["y2x"].numbers["outside_error"] > 0.1


def test_a_real_checkpoint_in_both_directions(data, checkpoint):
    results = evaluate(data, checkpoint)
    assert list(results) == ["x2y", "y2x"]
    for way in results.values():  # an untrained network is bad at it
        numbers = way.numbers
        assert numbers["relative_fruit_error"] > 0.5
        assert numbers["outside_error"] > 0.05
        assert numbers["ssim"] < 0.5
        assert -1 <= numbers["edge_agreement"] < 0.9
        assert set(way.interval) == set(numbers)
        for name, (low, high) in way.interval.items():
            assert low < high, name  # none is nan
            assert name.startswith("kernel") or low <= numbers[name] <= high, name
        assert way.to_json() == {"images": 10, **numbers, "interval": way.interval}


@pytest.mark.parametrize(("load_size", "shown"), [(None, 32), (40, 40)])
def test_images_have_the_size_that_the_network_was_trained_with(
    load_size, shown, tmp_path, data, translate_as, monkeypatch
):
    """Crops of 32 pixels, out of pictures of that size or of larger ones."""
    monkeypatch.setattr(f"{__name__}.CONFIG", replace(CONFIG, load_size=load_size))
    shapes = []
    translate_as(lambda images: shapes.append(images.shape) or images)
    big = prepare_orchard(48, n_train=2, n_test=2, folder=tmp_path)
    evaluate(big)
    assert set(shapes) == {(2, shown, shown, 3)}


def test_a_bar_is_shown_on_a_terminal_only(data, checkpoint, capsys, monkeypatch):
    evaluate(data, checkpoint)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    evaluate(data, checkpoint)
    assert "translating:   0%" in capsys.readouterr().err


def test_without_twins_there_are_no_errors(data, tmp_path, translate_as):
    translate_as(lambda images: images)
    numbers = evaluate(a_part_of(data, tmp_path, test_x=3, test_y=3))["x2y"].numbers
    assert list(numbers) == ["cycle_error", "kernel_distance", "kernel_baseline"]


@pytest.mark.parametrize(
    ("n_x", "n_y", "of_x", "of_y"),
    [
        (1, 1, set(), set()),
        (2, 9, set(), set()),
        (9, 10, set(), {"cycle_error"}),
        (10, 10, *[{"cycle_error", "kernel_distance", "kernel_baseline"}] * 2),
    ],
)
def test_few_images_have_no_interval(n_x, n_y, of_x, of_y, data, tmp_path, translate_as):
    """The bootstrap's sets of two images are three, and of one of them there is no distance."""
    translate_as(lambda images: images)
    results = evaluate(a_part_of(data, tmp_path, test_x=n_x, test_y=n_y))
    assert (results["x2y"].images, results["y2x"].images) == (n_x, n_y)
    assert (set(results["x2y"].interval), set(results["y2x"].interval)) == (of_x, of_y)
    assert ("kernel_distance" in results["x2y"].numbers) == (min(n_x, n_y) > 1)
    assert LEAST_IMAGES == 10
