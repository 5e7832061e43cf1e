"""Trapped losses, pool, schedule, data and training steps. Each stands in for what its docstring names."""

from dataclasses import replace

import mindspore as ms
from mindspore import nn, ops

from cyclegan_lessons import dataset, losses, training
from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.image_pool import ImagePool
from cyclegan_lessons.losses import cycle_consistency_loss, identity_loss

right_adversarial_loss = losses.adversarial_loss
right_generator_step = training.make_generator_step
right_load_unpaired = dataset.load_unpaired

# ---------------------------------------------------------------------------------------------------------- the losses


def mean_before_square(prediction, is_real, kind="lsgan"):
    """`adversarial_loss` of the map's mean: (mean D − 1)² instead of mean (D − 1)²."""
    return right_adversarial_loss(prediction.mean(), is_real, kind)


def sigmoid_lsgan(prediction, is_real, kind="lsgan"):
    """`adversarial_loss` with a sigmoid before the square."""
    if kind == "lsgan":
        prediction = ops.sigmoid(prediction)
    return right_adversarial_loss(prediction, is_real, kind)


# ------------------------------------------------------------------------------------------- pool, schedule, augmentation


class ForgetfulPool(ImagePool):
    """`ImagePool` whose store is a local variable: empty at every call."""

    def query(self, images):
        self.images = []
        return super().query(images)


def no_decay(initial_rate, constant_epochs, decay_epochs):
    """`linear_decay` without the decay."""
    return [initial_rate] * (constant_epochs + decay_epochs)


def frozen_augmentation(folder, image_size=64, batch_size=1, seed=0, epoch=0, split="train", workers=1, rank=0):
    """`load_unpaired` of what was augmented and paired once: each epoch is epoch 0."""
    return right_load_unpaired(folder, image_size, batch_size, seed, 0, split, workers, rank)


# ----------------------------------------------------------------------------------------------------------- the steps


def identity_twice(networks, optimizer: nn.Optimizer, config: LessonConfig):
    """`make_generator_step` with the identity term inside the cycle's bracket: its weight is 5 · 10."""
    twice = replace(config, lambda_identity=config.lambda_identity * config.lambda_cycle)
    return right_generator_step(networks, optimizer, twice)


def half_cycle(networks, optimizer: nn.Optimizer, config: LessonConfig):
    """`make_generator_step` with a loss for G and a loss for F, each with the cycle that starts with its own network."""
    G, F, D_X, D_Y = networks.G, networks.F, networks.D_X, networks.D_Y
    kind, lambda_cycle, lambda_identity = config.adversarial, config.lambda_cycle, config.lambda_identity

    def one_loss(generator, back, D, image, other):
        fake, same = ops.chunk(generator(ops.concat((image, other))), 2)
        adversarial = losses.adversarial_loss(D(fake), True, kind)
        cycle, identity = cycle_consistency_loss(back(fake), image), identity_loss(same, other)
        return adversarial + lambda_cycle * cycle + lambda_identity * identity, adversarial, cycle, identity, fake

    def loss_of_g(x, y):
        return one_loss(G, F, D_Y, x, y)

    def loss_of_f(x, y):
        return one_loss(F, G, D_X, y, x)

    differentiate_g = ms.value_and_grad(loss_of_g, None, ms.ParameterTuple(G.trainable_params()), has_aux=True)
    differentiate_f = ms.value_and_grad(loss_of_f, None, ms.ParameterTuple(F.trainable_params()), has_aux=True)

    @ms.jit
    def generator_step(x, y):
        (total_g, loss_g, cycle_x, identity_y, fake_y), gradients_g = differentiate_g(x, y)
        (total_f, loss_f, cycle_y, identity_x, fake_x), gradients_f = differentiate_f(x, y)
        optimizer(gradients_g + gradients_f)
        return total_g + total_f, loss_g, loss_f, cycle_x, cycle_y, identity_x, identity_y, fake_x, fake_y

    return generator_step


def d_loss_not_halved(networks, optimizer: nn.Optimizer, config: LessonConfig):
    """`make_discriminator_step` with the sum of both cases instead of their mean."""
    D_X, D_Y, kind = networks.D_X, networks.D_Y, config.adversarial

    def discriminator_loss(D, real, fake):
        on_real, on_fake = ops.chunk(D(ops.concat((real, fake))), 2)
        return losses.adversarial_loss(on_real, True, kind) + losses.adversarial_loss(on_fake, False, kind)

    def both_losses(x, y, fake_x, fake_y):
        loss_x, loss_y = discriminator_loss(D_X, x, fake_x), discriminator_loss(D_Y, y, fake_y)
        return loss_x + loss_y, loss_x, loss_y

    differentiate = ms.value_and_grad(both_losses, None, optimizer.parameters, has_aux=True)

    @ms.jit
    def discriminator_step(x, y, fake_x, fake_y):
        (_, loss_x, loss_y), gradients = differentiate(x, y, fake_x, fake_y)
        optimizer(gradients)
        return loss_x, loss_y

    return discriminator_step
