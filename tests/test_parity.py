"""The package against an independent PyTorch model, whose results lie in
``reference/reference.npz``.

Everything is compared with the reference's float64 run, rounded to float32, so that the reference
adds no rounding of its own. Tolerances are those that float32 can keep: a rounding error is 6e-8,
and one pass of G adds up to about 1e-6.
"""

import importlib.util
import subprocess
import sys
from functools import cache

import mindspore as ms
import numpy as np
import pytest
from parity import (
    MODES,
    Recording,
    ScriptedDraws,
    forward,
    load_start_weights,
    step_functions_in,
    weights,
)
from reference.stored import FILE, NETWORKS, about, images, stored, unflatten

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.training import LOSS_NAMES, CycleGAN, CycleGANTrainer, linear_decay

RUNS = about()["runs"]


def config(**settings) -> LessonConfig:
    a = about()
    return LessonConfig(
        base_channels=a["base_channels"],
        n_layers=a["n_layers"],
        pool_size=a["pool_size"],
        learning_rate=a["rate"],
        constant_epochs=a["constant"],
        decay_epochs=a["decay"],
        **settings,
    )


def distance(ours: np.ndarray, reference: np.ndarray) -> float:
    """Norm of the difference, relative to the reference's norm."""
    return np.linalg.norm(ours - reference) / np.linalg.norm(reference)


@cache
def start_networks() -> CycleGAN:
    networks = CycleGAN(config())
    load_start_weights(networks)
    return networks


def is_absorbed(network: str, position: int) -> bool:
    """Whether a weight is the bias of a convolution that instance norm follows.

    The norm subtracts every channel's mean, and with it the bias. So such a bias changes nothing,
    its gradient is zero, and what is computed for it is rounding, which Adam then blows up to steps
    of about its learning rate.
    """
    count = len(about()["shapes"]["small"][network])
    # before tanh; D's first layer and its last
    with_effect = [count - 1] if network in "GF" else [1, count - 1]
    return position % 2 == 1 and position not in with_effect


