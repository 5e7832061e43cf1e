"""The training of CUT: its loss against the definition, what each step changes, its pairs and
places; and the tool that compares it with the cycle."""

import contrast_trial
import mindspore as ms
import numpy as np
import pytest
from test_contrast import by_hand

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.contrast_training import (
    CONTRAST_LOSSES,
    PLACES,
    ContrastNetworks,
    ContrastTrainer,
    contrast_discriminator_loss,
    contrast_generator_losses,
    encode,
)
from cyclegan_lessons.dataset import load_unpaired, prepare_orchard
from cyclegan_lessons.training import linear_decay

TINY = LessonConfig(
    image_size=32, base_channels=4, n_layers=2, constant_epochs=1, decay_epochs=3, seed=3
)


def images(seed: int, n: int = 1) -> ms.Tensor:
    values = np.random.default_rng(seed).uniform(-1, 1, (n, 3, 32, 32))
    return ms.Tensor(values.astype(np.float32))


def weights_of(network) -> dict[str, np.ndarray]:
    return {weight.name: weight.asnumpy().copy() for weight in network.get_parameters()}


def changed(before: dict, after: dict) -> set[str]:
    """The parts of the networks of which a weight has moved."""
    return {name.split(".")[0] for name in before if (before[name] != after[name]).any()}


def test_the_maps_are_what_the_generator_computes():
    G = ContrastNetworks(TINY).G
    x = images(0, 2)
    maps = encode(G, x)
    assert [tuple(z.shape) for z in maps] == [
        (2, 3, 32, 32),
        (2, 8, 16, 16),
        (2, 16, 8, 8),
        (2, 16, 8, 8),
        (2, 16, 8, 8),
    ]
    np.testing.assert_array_equal(maps[0].asnumpy(), x.asnumpy())
    np.testing.assert_array_equal(G.decoder(maps[-1]).asnumpy(), G(x).asnumpy())
    assert min(z.asnumpy().min() for z in maps[1:3]) == 0  # behind a ReLU


def test_the_objective_is_the_papers():
    """G's adversarial loss and the mean of the patch losses of all maps, for x and for y."""
    trainer = ContrastTrainer(TINY)
    networks, x, y, places = trainer.networks, images(1), images(2), trainer.places(32, 32)
    total, adversarial, contrast, fake_y = contrast_generator_losses(networks, 0.5)(x, y, places)
    np.testing.assert_allclose(fake_y.asnumpy(), networks.G(x).asnumpy(), atol=1e-6)
    scores = networks.D_Y(fake_y).asnumpy().astype(float)
    np.testing.assert_allclose(float(adversarial), ((scores - 1) ** 2).mean(), rtol=1e-4)
    losses = []
    for source in (x, y):
        pairs = zip(encode(networks.G, networks.G(source)), encode(networks.G, source))
        for i, pair in enumerate(pairs):
            flat = [z.asnumpy().reshape(1, z.shape[1], -1).swapaxes(1, 2) for z in pair]
            chosen = [ms.Tensor(z[:, places[i].asnumpy()]) for z in flat]
            losses.append(by_hand(*(networks.heads[i](z).asnumpy() for z in chosen), 0.07))
    np.testing.assert_allclose(float(contrast), np.mean(losses), rtol=1e-3)
    np.testing.assert_allclose(float(total), float(adversarial) + 0.5 * float(contrast), rtol=1e-5)


def test_the_discriminator_judges_real_and_fake():
    networks, y, fake = ContrastNetworks(TINY), images(3), images(4)
    loss, real, made = contrast_discriminator_loss(networks)(y, fake)
    for found, image, target in ((real, y, 1), (made, fake, 0)):
        scores = networks.D_Y(image).asnumpy().astype(float)
        np.testing.assert_allclose(float(found), ((scores - target) ** 2).mean(), rtol=1e-4)
    np.testing.assert_allclose(float(loss), (float(real) + float(made)) / 2, rtol=1e-5)


def test_places_differ_in_a_map_and_from_step_to_step():
    trainer = ContrastTrainer(TINY)
    first = trainer.places(64, 64).asnumpy()
    assert first.shape == (5, PLACES)
    for chosen, size in zip(first, (4096, 1024, 256, 256, 256)):
        assert len(set(chosen)) == PLACES and chosen.min() >= 0 and size // 2 < chosen.max() < size
    np.testing.assert_array_equal(first, trainer.places(64, 64).asnumpy())
    trainer.step += 1
    assert (first != trainer.places(64, 64).asnumpy()).mean() > 0.9
    assert trainer.places(24, 24).shape == (5, 36)  # all that the smallest map has


@pytest.fixture(scope="module")
def trained():
    """Two trainers after two steps, with and without the contrastive loss, and their losses."""
    found = {}
    for weight in (1.0, 0.0):
        trainer = ContrastTrainer(TINY, weight)
        start = weights_of(trainer.networks)
        losses = [trainer.train_step(images(5), images(6)) for _ in range(2)]
        found[weight] = trainer, start, losses
    return found


def test_a_step_changes_generator_heads_and_discriminator(trained):
    trainer, start, losses = trained[1.0]
    assert changed(start, weights_of(trainer.networks)) == {"G", "D_Y", "heads"}
    assert trainer.step == 2
    assert all(tuple(row) == CONTRAST_LOSSES for row in losses)
    assert losses[1]["contrast"] < losses[0]["contrast"]
    uncompiled = contrast_generator_losses(ContrastNetworks(TINY), 1.0)
    expected = uncompiled(images(5), images(6), ContrastTrainer(TINY).places(32, 32))
    np.testing.assert_allclose(losses[0]["total"], float(expected[0]), rtol=1e-3)


