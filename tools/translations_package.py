"""What the package says to a learner, collected for its translation."""

import json
from pathlib import Path

from translations_files import Text


def word_texts(root: Path) -> list[Text]:
    """The words of the programs in the pages, by their names in words.json."""
    path = root / "cyclegan_lessons" / "web" / "words.json"
    words = json.loads(path.read_text(encoding="utf-8"))
    return [Text(name, english) for name, english in words.items()]


def package_texts(root: Path) -> list[Text]:
    return []
