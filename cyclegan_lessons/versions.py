"""Check, before MindSpore is imported, that this Python and this MindSpore can run the course."""

from __future__ import annotations  # Python 3.9 must get as far as the sentence

import sys
from importlib import metadata

from cyclegan_lessons.errors import LessonError

# the first and the last version that MindSpore 2.8 and the course both support
PYTHON = ((3, 10), (3, 12))
MINDSPORE = (2, 8)


def check_versions(python: tuple = sys.version_info[:2], mindspore: str | None = None):
    """Raise `LessonError` when Python is outside 3.10–3.12, or MindSpore is missing or older than
    2.8.

    ``mindspore`` is a version such as ``"2.8.0"``; None looks up what is installed.
    """
    first, last = PYTHON
    if not first <= tuple(python[:2]) <= last:
        raise LessonError(
            f"Python 3.{first[1]} to 3.{last[1]} is needed, but this is Python "
            f"{python[0]}.{python[1]}; "
            "make the environment again with one of these, for example `make setup "
            "PYTHON=python3.11`."
        )
    if mindspore is None:
        try:
            mindspore = metadata.version("mindspore")
        except metadata.PackageNotFoundError:
            raise LessonError(
                "MindSpore 2.8 is needed, but none is installed; run `make setup`."
            ) from None
    if tuple(int(part) for part in mindspore.split(".")[:2]) < MINDSPORE:
        raise LessonError(
            f"MindSpore 2.8 is needed, but {mindspore} is installed; run `make setup`."
        )
