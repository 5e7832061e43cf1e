"""CycleGAN Lessons: the paper's CycleGAN in MindSpore, for the chapters of the course.

Read in this order:

- `config`: every number that a training depends on, and the presets
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
- `detail`: chapter 2, a generator that keeps the details of its image
- `discriminator`: chapter 3, the 70×70 PatchGAN, and its receptive field
- `losses`: chapter 4, adversarial, cycle-consistency and identity loss
- `image_pool`: chapter 5, older fakes for the discriminators
- `training`: chapter 6, the steps of G, F, D_X and D_Y, and the loop
- `fitting`: chapter 6, around the loop: check, record, save, stop, resume
- `checkpoint`: chapter 6, the state of a training in one file that is complete and checked
- `inference`: chapter 7, translate images with a trained generator
- `picture_files`: chapter 7, translate image files and folders
- `evaluation`: chapter 8, how good a translation is, with intervals
- `scores`: chapter 8, the test images of a data set, translated and scored
- `contrast`: chapter 11, the patch-wise contrastive loss
- `contrast_training`: chapter 11, a translator that learns without a way back
- `costs`: chapter 12, the arithmetic of a training step
- `amp`: chapter 12, convolutions in float16
- `parallel`: chapter 12, several processes train one model

These stand on a few tools, which you may skip:

- `errors`: the exceptions that the package raises on purpose
- `language`: what the course says, in the language that is chosen
- `versions`: whether this Python and this MindSpore can run the course
- `device`: CPU, GPU or Ascend
- `diagnosis`: what a device needs, and what of it is missing
- `processes`: locks, signals, workers and threads
- `files`: write a file completely or not at all
- `cache`: where downloads and prepared data sets are kept
- `progress`: a bar for what takes long
- `shading`: noise, blends and vectors for the renderer of the orchard
- `plotting`: grids of images, and curves of losses

The rest runs it: the commands, and what surrounds a training:

- `__main__`: one command, from its line to its exit status
- `commands`: what fetch, train, report, translate, evaluate, export and devices do
- `arguments`: the options of the commands
- `history`: the table of a run, one row for each step
- `runs`: the folder of a run, with its configuration, history, samples and checkpoints
- `launcher`: several workers, started and watched
- `report`: a page about a run
- `report_parts`: its curves, pictures and tables
- `export`: the generators for other programs, as ONNX files or as one HTML page
- `notebook`: what only the notebooks need
- `exercises`: the exercises, and the checks that answer
- `classroom`: progress, check-in, and a teacher's overview

A tool imports no lesson, a lesson imports nothing of what runs it, and nothing imports in a circle.
"""

import os
from importlib import import_module
from importlib.metadata import version

from cyclegan_lessons.processes import end_with_launcher
from cyclegan_lessons.versions import check_versions

end_with_launcher()  # before anything that takes time
os.environ.setdefault("GLOG_v", "3")  # errors only; MindSpore reads it once, when it is imported

# The public names of each module. A module is imported when one of its names is first used, since
# MindSpore takes two seconds: `--help` and a mistyped option are answered in a tenth of one, and
# the commands can say in a sentence what the import would say in a traceback.
PUBLIC = {
    "config": ("PRESETS", "LessonConfig", "get_preset"),
    "dataset": ("load_images", "load_unpaired", "prepare_dataset"),
    "detail": ("DetailGenerator",),
    "device": ("select_device",),
    "discriminator": ("PatchDiscriminator", "receptive_field"),
    "errors": ("LessonError",),
    "fetch": ("fetch_apple2orange",),
    "generator": ("ResNetGenerator",),
    "image_pool": ("ImagePool",),
    "inference": ("load_generator", "translate"),
    "layers": ("InstanceNorm2d",),
    "losses": ("adversarial_loss", "cycle_consistency_loss", "identity_loss"),
    "orchard": ("Orchard", "render_orchard"),
    "records": ("write_mindrecord",),
    "training": ("CycleGANTrainer", "linear_decay"),
}
_home = {name: module for module, names in PUBLIC.items() for name in names}
__all__ = list(_home)


def __getattr__(name: str):
    """Import a public name from its module; Python calls this for what it does not find here."""
    if name == "__version__":  # a copy that is not installed has none
        return version("cyclegan-lessons")
    if name not in _home:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    check_versions()
    return getattr(import_module(f"{__name__}.{_home[name]}"), name)


def __dir__() -> list[str]:
    """What the Tab key offers."""
    return sorted({*globals(), *__all__})
