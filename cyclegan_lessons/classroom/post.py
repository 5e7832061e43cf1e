"""The post of a check-in: Markdown to fill in and to publish where a camp asks for it."""

import itertools
import re
from pathlib import Path

from cyclegan_lessons.classroom.codes import CheckIn, encode, find_codes
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES
from cyclegan_lessons.language import in_language

WORDS = 50  # characters of one's own that camps ask for

POST = """# Day {number}, {name}: {title}

<!-- Write at least {words} characters of your own below, then remove this line. -->

**What I built:** {built}

**What surprised me:** …

**What I would explain to a friend:** …

| exercise | right | tries | hints | solution seen |
|---|---|---|---|---|
{rows}

![A scene with apples, drawn from my nickname, and its translation by my model](picture.png)

CycleGAN Lessons, chapter {number}, {day}

`{code}`
"""


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~&$-])", r"\\\1", text)


def post(checkin: CheckIn, code: str) -> str:
    """The text of ``post.md``; the picture is beside it."""
    number, title, _ = CHAPTERS[checkin.subject]
    titles = {row: in_language(EXERCISES[row.exercise].title) for row in checkin.rows}
    done = [title for row, title in titles.items() if row.right]
    yes, no, not_yet = in_language("yes"), in_language("no"), in_language("not yet")
    lines = [
        f"| {titles[row]} | {yes if row.right else not_yet} | {row.tries} | {row.hints} "
        f"| {yes if row.solution else no} |"
        for row in checkin.rows
    ]
    return in_language(POST).format(
        number=number,
        title=in_language(title),
        name=escaped(checkin.name),
        words=WORDS,
        built=in_language("; ").join(done) or "…",
        rows="\n".join(lines),
        day=checkin.day.isoformat(),
        code=code,
    )


def post_path(folder: Path) -> Path:
    """Where a new post goes: ``post.md``, else ``post-2.md`` and so on. What somebody has filled in
    is never replaced, what nobody has changed is."""
    for n in itertools.count(1):
        path = folder / (f"post-{n}.md" if n > 1 else "post.md")
        if not path.exists() or is_untouched(path):
            return path


def is_untouched(path: Path) -> bool:
    """Whether a post is still as `post` made it; the code in it tells all that it was made of."""
    text = path.read_bytes().decode("utf-8", "replace")
    checkins, _ = find_codes(text)
    return [text] == [post(checkin, encode(checkin)) for checkin in checkins]
