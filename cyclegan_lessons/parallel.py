"""Chapter 12: several processes train one model, each with its share of every batch.

Their gradients are averaged (data parallelism).

MindSpore's msrun starts the processes, the *workers*, and launcher.py calls it; in each worker
`join` returns its `Group`. N workers with a batch of B do what one process does with a batch of
N·B, since instance norm looks at each image alone: same images, same draws of the image pools, same
means of losses and gradients.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import mindspore as ms
import numpy as np
from mindspore import communication, nn, ops

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.image_pool import ImagePool
from cyclegan_lessons.processes import LAUNCHER, is_worker, share_cores


@dataclass(frozen=True)
class Group:
    """The workers that train together: their number, and which one this is; 0 writes the run."""

    size: int = 1
    rank: int = 0

    def gather(self, array: np.ndarray) -> np.ndarray:
        """The float32 arrays of all workers by rank: size × the shape of ``array``."""
        array = np.asarray(array, np.float32)[None]
        return array if self.size == 1 else ops.AllGather()(ms.Tensor(array)).asnumpy()

    def agree(self, losses: dict[str, float], stop: bool) -> tuple[dict[str, float], bool]:
        """The mean of every loss over the workers, and whether any of them is to stop."""
        if self.size == 1:
            return losses, stop
        gathered = self.gather([*losses.values(), stop])
        *means, stops = gathered.mean(axis=0, dtype=np.float64).tolist()
        return dict(zip(losses, means)), stops > 0

    def check_same(self, **numbers: int):
        """Raise `LessonError` unless all workers give the same numbers, whole and below 2²⁴."""
        gathered = self.gather(list(numbers.values())).T.astype(int).tolist()
        for name, values in zip(numbers, gathered):
            if len(set(values)) > 1:
                raise LessonError(
                    f"all workers must have the same {name}, but they have "
                    f"{', '.join(map(str, values))}; start all of them with the same command and "
                    f"the same images, and let them resume from the same run folder."
                )

    def pool(self, size: int, seed: int) -> ImagePool:
        """An image pool for this worker, which answers as one pool for all of them would."""
        return ImagePool(size, seed) if self.size == 1 else SharedPool(self, size, seed)

    def averaging(self, optimizer: nn.Optimizer) -> Callable:
        """The optimiser, or for several workers what stands in for it and averages gradients."""
        return optimizer if self.size == 1 else averaging(optimizer, self)


def join(workers: int) -> Group:
    """Wait until all ``workers`` are there and return their group; one process is its own group.

    msrun runs a program once more than it has workers: as the scheduler, which stays in here until
    the others have ended. Raises `LessonError` when another number of workers was started, or when
    they do not find each other.
    """
    started = os.environ.get("MS_WORKER_NUM", "an unknown number") if is_worker() else "1"
    if started != str(workers):
        raise LessonError(
            f"{workers} workers should train together, but {started} were started; use `train "
            f"--workers {workers}`, or msrun with --worker_num {workers}."
        )
    return enter(workers) if is_worker() else Group()


@cache  # a process enters once
def enter(workers: int) -> Group:
    """Join the others that msrun has started."""
    if LAUNCHER in os.environ:
        share_cores(workers)
    try:
        communication.init()
    except RuntimeError as error:
        scheduler = f"{os.environ.get('MS_SCHED_HOST')}:{os.environ.get('MS_SCHED_PORT')}"
        raise LessonError(
            f"{workers} workers should find each other at {scheduler}, but they did not "
            f"({str(error).splitlines()[0]}); check that all were started and that no firewall is "
            f"between them."
        ) from error
    if os.environ["MS_ROLE"] == "MS_SCHED":
        sys.exit()
    return Group(communication.get_group_size(), communication.get_rank())


def averaging(optimizer: nn.Optimizer, group: Group):
    """Return what stands in for ``optimizer``: it uses the mean of all workers' gradients.

    They travel in one piece, since a message costs the same however short it is. Plain operators,
    without a cell around them, compile twice as fast as the methods of tensors.
    """
    shapes = [parameter.shape for parameter in optimizer.parameters]
    sizes = [parameter.size for parameter in optimizer.parameters]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    sum_over_workers, concatenate = ops.AllReduce(), ops.Concat()
    reshape, cut = ops.Reshape(), ops.Slice()

    def update(gradients):
        flat = concatenate(tuple([reshape(gradient, (-1,)) for gradient in gradients]))
        mean = sum_over_workers(flat) / group.size
        parts = zip(starts, sizes, shapes)
        return optimizer(
            tuple([reshape(cut(mean, (start,), (size,)), shape) for start, size, shape in parts])
        )

    update.parameters = optimizer.parameters
    return update


class SharedPool(ImagePool):
    """An image pool of all workers: each holds all images and draws the same numbers.

    Each gets the answers to its own fakes.
    """

    def __init__(self, group: Group, size: int = 50, seed: int = 0):
        super().__init__(size, seed)
        self.group = group

    def query(self, images: np.ndarray) -> np.ndarray:
        fakes = self.group.gather(images)  # workers×N×3×H×W
        # as in one large batch: worker r has every workers-th
        fakes = fakes.swapaxes(0, 1).reshape(-1, *images.shape[1:])
        return super().query(fakes)[self.group.rank :: self.group.size]
