"""Trapped losses, pool, schedule, data and training steps. Each stands in for what its docstring
names."""

from dataclasses import replace

import mindspore as ms
import mindspore.dataset as ds
import numpy as np
from mindspore import ops
from PIL import Image

from cyclegan_lessons import checkpoint, config, dataset, images, losses, records, training
from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.device import quiet_mindspore
from cyclegan_lessons.image_pool import ImagePool
from cyclegan_lessons.losses import cycle_consistency_loss, identity_loss

right_adversarial_loss = losses.adversarial_loss
right_discriminator_losses = training.discriminator_losses
right_generator_losses = training.generator_losses
right_load_unpaired = dataset.load_unpaired
right_read_image = images.read_image
right_restore = training.CycleGANTrainer.restore

# --- the losses -----------------------------------------------------------------------------------


def mean_before_square(prediction, is_real, kind="lsgan"):
    """`adversarial_loss` of the map's mean: (mean D − 1)² instead of mean (D − 1)²."""
    return right_adversarial_loss(prediction.mean(), is_real, kind)


def sigmoid_lsgan(prediction, is_real, kind="lsgan"):
    """`adversarial_loss` with a sigmoid before the square."""
    if kind == "lsgan":
        prediction = ops.sigmoid(prediction)
    return right_adversarial_loss(prediction, is_real, kind)


# --- pool, schedule, augmentation -----------------------------------------------------------------


class ForgetfulPool(ImagePool):
    """`ImagePool` whose store is a local variable: empty at every call."""

    def query(self, images):
        self.images = []
        return super().query(images)


def no_decay(initial_rate, constant_epochs, decay_epochs):
    """`linear_decay` without the decay."""
    return [initial_rate] * (constant_epochs + decay_epochs)


def decay_to_zero(initial_rate, constant_epochs, decay_epochs):
    """`linear_decay` whose last epoch, not the one after it, has the rate 0."""
    epochs = constant_epochs + decay_epochs
    return [initial_rate * min(1.0, (epochs - 1 - epoch) / decay_epochs) for epoch in range(epochs)]


seven_epochs = {
    **config.PRESETS,
    "paper": replace(config.PRESETS["paper"], constant_epochs=7, decay_epochs=0),
}


def same_counter(folder, image_size, batch_size=1, seed=0, epoch=0, workers=1, rank=0):
    """`load_unpaired` with one counter for both sides: X number i always comes with Y number i."""
    rng, sides = np.random.default_rng([seed, epoch]), []
    for domain in "xy":
        path = records.check_mindrecord(folder, f"train_{domain}")
        rows = ds.MindDataset(path, ["image"], num_parallel_workers=1, shuffle=False)
        sides.append(rows.rename("image", f"image_{domain}"))
    columns = ["image_x", "image_y"]

    def augment_pair(*pair):
        return tuple(dataset.augment(image, image_size, rng) for image in pair)

    pairs = ds.zip(tuple(sides)).map(augment_pair, columns, columns, num_parallel_workers=1)
    return pairs.batch(batch_size, drop_remainder=True, num_parallel_workers=1)


def frozen_augmentation(folder, image_size, batch_size=1, seed=0, epoch=0, workers=1, rank=0):
    """`load_unpaired` of what was augmented and paired once: each epoch is epoch 0."""
    return right_load_unpaired(folder, image_size, batch_size, seed, 0, workers, rank)


# --- what a step minimises ------------------------------------------------------------------------


def identity_twice(networks, config: LessonConfig):
    """`generator_losses` with the identity term in the cycle's bracket: its weight is 5 · 10."""
    twice = replace(config, lambda_identity=config.lambda_identity * config.lambda_cycle)
    return right_generator_losses(networks, twice)


def d_loss_not_halved(networks, config: LessonConfig):
    """`discriminator_losses` with the sum of both cases instead of their mean."""
    right = right_discriminator_losses(networks, config)

    def losses(x, y, fake_x, fake_y):
        both, loss_x, loss_y = right(x, y, fake_x, fake_y)
        return 2 * both, 2 * loss_x, 2 * loss_y

    return losses


def three_passes(networks, config: LessonConfig):
    """`generator_losses` with a pass for the fakes, one for G's gradient, and another for F's."""
    right = right_generator_losses(networks, config)

    def losses(x, y):
        networks.G(x), networks.F(y)
        right(x, y)
        return right(x, y)

    return losses


