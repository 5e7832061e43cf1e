"""CycleGAN Lessons: the paper's CycleGAN in MindSpore, one module per chapter of the course."""

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
