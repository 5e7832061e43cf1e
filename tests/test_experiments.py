"""The paper's ablation: what each variant minimises, in which order it is trained, what is kept."""

import csv
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import experiments
import mindspore as ms
import numpy as np
import pytest
from experiments import BUDGET, COLUMNS, SEEDS, VARIANTS

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.dataset import prepare_orchard
from cyclegan_lessons.losses import LOSS_NAMES

SMALL = {"base_channels": 2, "n_layers": 1, "image_size": 32}
ALL = pytest.mark.parametrize("name", VARIANTS)
TOOL = Path(experiments.__file__)
# what the brackets of the paper's table hold, with the weights of section 4 and 5.2
WANTED = {
    "cycle_alone": {"cycle_x": 10, "cycle_y": 10},
    "gan_alone": {"G": 1, "F": 1},
    "gan_forward": {"G": 1, "F": 1, "cycle_x": 10},
    "gan_backward": {"G": 1, "F": 1, "cycle_y": 10},
    "cyclegan": {"G": 1, "F": 1, "cycle_x": 10, "cycle_y": 10},
    "identity": {"G": 1, "F": 1, "cycle_x": 10, "cycle_y": 10, "identity_x": 5, "identity_y": 5},
}
WANTED["identity_no_pool"] = WANTED["identity"]


def batch(seed: int) -> ms.Tensor:
    image = np.random.default_rng(seed).uniform(-1, 1, (1, 3, 32, 32))
    return ms.Tensor(image.astype(np.float32))


@ALL
def test_the_total_is_the_sum_of_the_named_terms_and_no_other(name):
    trainer = experiments.trainer_of(name, seed=0, **SMALL)
    losses = experiments.losses_of(VARIANTS[name].terms)(trainer.networks, trainer.config)
    *values, fake_x, fake_y = losses(batch(0), batch(1))
    values = dict(zip(LOSS_NAMES, map(float, values), strict=False))
    assert min(values.values()) > 0.01  # so a term too much or too little is seen
    wanted = sum(weight * values[term] for term, weight in WANTED[name].items())
    assert values["total"] == pytest.approx(wanted, rel=1e-5)
    assert fake_x.shape == fake_y.shape == (1, 3, 32, 32)


# compiling takes long: not all of them
@pytest.mark.parametrize("name", ["gan_backward", "identity_no_pool"])
def test_a_variant_trains_with_its_own_loss(name):
    trainer = experiments.trainer_of(name, seed=0, **SMALL)
    assert trainer.config.pool_size == (0 if name == "identity_no_pool" else 50)
    before = {key: value.asnumpy().copy() for key, value in trainer.G.parameters_and_names()}
    losses = trainer.train_step(batch(0), batch(1))
    wanted = sum(weight * losses[term] for term, weight in WANTED[name].items())
    assert losses["total"] == pytest.approx(wanted, rel=1e-4)
    after = dict(trainer.G.parameters_and_names())
    assert any((after[key].asnumpy() != value).any() for key, value in before.items())


def row(name: str, seed: int, direction: str = "x2y") -> dict:
    numbers = dict.fromkeys(COLUMNS, "0.5000")
    return numbers | {"config": name, "seed": seed, "steps": "9", "direction": direction}


def test_all_variants_come_with_a_seed_before_the_next_seed(tmp_path):
    path = tmp_path / "results.csv"
    everything = experiments.missing(path)
    assert len(everything) == len(VARIANTS) * len(SEEDS) == 35
    assert [name for name, _ in everything[:7]] == list(VARIANTS)
    assert [seed for _, seed in everything[::7]] == list(SEEDS)
    experiments.add([row("gan_forward", 0, "y2x"), row("gan_forward", 0)], path)
    assert experiments.missing(path) == [each for each in everything if each != ("gan_forward", 0)]
    assert experiments.missing(path, [3]) == [(name, 3) for name in VARIANTS]


def test_rows_are_kept_in_order_and_nothing_is_lost(tmp_path):
    path = tmp_path / "results.csv"
    for name, seed in (("identity", 1), ("cycle_alone", 1), ("identity", 0)):
        experiments.add([row(name, seed, way) for way in ("y2x", "x2y")], path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["config"], r["seed"], r["direction"]) for r in rows] == [
        (name, seed, way)
        for name, seed in (("cycle_alone", "1"), ("identity", "0"), ("identity", "1"))
        for way in ("x2y", "y2x")
    ]
    assert tuple(rows[0]) == COLUMNS and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_identity_as_generator_has_the_numbers_of_doing_nothing():
    data = prepare_orchard(32, n_train=1, n_test=6)
    numbers = experiments.measured(data, "x2y", lambda images: images, lambda images: images)
    assert numbers["relative_fruit_error"] == "1.0000"
    assert numbers["outside_error"] == numbers["cycle_error"] == "0.0000"
    assert numbers["edge_agreement"] == "1.0000" and float(numbers["kernel_distance"]) > 0.1
    assert 0.5 < float(numbers["relative_spread"]) < 2  # an apple's instead of its twin's


