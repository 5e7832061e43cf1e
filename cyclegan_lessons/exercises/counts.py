"""Exercises whose answer is a number: count it by hand, then check."""

from cyclegan_lessons.exercises.question import question

EXERCISES = (
    question(
        "epochs",
        "dataset",
        "Batches and epochs",
        "A dataset has 7 pairs and `batch_size=2`. How many batches has an epoch, and how many "
        "pairs are left out?",
        {"batches": 3, "pairs_left_out": 1},
        {
            "batches": {
                4: "batches is 4 when the last, incomplete batch is kept: it is left out.",
                3.5: "a batch is either there or not: round down.",
            },
            "pairs_left_out": {
                0: "seven is odd: one pair has no partner in a batch of two.",
                2: "fewer pairs than a batch are left.",
            },
        },
        ("How often does 2 fit into 7?", "`drop_remainder=True` leaves out an incomplete batch."),
        "right. And it is another pair in each epoch.",
        after="exercise-epochs",
    ),
    question(
        "count-block",
        "generator",
        "Count a residual block by hand",
        "How many parameters has one residual block R256?",
        {"block_parameters": 1_180_160},
        {
            "block_parameters": {
                1_179_648: "that is without the biases: each of the 256 output channels has one.",
                590_080: "that is one convolution: a block has two.",
                589_824: "that is one convolution without its biases.",
                1_181_184: "instance norm has no parameters here.",
            }
        },
        (
            "A 3×3 convolution from 256 to 256 channels has 256 · 256 · 3 · 3 weights.",
            "Add 256 biases for each convolution; there are two convolutions.",
        ),
        "right. Nine of them are most of the generator.",
        after="exercise-count",
    ),
    question(
        "count-c512",
        "discriminator",
        "Count C512 by hand",
        "How many parameters has C512, and how many has a discriminator with `n_layers=5`?",
        {"c512_parameters": 2_097_664, "parameters_with_5_layers": 11_154_369},
        {
            "c512_parameters": {
                2_097_152: "that is without the biases: each output channel has one.",
                1_180_160: "the kernels of the discriminator are 4×4, not 3×3.",
                4_194_816: "C512 starts from 256 channels.",
            },
            "parameters_with_5_layers": {
                2_764_737: "that is the paper's discriminator, with n_layers=3.",
                5: "5 is n_layers: how many parameters does it make?",
            },
        },
        (
            "The layer goes from 256 to 512 channels with kernels of 4×4.",
            "For the second, ask `count(PatchDiscriminator(n_layers=5))`.",
        ),
        "right.",
        after="exercise-count",
    ),
    question(
        "guess",
        "losses",
        "A discriminator that does not know",
        "A discriminator gives 0.5 to every patch. How large are its least-squares loss, the same "
        "halved, and the loss of G?",
        {"loss_d": 0.5, "loss_d_halved": 0.25, "loss_g": 0.25},
        {
            "loss_d": {
                0.25: "loss_d is the sum of two cases, real and fake, 0.25 each.",
                1.0: "each case is 0.5² = 0.25, not 0.5.",
            },
            "loss_d_halved": {0.125: "half of 0.5 is 0.25."},
            "loss_g": {0.5: "G's loss has one case alone: its fakes should be 1."},
        },
        ("(0.5 − 1)² and (0.5 − 0)² are both 0.25.", "D has both terms, G has one."),
        "right. A halved loss that stays near 0.25 means that D is guessing.",
        after="exercise-half",
    ),
    question(
        "best-score",
        "losses",
        "The best discriminator",
        "A patch was seen 3 times in real pictures and once in fakes. Which score minimises the "
        "least-squares loss?",
        {"best_score": 0.75},
        {
            "best_score": {
                0.25: "that is the share of fakes: real is 1.",
                3.0: "the score is a share: 3 of 4.",
                1.0: "1 is right when the patch is never seen in a fake.",
                0.5: "0.5 is right when it is seen as often in both.",
            }
        },
        ("Set the derivative of 3 (s − 1)² + s² to 0.", "6 (s − 1) + 2 s = 0."),
        "right. The best score is the share of real among all that look like this.",
        after="exercise-best",
    ),
    question(
        "pool-age",
        "pool",
        "A smaller pool",
        "A pool of 10 is full. How old are its old answers on average, in queries, and which share "
        "of all answers is old?",
        {"mean_age": 20, "share_old": 0.5},
        {
            "mean_age": {
                10: "only every second query changes the pool, so an image stays twice as long.",
                5: "an image stays longer than that: at each query it leaves "
                "with the probability 1/20.",
            },
            "share_old": {
                0.1: "the coin decides, not the size of the pool.",
                0.9: "the coin decides, not the size of the pool.",
            },
        },
        (
            "At each query, a stored image leaves with the probability 1/2 · 1/10.",
            "The mean of such waiting times is one over the probability.",
        ),
        "right.",
        after="exercise-size",
    ),
    question(
        "rates",
        "training",
        "The rate in epoch 4",
        "Three constant epochs, two decaying ones, and the initial rate 3e-4: write the five "
        "rates.",
        {"rates": [3e-4, 3e-4, 3e-4, 2e-4, 1e-4]},
        {
            "rates": {
                (3e-4, 3e-4, 3e-4, 1.5e-4, 0.0): "the last epoch would learn nothing: one more "
                "step should reach 0.",
                (3e-4, 3e-4, 3e-4, 3e-4, 1.5e-4): "the first decaying epoch is one step lower.",
            }
        },
        ("Two decaying epochs make three steps to 0.", "Each step is a third of 3e-4."),
        "right.",
        after="exercise-rate",
    ),
    question(
        "calls",
        "training",
        "Forward and backward",
        "How many images pass forward through G in one step, batch of one?",
        {"images_through_g": 3},
        {
            "images_through_g": {
                1: "G makes the fake of x, but it is used in y's cycle and for the "
                "identity loss, too.",
                2: "one is missing: x for the fake, F(y) for the cycle, y for the identity.",
                9: "that is with three passes: each image passes once in ours.",
            }
        },
        ("In which of the six terms does G appear?", "x, y and F(y)."),
        "right.",
        after="exercise-calls",
    ),
    question(
        "half-width",
        "evaluation",
        "Half the width",
        "How many times as many scenes does it take to make an interval half as wide?",
        {"times_as_many": 4},
        {
            "times_as_many": {
                2: "the width falls with the square root of the number of scenes.",
                0.5: "fewer scenes make it wider.",
            }
        },
        ("The width falls with the square root of the number.", "√4 = 2."),
        "right. Precision is expensive.",
        after="exercise-width",
    ),
)
