"""The translations of the course: bring their PO files to what the English says, show how far they
are, check them, and make the notebooks and pages of an edition.

``update`` writes translations/LANGUAGE/*.po: a new text is empty there, a changed one is marked
fuzzy and shows the English before, one that is gone becomes obsolete.
"""

import argparse
from pathlib import Path

from translations_files import TRANSLATIONS, read, updated, write
from translations_sources import all_texts


def update(folder: Path):
    """Bring the PO files in a folder to what the English says."""
    for name, texts in all_texts().items():
        path = folder / f"{name}.po"
        messages, obsolete = updated(texts, read(path))
        if messages or obsolete:
            write(path, messages, obsolete)


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("update",))
    parser.add_argument("--language", default="zh_CN")
    options = parser.parse_args(arguments)
    update(TRANSLATIONS / options.language)


if __name__ == "__main__":
    main()
