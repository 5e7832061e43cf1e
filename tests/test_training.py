"""Training: the schedule, and one step's losses and gradients in closed form. Whole runs are tested
in test_runs.py."""

from fractions import Fraction
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from helpers import Times
from hypothesis import example, given
from hypothesis import strategies as st
from mindspore import nn
from parity import Recording, examples, weights, without_jit

from cyclegan_lessons.config import PRESETS, LessonConfig
from cyclegan_lessons.dataset import write_arrays
from cyclegan_lessons.training import (
    LOSS_NAMES,
    CycleGAN,
    CycleGANTrainer,
    compiled_update,
    discriminator_losses,
    generator_losses,
    linear_decay,
)

SMALL = {"base_channels": 2, "n_layers": 1, "image_size": 32}


# --- the schedule ---------------------------------------------------------------------------------


@examples(300)
@given(constant=st.integers(0, 300), decay=st.integers(0, 300), rate=st.floats(1e-8, 10))
def test_schedule_is_exact_at_every_epoch(constant, decay, rate):
    rates = linear_decay(rate, constant, decay)
    assert len(rates) == constant + decay
    if not rates:
        return
    assert rates[0] == rate
    # A line of equal steps from the last full rate (the first epoch has it in any case) to 0 one
    # epoch after the last.
    last_full, zero = max(constant - 1, 0), constant + decay
    for epoch, ours in enumerate(rates):
        share = min(Fraction(1), Fraction(zero - epoch, zero - last_full))
        assert abs(Fraction(ours) / (Fraction(rate) * share) - 1) < Fraction(1, 10**15), epoch


def test_schedule_of_the_paper():
    paper = PRESETS["paper"]
    rates = linear_decay(paper.learning_rate, paper.constant_epochs, paper.decay_epochs)
    assert len(rates) == 200 and rates[:100] == [2e-4] * 100 and rates[100] < 2e-4
    np.testing.assert_allclose(np.diff([*rates[99:], 0]), -2e-4 / 101, rtol=1e-9)


# --- one step of a model made of numbers ----------------------------------------------------------


def number_model(a: float, b: float, c: float, d: float) -> SimpleNamespace:
    """G(x) = a·x, F(y) = b·y, D_X(x) = c·x, D_Y(y) = d·y."""
    return SimpleNamespace(
        G=Times(a, "G"), F=Times(b, "F"), D_X=Times(c, "D_X"), D_Y=Times(d, "D_Y")
    )


def run_steps(model: SimpleNamespace, x, y, fake_x, fake_y, config: LessonConfig):
    """Losses by name, gradients by network, and the two fakes of the generators' step; nothing is
    updated."""
    optimizers = [
        Recording([getattr(model, n).factor for n in names])
        for names in (("G", "F"), ("D_X", "D_Y"))
    ]
    with without_jit():  # three numbers need no compiler; test_parity.py compares both modes
        generator_step = compiled_update(generator_losses(model, config), optimizers[0])
        discriminator_step = compiled_update(discriminator_losses(model, config), optimizers[1])
    *losses, new_x, new_y = generator_step(ms.Tensor(x), ms.Tensor(y))
    both, *losses_of_d = discriminator_step(*map(ms.Tensor, (x, y, fake_x, fake_y)))
    assert float(both) == pytest.approx(sum(map(float, losses_of_d)), rel=1e-6)
    losses += losses_of_d
    gradients = [float(g) for optimizer in optimizers for g in optimizer.gradients]
    return (
        dict(zip(LOSS_NAMES, map(float, losses), strict=True)),
        dict(zip(("G", "F", "D_X", "D_Y"), gradients, strict=True)),
        (new_x.asnumpy(), new_y.asnumpy()),
    )


FACTOR = st.floats(0.125, 2, width=32)
WEIGHT = st.floats(0, 20, width=32)


