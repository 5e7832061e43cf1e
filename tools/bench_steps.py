"""The training steps that `make bench` compares. Each is timed in a process of its own, so that its
peak memory is its own.

    python tools/bench_steps.py course|tutorial|torch SIDE CHANNELS BLOCKS REPEAT

prints one line of JSON: ``seconds``, one number for each of REPEAT steps after a first one that is
not counted, and ``memory``, the peak in GiB. ``torch`` needs PyTorch and NumPy only, so it can run
under another Python than the rest.

The public tutorial (mindspore-ai/docs, tutorials/source_en/generative/cyclegan.md) runs both
generators three times forward and twice backward in each step, once for the fakes and once more for
the gradients of each generator, and does not compile the step. Its networks differ from ours (batch
norm that does nothing, zero padding), so what is compared here is the order of work on the same
networks; it is not a timing of the tutorial's own code.
"""

import json
import resource
import sys
import time
from contextlib import ExitStack
from itertools import repeat as forever
from pathlib import Path

import numpy as np

UNTIL_THE_END = ExitStack()  # of this process, which only measures


def times_of(function, repeat: int) -> list[float]:
    """Seconds of each of ``repeat`` calls, after one call that is not counted because it may
    compile."""
    function()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times


def peak_memory() -> float:
    """The most memory that this process has held, in GiB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's getrusage would answer with the parent's peak when that is larger
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def random_pair(side: int) -> np.ndarray:
    """Two batches of one image of noise, 2×1×3×S×S; a step takes as long on noise as on fruit."""
    return np.random.default_rng(0).uniform(-1, 1, (2, 1, 3, side, side)).astype(np.float32)


def course_step(side: int, channels: int, blocks: int):
    """A training step of this course, as a function without arguments."""
    from cyclegan_lessons import CycleGANTrainer, LessonConfig, select_device
    from cyclegan_lessons.processes import spread_threads

    # isort: split
    import mindspore as ms  # after the package, which tells MindSpore to be quiet

    select_device("auto")
    trainer = CycleGANTrainer(
        LessonConfig(image_size=side, base_channels=channels, n_layers=blocks)
    )
    pair = [ms.Tensor(images) for images in random_pair(side)]
    steps = (trainer.train_step(*images) for images in forever(pair))
    rows = iter(UNTIL_THE_END.enter_context(spread_threads(steps)))  # as `fit` does
    return lambda: next(rows)


def tutorial_step(side: int, channels: int, blocks: int):
    """A step with the course's networks and losses in the public tutorial's order, as a function
    without arguments."""
    import mindspore as ms
    from mindspore import nn, ops

    from cyclegan_lessons import (
        LessonConfig,
        adversarial_loss,
        cycle_consistency_loss,
        identity_loss,
    )
    from cyclegan_lessons.device import available_devices
    from cyclegan_lessons.training import CycleGAN

    device = available_devices()[0]  # without what `select_device` adds for a CPU
    if ms.get_context("device_target") != device:
        ms.set_device(device)
    config = LessonConfig(image_size=side, base_channels=channels, n_layers=blocks)
    networks = CycleGAN(config)
    G, F, D_X, D_Y = networks.G, networks.F, networks.D_X, networks.D_Y
    x, y = (ms.Tensor(images) for images in random_pair(side))

    def generators():
        fake_y, fake_x = G(x), F(y)
        losses = adversarial_loss(D_Y(fake_y), True) + adversarial_loss(D_X(fake_x), True)
        cycles = cycle_consistency_loss(F(fake_y), x) + cycle_consistency_loss(G(fake_x), y)
        same = identity_loss(G(y), y) + identity_loss(F(x), x)
        return losses + config.lambda_cycle * cycles + config.lambda_identity * same, fake_x, fake_y

    def discriminator(D, real, fake):
        return adversarial_loss(D(real), True) + adversarial_loss(D(fake), False)

    adam = {
        D: nn.Adam(D.trainable_params(), config.learning_rate, config.beta1)
        for D in (G, F, D_X, D_Y)
    }
    gradients = {
        D: ms.value_and_grad(generators, None, adam[D].parameters, has_aux=True) for D in (G, F)
    }
    gradients |= {D: ms.value_and_grad(discriminator, None, adam[D].parameters) for D in (D_X, D_Y)}

    def step():
        _, fake_x, fake_y = generators()
        for network in (G, F):
            adam[network](gradients[network]()[1])
        for D, real, fake in ((D_X, x, fake_x), (D_Y, y, fake_y)):
            loss, gradient = gradients[D](D, real, ops.stop_gradient(fake))
            adam[D](gradient)
        return float(loss)

    return step


def torch_step(side: int, channels: int, blocks: int):
    """A step of the PyTorch reference of the tests, on the CPU, as a function without arguments."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "reference"))
    import torch
    from cyclegan_torch import History, Reference
    from make_reference import make_networks

    pools = [History(50, forever("keep")) for _ in "xy"]
    model = Reference(make_networks(channels, blocks), "lsgan", *pools)
    x, y = map(torch.from_numpy, random_pair(side))
    return lambda: model.step(x, y, 2e-4)


STEPS = {"course": course_step, "tutorial": tutorial_step, "torch": torch_step}

if __name__ == "__main__":
    name, *size, repeat = sys.argv[1:]
    print(
        json.dumps(
            {
                "seconds": times_of(STEPS[name](*map(int, size)), int(repeat)),
                "memory": peak_memory(),
            }
        )
    )
