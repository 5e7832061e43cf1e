"""All exercises of the course, and the chapters that they belong to: the one table of both."""

import difflib

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.exercises import (
    adversarial,
    block,
    changes,
    cluster,
    contrast,
    counts,
    dataset,
    discriminator,
    evaluation,
    experiments,
    field,
    generator,
    inference,
    losses,
    norm,
    pairs,
    pool,
    schedule,
    training,
    traps,
)
from cyclegan_lessons.exercises.exercise import Exercise
from cyclegan_lessons.language import in_language

# subject: number and title of its chapter, and its notebook
CHAPTERS = {
    "dataset": (1, "The dataset", "01_dataset"),
    "generator": (2, "The generator", "02_generator"),
    "discriminator": (3, "The discriminator", "03_discriminator"),
    "losses": (4, "The losses", "04_losses"),
    "pool": (5, "The image pool", "05_image_pool"),
    "training": (6, "Training", "06_training"),
    "inference": (7, "Translating", "07_inference"),
    "evaluation": (8, "Evaluation", "08_evaluation"),
    "traps": (9, "Traps", "09_traps"),
    "experiments": (10, "The paper's experiments", "10_experiments"),
    "contrast": (11, "After CycleGAN", "11_after"),
    "cluster": (12, "A cluster", "12_cluster"),
}

MODULES = (
    dataset,
    pairs,
    norm,
    block,
    generator,
    field,
    discriminator,
    adversarial,
    losses,
    pool,
    training,
    schedule,
    inference,
    evaluation,
    traps,
    experiments,
    cluster,
    contrast,
    counts,
    changes,
)
EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for module in MODULES for exercise in module.EXERCISES
}


def exercise_called(name: str) -> Exercise:
    """The exercise of that name; raises `LessonError` with the nearest names when there is none."""
    if name not in EXERCISES:
        near = difflib.get_close_matches(str(name), EXERCISES, 3, 0) or sorted(EXERCISES)
        meant = in_language(" or ").join(map(repr, near))
        raise LessonError(f"there is no exercise {name!r}; perhaps you mean {meant}.")
    return EXERCISES[name]


def exercises_of(subject: str) -> list[Exercise]:
    """The exercises of one subject in their order."""
    return [exercise for exercise in EXERCISES.values() if exercise.subject == subject]


def subject_called(chapter: str | int) -> str:
    """The subject of a chapter, given as its name or its number; raises `LessonError` otherwise."""
    for subject, (number, *_) in CHAPTERS.items():
        if str(chapter).strip() in (subject, str(number)):
            return subject
    numbers = ", ".join(str(number) for number, *_ in CHAPTERS.values())
    raise LessonError(
        f"there is no chapter {chapter!r}; choose one of {', '.join(CHAPTERS)}, or one of the "
        f"numbers {numbers}."
    )