# --- one forward pass -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", about()["G sizes"])
def test_generator_forward(size, batch, mode):
    ours = forward(start_networks().G, images(size, batch)[0], mode)
    np.testing.assert_allclose(ours, stored()[f"float64/G/{size}"][:batch], rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", about()["D sizes"])
def test_discriminator_forward(size, batch, mode):
    ours = forward(start_networks().D_Y, images(size, batch)[1], mode)
    np.testing.assert_allclose(ours, stored()[f"float64/D/{size}"][:batch], rtol=0, atol=1e-5)


# --- five training steps --------------------------------------------------------------------------


class RecordingTrainer(CycleGANTrainer):
    """The real trainer; only its optimisers also keep the gradients."""

    def _adam(self, *networks):
        adam = super()._adam(*networks)
        return Recording(adam.parameters, adam)


class Result:
    """Five training steps as the trainer takes them, with the reference's weights, images, rates
    and pool draws."""

    def __init__(self, run: str, mode: str):
        settings = RUNS[run]
        with step_functions_in(mode):
            trainer = RecordingTrainer(
                config(adversarial=settings["kind"], batch_size=settings["batch"])
            )
        load_start_weights(trainer)
        trainer.pool_x.rng, trainer.pool_y.rng = (
            ScriptedDraws(about()[f"draws {domain}"]) for domain in "xy"
        )
        x, y = images(settings["size"], settings["batch"])
        self.losses = []
        for step, rate in enumerate(trainer.rates):
            trainer.set_rate(rate)
            rolled = (ms.Tensor(np.roll(a, settings["roll"] + step, axis=3)) for a in (x, y))
            self.losses.append(trainer.train_step(*rolled))
            if step == 0:
                self.gradients = self._gradients(trainer)
        self.weights = weights(trainer)
        self.run, self.reference_losses = run, stored()[f"float64/{run}/losses"]
        self.reference_gradients = unflatten(stored()[f"float64/{run}/gradients"])
        self.reference_weights = unflatten(stored()[f"float64/{run}/weights"])

    @staticmethod
    def _gradients(trainer) -> dict[str, list[np.ndarray]]:
        by_weight = {
            id(weight): gradient.asnumpy().copy()
            for optimizer in (trainer.generator_optimizer, trainer.discriminator_optimizer)
            for weight, gradient in zip(optimizer.parameters, optimizer.gradients, strict=True)
        }
        return {
            name: [by_weight[id(w)] for w in getattr(trainer, name).trainable_params()]
            for name in NETWORKS
        }


@pytest.fixture(
    scope="module", params=[(run, mode) for run in RUNS for mode in MODES], ids=" ".join
)
def result(request) -> Result:
    return Result(*request.param)


def test_schedule_of_the_runs_decays():
    rates = linear_decay(about()["rate"], about()["constant"], about()["decay"])
    np.testing.assert_allclose(
        np.array(rates) / about()["rate"], [1, 1, 3 / 4, 2 / 4, 1 / 4], rtol=1e-12
    )


def test_every_loss_term(result):
    first = [result.losses[0][name] for name in about()["losses"]]
    np.testing.assert_allclose(first, result.reference_losses[0], rtol=1e-6)
    assert set(LOSS_NAMES) == set(about()["losses"]) == set(result.losses[0])


def test_every_gradient(result):
    for network in NETWORKS:
        pairs = zip(result.gradients[network], result.reference_gradients[network], strict=True)
        largest = max(np.abs(reference).max() for reference in result.reference_gradients[network])
        for position, (ours, reference) in enumerate(pairs):
            name = f"{network} {about()['shapes']['small'][network][position][0]}"
            # zero but for rounding: there is no norm to be relative to
            if is_absorbed(network, position):
                assert np.abs(reference).max() < 1e-12, name
                assert np.abs(ours).max() < 1e-5 * largest, name
            else:
                assert distance(ours, reference) < 1e-4, name


def test_losses_of_five_steps(result):
    ours = [[losses[name] for name in about()["losses"]] for losses in result.losses]
    np.testing.assert_allclose(ours, result.reference_losses, rtol=1e-4)


def test_weights_after_five_steps(result):
    start = unflatten(stored()["weights"])
    for network in NETWORKS:
        for position, (shape_name, _) in enumerate(about()["shapes"]["small"][network]):
            name = f"{network} {shape_name}"
            ours, before = result.weights[network][position], start[network][position]
            reference = result.reference_weights[network][position]
            if is_absorbed(network, position):
                # Adam moves a weight by at most rate × (1 − β1) / √(1 − β2), here 16 rates a step,
                # however small the gradient. These biases wander within that bound; the next test
                # shows that nothing follows from it.
                assert np.abs(ours - before).max() < 5 * about()["rate"] * 0.5 / np.sqrt(0.001), (
                    name
                )
            else:
                assert distance(ours, reference) < 1e-4, name
                assert distance(ours - before, reference - before) < 1e-2, (
                    f"{name}: what the five steps changed"
                )


@pytest.mark.parametrize("network, domain", [("G", 0), ("D_Y", 1)])
def test_biases_before_a_norm_have_no_effect(network, domain):
    networks = CycleGAN(config())
    load_start_weights(networks)
    changed, image = getattr(networks, network), images("48x32", 1)[domain]
    before = forward(changed, image, "PyNative")
    for position, parameter in enumerate(changed.trainable_params()):
        if is_absorbed(network, position):
            parameter.set_data(parameter + 0.05)  # 15 times what the five steps can do
    np.testing.assert_allclose(forward(changed, image, "PyNative"), before, rtol=0, atol=1e-5)
    parameter.set_data(parameter + 0.05)  # the last bias, which no norm follows, does count
    assert np.abs(forward(changed, image, "PyNative") - before).min() > 1e-3


# --- the reference itself -------------------------------------------------------------------------


def test_reference_is_precise_enough():
    """The float32 run of the reference is within the tolerances too, so they ask for nothing that
    float32 cannot do."""
    s = stored()
    for key in [key for key in s if key.startswith("float32/")]:
        float32, float64 = s[key], s[key.replace("float32", "float64")]
        if key.endswith("/losses"):
            np.testing.assert_allclose(float32[0], float64[0], rtol=1e-6, err_msg=key)
            np.testing.assert_allclose(float32, float64, rtol=1e-4, err_msg=key)
        elif key.endswith(("/gradients", "/weights")):
            pair = unflatten(float32), unflatten(float64)
            for network in NETWORKS:
                for position, (a, b) in enumerate(
                    zip(pair[0][network], pair[1][network], strict=True)
                ):
                    assert is_absorbed(network, position) or distance(a, b) < 1e-4, (
                        f"{key} {network} {position}"
                    )
        else:
            np.testing.assert_allclose(float32, float64, rtol=0, atol=1e-5, err_msg=key)


def test_reference_file_is_small():
    assert FILE.stat().st_size < 2_000_000


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch, which makes the reference, is absent",
)
def test_reference_can_be_made_again(tmp_path):
    # In a process of its own: PyTorch and MindSpore bring different builds of the same libraries.
    script, target = FILE.with_name("make_reference.py"), tmp_path / "again.npz"
    subprocess.run([sys.executable, script, target], check=True)
    with np.load(target) as file:
        again = dict(file)
    assert again.keys() == stored().keys()
    for key, array in stored().items():
        if array.dtype.kind in "Uu" or key == "weights":
            assert np.array_equal(again[key], array), key
        elif key.startswith("float64/"):
            np.testing.assert_allclose(again[key], array, rtol=1e-5, atol=1e-6, err_msg=key)
        else:  # float32 rounds differently on another processor
            np.testing.assert_allclose(again[key], array, rtol=1e-3, atol=2e-3, err_msg=key)
