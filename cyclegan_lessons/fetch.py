"""Chapter 1: the photographs of apple2orange, downloaded."""

from pathlib import Path

from cyclegan_lessons.errors import LessonError


def fetch_apple2orange(url: str | None = None, folder: str | Path | None = None) -> Path:
    raise LessonError("fetch_apple2orange is not there yet.")
