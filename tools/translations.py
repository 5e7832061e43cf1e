"""The translations of the course: bring their PO files to what the English says, show how far they
are, check them, and make the notebooks and pages of an edition.

``update`` writes translations/LANGUAGE/*.po: a new text is empty there, a changed one is marked
fuzzy and shows the English before, one that is gone becomes obsolete. ``check`` names every message
whose translation breaks a rule, and every one that is missing or fuzzy in a file that complete.txt
lists. ``apply`` writes book/, _config.yml and _toc.yml of an edition into a folder.
"""

import argparse
import json
import sys
from pathlib import Path

from babel.messages.catalog import Message
from translations_apply import apply
from translations_files import ROOT, TRANSLATIONS, read, strings, updated, write
from translations_rules import findings, read_glossary
from translations_sources import all_texts

PACKAGE = ROOT / "cyclegan_lessons"
COMPLETE = "complete.txt"  # in a language's folder: the PO files in which nothing may be missing


def languages(folder: Path = TRANSLATIONS) -> list[str]:
    """The languages that have a complete PO file: these editions are built."""
    found = [path.parent for path in folder.glob(f"*/{COMPLETE}")]
    return sorted(folder.name for folder in found if complete_files(folder))


def complete_files(folder: Path) -> list[str]:
    """The names of the PO files that are said to be complete; a line may hold a comment."""
    path = folder / COMPLETE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [name for name in (line.partition("#")[0].strip() for line in lines) if name]


def tables(folder: Path, package: Path) -> dict[Path, str]:
    """The files of the package that hold translations, and what they should hold."""
    files = {"package": f"locale/{folder.name}.json", "words": f"web/words.{folder.name}.json"}
    texts = {}
    for name, file in files.items():
        found = strings(folder / f"{name}.po")
        order = [m.context or m.id for m in read(folder / f"{name}.po")]
        table = {key: found[key] for key in order if key in found}
        texts[package / file] = json.dumps(table, ensure_ascii=False, indent=1) + "\n"
    return texts


def update(folder: Path, package: Path):
    """Bring the PO files in a folder to what the English says, and the package to these."""
    texts = all_texts()
    for name in {*texts, *(path.stem for path in folder.glob("*.po"))}:
        path = folder / f"{name}.po"
        messages, obsolete = updated(texts.get(name, []), read(path))
        if messages or obsolete:
            write(path, messages, obsolete)
        else:
            path.unlink(missing_ok=True)
    for path, text in tables(folder, package).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def current(folder: Path) -> dict[str, list[Message]]:
    """The messages of each file as `update` would write them."""
    return {
        name: updated(texts, read(folder / f"{name}.po"))[0] for name, texts in all_texts().items()
    }


def status(folder: Path) -> str:
    """A table: how many messages of each file are translated, fuzzy and missing."""
    lines = [f"{'file':<18}{'messages':>9}{'done':>6}{'fuzzy':>7}{'missing':>9}  complete"]
    complete = complete_files(folder)
    for name, messages in current(folder).items():
        fuzzy = sum(message.fuzzy for message in messages)
        missing = sum(not message.string for message in messages)
        done = len(messages) - fuzzy - missing
        mark = "yes" if name in complete else ""
        line = f"{name:<18}{len(messages):>9}{done:>6}{fuzzy:>7}{missing:>9}  {mark}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def check(folder: Path, package: Path) -> list[str]:
    """One line for each finding: file, message, what is wrong."""
    glossary = read_glossary(folder / "glossary.csv")
    complete, found = complete_files(folder), []
    files = current(folder)
    for name in set(complete) - set(files):
        found.append(f"{COMPLETE}: there is no file {name}; choose from {', '.join(files)}")
    for name, messages in files.items():
        for message in messages:
            place = f"{name}.po: {message.context or repr(message.id)}"
            if message.string and not message.fuzzy:
                wrong = findings(message.id, message.string, glossary)
                found += [f"{place}: {finding}" for finding in wrong]
            elif name in complete:
                what = "its English has changed" if message.string else "it is not translated"
                found.append(f"{place}: {what}")
    for path, text in tables(folder, package).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            found.append(f"{path.name} is not what the PO files say; run `make translate`")
    return found


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("update", "status", "check", "apply"))
    parser.add_argument("--language", default="zh_CN")
    parser.add_argument("--out", type=Path, help="where apply writes (default: build/LANGUAGE)")
    parser.add_argument("--book", type=Path, default=ROOT / "book", help="what apply translates")
    options = parser.parse_args(arguments)
    folder = TRANSLATIONS / options.language
    if not folder.is_dir():
        sys.exit(f"There is no folder {folder}; make it to begin a translation into that language.")
    if options.action == "update":
        update(folder, PACKAGE)
    elif options.action == "apply":
        apply(options.language, options.out or ROOT / "build" / options.language, options.book)
    elif options.action == "check":
        found = check(folder, PACKAGE)
        if found:
            sys.exit("\n".join([*found, "See CONTRIBUTING.md, Translations."]))
    if options.action in ("update", "status"):
        print(status(folder))


if __name__ == "__main__":
    main()
