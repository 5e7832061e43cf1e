"""Presets and configurations: what the design page promises, and one sentence for every value that
makes no sense."""

import math
from dataclasses import replace

import pytest

from cyclegan_lessons import PRESETS, LessonConfig, LessonError, get_preset


def test_the_paper_preset_is_the_paper():
    paper = PRESETS["paper"]
    assert (paper.image_size, paper.base_channels, paper.n_layers, paper.batch_size) == (
        256,
        64,
        9,
        1,
    )
    assert (paper.learning_rate, paper.beta1) == (2e-4, 0.5)
    assert (paper.constant_epochs, paper.decay_epochs, paper.epochs, paper.steps) == (
        100,
        100,
        200,
        None,
    )
    assert (paper.lambda_cycle, paper.lambda_identity, paper.pool_size, paper.adversarial) == (
        10,
        5,
        50,
        "lsgan",
    )


def test_quick_stops_early_and_demo_and_photos_are_one_network():
    quick, demo, photos = (PRESETS[name] for name in ("quick", "demo", "photos"))
    assert (quick.image_size, quick.base_channels, quick.n_layers) == (64, 16, 3)
    assert quick.steps is not None and demo.steps is photos.steps is None
    same = {"constant_epochs": 0, "decay_epochs": 0, "lambda_identity": 1}
    assert replace(demo, **same) == replace(photos, **same)


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(LessonError, match="one of quick, demo, photos, paper, but it is 'fast'"):
        get_preset("fast")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("image_size", 66, "image_size must be divisible by 4, but it is 66; choose 64 or 68"),
        (
            "image_size",
            20,
            "image_size must be a whole number of at least 24, at most 8192, but it is 20",
        ),
        (
            "image_size",
            64.0,
            "image_size must be a whole number of at least 24, at most 8192, but it is 64.0",
        ),
        ("load_size", 128, "load_size must be at least image_size, 256, .* but it is 128; choose"),
        (
            "load_size",
            16,
            "load_size must be a whole number of at least 24, at most 8192, but it is 16",
        ),
        ("base_channels", 0, "base_channels must be a whole number of at least 1, but it is 0"),
        ("n_layers", 2.5, "n_layers must be a whole number of at least 0, but it is 2.5"),
        ("batch_size", 1.5, "batch_size must be a whole number of at least 1, but it is 1.5"),
        ("workers", 0, "workers must be a whole number of at least 1, but it is 0"),
        ("pool_size", -1, "pool_size must be a whole number of at least 0, but it is -1"),
        ("pool_size", True, "pool_size must be a whole number of at least 0, but it is True"),
        ("steps", -5, "steps must be a whole number of at least 0, but it is -5"),
        ("decay_epochs", -1, "decay_epochs must be a whole number of at least 0, at most 1000000"),
        ("constant_epochs", 10**30, "constant_epochs must be .* at most 1000000, but it is 1000"),
        ("seed", -1, "seed must be a whole number of at least 0, at most 4294967294, but it is -1"),
        ("seed", 2**32 - 1, "seed must be .* at most 4294967294, but it is 4294967295"),
        ("learning_rate", 0.0, "learning_rate must be greater than 0, .*, but it is 0.0"),
        ("learning_rate", -1.0, "learning_rate must be greater than 0, .*, but it is -1.0"),
        ("learning_rate", math.nan, "learning_rate must be greater than 0, .*, but it is nan"),
        ("learning_rate", math.inf, "learning_rate must be .* at most 1e.06, but it is inf"),
        ("learning_rate", "x", "learning_rate must be greater than 0, .*, but it is 'x'"),
        ("beta1", 1.0, "beta1 must be at least 0, less than 1, but it is 1.0"),
        ("beta1", -0.1, "beta1 must be at least 0, less than 1, but it is -0.1"),
        ("lambda_cycle", -0.5, "lambda_cycle must be at least 0, at most 1e.06, but it is -0.5"),
        ("lambda_identity", math.nan, "lambda_identity must be at least 0, .*, but it is nan"),
        ("detail", None, "detail must be True or False, but it is None; choose one"),
        ("amp", 1, "amp must be True or False, but it is 1; choose one"),
        ("adversarial", "wgan", "adversarial must be 'lsgan' or 'log', but it is 'wgan'"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_sentence(field, value, sentence):
    with pytest.raises(LessonError, match=sentence):
        LessonConfig(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("beta1", 0), ("lambda_cycle", 0), ("lambda_cycle", 10), ("steps", 0), ("seed", 2**32 - 2)],
)
def test_the_ends_are_admitted(field, value):
    assert getattr(LessonConfig(**{field: value}), field) == value
