"""The learner's own pieces: the code that passed a check is kept beside the log, for the finale."""

import inspect
import linecache
from pathlib import Path

from cyclegan_lessons.exercises import log
from cyclegan_lessons.exercises.exercise import Exercise


def piece_file(name: str) -> Path:
    """Where the code that passed the exercise ``name`` is kept."""
    return log.log_file().parent / "pieces" / f"{name}.py"


def source_of(value) -> str:
    """The whole cell or file in which a function or a class was defined; "" when nobody knows."""
    parts = [value] if inspect.isfunction(value) else list(vars(value).values())
    for part in parts:
        if inspect.isfunction(part):
            return "".join(linecache.getlines(part.__code__.co_filename))
    return ""


def keep_piece(exercise: Exercise, namespace: dict) -> bool:
    """Keep the code of the functions and classes of an exercise; False when it cannot be written.

    Numbers are not kept, and neither is code whose text is not known.
    """
    made = [namespace[name] for name in exercise.names if callable(namespace[name])]
    sources = dict.fromkeys(map(source_of, made))  # each cell once
    if not made or "" in sources:
        return True
    try:
        piece_file(exercise.name).parent.mkdir(parents=True, exist_ok=True)
        piece_file(exercise.name).write_text("\n\n".join(sources), encoding="utf-8")
    except OSError:
        return False
    return True
