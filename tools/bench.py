"""Print speeds and sizes: rendering, reading, training steps, and our networks in the public tutorial's order of work.

The tutorial (mindspore-ai/docs, tutorials/source_en/generative/cyclegan.md) runs both generators three times forward and
twice backward in each step, once for the fakes and once more for the gradients of each generator, and does not compile
the step. Its networks differ from ours (batch norm that does nothing, zero padding), so what is printed here compares the
order of work on the same networks; it is not a timing of the tutorial's own code.
"""

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time

import cyclegan_lessons  # noqa: F401 (first: it sets what MindSpore reads when it is imported)
import mindspore as ms
import numpy as np
from mindspore import ops

from cyclegan_lessons.config import PRESETS, LessonConfig
from cyclegan_lessons.dataset import load_unpaired, prepare_orchard
from cyclegan_lessons.device import select_device
from cyclegan_lessons.losses import adversarial_loss, cycle_consistency_loss, identity_loss
from cyclegan_lessons.training import CycleGANTrainer


def seconds(function, repeat: int) -> float:
    """Median time of one call, after one call that is not counted because it may compile."""
    function()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def random_pair(size: int) -> list[ms.Tensor]:
    """Two images of noise, 1×3×S×S; a step takes as long on noise as on fruit."""
    rng = np.random.default_rng(0)
    return [ms.Tensor(rng.uniform(-1, 1, (1, 3, size, size)), ms.float32) for _ in "xy"]


def course_step(config: LessonConfig):
    """A training step of this course, as a function without arguments."""
    trainer, pair = CycleGANTrainer(config), random_pair(config.image_size)
    return lambda: trainer.train_step(*pair)


def tutorial_step(config: LessonConfig):
    """A step with the same networks and losses, but in the order of the public tutorial, as a function without arguments."""
    trainer, (x, y) = CycleGANTrainer(config), random_pair(config.image_size)
    G, F, D_X, D_Y = trainer.G, trainer.F, trainer.D_X, trainer.D_Y

    def generators():
        fake_y, fake_x = G(x), F(y)
        losses = adversarial_loss(D_Y(fake_y), True) + adversarial_loss(D_X(fake_x), True)
        cycles = cycle_consistency_loss(F(fake_y), x) + cycle_consistency_loss(G(fake_x), y)
        same = identity_loss(G(y), y) + identity_loss(F(x), x)
        return losses + config.lambda_cycle * cycles + config.lambda_identity * same, fake_x, fake_y

    def discriminator(D, real, fake):
        return adversarial_loss(D(real), True) + adversarial_loss(D(fake), False)

    gradients = []
    for network in (G, F):
        optimizer = trainer._adam(network)
        gradients.append((optimizer, ms.value_and_grad(generators, None, optimizer.parameters, has_aux=True)))
    judges = []
    for network in (D_X, D_Y):
        optimizer = trainer._adam(network)
        judges.append((network, optimizer, ms.value_and_grad(discriminator, None, optimizer.parameters)))

    def step():
        _, fake_x, fake_y = generators()
        for optimizer, differentiate in gradients:
            _, gradient = differentiate()
            optimizer(gradient)
        for (network, optimizer, differentiate), real, fake in zip(judges, (x, y), (fake_x, fake_y)):
            loss, gradient = differentiate(network, real, ops.stop_gradient(fake))
            optimizer(gradient)
        return float(loss)

    return step


def show(what: str, value: float, unit: str):
    print(f"{what:<58} {value:8.2f} {unit}", flush=True)


def main():
    device = select_device("auto")
    load = os.getloadavg()[0]
    print(f"MindSpore {ms.__version__}, {device}, Python {platform.python_version()}, {platform.machine()}, load {load:.1f} on {os.cpu_count()} cores")
    if load > 1:
        print("Something else is running on this machine: the times below are too long to judge by.")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        prepare_orchard(folder=folder)
        show("render and write the default orchard", time.perf_counter() - start, "s")
        large = prepare_orchard(256, n_train=100, n_test=1, folder=folder)
        pairs = load_unpaired(large, 256)
        count = pairs.get_dataset_size()
        show("read 256×256 pairs with augmentation", count / seconds(lambda: list(pairs.create_tuple_iterator()), 3), "pairs/s")
    show("training step, quick (64×64, 16 channels, 3 blocks)", seconds(course_step(PRESETS["quick"]), 20), "s")
    show("peak memory so far", peak_memory(), "GiB")
    if "--paper" not in sys.argv:
        print("Add --paper (`make bench ARGS=--paper`) for the paper's size; on a CPU that takes a quarter of an hour and 13 GiB.")
        return
    times = []
    for name, (text, _) in PAPER_STEPS.items():
        times.append(in_its_own_process(name))
        show(text, times[-1], "s")
    show("the first of these two as a part of the second", times[0] / times[1], "")


PAPER_STEPS = {
    "course": ("training step, paper (256×256, 64 channels, 9 blocks)", course_step),
    "tutorial": ("the same networks in the public tutorial's order of work", tutorial_step),
}


def in_its_own_process(name: str) -> float:
    """Seconds of one of `PAPER_STEPS`, measured in a new process, since MindSpore keeps the memory that a step took."""
    result = subprocess.run([sys.executable, __file__, "--step", name], stdout=subprocess.PIPE, text=True, check=True)
    value, memory = map(float, result.stdout.split()[-2:])
    print(f"(the {name}'s order of work took {memory:.1f} GiB)", flush=True)
    return value


def peak_memory() -> float:
    """The most memory that this process has held, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    if "--step" in sys.argv:
        select_device("auto")
        print(seconds(PAPER_STEPS[sys.argv[-1]][1](PRESETS["paper"]), 3), peak_memory())
    else:
        main()
