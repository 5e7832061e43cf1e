"""The post of a check-in: Markdown to fill in and to publish where a camp asks for it."""

import re

from cyclegan_lessons.classroom.codes import CheckIn
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES

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
    done = [EXERCISES[row.exercise].title for row in checkin.rows if row.right]
    lines = [
        f"| {EXERCISES[row.exercise].title} | {'yes' if row.right else 'not yet'} | {row.tries} "
        f"| {row.hints} | {'yes' if row.solution else 'no'} |"
        for row in checkin.rows
    ]
    return POST.format(
        number=number,
        title=title,
        name=escaped(checkin.name),
        words=WORDS,
        built="; ".join(done) or "…",
        rows="\n".join(lines),
        day=checkin.day.isoformat(),
        code=code,
    )
