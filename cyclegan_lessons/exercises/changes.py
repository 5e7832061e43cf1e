"""Exercises of one kind: predict, change it and run, explain; what can be checked is here."""

from cyclegan_lessons.exercises.question import question

EXERCISES = (
    question(
        "change-pairs",
        "dataset",
        "Change it: one counter for both sides",
        "What happens when X number i always comes with Y number i? (a) Nothing changes, as there "
        "are no pairs. (b) The network sees the same few pairs again and again. (c) Training "
        "stops with an error. Predict, then run six epochs both ways and count how many different "
        "partners an X meets.",
        {"predicted": "b", "partners_with_one_counter": 1},
        {
            "predicted": {
                "a": "no loss compares x with y, but each step sees one x and one y: fixed "
                "pairs make fewer different steps.",
                "c": "nothing notices it: this trap is silent.",
            },
            "partners_with_one_counter": {6: "six is what independent shuffles would give."},
        },
        ("Nothing in the losses asks whether the pairs are new.", "Count with a set."),
        "right. Write down in your own words why the losses do not notice.",
    ),
    question(
        "change-norm",
        "generator",
        "Change it: a picture with half the contrast",
        "Send x and x / 2 through an untrained generator. (a) The outputs are as far apart as the "
        "inputs. (b) They are nearly equal. (c) The second is half as bright. Predict, run, "
        "explain.",
        {"predicted_contrast": "b"},
        {
            "predicted_contrast": {
                "a": "the first instance norm divides by the standard deviation, "
                "which is half as large, too.",
                "c": "instance norm takes the contrast away, so the second layer "
                "sees nearly the same.",
            }
        },
        ("What does instance norm do to z / 2?", "Only ε remains of the difference."),
        "right. Explain it with the equation of instance norm.",
        after="exercise-no-norm",
    ),
    question(
        "change-field",
        "discriminator",
        "Change it: another discriminator",
        "Which receptive field does `PatchDiscriminator(n_layers=1)` have? And what does it judge: "
        "(a) the place of the fruit, (b) the skin alone, (c) the whole scene?",
        {"field_of_one": 16, "judges": "b"},
        {
            "field_of_one": {
                34: "34 is the field of n_layers=2.",
                70: "70 is that of n_layers=3.",
                7: "kernels are 4×4: walk back with (r − 1)·s + k.",
            },
            "judges": {
                "a": "16 pixels do not show where in the picture they are.",
                "c": "16 pixels are a small part of the scene.",
            },
        },
        ("Three convolutions: strides 2, 1, 1.", "1 → 4 → 7 → 16."),
        "right. Train with it, and look at the fruit's outline.",
    ),
    question(
        "change-lambda",
        "losses",
        "Change it: λ = 0",
        "Without the cycle loss, which G could still make its loss 0? (a) Only one that keeps the "
        "scene. (b) One that shows the same good orange for every x. (c) None.",
        {"predicted_lambda": "b"},
        {
            "predicted_lambda": {
                "a": "D_Y sees G(x) alone, never x: who would notice another scene?",
                "c": "a G that makes real oranges satisfies D_Y.",
            }
        },
        ("What does D_Y get to see?", "Only the cycle ties G(x) to x."),
        "right. Train 300 steps with lambda_cycle=0 and look at the samples.",
    ),
    question(
        "change-pool",
        "pool",
        "Change it: a pool of 0",
        "How many images does an `ImagePool(0)` hold after 100 queries, and how many an "
        "`ImagePool(50)`?",
        {"stored_by_0": 0, "stored_by_50": 50},
        {
            "stored_by_0": {1: "a pool of 0 stores nothing.", 100: "a pool of 0 stores nothing."},
            "stored_by_50": {
                100: "the pool holds its size at most.",
                25: "it is full after 50 queries.",
            },
        },
        ("Look at `len(pool.images)`.", "A pool of 0 is no pool."),
        "right. Then train with both and compare the losses of the discriminators.",
    ),
    question(
        "change-weights",
        "training",
        "Change it: twice the λ",
        "The first step has cycle_x + cycle_y = 1.2. By how much does the total grow with λ = 20 "
        "in place of 10? And the gradient of the adversarial terms: (a) doubles, (b) stays, (c) "
        "halves?",
        {"growth": 12.0, "adversarial_gradient": "b"},
        {
            "growth": {
                24.0: "that is the new share; the old one was 12.",
                1.2: "λ grows by 10, not by 1.",
            },
            "adversarial_gradient": {
                "a": "λ multiplies the cycle terms alone.",
                "c": "λ multiplies the cycle terms alone.",
            },
        },
        ("The total is linear in λ.", "10 · 1.2."),
        "right. Under Adam it counts how large the parts are relative to each other.",
        after="exercise-lambda",
    ),
    question(
        "change-domain",
        "inference",
        "Change it: another domain",
        "Give G a picture without fruit. (a) It refuses. (b) It changes colours all the same. (c) "
        "It returns exactly the picture. Predict, run, look.",
        {"predicted_domain": "b"},
        {
            "predicted_domain": {
                "a": "a network has no way to refuse: it computes.",
                "c": "no loss asked for that: the identity loss saw oranges only.",
            }
        },
        ("What was in the training set?", "The network computes the same layers for any input."),
        "right. A translation says nothing about whether the question made sense.",
    ),
    question(
        "change-half-d",
        "traps",
        "Change it: D's loss is not halved",
        "With Adam, how much do the weights of D differ after 10 steps, when its loss is not "
        "halved? (a) Twice as much. (b) Hardly. (c) They explode.",
        {"predicted_half": "b"},
        {
            "predicted_half": {
                "a": "Adam divides by the size of the gradient.",
                "c": "the rate limits each step of Adam.",
            }
        },
        ("What does Adam divide the gradient by?", "A factor of 2 cancels, but for ε."),
        "right. Not every departure is a trap: measure.",
    ),
    question(
        "change-measure",
        "evaluation",
        "Change it: a translation that does nothing",
        "G(x) = x. What is its cycle error with F(y) = y? And its error on the fruit, relative to "
        "the baseline?",
        {"cycle_error": 0, "relative_error": 1.0},
        {
            "cycle_error": {1: "the way back changes nothing either."},
            "relative_error": {
                0.0: "the baseline is the error of the untranslated picture: that is this one."
            },
        },
        ("The cycle error compares with x.", "The baseline compares x with its twin."),
        "right. A cycle error alone says nothing.",
    ),
    question(
        "change-workers",
        "cluster",
        "Change it: four workers",
        "Four workers have one image each. How many images would one worker need for the same "
        "step? And how many steps does an epoch of 1,000 pairs take?",
        {"images_in_a_step": 4, "steps_of_an_epoch": 250},
        {
            "images_in_a_step": {1: "the mean of the gradients is over all workers."},
            "steps_of_an_epoch": {
                1000: "each step uses four pairs.",
                4000: "each step uses four pairs.",
            },
        },
        ("Gradients are averaged over the workers.", "1,000 / 4."),
        "right. Fewer steps at the same rate: that is not free.",
    ),
    question(
        "change-study",
        "experiments",
        "Change it: how many pairs?",
        "People are fooled in 45% of the pairs. Which is the first of 100, 200, 400, 800 pairs for "
        "which the interval ends below 50%?",
        {"pairs_needed": 400},
        {
            "pairs_needed": {
                20: "20 pairs give an interval of 40 points: it holds 50%.",
                100: "of 100 pairs the interval still ends at 55%.",
                200: "of 200 pairs the interval still ends at 52%.",
                800: "800 are enough, but half of them are enough, too.",
            }
        },
        (
            "`share_interval(45, 100)` is the interval of 45 in 100 pairs.",
            "Four times as many pairs make it half as wide.",
        ),
        "right. A small difference takes many pairs.",
        after="exercise-many",
    ),
    question(
        "change-temperature",
        "contrast",
        "Change it: features without content",
        "All P = 64 patches have the same features. What is the loss, at any temperature? (natural "
        "logarithm)",
        {"loss_without_content": 4.1589},
        {
            "loss_without_content": {
                0.0: "a guess among 64 is not free.",
                6.0: "that is the logarithm to the base 2.",
                64.0: "take the logarithm.",
            }
        },
        ("All 64 places are equally likely.", "−log(1/64)."),
        "right. A loss near log P means that nothing was learned.",
    ),
)
