"""The post of a check-in: Markdown to fill in and to publish where a camp asks for it."""

import re

from cyclegan_lessons.classroom.codes import CheckIn
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