@examples(40)
@example(a=0.5, b=1.5, c=1.0, d=1.0, cycle=10.0, identity=5.0, batch=1, seed=0)
@given(
    a=FACTOR,
    b=FACTOR,
    c=FACTOR,
    d=FACTOR,
    cycle=WEIGHT,
    identity=WEIGHT,
    batch=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_losses_and_gradients_in_closed_form(a, b, c, d, cycle, identity, batch, seed):
    """Every term of the paper's section 3 and what it does to every network, by hand, for a model
    of four numbers."""
    rng = np.random.default_rng(seed)
    x, y, fake_x, fake_y = rng.uniform(-1, 1, (4, batch, 3, 4, 4)).astype(np.float32)
    config = LessonConfig(lambda_cycle=cycle, lambda_identity=identity)
    losses, gradients, fakes = run_steps(number_model(a, b, c, d), x, y, fake_x, fake_y, config)
    mean_x, mean_y = np.abs(x).mean(dtype=np.float64), np.abs(y).mean(dtype=np.float64)

    expected = {
        "G": np.mean((d * a * x - 1.0) ** 2),  # D_Y judges G(x)
        "F": np.mean((c * b * y - 1.0) ** 2),
        "cycle_x": abs(a * b - 1) * mean_x,  # F(G(x)) = a·b·x
        "cycle_y": abs(a * b - 1) * mean_y,
        "identity_x": abs(b - 1) * mean_x,  # F, whose target domain is X, on x
        "identity_y": abs(a - 1) * mean_y,
        "D_X": (np.mean((c * x - 1.0) ** 2) + np.mean((c * fake_x) ** 2.0)) / 2,
        "D_Y": (np.mean((d * y - 1.0) ** 2) + np.mean((d * fake_y) ** 2.0)) / 2,
    }
    expected["total"] = (
        expected["G"]
        + expected["F"]
        + cycle * (expected["cycle_x"] + expected["cycle_y"])
        + identity * (expected["identity_x"] + expected["identity_y"])
    )
    assert losses == pytest.approx(expected, rel=1e-4, abs=1e-5)

    both = cycle * np.sign(a * b - 1) * (mean_x + mean_y)  # both cycles pass both generators
    expected_gradients = {
        "G": 2 * d * np.mean(x * (d * a * x - 1)) + b * both + identity * np.sign(a - 1) * mean_y,
        "F": 2 * c * np.mean(y * (c * b * y - 1)) + a * both + identity * np.sign(b - 1) * mean_x,
        "D_X": np.mean(x * (c * x - 1)) + c * np.mean(fake_x**2),
        "D_Y": np.mean(y * (d * y - 1)) + d * np.mean(fake_y**2),
    }
    # else rounding decides on which side of the kink it is
    if min(abs(a * b - 1), abs(a - 1), abs(b - 1)) > 1e-5:
        assert gradients == pytest.approx(expected_gradients, rel=1e-4, abs=1e-4)
    np.testing.assert_allclose(fakes, [b * y, a * x], rtol=1e-5)


@examples(10)
@given(c=FACTOR, d=FACTOR, seed=st.integers(0, 10**6))
def test_identity_network_has_no_cycle_and_no_identity_loss(c, d, seed):
    x, y = np.random.default_rng(seed).uniform(-1, 1, (2, 1, 3, 4, 4)).astype(np.float32)
    losses, _, fakes = run_steps(number_model(1, 1, c, d), x, y, x, y, LessonConfig())
    assert [losses[name] for name in ("cycle_x", "cycle_y", "identity_x", "identity_y")] == [
        0,
        0,
        0,
        0,
    ]
    assert losses["total"] == pytest.approx(losses["G"] + losses["F"])
    assert np.array_equal(fakes[0], y) and np.array_equal(fakes[1], x)


def test_negatives_are_consistent_but_not_identical():
    """G and F that both invert an image have no cycle loss, but change what should stay as it
    is."""
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 1, 3, 4, 4)).astype(np.float32)
    losses, _, _ = run_steps(number_model(-1, -1, 1, 1), x, y, x, y, LessonConfig())
    assert losses["cycle_x"] == losses["cycle_y"] == 0
    assert losses["identity_x"] == pytest.approx(2 * np.abs(x).mean())
    assert losses["identity_y"] == pytest.approx(2 * np.abs(y).mean())


def test_no_image_passes_a_network_twice():
    """G sees x, y and F(y) once each; D_X judges F(y), x and an older fake. More passes would give
    the same numbers."""

    model = SimpleNamespace(**{name: Times(0.5, name) for name in ("G", "F", "D_X", "D_Y")})
    run_steps(model, *np.ones((4, 2, 3, 4, 4), np.float32), LessonConfig())
    assert [getattr(model, name).images for name in ("G", "F", "D_X", "D_Y")] == [2 * 3] * 4


