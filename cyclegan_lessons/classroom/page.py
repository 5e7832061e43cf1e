"""The HTML page of the teacher's overview."""

import html
import re
from pathlib import Path

from cyclegan_lessons.classroom.codes import CheckIn
from cyclegan_lessons.classroom.overview import (
    COLUMNS,
    Class,
    as_csv,
    exercise_report,
    names_of,
    read_class,
    subjects_of,
    text_of,
)
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES
from cyclegan_lessons.files import write_whole
from cyclegan_lessons.language import in_language, language

PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="generator" content="cyclegan_lessons class">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 0 auto; padding: 1rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; }}
th, td {{ border-bottom: 1px solid #8888; padding: 0.2rem 0.8rem 0.2rem 0; text-align: left;
         vertical-align: top; }}
td.n {{ text-align: right; white-space: nowrap; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{summary}</p>
{parts}
</main>
</body>
</html>
"""
MARK = '<meta name="generator" content="cyclegan_lessons class">'
REPORT = (
    "Per exercise: who tried it, who got it right, who did so in the first try, and the most "
    "frequent wrong answer, with the sentence that its check gives. The lowest shares of first "
    "tries come first."
)
TABLE = (
    "Right exercises of all in the chapter; “h” counts hints, “s” solutions that were looked at."
)
SURE = (
    "The checksum in a code finds slips of the hand and cut lines. It does not prove who did the "
    "work: everybody can make such a code. The picture on the card helps more. Its scene follows "
    "from the nickname and the chapter: <code>python -m cyclegan_lessons check-in CHAPTER --name "
    "NICKNAME</code> draws the same apples again. And its oranges follow from the learner's own "
    "model, so two cards with the same brush strokes come from one model."
)


def row(cells: list[str], kind: str = "td") -> str:
    """One line of a table; cells are HTML already."""
    return "<tr>" + "".join(f"<{kind}>{cell}</{kind}>" for cell in cells) + "</tr>"


def percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def report_table(found: Class) -> str:
    """The exercises, hardest first."""
    rows = [row for checkin in found.checkins.values() for row in checkin.rows]
    report = sorted(exercise_report(rows).items(), key=lambda item: item[1]["first"])
    heads = [
        in_language("exercise"),
        in_language("tried"),
        in_language("right"),
        in_language("first try"),
        in_language("most frequent wrong answer"),
    ]
    lines = [row(heads, "th")]
    for name, numbers in report:
        exercise = EXERCISES[name]
        mistake = ""
        if numbers["count"]:
            sentence = re.sub(r"\{[^}]*\}?", "…", in_language(numbers["mistake"]))
            mistake = f"{html.escape(sentence)} ({numbers['count']}×)"
        title = f"{CHAPTERS[exercise.subject][0]}. {html.escape(in_language(exercise.title))}"
        shares = percent(numbers["right"]), percent(numbers["first"])
        lines.append(row([title, str(numbers["tried"]), *shares, mistake]))
    return f"<table>{''.join(lines)}</table>"


def cell(checkin: CheckIn | None) -> str:
    """One chapter of one learner."""
    if checkin is None:
        return "–"
    right, hints = sum(r.right for r in checkin.rows), sum(r.hints for r in checkin.rows)
    seen = sum(r.solution for r in checkin.rows)
    more = "".join(f" {n}{letter}" for n, letter in ((hints, "h"), (seen, "s")) if n)
    day = f"{checkin.day.month}-{checkin.day.day}"
    return f'<span title="{day}">{right}/{len(checkin.rows)}{more}</span>'


def learner_table(found: Class, names: list[str]) -> str:
    subjects = subjects_of(found)
    heads = [f"{CHAPTERS[s][0]}. {html.escape(in_language(CHAPTERS[s][1]))}" for s in subjects]
    lines = [row([in_language("name"), *heads], "th")]
    for name in names:
        cells = [cell(found.checkins.get((name, subject))) for subject in subjects]
        lines.append(row([f"<bdi>{html.escape(name)}</bdi>", *cells]))
    return f"<table>{''.join(lines)}</table>"


def missing_list(found: Class, names: list[str]) -> str:
    """Chapter by chapter, those who have not checked in."""
    lines = []
    for subject in subjects_of(found):
        missing = [name for name in names if (name, subject) not in found.checkins]
        shown = ", ".join(f"<bdi>{html.escape(name)}</bdi>" for name in missing)
        number, title, _ = CHAPTERS[subject]
        term = f"{number}. {in_language(title)}: {len(missing)}"
        lines.append(f"<dt>{term}</dt><dd>{shown or in_language('nobody')}</dd>")
    return f"<dl>{''.join(lines)}</dl>"


def damaged_list(found: Class) -> str:
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in found.damaged)
    return f"<ul>{lines}</ul>"


def part(title: str, text: str, content: str = "", wide: bool = False) -> str:
    """One part of the page; its text and content are HTML."""
    words = f"<p>{text}</p>\n" if text else ""
    content = f'<div class="wide" tabindex="0">{content}</div>' if wide else content
    return f"<h2>{title}</h2>\n{words}{content}"


def page(found: Class, names: list[str]) -> str:
    """The whole page for these learners, in this order."""
    chapters = ", ".join(str(CHAPTERS[subject][0]) for subject in subjects_of(found)) or "–"
    n = len(found.checkins)
    parts = [
        part(in_language("What to explain"), in_language(REPORT), report_table(found), wide=True),
        part(in_language("Who is missing"), "", missing_list(found, names)),
        part(in_language("Learners"), in_language(TABLE), learner_table(found, names), wide=True),
        part(in_language("How sure is this?"), in_language(SURE)),
    ]
    if found.damaged:
        again = in_language("Ask for these again.")
        parts.insert(3, part(in_language("Damaged codes"), again, damaged_list(found)))
    return PAGE.format(
        language=language().replace("_", "-"),
        title=in_language("Class overview"),
        summary=in_language(f"{len(names)} learners, {n} check-ins, chapters {chapters}."),
        parts="\n".join(parts),
    )


def refuse_to_replace(path: Path, *marks: str):
    """Raise `LessonError` when there is a file without the marks of an earlier overview."""
    there = text_of(path)[:1000] if path.exists() else None
    if there is not None and not all(mark in there for mark in marks):
        raise LessonError(
            f"{path} is there already and is no class overview; choose another name for --out, "
            "such as class.html."
        )


def write_overview(path: Path, out: Path, roster: Path | None = None) -> Class:
    """Write the page ``out`` and, beside it, the same as CSV; return what was found.

    ``path`` as for `read_class`; ``roster`` is a text file with one name a line, of all who should
    check in. Raises `LessonError` when a file cannot be read or written, or ``out`` or the CSV is
    there and this function did not make it.
    """
    found = read_class(path)
    if out.is_dir():
        raise LessonError(
            f"--out should be a file such as class.html, but {out} is a folder; name a file in it."
        )
    table = out.with_suffix(".csv")
    try:
        refuse_to_replace(out, MARK)
        refuse_to_replace(table, ",".join(COLUMNS))
        roster_names = text_of(Path(roster)).splitlines() if roster else []
        names = names_of(found, roster_names)
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, page(found, names).encode())
        # the mark at its beginning tells table programs that it is UTF-8
        write_whole(table, as_csv(found, names).encode("utf-8-sig"))
    except OSError as error:
        raise LessonError(
            f"{error.filename or out} cannot be read or written, the system says: "
            f"{error.strerror}; choose another file."
        ) from error
    return found
