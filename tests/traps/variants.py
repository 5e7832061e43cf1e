"""All traps by name. ``with trapped("shared_blocks"):`` builds and trains a model that has fallen into one."""

from collections.abc import Iterator
from contextlib import contextmanager

from traps import networks, steps
from traps.trap import Trap, replaced

TRAPS: dict[str, Trap] = {
    "shared_blocks": Trap(
        "residual blocks by list multiplication", "tutorial",
        {"generator.ResNetGenerator": networks.SharedBlocks},
    ),
    "norm_off": Trap(
        "batch norm, and set_train() is never called", "tutorial",
        {"layers.InstanceNorm2d": networks.BatchNormNeverTrained},
    ),
    "pool_forgets": Trap(
        "the image pool is a local variable", "tutorial",
        {"image_pool.ImagePool": steps.ForgetfulPool},
    ),
    "zero_padding_leaky": Trap(
        "zero padding, LeakyReLU in G, shifted upsampling", "tutorial",
        {"generator.ResNetGenerator": networks.ZeroPaddedLeaky, "layers.upsampling": networks.shifted_upsampling},
    ),
    "no_decay": Trap(
        "the learning rate does not decay", "tutorial",
        {"training.linear_decay": steps.no_decay},
    ),
    "half_cycle": Trap(
        "half the cycle gradient is missing", "public code",
        {"training.make_generator_step": steps.half_cycle},
    ),
    "mean_before_square": Trap(
        "D's map is averaged before the square", "public code",
        {"losses.adversarial_loss": steps.mean_before_square},
    ),
    "identity_twice": Trap(
        "the identity weight is applied twice", "public code",
        {"training.make_generator_step": steps.identity_twice},
    ),
    "d_loss_not_halved": Trap(
        "D's loss is not halved", "public code",
        {"training.make_discriminator_step": steps.d_loss_not_halved},
        harmless=True,
    ),
    "frozen_augmentation": Trap(
        "crops, flips and pairs are drawn once", "tutorial",
        {"dataset.load_unpaired": steps.frozen_augmentation},
    ),
    "layer_norm": Trap(
        "instance norm as group norm with one group", "public code",
        {"layers.InstanceNorm2d": networks.LayerNorm},
    ),
    "sigmoid_lsgan": Trap(
        "a sigmoid before the least squares", "tutorial",
        {"losses.adversarial_loss": steps.sigmoid_lsgan},
    ),
    "output_padding_zeros": Trap(
        "Conv2dTranspose(padding=1, output_padding=1)", "MindSpore",
        {"layers.upsampling": networks.zeros_upsampling},
    ),
}  # fmt: skip


@contextmanager
def trapped(name: str) -> Iterator[None]:
    """Inside, the package has fallen into the trap ``name``. Build *and* run everything inside: compiling looks names up."""
    with replaced(TRAPS[name].replacements):
        yield
