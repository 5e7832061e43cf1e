"""The model in the package is the one that its JSON file describes, and it works."""

import hashlib
import json
from dataclasses import asdict

import demo
import numpy as np
import pytest

from cyclegan_lessons.checkpoint import read_checkpoint
from cyclegan_lessons.config import LessonConfig, get_preset
from cyclegan_lessons.inference import SHIPPED_MODEL, load_discriminators, load_generator
from cyclegan_lessons.runs import RunFolder
from cyclegan_lessons.scores import evaluate
from cyclegan_lessons.training import CycleGANTrainer

FACTS = json.loads(SHIPPED_MODEL.with_suffix(".json").read_text(encoding="utf-8"))


def test_the_file_is_the_one_that_was_measured():
    assert hashlib.sha256(SHIPPED_MODEL.read_bytes()).hexdigest() == FACTS["sha256"]
    assert SHIPPED_MODEL.stat().st_size < 4.5e6


def test_a_generator_has_about_600_000_parameters():
    for direction in ("x2y", "y2x"):
        assert (
            sum(weight.size for weight in load_generator(direction=direction).trainable_params())
            == 609_660
        )


def test_it_is_as_good_as_the_facts_say():
    """Measured again on the 60 unseen scenes of each domain; 0.003 is for processors that round
    otherwise."""
    results = evaluate("orchard")
    for direction, facts in FACTS["metrics"].items():
        measured = results[direction].to_json()
        for name, value in facts.items():
            if name != "interval":
                assert measured[name] == pytest.approx(value, abs=0.003), (direction, name)
        # of the error of an untranslated image
        assert measured["relative_fruit_error"] <= 0.45
        assert measured["outside_error"] <= 0.03
        assert measured["edge_agreement"] >= 0.9


def test_it_was_trained_with_the_demo_preset_to_the_end():
    # a setting that came later has its default
    assert LessonConfig(**FACTS["config"]) == get_preset("demo")
    assert (
        FACTS["steps"]
        == read_checkpoint(SHIPPED_MODEL)[1]["step"]
        == get_preset("demo").epochs * 400
    )


def test_the_demo_ships_the_networks_of_the_last_checkpoint(tmp_path):
    config = LessonConfig(image_size=32, base_channels=2, n_layers=1)
    run, trainer = RunFolder(tmp_path / "run", config), CycleGANTrainer(config)
    run.save(trainer.step, *trainer.state())
    for weight in trainer.networks.trainable_params():
        weight.set_data(weight + 0.01)
    trainer.step = 7
    run.save(trainer.step, *trainer.state())
    demo.export(run.path, tmp_path / "model.ckpt")
    tensors, info = read_checkpoint(tmp_path / "model.ckpt")
    weights = {weight.name: weight.asnumpy() for weight in trainer.networks.trainable_params()}
    assert tensors.keys() == weights.keys()
    assert all(
        np.array_equal(tensors[name].asnumpy(), weight.astype(np.float16))
        for name, weight in weights.items()
    )
    shipped = load_discriminators(tmp_path / "model.ckpt")
    for network, ours in zip(shipped, (trainer.D_X, trainer.D_Y), strict=True):
        for a, b in zip(network.trainable_params(), ours.trainable_params(), strict=True):
            np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-3, atol=1e-6)
    facts = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert info == {"config": asdict(config), "step": 7} and (facts["config"], facts["steps"]) == (
        asdict(config),
        7,
    )
    assert facts["sha256"] == hashlib.sha256((tmp_path / "model.ckpt").read_bytes()).hexdigest()
    assert facts["metrics"].keys() == {"x2y", "y2x"}