def test_log_loss_reaches_all_four_networks():
    x, y, fake_x, fake_y = (
        np.random.default_rng(1).uniform(-1, 1, (4, 2, 3, 4, 4)).astype(np.float32)
    )
    a, b, c, d = 0.5, 1.5, 0.8, 1.2
    losses, _, _ = run_steps(
        number_model(a, b, c, d), x, y, fake_x, fake_y, LessonConfig(adversarial="log")
    )

    def softplus(s):
        return np.logaddexp(0, s.astype(np.float64)).mean()

    assert losses["G"] == pytest.approx(softplus(-d * a * x), rel=1e-5)
    assert losses["F"] == pytest.approx(softplus(-c * b * y), rel=1e-5)
    assert losses["D_X"] == pytest.approx((softplus(-c * x) + softplus(c * fake_x)) / 2, rel=1e-5)
    assert losses["D_Y"] == pytest.approx((softplus(-d * y) + softplus(d * fake_y)) / 2, rel=1e-5)


# --- the trainer ----------------------------------------------------------------------------------


def ids(parameters) -> set[int]:
    return {id(parameter) for parameter in parameters}


@pytest.fixture(scope="module")
def trainer() -> CycleGANTrainer:
    return CycleGANTrainer(LessonConfig(**SMALL))


def test_two_optimisers_share_the_networks(trainer):
    G, F, D_X, D_Y = (
        ids(getattr(trainer, name).trainable_params()) for name in ("G", "F", "D_X", "D_Y")
    )
    assert ids(trainer.generator_optimizer.parameters) == G | F
    assert ids(trainer.discriminator_optimizer.parameters) == D_X | D_Y
    assert len(G | F | D_X | D_Y) == len(G) + len(F) + len(D_X) + len(D_Y), "no weight is shared"


def test_optimisers_have_the_papers_settings(trainer):
    for optimizer in (trainer.generator_optimizer, trainer.discriminator_optimizer):
        assert isinstance(optimizer, nn.Adam)
        assert (float(optimizer.beta1), float(optimizer.beta2)) == (0.5, pytest.approx(0.999))
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert float(optimizer.eps) == pytest.approx(1e-8)
    changed = CycleGANTrainer(LessonConfig(**SMALL, beta1=0.9, learning_rate=1e-3))
    assert float(changed.generator_optimizer.beta1) == pytest.approx(0.9)
    assert float(changed.discriminator_optimizer.learning_rate) == pytest.approx(1e-3)


def test_rates_are_the_schedule_of_the_configuration():
    config = LessonConfig(**SMALL, learning_rate=3e-4, constant_epochs=2, decay_epochs=3)
    assert CycleGANTrainer(config).rates == linear_decay(3e-4, 2, 3)


@pytest.mark.parametrize(("load_size", "places"), [(None, 5), (48, 17)])
def test_crops_come_from_pictures_of_the_configured_size(load_size, places, tmp_path):
    """Pictures that grow brighter downwards: the first row of a crop tells where it was taken."""
    ramp = np.broadcast_to(np.arange(0, 240, 5, dtype=np.uint8)[:, None, None], (60, 48, 48, 3))
    for domain in "xy":
        write_arrays(ramp, tmp_path, f"train_{domain}")
    config = LessonConfig(image_size=32, base_channels=4, n_layers=1, load_size=load_size)
    pairs = CycleGANTrainer(config).pairs(tmp_path, 0).create_dict_iterator(output_numpy=True)
    tops = {round(float(pair["image_x"][0, 0, 0].mean()), 2) for pair in pairs}
    assert places - 2 <= len(tops) <= places, "60 draws miss few of so many places"


def test_networks_follow_the_configuration(trainer):
    assert sum(p.size for p in trainer.G.get_parameters()) == sum(
        p.size for p in trainer.F.get_parameters()
    )
    assert len(trainer.G.blocks) == len(trainer.F.blocks) == 1
    assert (
        trainer.D_X.trainable_params()[0].shape
        == trainer.D_Y.trainable_params()[0].shape
        == (2, 3, 4, 4)
    )
    assert [p.shape for p in trainer.G.trainable_params()][0] == (2, 3, 7, 7)


