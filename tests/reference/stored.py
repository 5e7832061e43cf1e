"""Read ``reference.npz``: what the PyTorch model in this folder was given and what it computed.
Needs NumPy only.

Everything is a plain array; `make_reference.py` describes the keys. Images are uint8; v stands for
v / 127.5 - 1. The four networks' weights, or their gradients, are one flat vector; `unflatten` cuts
it into arrays in forward order.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("reference.npz")
NETWORKS = ("G", "F", "D_X", "D_Y")


@cache
def stored() -> dict[str, np.ndarray]:
    with np.load(FILE) as file:
        return dict(file)


def about() -> dict:
    """The configuration of the runs and the shapes of all weights, small and at the paper's
    size."""
    return json.loads(str(stored()["about"]))


def images(size: str, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """The first ``batch`` images x and y of a size such as "48x32": float32, N×3×H×W, in [-1,
    1]."""
    x, y = stored()[f"images/{size}"][:, :batch].astype(np.float64) / 127.5 - 1
    return x.astype(np.float32), y.astype(np.float32)


def unflatten(vector: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Cut a flat vector into the arrays of each network, as ``{"G": [weight, bias, weight, …], "F":
    …}``."""
    arrays, start = {}, 0
    for network in NETWORKS:
        arrays[network] = []
        for _, shape in about()["shapes"]["small"][network]:
            arrays[network].append(vector[start : start + np.prod(shape)].reshape(shape))
            start += np.prod(shape)
    assert start == vector.size, (
        f"the vector has {vector.size} values, but the networks have {start}"
    )
    return arrays