def generator_losses_with(terms):
    """A `generator_losses` with other ``terms(G, F, x, y)``.

    These are cycle_x, cycle_y, identity_x, identity_y, fake_x and fake_y.
    """

    def make(networks, config: LessonConfig):
        G, F, D_X, D_Y = networks.G, networks.F, networks.D_X, networks.D_Y
        kind, lambda_cycle = config.adversarial, config.lambda_cycle
        lambda_identity = config.lambda_identity

        def generator_loss(x, y):
            cycle_x, cycle_y, identity_x, identity_y, fake_x, fake_y = terms(G, F, x, y)
            loss_g = losses.adversarial_loss(D_Y(fake_y), True, kind)
            loss_f = losses.adversarial_loss(D_X(fake_x), True, kind)
            total = loss_g + loss_f + lambda_cycle * (cycle_x + cycle_y)
            total = total + lambda_identity * (identity_x + identity_y)
            return total, loss_g, loss_f, cycle_x, cycle_y, identity_x, identity_y, fake_x, fake_y

        return generator_loss

    return make


@generator_losses_with
def half_cycle(G, F, x, y):
    """A loss for G and one for F, each with the cycle that starts with its own network.

    The network of the way back gets no gradient for its weights.
    """
    fake_x, fake_y = F(y), G(x)
    cycle_x = cycle_consistency_loss(with_fixed_weights(F, fake_y), x)
    cycle_y = cycle_consistency_loss(with_fixed_weights(G, fake_x), y)
    return cycle_x, cycle_y, identity_loss(F(x), x), identity_loss(G(y), y), fake_x, fake_y


def with_fixed_weights(network, image):
    """The network's result, whose gradient reaches the image but not the network's weights."""
    same = ops.stop_gradient(image)  # through it the gradient reaches the weights alone
    return network(image) - network(same) + ops.stop_gradient(network(same))


@generator_losses_with
def forward_cycle_twice(G, F, x, y):
    """The backward cycle is the forward one again, x → G(x) → F(G(x)).

    It should be y → F(y) → G(F(y)).
    """
    fake_x, fake_y = F(y), G(x)
    cycle = cycle_consistency_loss(F(fake_y), x)
    return cycle, cycle, identity_loss(F(x), x), identity_loss(G(y), y), fake_x, fake_y


@generator_losses_with
def identity_of_the_wrong_domain(G, F, x, y):
    """The identity loss asks G(x) = x instead of G(y) = y: not to translate at all."""
    fake_x, fake_y = F(y), G(x)
    cycle_x, cycle_y = cycle_consistency_loss(F(fake_y), x), cycle_consistency_loss(G(fake_x), y)
    return cycle_x, cycle_y, identity_loss(fake_x, y), identity_loss(fake_y, x), fake_x, fake_y


# --- files, checkpoints, resuming -----------------------------------------------------------------


def no_greyscale(path):
    """`read_image` that returns None for a greyscale picture."""
    return None if Image.open(path).mode == "L" else right_read_image(path)


def load_ignoring_the_answer(cell, tensors, source, prefix=""):
    """`load_strictly` by MindSpore's own function, which returns what it did not load. Nobody looks
    at that."""
    stored = {name.removeprefix(prefix): ms.Parameter(tensor) for name, tensor in tensors.items()}
    with quiet_mindspore():
        ms.load_param_into_net(cell, stored)


def set_data_instead_of_assign(parameters, stored, source):
    """`assign_strictly` with `Parameter.set_data`, which gives the parameter another piece of
    memory."""
    for name, parameter in parameters.items():
        parameter.set_data(ms.Tensor(stored[name].asnumpy(), parameter.dtype))


def resume_at_epoch_0(trainer, path):
    """`restore` that forgets how far the run was."""
    right_restore(trainer, path)
    trainer.step = 0


def resume_without_moments(trainer, path):
    """`restore` of the networks alone; both optimisers start anew."""
    tensors, info = checkpoint.read_checkpoint(path)
    names = trainer.networks.parameters_dict()
    checkpoint.assign_strictly(names, {name: tensors[name] for name in names}, path)
    for name, pool in (("pool_x", trainer.pool_x), ("pool_y", trainer.pool_y)):
        pool.load_state(
            {"images": list(tensors[f"{name}.images"].asnumpy()), "rng": info["pools"][name]}
        )
    trainer.step = info["step"]


def resume_with_nothing(trainer, path):
    """`restore` of names that the networks do not have: nothing is loaded, and nothing is said."""
    tensors, info = checkpoint.read_checkpoint(path)
    with quiet_mindspore():
        ms.load_param_into_net(
            trainer.networks, {f"{name}.0": ms.Parameter(t) for name, t in tensors.items()}
        )
    trainer.step = info["step"]
