"""All traps by name. ``with trapped("shared_blocks"):`` builds and trains a model that has fallen
into one."""

from collections.abc import Iterator
from contextlib import contextmanager

from traps import effects, fixtures, networks, steps
from traps.trap import Check, Trap, replaced

FORMULA = Check("test_layers.test_instance_norm_formula")
UPSAMPLING = Check("test_layers.test_upsampling_spreads_each_pixel")
BORDER = Check("test_generator.test_a_picture_of_one_colour_has_no_border")
G_FORWARD = Check("test_parity.test_generator_forward", size="32x32", batch=1, mode="PyNative")
PATCHES = Check("test_losses.test_adversarial_loss_judges_every_patch")
CLOSED_FORM = Check(
    "test_training.test_losses_and_gradients_in_closed_form",
    a=0.5,
    b=1.5,
    c=1.0,
    d=1.0,
    cycle=10.0,
    identity=5.0,
    batch=1,
    seed=0,
)
SCHEDULE = Check("test_training.test_schedule_of_the_paper")
RESTORED = Check("test_training.test_restore_brings_back_all_that_save_wrote")

TRAPS: dict[str, Trap] = {
    # --- in the tutorial --------------------------------------------------------------------------
    "shared_blocks": Trap(
        "residual blocks by list multiplication, [block] * n",
        "tutorial",
        {"generator.ResNetGenerator": networks.SharedBlocks},
        "nine blocks share one set of weights: {bad:,} parameters instead of {right:,}",
        effects.parameters_of_g,
        1_936_899,
        11_378_179,
        (Check("test_generator.test_nine_distinct_blocks"),),
    ),
    "norm_off": Trap(
        "batch norm, and set_train() is never called",
        "tutorial",
        {"layers.InstanceNorm2d": networks.BatchNormNeverTrained},
        "the norm does nothing: a standard deviation of 7 comes out as {bad:.2f} instead of "
        "{right:.2f}",
        effects.spread_behind_norm,
        7,
        1,
        (FORMULA,),
    ),
    "pool_forgets": Trap(
        "the image pool is a local variable",
        "tutorial",
        {"image_pool.ImagePool": steps.ForgetfulPool},
        "D never sees an older fake: {bad} of 2,000 queries instead of {right:,}",
        effects.old_images,
        0,
        1000,
        (Check("test_image_pool.test_half_of_the_answers_are_old"),),
    ),
    "three_passes": Trap(
        "G runs three times forward and twice backward a step",
        "tutorial",
        {"training.generator_losses": steps.three_passes},
        "same result, more work: {bad} images pass G in a step instead of {right}",
        effects.images_through_g,
        7,
        3,
        (Check("test_training.test_no_image_passes_a_network_twice"),),
    ),
    "frozen_augmentation": Trap(
        "crops, flips and pairs are drawn once and stored",
        "tutorial",
        {"dataset.load_unpaired": steps.frozen_augmentation},
        "8 epochs show {bad} crop of an image instead of {right}",
        effects.crops_of_one_image,
        1,
        8,
        (Check("test_dataset.test_one_image_differs_over_two_epochs"),),
    ),
    "zero_padding": Trap(
        "zero padding in G",
        "tutorial",
        {"generator.ResNetGenerator": networks.ZeroPadded},
        "a picture of one colour gets a border: its corner has {bad:.0%} of the middle's value "
        "instead of {right:.0%}",
        effects.corner_of_an_even_picture,
        16 / 49,
        1,
        (BORDER,),
    ),
    "leaky_generator": Trap(
        "LeakyReLU in G",
        "tutorial",
        {"generator.ResNetGenerator": networks.Leaky},
        "negative values pass: -1 comes out as {bad:.1f} instead of {right:.0f}",
        effects.activation_of_minus_1,
        -0.2,
        0,
        (G_FORWARD,),
    ),
    "shifted_upsampling": Trap(
        'Conv2dTranspose(pad_mode="same")',
        "tutorial",
        {"layers.upsampling": networks.shifted_upsampling},
        "the map moves by one pixel: column 3 of the small one becomes column {bad:.0f} instead "
        "of {right:.0f}",
        effects.place_of_upsampled_point,
        7,
        6,
        (UPSAMPLING,),
    ),
    "zero_padding_leaky": Trap(
        "the last three at once",
        "tutorial",
        {
            "generator.ResNetGenerator": networks.ZeroPaddedLeaky,
            "layers.upsampling": networks.shifted_upsampling,
        },
        "a picture of one colour gets a border: its corner has {bad:.0%} of the middle's value "
        "instead of {right:.0%}",
        effects.corner_of_an_even_picture,
        16 / 49,
        1,
        (BORDER, G_FORWARD, UPSAMPLING),
    ),
    "no_decay": Trap(
        "the learning rate does not decay",
        "tutorial",
        {"training.linear_decay": steps.no_decay},
        "the last of 200 epochs has the rate {bad:.1e} instead of {right:.1e}",
        effects.last_rate,
        2e-4,
        2e-4 / 101,
        (SCHEDULE,),
    ),
    "seven_epochs": Trap(
        "seven epochs",
        "tutorial",
        {"config.PRESETS": steps.seven_epochs},
        "the schedule has {bad} epochs instead of {right}",
        effects.epochs_of_the_paper,
        7,
        200,
        (Check("test_config.test_the_paper_preset_is_the_paper"),),
    ),
    "sigmoid_lsgan": Trap(
        "a sigmoid before the least squares, as the text has it",
        "tutorial",
        {"losses.adversarial_loss": steps.sigmoid_lsgan},
        "a bad fake hardly teaches G: the gradient at a score of -10 is {bad:.5f} instead of "
        "{right:.0f}",
        effects.pull_of_a_bad_score,
        -9.08e-5,
        -22,
        (PATCHES,),
    ),
    "sigmoid_scores": Trap(
        "a sigmoid at the end of D, as the text has it",
        "tutorial",
        {"discriminator.PatchDiscriminator": networks.SigmoidScores},
        "a last bias of 10 gives scores of {bad:.2f} instead of {right:.2f}",
        effects.largest_score,
        1,
        10,
        (Check("test_discriminator.test_scores_are_raw"),),
    ),
    "half_loaded": Trap(
        "the answer of load_param_into_net is ignored",
        "tutorial",
        {"checkpoint.load_strictly": steps.load_ignoring_the_answer},
        "a checkpoint with a renamed block leaves {bad} parameters as they were and says nothing; "
        "else it is refused",
        effects.weights_not_loaded,
        4,
        0,
        (
            Check(
                "test_checkpoint.test_a_checkpoint_that_does_not_fit_changes_nothing",
                change=lambda tensors: tensors.pop("blocks.0.body.1.weight"),
                numbers="1 parameters are missing",
            ),
        ),
    ),
    "forward_cycle_twice": Trap(
        "the backward cycle is printed as x → G(x) → F(G(x))",
        "tutorial",
        {"training.generator_losses": steps.forward_cycle_twice},
        "the second cycle looks at x: its loss is {bad:.2f} times |y − G(F(y))| instead of "
        "{right:.0f}",
        effects.backward_cycle,
        2.083,
        1,
        (CLOSED_FORM,),
    ),
    "biasless_output": Trap(
        "the output layer has no bias",
        "tutorial",
        {"generator.ResNetGenerator": networks.BiaslessOutput},
        "{bad:,} parameters instead of {right:,}",
        effects.parameters_of_g,
        11_378_176,
        11_378_179,
        (Check("test_generator.test_parameters_at_the_papers_size"),),
    ),
    # --- in other public code ---------------------------------------------------------------------
    "layer_norm": Trap(
        "instance norm as group norm with one group",
        "public code",
        {"layers.InstanceNorm2d": networks.LayerNorm},
        "a weak channel stays weak: standard deviation {bad:.2f} behind the norm instead of "
        "{right:.2f}",
        effects.spread_of_weak_channel,
        0.1033,
        1,
        (FORMULA,),
    ),
    "gamma_around_zero": Trap(
        "instance norm with gamma drawn around 0",
        "public code",
        {"layers.InstanceNorm2d": networks.GammaAroundZero},
        "every layer turns its signal down: standard deviation {bad:.3f} behind the norm instead "
        "of {right:.0f}",
        effects.spread_behind_norm,
        0.0025,
        1,
        (Check("test_layers.test_instance_norm_epsilon"),),
    ),
    "down_to_one_pixel": Trap(
        "instance norm on a 1×1 map",
        "public code",
        {"discriminator.PatchDiscriminator": networks.DownToOnePixel},
        "the norm of one pixel is 0: of four different pictures D makes {bad} score instead of "
        "{right}",
        effects.different_scores,
        1,
        4,
        (Check("test_discriminator.test_a_map_of_30x30_at_the_papers_size"),),
    ),
    "half_cycle": Trap(
        "one of the two cycle terms in each generator's loss",
        "public code",
        {"training.generator_losses": steps.half_cycle},
        "G gets {bad:.0%} of its cycle gradient instead of {right:.0%}",
        effects.cycle_gradient,
        0.6756,
        1,
        (CLOSED_FORM,),
    ),
    "four_strides": Trap(
        "four strided layers in D, as the paper's prose has it",
        "public code",
        {"discriminator.PatchDiscriminator": networks.FourStrides},
        "a score sees {bad}×{bad} pixels instead of {right}×{right}",
        effects.field_of_d,
        94,
        70,
        (
            Check(
                "test_discriminator.test_receptive_field_is_the_one_in_the_gradients",
                n_layers=3,
                expected=70,
            ),
        ),
    ),
    "mean_before_square": Trap(
        "D's map is averaged before the square",
        "public code",
        {"losses.adversarial_loss": steps.mean_before_square},
        "no longer a PatchGAN: patches of 3 and -1 have the loss {bad:.0f} instead of {right:.0f}",
        effects.loss_of_an_undecided_map,
        0,
        4,
        (PATCHES,),
    ),
    "identity_twice": Trap(
        "the identity weight is multiplied twice",
        "public code",
        {"training.generator_losses": steps.identity_twice},
        "it is {bad:.0f} instead of {right:.0f}",
        effects.identity_weight,
        50,
        5,
        (CLOSED_FORM,),
    ),
    "d_loss_not_halved": Trap(
        "D's loss is not halved",
        "public code",
        {"training.discriminator_losses": steps.d_loss_not_halved},
        "harmless: D's loss is {bad:.0f} times the paper's, not {right:.0f}, but Adam divides by "
        "the gradient's size",
        effects.loss_of_d,
        2,
        1,
        (CLOSED_FORM,),
    ),
    "same_counter": Trap(
        "X and Y are read with the same counter",
        "public code",
        {"dataset.load_unpaired": steps.same_counter},
        "over 6 epochs an X meets {bad} of two Y instead of {right}",
        effects.partners_of_one_image,
        1,
        2,
        (
            Check(
                "test_dataset.test_the_draws_of_x_and_y_are_independent",
                fixtures={"numbered": fixtures.numbered},
            ),
        ),
    ),
    "evaluation_mode_stays": Trap(
        "evaluation mode is switched on and never off again",
        "public code",
        {"layers.InstanceNorm2d": networks.NormByMode},
        "with a norm that knows modes, a standard deviation of 7 comes out as {bad:.2f} instead "
        "of {right:.2f}",
        effects.spread_in_evaluation,
        7,
        1,
        (Check("test_layers.test_instance_norm_is_the_same_in_training_and_inference"),),
    ),
    "decay_to_zero": Trap(
        "the decay is off by one",
        "public code",
        {"training.linear_decay": steps.decay_to_zero},
        "the last epoch has the rate {bad:.1e} instead of {right:.1e} and changes nothing",
        effects.last_rate,
        0,
        2e-4 / 101,
        (SCHEDULE,),
    ),
    "resume_at_epoch_0": Trap(
        "a resumed run starts at epoch 0",
        "public code",
        {"training.CycleGANTrainer.restore": steps.resume_at_epoch_0},
        "after 5 steps it goes on at step {bad} instead of {right}",
        effects.step_after_resuming,
        0,
        5,
        (RESTORED,),
    ),
    "resume_without_moments": Trap(
        "a resumed run has lost Adam's moments",
        "public code",
        {"training.CycleGANTrainer.restore": steps.resume_without_moments},
        "{bad:.0%} of them are there instead of {right:.0%}",
        effects.moments_after_resuming,
        0,
        1,
        (RESTORED,),
    ),
    "resume_with_nothing": Trap(
        "a resumed run has loaded nothing, and nothing is said",
        "public code",
        {"training.CycleGANTrainer.restore": steps.resume_with_nothing},
        "{bad:.0%} of G's weights are the checkpoint's instead of {right:.0%}",
        effects.weights_after_resuming,
        0,
        1,
        (RESTORED,),
    ),
    "greyscale_lost": Trap(
        "a greyscale picture becomes None",
        "public code",
        {"images.read_image": steps.no_greyscale},
        "{bad} of two pictures is lost instead of {right}",
        effects.pictures_lost,
        1,
        0,
        (Check("test_images.test_greyscale_becomes_rgb"),),
    ),
    # --- found while this was written -------------------------------------------------------------
    "identity_of_the_wrong_domain": Trap(
        "the identity loss is |G(x) − x|",
        "own find",
        {"training.generator_losses": steps.identity_of_the_wrong_domain},
        "it punishes translating: {bad:.2f} times |G(y) − y| instead of {right:.0f}",
        effects.identity_of_g,
        2.083,
        1,
        (CLOSED_FORM,),
    ),
    "moving_moments": Trap(
        "instance norm by BatchNorm with a momentum above 0",
        "MindSpore",
        {"layers.InstanceNorm2d": networks.MovingMoments},
        "compiled, it overwrites its own constants: the third gradient is off by {bad:.0%} "
        "instead of {right:.0%}",
        effects.change_of_compiled_gradient,
        14.215,
        0,
        (Check("test_layers.test_instance_norm_does_not_change_itself_in_a_compiled_gradient"),),
    ),
    "set_data": Trap(
        "Parameter.set_data after compiling",
        "MindSpore",
        {"checkpoint.assign_strictly": steps.set_data_instead_of_assign},
        "a compiled function goes on with the old value: {bad:.0f} instead of {right:.0f}",
        effects.compiled_sees_what_was_loaded,
        1,
        5,
        (Check("test_checkpoint.test_a_compiled_function_sees_what_was_loaded"),),
    ),
    "output_padding_zeros": Trap(
        "Conv2dTranspose(padding=1, output_padding=1)",
        "MindSpore",
        {"layers.upsampling": networks.zeros_upsampling},
        "{bad:.0%} of the last row are exact zeros instead of {right:.0%}",
        effects.zeros_in_the_last_row,
        1,
        0,
        (UPSAMPLING,),
    ),
}


@contextmanager
def trapped(name: str) -> Iterator[None]:
    """Inside, the package is in the trap ``name``. Build *and* run everything inside: compiling
    looks names up."""
    with replaced(TRAPS[name].replacements):
        yield


def load_tests():
    """Import the tests that catch the traps; to be called before the first trap."""
    for trap in TRAPS.values():
        for check in trap.checks:
            check.load()
