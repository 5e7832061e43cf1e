"""CycleGAN Lessons: the paper's CycleGAN in MindSpore, one module per chapter of the course."""

import os
from importlib import import_module

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
    if name not in _home:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    check_versions()
    return getattr(import_module(f"{__name__}.{_home[name]}"), name)


def __dir__() -> list[str]:
    """What the Tab key offers."""
    return sorted({*globals(), *__all__})