def test_seed_decides_about_start_weights_and_pools():
    models = [CycleGAN(LessonConfig(**SMALL, seed=seed)) for seed in (5, 5, 6)]
    flat = [
        np.concatenate([w.ravel() for arrays in weights(model).values() for w in arrays])
        for model in models
    ]
    assert np.array_equal(flat[0], flat[1]) and not np.array_equal(flat[0], flat[2])
    assert not np.array_equal(weights(models[0])["G"][0], weights(models[0])["F"][0])
    assert not np.array_equal(weights(models[0])["D_X"][0], weights(models[0])["D_Y"][0])
    trainer = CycleGANTrainer(LessonConfig(**SMALL, pool_size=7, seed=5))
    assert trainer.pool_x.size == trainer.pool_y.size == 7
    pools = trainer.pool_x, trainer.pool_y  # which draw independently
    assert [pool.rng.random() for pool in pools] == [
        np.random.default_rng(seed).random() for seed in (5, 6)
    ]


def test_set_rate_reaches_both_optimisers(trainer):
    trainer.set_rate(1e-5)
    for optimizer in (trainer.generator_optimizer, trainer.discriminator_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(1e-5)


def test_a_rate_of_zero_stops_a_compiled_step(trainer):
    """`set_rate` works on a step that is compiled already, and the step counts itself and names its
    losses."""
    x, y = (
        ms.Tensor(a)
        for a in np.random.default_rng(0).uniform(-1, 1, (2, 1, 3, 32, 32)).astype(np.float32)
    )
    trainer.set_rate(1e-3)
    start, before = trainer.step, weights(trainer)
    losses = trainer.train_step(x, y)
    moved = weights(trainer)
    assert (
        trainer.step == start + 1
        and tuple(losses) == LOSS_NAMES
        and np.isfinite(list(losses.values())).all()
    )
    for name in before:
        assert not np.array_equal(before[name][0], moved[name][0]), name
    trainer.set_rate(0.0)
    trainer.train_step(x, y)
    for name, arrays in weights(trainer).items():
        assert all(np.array_equal(a, b) for a, b in zip(arrays, moved[name], strict=True)), name


def test_building_a_network_leaves_the_callers_random_numbers_alone():
    np.random.seed(1)
    expected = np.random.random(3)
    np.random.seed(1)
    CycleGANTrainer(LessonConfig(**SMALL, seed=9))
    np.testing.assert_array_equal(np.random.random(3), expected)


def test_the_global_seed_does_not_change_the_start_weights():
    models = []
    for seed in (1, 2):
        np.random.seed(seed)
        models.append(weights(CycleGAN(LessonConfig(**SMALL, seed=9))))
    for name, arrays in models[0].items():
        for one, two in zip(arrays, models[1][name], strict=True):
            np.testing.assert_array_equal(one, two)


def test_restore_brings_back_all_that_save_wrote(tmp_path):
    """Networks, Adam's moments, step and pools: what another trainer has restored is what was
    saved, bit for bit."""
    trainer, other = (CycleGANTrainer(LessonConfig(**SMALL, pool_size=2)) for _ in range(2))
    rng = np.random.default_rng(0)
    for parameter in trainer.parameters().values():
        ms.ops.assign(parameter, ms.Tensor(rng.uniform(1, 9, parameter.shape), parameter.dtype))
    trainer.step = 5
    for pool in (trainer.pool_x, trainer.pool_y):
        pool.query(rng.uniform(-1, 1, (4, 3, 32, 32)).astype(np.float32))
    trainer.save(tmp_path / "step5.ckpt")
    other.restore(tmp_path / "step5.ckpt")
    assert other.step == 5
    ours, theirs = trainer.parameters(), other.parameters()
    assert ours.keys() == theirs.keys() and any("moment2" in name for name in ours)
    for name in ours:
        np.testing.assert_array_equal(theirs[name].asnumpy(), ours[name].asnumpy(), err_msg=name)
    for one, two in ((trainer.pool_x, other.pool_x), (trainer.pool_y, other.pool_y)):
        assert (
            np.array_equal(one.images, two.images)
            and one.rng.bit_generator.state == two.rng.bit_generator.state
        )
