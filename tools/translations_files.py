"""The PO files of a translation: read, brought to what the English says, and written.

One message is one cell of a notebook, one caption or alt text, or one section of a page. Its
context (`msgctxt`) is its place: so a message whose English changed keeps its translation, marked
fuzzy, with the English that it was made from.
"""

import ast
import re
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "translations"
BEGAN = datetime(2026, 11, 24)  # a PO file names a date; a changing one would only cause conflicts
HEADER = "# The {locale} edition of CycleGAN Lessons: {name}. See CONTRIBUTING.md, Translations."


class Text(NamedTuple):
    """A piece of the English edition, and where it stands."""

    context: str
    english: str


def read(path: Path) -> list[Message]:
    """The messages of a PO file, and after them those that are obsolete; none if it is not there.

    Babel hands a "previous English" over as a comment; here it becomes `previous_id` again.
    """
    if not path.exists():
        return []
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parent.name)
    messages = [message for message in catalog if message.id]
    for message in [*messages, *catalog.obsolete.values()]:
        message.flags &= {"fuzzy"}  # Babel takes "50% of" for a format of Python
        marked = " ".join(c[1:] for c in message.user_comments if c.startswith("|"))
        message.user_comments = [c for c in message.user_comments if not c.startswith("|")]
        before = re.search(r"msgid (.*)", marked)
        if before and not message.previous_id:
            message.previous_id = [ast.literal_eval(f"({before[1]})")]
    return messages + list(catalog.obsolete.values())


def updated(texts: list[Text], before: list[Message]) -> tuple[list[Message], list[Message]]:
    """The messages for these texts, with the translations that there were, and the obsolete ones.

    New: without translation. Changed: fuzzy, with the English before. Gone: obsolete. A text
    without a context counts as changed when one that is gone is nearly the same.
    """
    known = {message.context or message.id: message for message in reversed(before)}
    wanted = {context or english for context, english in texts}
    gone = [m.id for key, m in known.items() if not m.context and key not in wanted and m.string]
    messages = []
    for context, english in texts:
        old = known.pop(context or english, None)
        if old is None and not context:
            near = get_close_matches(english, gone, 1, 0.8)
            old = known.pop(near[0], None) if near else None
        message = Message(english, "", context=context or None)
        if old is not None and old.string:
            message.string, message.user_comments = old.string, old.user_comments
            changed = old.id != english
            if changed or old.fuzzy:
                message.flags.add("fuzzy")
                message.previous_id = old.previous_id or ([old.id] if changed else [])
            if message.previous_id == [english]:  # the English is again what it was
                message.previous_id, message.flags = [], set()
        messages.append(message)
    return messages, [old for old in reversed(known.values()) if old.string]


def write(path: Path, messages: list[Message], obsolete: list[Message] = ()):
    """Write a PO file as Babel does, with lines as long as those of the text."""
    header = HEADER.format(locale=path.parent.name, name=path.stem)
    catalog = Catalog(
        locale=path.parent.name,
        project="CycleGAN Lessons",
        version="1",
        creation_date=BEGAN,
        revision_date=BEGAN,
        last_translator="The CycleGAN Lessons contributors",
        language_team="Chinese",
        header_comment=header,
        fuzzy=False,
    )
    for message in messages:
        added = catalog.add(
            message.id,
            message.string,
            flags=message.flags,
            user_comments=message.user_comments,
            previous_id=message.previous_id,
            context=message.context,
        )
        added.flags &= {"fuzzy"}  # see `read`
    for message in obsolete:
        catalog.obsolete[catalog._key_for(message.id, message.context)] = message
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=None, include_previous=True)


def strings(path: Path, fuzzy: bool = False) -> dict[str, str]:
    """The translations of a file by their contexts, or by the English where there is none; fuzzy
    ones only if asked for."""
    return {
        message.context or message.id: message.string
        for message in reversed(read(path))
        if message.string and (fuzzy or not message.fuzzy)
    }
