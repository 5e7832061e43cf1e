"""Run the PyTorch model on a small configuration and store everything in ``reference.npz``.

    pip install torch numpy
    python tests/reference/make_reference.py

``T`` is float64 or float32, the precision of the whole run. Keys of the file:

- ``about``: this configuration, the pools' draws and the shapes of all weights, as JSON.
- ``images/48x32``: uint8, 2×3×3×H×W: three images x, three images y. ``weights``: start weights,
  float32, one vector.
- ``T/G/48x32``: outputs of G on x. ``T/D/52x44``: scores of D_Y on y. Batch 3; instance norm makes
  the first of them equal to what the first image gives alone, which is checked here.
- ``T/terms/52x44``: the adversarial losses of these scores.
- ``T/RUN/losses``: five steps × nine losses. ``T/RUN/gradients``: of the first step.
  ``T/RUN/weights``: after all.

Gradients and weights of every run are stored for float64; for float32, which only shows how large
rounding is, one run.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from cyclegan_torch import (
    History,
    Reference,
    build_discriminator,
    build_generator,
    discriminator_notation,
    gan_loss,
    generator_notation,
    rate_at,
)

TERMS = {
    f"{kind} {case}": lambda scores, kind=kind, case=case: gan_loss(scores, case == "real", kind)
    for kind in ("lsgan", "log")
    for case in ("real", "fake")
}
LOSSES = ("total", "G", "F", "cycle_x", "cycle_y", "identity_x", "identity_y", "D_X", "D_Y")
ABOUT = {
    "base_channels": 3,
    "n_layers": 2,
    "pool_size": 2,
    "rate": 2e-4,
    "constant": 2,  # every step counts as an epoch, so that the rate decays within the five
    "decay": 3,
    "G sizes": ["32x32", "48x32", "64x64"],
    # the last two: odd maps of 13×11, and odd images
    "D sizes": ["32x32", "48x32", "64x64", "52x44", "35x39"],
    "losses": LOSSES,
    "terms": list(TERMS),
    # "roll": columns by which the images are rolled at the first step. ReLU, LeakyReLU and the
    # absolute value have a kink, and at a value within rounding of it, rounding would decide about
    # the gradient. Seed and rolls are such that weights changed by one millionth give the same
    # gradients to 3e-5 and the same weights after five steps to 6e-5.
    "runs": {
        "lsgan, batch 1, 64x64": {"kind": "lsgan", "batch": 1, "size": "64x64", "roll": 3},
        "lsgan, batch 3, 48x32": {"kind": "lsgan", "batch": 3, "size": "48x32", "roll": 3},
        "log, batch 1, 32x32": {"kind": "log", "batch": 1, "size": "32x32", "roll": 11},
    },
    # one draw for each fake after the pool of two is full; 13 are enough for five steps of batch 3
    "draws x": [0, "keep", 1, 1, "keep", 0, 0, 1, "keep", "keep", 1, 0, 1],
    "draws y": ["keep", 1, 0, "keep", 1, 0, "keep", 0, 1, 1, "keep", "keep", 0],
}


def make_networks(k: int, blocks: int, dtype=torch.float32) -> dict:
    networks = {name: build_generator(generator_notation(k, blocks)) for name in ("G", "F")}
    networks |= {name: build_discriminator(discriminator_notation(k)) for name in ("D_X", "D_Y")}
    return {name: network.to(dtype) for name, network in networks.items()}


def shapes(network) -> list:
    return [[name, list(p.shape)] for name, p in network.named_parameters()]


def flat(arrays) -> np.ndarray:
    return np.concatenate(
        [a.detach().numpy().ravel() for name in ("G", "F", "D_X", "D_Y") for a in arrays[name]]
    )


def load(networks: dict, vector: np.ndarray):
    start = 0
    for name in ("G", "F", "D_X", "D_Y"):
        for p in networks[name].parameters():
            with torch.no_grad():
                p.copy_(torch.from_numpy(vector[start : start + p.numel()].reshape(p.shape)))
            start += p.numel()


def make() -> dict[str, np.ndarray]:
    # its stream is frozen, unlike that of NumPy's newer generators
    draw = np.random.RandomState(2032)
    k, blocks = ABOUT["base_channels"], ABOUT["n_layers"]
    with torch.device("meta"):  # shapes only
        paper = make_networks(64, 9)
    small = make_networks(k, blocks)
    about = ABOUT | {
        "shapes": {
            "small": {name: shapes(network) for name, network in small.items()},
            "paper": {name: shapes(network) for name, network in paper.items()},
        }
    }
    result = {"about": np.array(json.dumps(about))}
    for size in ABOUT["D sizes"]:
        result[f"images/{size}"] = draw.randint(
            0, 256, (2, 3, 3, *map(int, size.split("x"))), dtype=np.uint8
        )
    weights = [draw.normal(0, 0.05, p.numel()) for net in small.values() for p in net.parameters()]
    result["weights"] = np.concatenate(weights).astype(np.float32)

    for precision in ("float64", "float32"):
        dtype = getattr(torch, precision)

        def fresh():
            networks = make_networks(k, blocks, dtype)
            load(networks, result["weights"])
            return networks

        def images(size, batch):
            pair = (result[f"images/{size}"][:, :batch].astype(np.float64) / 127.5 - 1).astype(
                np.float32
            )
            return [torch.from_numpy(a).to(dtype) for a in pair]

        networks = fresh()
        for name, network, sizes in (
            ("G", networks["G"], ABOUT["G sizes"]),
            ("D", networks["D_Y"], ABOUT["D sizes"]),
        ):
            for size in sizes:
                batch = images(size, 3)[0 if name == "G" else 1]
                with torch.no_grad():
                    output = network(batch)
                    assert torch.allclose(output[:1], network(batch[:1]), atol=1e-5), (name, size)
                result[f"{precision}/{name}/{size}"] = output.numpy().astype(np.float32)
                if name == "D":
                    result[f"{precision}/terms/{size}"] = np.array(
                        [f(output).item() for f in TERMS.values()]
                    )

        for run, settings in ABOUT["runs"].items():
            pools = [History(ABOUT["pool_size"], ABOUT[f"draws {domain}"]) for domain in "xy"]
            networks = fresh()
            model = Reference(networks, settings["kind"], *pools)
            x, y = images(settings["size"], settings["batch"])
            losses = []
            for step in range(5):
                # the images change from step to step: they are rolled sideways, so that nothing
                # more must be stored
                roll = settings["roll"] + step
                rate = rate_at(step, ABOUT["rate"], ABOUT["constant"], ABOUT["decay"])
                values, gradients = model.step(x.roll(roll, 3), y.roll(roll, 3), rate)
                losses.append([values[name] for name in LOSSES])
                if step == 0:
                    first_gradients = flat(gradients)
            result[f"{precision}/{run}/losses"] = np.array(losses)
            if precision == "float64" or settings["kind"] == "log":
                result[f"{precision}/{run}/gradients"] = first_gradients.astype(np.float32)
                after = flat(
                    {name: list(network.parameters()) for name, network in networks.items()}
                )
                result[f"{precision}/{run}/weights"] = after.astype(np.float32)
    return result


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("reference.npz"))
    np.savez_compressed(target, **make())
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB")