def test_the_run_that_goes_wrong_has_rates_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "BUDGET", experiments.BUDGET | SMALL | {"steps": 2})
    experiments.train_sick(tmp_path / "run")
    with (tmp_path / "run" / "history.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2
    tensors = ms.load_checkpoint(str(next((tmp_path / "run" / "checkpoints").glob("*.ckpt"))))
    rates = [
        float(tensors[f"{name}_optimizer.learning_rate"].asnumpy())
        for name in ("generator", "discriminator")
    ]
    assert rates == pytest.approx(experiments.SICK_RATES)


def test_each_training_is_a_process_of_its_own(tmp_path):
    """The tool from outside, at a budget of a step: two variants, one after the other."""
    text = TOOL.read_text(encoding="utf-8")
    small = text.replace('"constant_epochs": 3', '"steps": 1, "constant_epochs": 3')
    small = small.replace('"base_channels": 8', '"base_channels": 2')
    assert small.count('"steps": 1') == small.count('"base_channels": 2') == 1
    (tmp_path / "tools").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "tools" / TOOL.name).write_text(small, encoding="utf-8")
    experiments.add(
        [row(name, 0) for name in list(VARIANTS)[2:]], tmp_path / "book/experiments.csv"
    )
    command = [sys.executable, tmp_path / "tools" / TOOL.name, "--seeds", "0", "--jobs", "2"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    rows = experiments.read(tmp_path / "book" / "experiments.csv")
    assert [r["config"] for r in rows[:4]] == ["cycle_alone"] * 2 + ["gan_alone"] * 2
    assert all(r["steps"] == "1" and float(r["relative_fruit_error"]) > 0 for r in rows[:4])
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0 and again.stdout == ""
    assert json.dumps(rows) == json.dumps(experiments.read(tmp_path / "book/experiments.csv"))


def test_the_chapter_says_what_the_budget_is():
    chapter = json.loads((experiments.ROOT / "book/10_experiments.ipynb").read_text("utf-8"))
    (text,) = ["".join(c["source"]) for c in chapter["cells"] if c["id"] == "ours-budget"]
    said = re.search(
        r"of (\d+)×\1, (\d+) channels, (\d+) residual blocks, five times the paper's "
        r"learning rate, (\d+) epochs of (\d+) steps, of which the last (\d+) decay",
        text,
    )
    epochs = BUDGET["constant_epochs"] + BUDGET["decay_epochs"]
    names = ("image_size", "base_channels", "n_layers")
    wanted = [BUDGET[name] for name in names] + [epochs, 400, BUDGET["decay_epochs"]]
    assert [int(number) for number in said.groups()] == wanted
    assert BUDGET["learning_rate"] == 5 * LessonConfig().learning_rate
    default = inspect.signature(prepare_orchard).parameters["n_train"].default
    assert default == 400  # scenes of each domain, and so steps of an epoch


def test_the_stored_results_are_complete_seeds_at_the_budget():
    rows = experiments.read()
    seeds = sorted({int(row["seed"]) for row in rows})
    assert seeds and seeds == list(SEEDS)[: len(seeds)]
    wanted = [(name, seed, way) for name in VARIANTS for seed in seeds for way in ("x2y", "y2x")]
    assert [(row["config"], int(row["seed"]), row["direction"]) for row in rows] == wanted
    steps = 400 * (BUDGET["constant_epochs"] + BUDGET["decay_epochs"])  # as the chapter says
    assert {row["steps"] for row in rows} == {str(steps)}
    assert all(0 < float(row["relative_fruit_error"]) < 3 for row in rows)


def test_chapter_6_says_how_much_faster_the_discriminators_learn():
    chapter = json.loads((experiments.ROOT / "book/06_training.ipynb").read_text("utf-8"))
    (text,) = ["".join(c["source"]) for c in chapter["cells"] if c["id"] == "sick-idea"]
    generators, discriminators = experiments.SICK_RATES
    assert discriminators / generators == pytest.approx(50) and "fifty times" in text
    assert f"{discriminators} against {generators:.5f}" in text.replace("\n", " ")
