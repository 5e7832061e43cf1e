"""What each trap does, as one number. Every function gives another number inside its trap than
outside.

The package's names are looked up in its modules when a function runs, so that they mean what the
trap has put there.
"""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import mindspore as ms
import numpy as np
from helpers import Times
from mindspore import nn, ops
from parity import forward, without_jit
from PIL import Image

from cyclegan_lessons import (
    checkpoint,
    config,
    dataset,
    discriminator,
    generator,
    image_pool,
    images,
    layers,
    losses,
    records,
    training,
)
from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.orchard import render_orchard


def pictures(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


# --- the networks ---------------------------------------------------------------------------------


def parameters_of_g() -> int:
    return sum(parameter.size for parameter in generator.ResNetGenerator().get_parameters())


def one_channel() -> np.ndarray:
    """A map with mean 3 and standard deviation 7."""
    x = np.random.default_rng(0).normal(size=(1, 1, 32, 32))
    return (3 + 7 * (x - x.mean()) / x.std()).astype(np.float32)


def spread_behind_norm() -> float:
    return forward(layers.InstanceNorm2d().set_train(), one_channel(), "PyNative").std()


def spread_in_evaluation() -> float:
    """The same when evaluation mode was switched on for a sample, and never off again."""
    return forward(
        layers.InstanceNorm2d().set_train().set_train(False), one_channel(), "PyNative"
    ).std()


def spread_of_weak_channel() -> float:
    """Standard deviation behind the norm of a channel that is 10 times weaker than the seven beside
    it."""
    x = np.random.default_rng(0).normal(size=(1, 8, 32, 32)).astype(np.float32)
    x[:, 0] /= 10
    return forward(layers.InstanceNorm2d(), x, "PyNative")[0, 0].std()


def change_of_compiled_gradient() -> float:
    """How far the compiled gradient through two norms is from the one in PyNative mode, relative to
    its norm."""
    from test_layers import gradient_of_two_norms, uneven_images

    norm, x = layers.InstanceNorm2d(), ms.Tensor(uneven_images((2, 3, 6, 6), 1) + 3)
    plain = gradient_of_two_norms(layers.InstanceNorm2d(), x).asnumpy()
    compiled = ms.jit(gradient_of_two_norms)
    for _ in range(3):
        result = compiled(norm, x).asnumpy()
    return np.linalg.norm(result - plain) / np.linalg.norm(plain)


def corner_of_an_even_picture() -> float:
    """The first layer's value in the corner of a picture of one colour, relative to the middle; all
    weights are 1."""
    first = nn.SequentialCell(
        *list(generator.ResNetGenerator(base_channels=1, n_layers=0).encoder)[:2]
    )
    weight = first.trainable_params()[0]
    ops.assign(weight, ops.ones_like(weight))
    result = forward(first, np.full((1, 3, 16, 16), 0.7, np.float32), "PyNative")
    return result[0, 0, 0, 0] / result[0, 0, 8, 8]


def activation_of_minus_1() -> float:
    """What G's first activation makes of -1."""
    return forward(
        generator.ResNetGenerator(base_channels=1, n_layers=0).encoder[3],
        np.float32([-1]),
        "PyNative",
    )[0]


def upsampled_point() -> np.ndarray:
    """What an upsampling layer of ones makes of a map that is 0 but for a 1 at (3, 3)."""
    layer = layers.upsampling(1, 1)
    ops.assign(layer.weight, ops.ones_like(layer.weight))
    x = np.zeros((1, 1, 8, 8), np.float32)
    x[..., 3, 3] = 1
    return forward(layer, x, "PyNative")[0, 0]


def place_of_upsampled_point() -> float:
    # its 3×3 pixels have their middle there
    return np.flatnonzero(upsampled_point().sum(axis=0)).mean()


def zeros_in_the_last_row() -> float:
    """Share of exact zeros in the last row of an upsampled map of ones."""
    layer = layers.upsampling(2, 2)
    return np.mean(forward(layer, np.ones((1, 2, 8, 8), np.float32), "PyNative")[:, :, -1] == 0)


def field_of_d() -> int:
    return discriminator.receptive_field(discriminator.PatchDiscriminator(base_channels=1))


def different_scores() -> int:
    """How many different mean scores D gives to four pictures of noise."""
    ms.set_seed(0)
    D = discriminator.PatchDiscriminator(base_channels=2)
    return len(
        {
            round(float(forward(D, pictures(1, 3, 64, 64, seed=i), "PyNative").mean()), 6)
            for i in range(4)
        }
    )


def largest_score() -> float:
    """The largest score of a D whose last layer adds 10."""
    D = discriminator.PatchDiscriminator(base_channels=1)
    bias = D.trainable_params()[-1]
    ops.assign(bias, ops.full_like(bias, 10.0))
    return forward(D, np.zeros((1, 3, 32, 32), np.float32), "PyNative").max()


# --- losses, pool, schedule -----------------------------------------------------------------------


def loss_of_an_undecided_map() -> float:
    return float(losses.adversarial_loss(ms.Tensor(np.array([[[[3.0, -1.0]]]], np.float32)), True))


def pull_of_a_bad_score() -> float:
    """The gradient of G's loss at a score of -10."""
    gradient = ms.grad(lambda score: losses.adversarial_loss(score, True))
    return float(gradient(ms.Tensor(np.full((1, 1, 1, 1), -10, np.float32))))


def old_images() -> int:
    """How many of 2,000 queries after the first 50 return an image of an earlier one."""
    pool = image_pool.ImagePool()
    answers = [
        int(pool.query(np.full((1, 3, 2, 2), number, np.float32))[0, 0, 0, 0])
        for number in range(2050)
    ]
    return sum(answer < number for number, answer in enumerate(answers[50:], 50))


def last_rate() -> float:
    return training.linear_decay(2e-4, 100, 100)[-1]


def epochs_of_the_paper() -> int:
    return config.PRESETS["paper"].epochs


# --- the step -------------------------------------------------------------------------------------


class NoOptimizer:
    """Stands in for an optimiser: keeps the gradients that it is given and changes nothing."""

    def __init__(self, *networks: Times):
        self.parameters = ms.ParameterTuple([network.factor for network in networks])

    def __call__(self, gradients):
        self.gradients = [float(gradient) for gradient in gradients]


def one_step(**weights: float) -> SimpleNamespace:
    """G's step and D's step of the networks G(x) = x / 2, F(y) = 1.5 y, D_X(x) = x and D_Y(y) = y,
    in PyNative mode."""
    model = SimpleNamespace(
        G=Times(0.5, "G"), F=Times(1.5, "F"), D_X=Times(1, "D_X"), D_Y=Times(1, "D_Y")
    )
    of_g, of_d, setting = (
        NoOptimizer(model.G, model.F),
        NoOptimizer(model.D_X, model.D_Y),
        LessonConfig(**weights),
    )
    x, y = (ms.Tensor(a) for a in (pictures(1, 3, 4, 4, seed=1), pictures(1, 3, 4, 4, seed=2) / 2))
    with without_jit():
        generator_losses = training.generator_losses(model, setting)
        generator_step = training.compiled_update(generator_losses, of_g)
        discriminator_losses = training.discriminator_losses(model, setting)
        discriminator_step = training.compiled_update(discriminator_losses, of_d)
    model.values = [float(value) for value in generator_step(x, y)[:7]]
    model.through_g = model.G.images
    model.d_losses = [float(value) for value in discriminator_step(x, y, x, y)[1:]]
    model.gradients = of_g.gradients
    model.x, model.y = (float(a.abs().mean()) for a in (x, y))
    return model


def images_through_g() -> int:
    return one_step().through_g


def cycle_gradient() -> float:
    """G's gradient of the cycle losses alone, relative to the one by hand, where both cycles pass
    G."""
    with_cycle, without = one_step(lambda_cycle=1.0), one_step(lambda_cycle=0.0)
    return (with_cycle.gradients[0] - without.gradients[0]) / (-1.5 * (with_cycle.x + with_cycle.y))


def identity_weight() -> float:
    """The weight of the identity losses in the total, which the configuration sets to 5."""
    with_identity, without = one_step(), one_step(lambda_identity=0.0)
    return (with_identity.values[0] - without.values[0]) / sum(with_identity.values[5:])


def backward_cycle() -> float:
    """The backward cycle loss, relative to |1.5 · 0.5 − 1| times the mean of |y|, which it is by
    hand."""
    model = one_step()
    return model.values[4] / (0.25 * model.y)


def identity_of_g() -> float:
    """The identity loss of G, relative to |0.5 − 1| times the mean of |y|, which it is by hand."""
    model = one_step()
    return model.values[6] / (0.5 * model.y)


def d_weight_after_10_steps() -> float:
    """What 10 steps of Adam make of D_X(x) = x, whose best factor is below 1."""
    model = SimpleNamespace(D_X=Times(1, "D_X"), D_Y=Times(1, "D_Y"))
    optimizer = nn.Adam([model.D_X.factor, model.D_Y.factor], learning_rate=0.01, beta1=0.5)
    with without_jit():
        losses_of_d = training.discriminator_losses(model, LessonConfig())
        step = training.compiled_update(losses_of_d, optimizer)
    for i in range(10):
        step(*(ms.Tensor(image) for image in pictures(4, 1, 3, 4, 4, seed=i)))
    return float(model.D_X.factor)


def loss_of_d() -> float:
    """The loss of D_X, relative to equation 1 halved, by hand."""
    x = pictures(1, 3, 4, 4, seed=1)
    return one_step().d_losses[0] / (((x - 1) ** 2).mean() / 2 + (x**2).mean() / 2)


# --- data and checkpoints -------------------------------------------------------------------------


def crops_of_one_image() -> int:
    """How many different crops eight epochs show of a data set of one image."""
    with tempfile.TemporaryDirectory() as folder:
        scene = render_orchard(1, 64).images[0]
        for name in ("train_x", "train_y"):
            records.write_mindrecord([("one", scene)], Path(folder) / f"{name}.mindrecord")
        epochs = [
            dataset.load_unpaired(folder, 64, epoch=e).create_tuple_iterator(output_numpy=True)
            for e in range(8)
        ]
        crops = [next(iter(epoch))[0] for epoch in epochs]
    return len({crop.tobytes() for crop in crops})


def partners_of_one_image() -> int:
    """How many different Y, of two, the first X meets in six epochs."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("train_x", "train_y"):
            shades = (np.full((16, 16, 3), 60 * i, np.uint8) for i in range(2))
            records.write_mindrecord(
                ((f"{i}", s) for i, s in enumerate(shades)), Path(folder) / f"{name}.mindrecord"
            )
        pairs = [
            tuple(round((float(image.mean()) + 1) * 127.5) for image in pair)
            for epoch in range(6)
            for pair in dataset.load_unpaired(folder, 16, epoch=epoch).create_tuple_iterator(
                output_numpy=True
            )
        ]
    return len({y for x, y in pairs if x == 0})


def pictures_lost() -> int:
    """How many of a coloured and a greyscale picture are None when they were read."""
    with tempfile.TemporaryDirectory() as folder:
        for mode in ("RGB", "L"):
            Image.new(mode, (8, 8), 100 if mode == "L" else (200, 30, 40)).save(
                Path(folder) / f"{mode}.png"
            )
        return sum(images.read_image(Path(folder) / f"{mode}.png") is None for mode in ("RGB", "L"))


def weights_not_loaded() -> int:
    """How many of G's parameters still have their start values after loading a checkpoint with one
    renamed block."""
    source, target = (generator.ResNetGenerator(base_channels=2, n_layers=1) for _ in range(2))
    tensors = {
        name.replace("blocks", "body"): ms.Tensor(p.asnumpy() + 1)
        for name, p in source.parameters_and_names()
    }
    before = [p.asnumpy().copy() for p in target.trainable_params()]
    try:
        checkpoint.load_strictly(target, tensors, "renamed.ckpt")
    except checkpoint.LessonError:
        return 0  # nothing was loaded, and it was said
    return sum(
        np.array_equal(old, p.asnumpy())
        for old, p in zip(before, target.trainable_params(), strict=True)
    )


def compiled_sees_what_was_loaded() -> float:
    """What a compiled function that returns a parameter, 1 when it was compiled, returns after
    loading 5."""
    cell = Held()
    function = ms.jit(cell)
    function(ms.Tensor(0.0))
    checkpoint.assign_strictly({"value": cell.value}, {"value": ms.Tensor(5.0)}, "five.ckpt")
    return float(function(ms.Tensor(0.0)))


class Held(nn.Cell):
    """A parameter that is added."""

    def __init__(self):
        super().__init__()
        self.value = ms.Parameter(ms.Tensor(1.0), name="value")

    def construct(self, x):
        return x + self.value


# --- resuming -------------------------------------------------------------------------------------


def saved_and_resumed() -> tuple:
    """A trainer after 5 steps, in which every number is 2, and another one that has restored its
    checkpoint."""
    setting = LessonConfig(base_channels=1, n_layers=0, image_size=24, pool_size=1)
    trainer, other = training.CycleGANTrainer(setting), training.CycleGANTrainer(setting)
    for parameter in trainer.parameters().values():
        ops.assign(parameter, ops.full_like(parameter, 2))
    trainer.step = 5
    trainer.pool_x.query(pictures(1, 3, 24, 24)), trainer.pool_y.query(pictures(1, 3, 24, 24))
    with tempfile.TemporaryDirectory() as folder:
        trainer.save(Path(folder) / "step5.ckpt")
        other.restore(Path(folder) / "step5.ckpt")
    return trainer, other


def step_after_resuming() -> int:
    return saved_and_resumed()[1].step


def moments_after_resuming() -> float:
    """Share of Adam's moments that are those of the checkpoint."""
    return float(
        np.mean([bool((m == 2).all()) for m in saved_and_resumed()[1].generator_optimizer.moment2])
    )


def weights_after_resuming() -> float:
    """Share of G's parameters that are those of the checkpoint."""
    return float(
        np.mean([bool((p == 2).all()) for p in saved_and_resumed()[1].G.trainable_params()])
    )
