"""CycleGAN Lessons: the paper's CycleGAN in MindSpore, one module per chapter of the course.

Read in this order:

- `config`: every number that a training depends on, and the three presets
- `images`: chapter 1, image files of any mode in, RGB out, and pixels as networks take them
- `orchard`: chapter 1, rendered apples and oranges, every scene with its twin
- `scene`: chapter 1, what is drawn at random for a scene, and its light
- `fruits`: chapter 1, how the fruits are painted
- `fetch`: chapter 1, the photographs of apple2orange
- `archives`: chapter 1, the archives that hold them, unpacked with care
- `records`: chapter 1, files of encoded images with checksums
- `dataset`: chapter 1, data folders, and random pairs out of them
- `layers`: convolutions and instance norm, the parts of both networks
- `generator`: chapter 2, the ResNet generator G, and F
- `discriminator`: chapter 3, the 70×70 PatchGAN, and its receptive field
- `losses`: chapter 4, adversarial, cycle-consistency and identity loss
- `image_pool`: chapter 5, older fakes for the discriminators
- `training`: chapter 6, the steps of G, F, D_X and D_Y, and the loop
- `fitting`: chapter 6, around the loop: check, record, save, stop, resume
- `checkpoint`: chapter 6, the state of a training in one file that is complete and checked
- `inference`: chapter 7, translate images with a trained generator
- `evaluation`: chapter 9, how good a translation is, with intervals
- `costs`: chapter 10, the arithmetic of a training step
- `amp`: chapter 10, convolutions in float16
- `parallel`: chapter 10, several processes train one model
- `contrast`: after CycleGAN, the patch-wise contrastive loss

These stand on a few tools, which you may skip:

- `errors`: the exceptions that the package raises on purpose
- `versions`: whether this Python and this MindSpore can run the course
- `device`: CPU, GPU or Ascend
- `processes`: locks, signals, workers and threads
- `files`: write a file completely or not at all
- `cache`: where downloads and prepared data sets are kept
- `history`: the table of a run, one row for each step
- `shading`: noise, blends and vectors for the renderer of the orchard
- `plotting`: grids of images, and curves of losses

The rest runs it: the commands, and what surrounds a training:

- `__main__`: the commands fetch, train, report, translate and evaluate
- `runs`: the folder of a run, with its configuration, history, samples and checkpoints
- `launcher`: several workers, started and watched
- `report`: a page about a run
- `report_parts`: its curves, pictures and tables
- `notebook`: what only the notebooks need
- `exercises`: the exercises, and the checks that answer
- `classroom`: progress, check-in, and a teacher's overview

A tool imports no lesson, a lesson imports nothing of what runs it, and nothing imports in a circle.
"""

import os

from cyclegan_lessons.processes import end_with_launcher

end_with_launcher()  # before anything that takes time
os.environ.setdefault("GLOG_v", "3")  # errors only; MindSpore reads it once, when it is imported

from cyclegan_lessons.versions import check_versions

check_versions()

from cyclegan_lessons.config import PRESETS, LessonConfig, get_preset
from cyclegan_lessons.dataset import load_images, load_unpaired, prepare_dataset
from cyclegan_lessons.device import select_device
from cyclegan_lessons.discriminator import PatchDiscriminator, receptive_field
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.fetch import fetch_apple2orange
from cyclegan_lessons.generator import ResNetGenerator
from cyclegan_lessons.image_pool import ImagePool
from cyclegan_lessons.inference import load_generator, translate
from cyclegan_lessons.layers import InstanceNorm2d
from cyclegan_lessons.losses import adversarial_loss, cycle_consistency_loss, identity_loss
from cyclegan_lessons.orchard import Orchard, render_orchard
from cyclegan_lessons.records import write_mindrecord
from cyclegan_lessons.training import CycleGANTrainer, linear_decay

__all__ = [
    "PRESETS",
    "CycleGANTrainer",
    "ImagePool",
    "InstanceNorm2d",
    "LessonConfig",
    "LessonError",
    "Orchard",
    "PatchDiscriminator",
    "ResNetGenerator",
    "adversarial_loss",
    "cycle_consistency_loss",
    "fetch_apple2orange",
    "get_preset",
    "identity_loss",
    "linear_decay",
    "load_generator",
    "load_images",
    "load_unpaired",
    "prepare_dataset",
    "receptive_field",
    "render_orchard",
    "select_device",
    "translate",
    "write_mindrecord",
]


def __getattr__(name: str) -> str:
    """``__version__``, looked up only when it is asked for: a copy that is not installed has
    none."""
    if name == "__version__":
        from importlib.metadata import version

        return version("cyclegan-lessons")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
