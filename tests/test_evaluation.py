"""The numbers of an evaluation, against values known beforehand."""

from dataclasses import asdict

import numpy as np
import pytest

from cyclegan_lessons import LessonConfig, evaluation
from cyclegan_lessons.checkpoint import write_checkpoint
from cyclegan_lessons.dataset import load_images, prepare_orchard
from cyclegan_lessons.evaluation import absolute_error, evaluate
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


def test_perfect_translations_and_none_at_all(data, monkeypatch):
    """With the twins as translations every error is 0; with the images themselves the fruit error is the baseline."""
    sets = {name: load_images(data, name) for name in ("test_x", "test_y", "test_x_twin", "test_y_twin")}
    twin_of = {**dict(zip(map(bytes, sets["test_x"]), sets["test_x_twin"]))}
    twin_of |= dict(zip(map(bytes, sets["test_y"]), sets["test_y_twin"]))
    twin_of |= {bytes(twin): np.frombuffer(image, np.uint8).reshape(twin.shape) for image, twin in list(twin_of.items())}
    monkeypatch.setattr(evaluation, "load_generator", lambda checkpoint, direction: None)

    monkeypatch.setattr(evaluation, "translate", lambda generator, images: np.stack([twin_of[bytes(i)] for i in images]))
    for numbers in evaluate(data).values():
        assert numbers["images"] == 3 and numbers["ssim"] == 1
        assert numbers["cycle_error"] == numbers["fruit_error"] == numbers["outside_error"] == 0
        assert numbers["fruit_baseline"] > 0.1

    monkeypatch.setattr(evaluation, "translate", lambda generator, images: images)
    for numbers in evaluate(data).values():
        assert numbers["relative_fruit_error"] == 1 and numbers["ssim"] < 0.99 and numbers["outside_error"] == 0


def test_a_real_checkpoint_in_both_directions(data, tmp_path):
    config = LessonConfig(image_size=32, base_channels=2, n_layers=1)
    write_checkpoint(tmp_path / "a.ckpt", dict(CycleGAN(config).parameters_and_names()), {"config": asdict(config)})
    results = evaluate(data, tmp_path / "a.ckpt")
    assert set(results) == {"x2y", "y2x"}
    for numbers in results.values():  # an untrained network is bad at it
        assert numbers["relative_fruit_error"] > 0.5 and numbers["outside_error"] > 0.05 and numbers["ssim"] < 0.5