def test_without_weight_nothing_but_the_discriminator_teaches(trained):
    trainer, start, losses = trained[0.0]
    assert changed(start, weights_of(trainer.networks)) == {"G", "D_Y"}
    for row in losses:
        np.testing.assert_allclose(row["total"], row["G"], rtol=1e-6)


def test_each_side_has_its_own_optimizer(trained):
    trainer = trained[1.0][0]
    sides = [
        {weight.name.split(".")[0] for weight in update.optimizer.parameters}
        for update in (trainer.generator_step, trainer.discriminator_step)
    ]
    assert sides == [{"G", "heads"}, {"D_Y"}]


@pytest.fixture
def orchard(tmp_path):
    return prepare_orchard(32, n_train=3, n_test=1, folder=tmp_path)


@pytest.fixture
def watched(monkeypatch):
    """A trainer that trains nothing, and the images and rates of its steps."""
    trainer, seen = ContrastTrainer(TINY), []

    def train_step(image_x, image_y):
        rate = float(trainer.generator_step.optimizer.learning_rate.asnumpy())
        seen.append((image_x.asnumpy(), image_y.asnumpy(), rate))
        trainer.step += 1
        return {}

    monkeypatch.setattr(trainer, "train_step", train_step)
    return trainer, seen


def test_the_pairs_and_rates_are_those_of_the_cycle(watched, orchard):
    trainer, seen = watched
    for last in (2, 5):  # continued in the middle of an epoch, and over its end
        assert [row["step"] for row in trainer.steps(orchard, last)][-1] == last
    assert len(seen) == 5
    expected = [
        pair
        for epoch in range(2)
        for pair in load_unpaired(orchard, 32, seed=TINY.seed, epoch=epoch).create_dict_iterator(
            num_epochs=1, output_numpy=True
        )
    ]
    rates = linear_decay(TINY.learning_rate, 1, 3)
    for i, (image_x, image_y, rate) in enumerate(seen):
        np.testing.assert_array_equal(image_x, expected[i]["image_x"])
        np.testing.assert_array_equal(image_y, expected[i]["image_y"])
        np.testing.assert_allclose(rate, rates[i // 3], rtol=1e-6)


def test_from_y_the_domains_change_places(watched, orchard):
    trainer, seen = watched
    list(trainer.steps(orchard, 1))
    trainer.step = 0
    list(trainer.steps(orchard, 1, from_y=True))
    np.testing.assert_array_equal(seen[0][0], seen[1][1])
    np.testing.assert_array_equal(seen[0][1], seen[1][0])
    assert (seen[0][0] != seen[0][1]).any()


def row_of(method: str, direction: str, seed: int, step: int, value: float) -> dict:
    keys = dict(zip(contrast_trial.KEYS, (method, seed, direction, step)))
    return keys | dict.fromkeys(contrast_trial.NUMBERS, f"{value:.4f}")


def test_the_trial_knows_what_it_has_and_replaces_it(monkeypatch, tmp_path):
    monkeypatch.setattr(contrast_trial, "RESULTS", tmp_path / "contrast.csv")
    first, second = contrast_trial.MEASURED[:2]
    assert not contrast_trial.is_stored("cycle", "both", 0, first)
    contrast_trial.add([row_of("cut", "x2y", 0, first, 0.5)])
    contrast_trial.add([row_of("cycle", "x2y", 0, first, 0.6)])
    assert contrast_trial.is_stored("cut", "x2y", 0, first)
    assert not contrast_trial.is_stored("cycle", "both", 0, first)  # one direction is missing
    assert not contrast_trial.is_stored("cut", "x2y", 0, second)
    assert not contrast_trial.is_stored("cut", "x2y", 1, first)
    contrast_trial.add([row_of("cycle", "y2x", 0, first, 0.7)])
    contrast_trial.add([row_of("cut", "x2y", 0, first, 0.4)])
    assert contrast_trial.is_stored("cycle", "both", 0, first)
    assert (tmp_path / "contrast.csv").read_text().splitlines() == [
        "method,seed,direction,step,relative_fruit_error,outside_error,edge_agreement",
        f"cycle,0,x2y,{first},0.6000,0.6000,0.6000",
        f"cycle,0,y2x,{first},0.7000,0.7000,0.7000",
        f"cut,0,x2y,{first},0.4000,0.4000,0.4000",
    ]


def test_the_trial_trains_only_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(contrast_trial, "RESULTS", tmp_path / "contrast.csv")
    last = contrast_trial.MEASURED[0]
    contrast_trial.add([row_of("cut", "x2y", 5, last, 0.5)])
    started = []
    monkeypatch.setattr(
        contrast_trial.subprocess, "run", lambda command, check: started.append(command[3:])
    )
    monkeypatch.setattr("sys.argv", ["contrast_trial.py", "--seeds", "5", "--steps", str(last)])
    contrast_trial.main()
    rest = ["--seeds", "5", "--steps", str(last)]
    assert started == [
        ["cycle", "both", *rest],
        ["cut", "y2x", *rest],
        ["gan", "x2y", *rest],
    ]


def test_the_stored_trial_is_complete_where_it_is_compared():
    """Each training in book/contrast.csv has all measurements up to its last one, and each number
    is possible."""
    rows = contrast_trial.read()
    assert rows
    trainings = {(r["method"], r["seed"], r["direction"]) for r in rows}
    for training in trainings:
        steps = [
            int(r["step"]) for r in rows if (r["method"], r["seed"], r["direction"]) == training
        ]
        assert steps == list(contrast_trial.MEASURED[: len(steps)])
    for row in rows:
        assert 0 < float(row["relative_fruit_error"]) < 3 and 0 < float(row["outside_error"]) < 1
        assert -1 <= float(row["edge_agreement"]) <= 1
