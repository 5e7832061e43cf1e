"""What several test modules use: small models, uneven checks of weights, and a server of files."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from cyclegan_lessons import LessonConfig
from cyclegan_lessons.checkpoint import write_checkpoint
from cyclegan_lessons.detail import DetailGenerator
from cyclegan_lessons.training import CycleGAN

SMALL = LessonConfig(image_size=32, base_channels=2, n_layers=1)


class Times(nn.Cell):
    """A "network" that multiplies images by its only weight, and counts the images."""

    def __init__(self, factor: float, name: str):
        super().__init__()
        self.factor, self.images = ms.Parameter(ms.Tensor(factor, ms.float32), name=name), 0

    def construct(self, x):
        self.images += len(x)
        return x * self.factor


def with_exact_tanh(generator: nn.Cell, images: ms.Tensor) -> np.ndarray:
    """What a generator returns, but for its tanh, which MindSpore computes on a CPU by a formula
    that is off by up to 1.0e-4."""
    last = generator.output if isinstance(generator, DetailGenerator) else generator.decoder
    before, tanh = [], list(last)[-1]

    def keep(_, inputs):
        before.append(inputs[0].asnumpy())

    hook = tanh.register_forward_pre_hook(keep)
    generator(images)
    hook.remove()
    return np.tanh(before[0])


def random_weights(generator: nn.Cell, rng: np.random.Generator) -> nn.Cell:
    """The generator with other weights, and biases, which start at 0."""
    for parameter in generator.get_parameters():
        parameter.set_data(ms.Tensor(rng.normal(0, 0.1, parameter.shape).astype(np.float32)))
    return generator


def small_checkpoint(path: Path) -> Path:
    """A checkpoint of untrained networks in the configuration `SMALL`."""
    tensors = dict(CycleGAN(SMALL).parameters_and_names())
    write_checkpoint(path, tensors, {"config": asdict(SMALL), "step": 0})
    return path


def check_start_weights(network: nn.Cell):
    """Weights are N(0, 0.02²): mean and spread lie within four standard errors; biases are 0."""
    for parameter in network.trainable_params():
        values, n = parameter.asnumpy(), parameter.size
        if values.ndim == 1:
            assert np.all(values == 0), parameter.name
        else:
            assert abs(values.mean()) < 4 * 0.02 / np.sqrt(n), parameter.name
            assert abs(values.std() - 0.02) < 4 * 0.02 / np.sqrt(2 * n), parameter.name


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve a folder and count requests; break off a file whose name starts with ``broken``."""

    def do_GET(self):
        self.server.requests.append(self.path)
        super().do_GET()

    def copyfile(self, source, outputfile):
        if self.path.startswith("/broken"):
            outputfile.write(source.read(1000))
        else:
            super().copyfile(source, outputfile)

    def log_message(self, *_):
        pass


@contextmanager
def serving(folder: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """A server of a folder at a free port of this machine; its ``.url`` is the address."""
    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.requests, server.url = [], f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
