"""What the parity tests share: start weights from the stored reference, and PyNative or graph mode
at will."""

from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import mindspore as ms
import numpy as np
from hypothesis import Phase, settings
from mindspore import nn, ops
from reference.stored import NETWORKS, stored, unflatten

MODES = ("graph", "PyNative")


def examples(n: int) -> settings:
    """Try a property on ``n`` drawn examples, the same in every run, and fail at the first:
    shrinking takes minutes."""
    return settings(
        max_examples=n, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
    )


@contextmanager
def without_jit():
    """Functions that are made inside run in PyNative mode, although the package decorates them with
    jit."""
    with patch.object(ms, "jit", lambda function: function):
        yield


def step_functions_in(mode: str):
    return nullcontext() if mode == "graph" else without_jit()


def forward(network: nn.Cell, images: np.ndarray, mode: str) -> np.ndarray:
    """Apply a network in one of `MODES`; a MindSpore cell that is simply called runs in PyNative
    mode."""
    return (ms.jit(network) if mode == "graph" else network)(ms.Tensor(images)).asnumpy()


def load_weights(network: nn.Cell, arrays: list[np.ndarray]):
    """Give a network the reference's weights; both count them in the order in which an image passes
    the layers."""
    parameters = list(network.trainable_params())
    assert [p.shape for p in parameters] == [a.shape for a in arrays]
    for parameter, array in zip(parameters, arrays, strict=True):
        ops.assign(parameter, ms.Tensor(array))


def load_start_weights(networks):
    """Give ``networks.G``, ``.F``, ``.D_X`` and ``.D_Y`` the weights with which every stored run
    starts."""
    for name, arrays in unflatten(stored()["weights"]).items():
        load_weights(getattr(networks, name), arrays)


def weights(networks) -> dict[str, list[np.ndarray]]:
    return {
        name: [p.asnumpy().copy() for p in getattr(networks, name).trainable_params()]
        for name in NETWORKS
    }


class Recording(nn.Cell):
    """Stands in for an optimiser: keeps the gradients that a step function hands over, then lets
    ``optimizer`` work."""

    def __init__(self, parameters, optimizer: nn.Optimizer | None = None):
        super().__init__(auto_prefix=False)
        self.parameters = ms.ParameterTuple(parameters)
        self.gradients = self.parameters.clone(prefix="gradient", init="zeros")
        self.optimizer = optimizer
        if optimizer is not None:
            self.learning_rate = optimizer.learning_rate

    def construct(self, gradients):
        for i in range(len(self.gradients)):
            ops.assign(self.gradients[i], gradients[i])
        if self.optimizer is not None:
            return self.optimizer(gradients)
        return gradients


class ScriptedDraws:
    """Stands in for a pool's random numbers: plays the stored draws, each "keep" or the place to
    swap with."""

    def __init__(self, draws: list):
        self.draws, self.place = iter(draws), None

    def random(self) -> float:
        self.place = next(self.draws)
        return 0.25 if self.place == "keep" else 0.75

    def integers(self, size: int) -> int:
        assert self.place < size
        return self.place
