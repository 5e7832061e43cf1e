"""Several processes train one model: each takes its share of every batch, and the gradients are
averaged (data parallelism).

MindSpore's msrun starts the processes, the *workers*, and launcher.py calls it; in each worker
`join` returns its `Group`. N workers with a batch of B do what one process does with a batch of
N·B, since instance norm looks at each image alone: same images, same draws of the image pools, same
means of losses and gradients.
"""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import mindspore as ms
import numpy as np
from mindspore import communication, nn, ops

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.image_pool import ImagePool
from cyclegan_lessons.launcher import LAUNCHED, end_with_parent


@dataclass(frozen=True)
class Group:
    """The workers that train together: how many there are, and which of them this process is.
    Worker 0 writes the run."""

    size: int = 1
    rank: int = 0

    def gather(self, array: np.ndarray) -> np.ndarray:
        """The arrays of all workers, float32, in the order of their ranks: size × the shape of
        ``array``."""
        array = np.asarray(array, np.float32)[None]
        return array if self.size == 1 else ops.AllGather()(ms.Tensor(array)).asnumpy()

    def agree(self, losses: dict[str, float], stop: bool) -> tuple[dict[str, float], bool]:
        """The mean of every loss over the workers, and whether any of them is to stop."""
        if self.size == 1:
            return losses, stop
        *means, stops = (
            self.gather([*losses.values(), stop]).mean(axis=0, dtype=np.float64).tolist()
        )
        return dict(zip(losses, means)), stops > 0

    def check_same(self, **numbers: int):
        """Raise `LessonError` unless all workers give the same numbers, which are whole and below
        2²⁴."""
        for name, values in zip(
            numbers, self.gather(list(numbers.values())).T.astype(int).tolist()
        ):
            if len(set(values)) > 1:
                raise LessonError(
                    f"all workers must have the same {name}, but they have "
                    f"{', '.join(map(str, values))}; start all of them "
                    "with the same command and the same images, and let them resume from the "
                    "same run folder."
                )


def join(workers: int) -> Group:
    """Wait until all ``workers`` are there, and return their group; a single process is a group by
    itself.

    msrun runs a program once more than it has workers: as the scheduler, which stays in here until
    the others have ended. Raises `LessonError` when another number of workers was started, or when
    they do not find each other.
    """
    started = int(os.environ["MS_WORKER_NUM"]) if "MS_ROLE" in os.environ else 1  # msrun sets both
    if started != workers:
        raise LessonError(
            f"{workers} workers should train together, but {started} were started; use `train "
            f"--workers {workers}`, or msrun "
            f"with --worker_num {workers}."
        )
    return enter(workers) if "MS_ROLE" in os.environ else Group()


@cache  # a process enters once
def enter(workers: int) -> Group:
    if LAUNCHED in os.environ:
        end_with_parent()
        share_cores(workers)
    try:
        communication.init()
    except RuntimeError as error:
        raise LessonError(
            f"{workers} workers should find each other at "
            f"{os.environ['MS_SCHED_HOST']}:{os.environ['MS_SCHED_PORT']}, but "
            f"they did not ({str(error).splitlines()[0]}); check that all were started and that "
            "no firewall is between them."
        ) from error
    if os.environ["MS_ROLE"] == "MS_SCHED":
        sys.exit()
    return Group(communication.get_group_size(), communication.get_rank())


def share_cores(workers: int):
    """Keep this worker to its share of the machine's cores, where there is at least one for
    each."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    n, rank = len(cores) // workers, int(os.environ["RANK_ID"])
    if n and os.environ["MS_ROLE"] == "MS_WORKER":
        for thread in map(int, os.listdir("/proc/self/task")):
            with suppress(OSError):  # it has just ended
                os.sched_setaffinity(thread, cores[rank * n : (rank + 1) * n])


def averaging(optimizer: nn.Optimizer, group: Group):
    """Return what stands in for ``optimizer``: it is given the gradients of one worker's images,
    and uses the mean of all.

    They travel in one piece, since a message costs the same however short it is. Plain operators,
    without a cell around them, compile twice as fast as the methods of tensors.
    """
    shapes = [parameter.shape for parameter in optimizer.parameters]
    sizes = [parameter.size for parameter in optimizer.parameters]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    sum_over_workers, reshape, concatenate, cut = (
        ops.AllReduce(),
        ops.Reshape(),
        ops.Concat(),
        ops.Slice(),
    )

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
    """An image pool of all workers: each holds all its images, draws the same numbers, and gets the
    answers to its own fakes."""

    def __init__(self, group: Group, size: int = 50, seed: int = 0):
        super().__init__(size, seed)
        self.group = group

    def query(self, images: np.ndarray) -> np.ndarray:
        fakes = self.group.gather(images)  # workers×N×3×H×W
        # as in one large batch: worker r has every workers-th
        fakes = fakes.swapaxes(0, 1).reshape(-1, *images.shape[1:])
        return super().query(fakes)[self.group.rank :: self.group.size]
