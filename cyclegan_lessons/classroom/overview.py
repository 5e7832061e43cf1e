"""A teacher's overview: who has done what, what to explain tomorrow, who is missing."""

import csv
import inspect
import io
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from cyclegan_lessons.classroom.checkin import clean_name, rows_of
from cyclegan_lessons.classroom.codes import CheckIn, Row, find_codes
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.exercises import log
from cyclegan_lessons.exercises.exercise import Exercise
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES, exercises_of
from cyclegan_lessons.language import in_language

COLUMNS = ("name", "chapter", "day", "exercise", "right", "tries", "hints", "solution")


class Class(NamedTuple):
    """What was found in chats and logs."""

    checkins: dict[tuple[str, str], CheckIn]  # the newest of each name and subject
    damaged: list[str]  # one line for each code or file that could not be read


def read_class(path: Path) -> Class:
    """Read a chat export, a log, or all files below a folder.

    A text may hold codes anywhere. A log (``.jsonl``) belongs to the learner whose name the file
    has, or its folder where the file is ``progress.jsonl``. Raises `LessonError` when there is no
    such file.
    """
    path = Path(path)
    if not path.exists():
        raise LessonError(f"{path} should be a file or a folder, but it is not there; check it.")
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    found = Class({}, [])
    for file in files:
        try:
            if file.suffix == ".jsonl":
                checkins = checkins_of_log(file)
            else:
                checkins, damaged = find_codes(text_of(file))
                found.damaged.extend(f"{file.name}: {line}" for line in damaged)
        except (OSError, LessonError) as error:  # a log that cannot be read says so itself
            why = in_language(f"the system says {(error.__cause__ or error).strerror}")
            found.damaged.append(f"{file.name}: {why}")
            continue
        for checkin in checkins:
            add(found, checkin)
    return found


def text_of(file: Path) -> str:
    """A chat export as text; programs of one system write it in UTF-16."""
    content = file.read_bytes()
    code = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return content.decode(code, errors="replace")


def checkins_of_log(file: Path) -> list[CheckIn]:
    """One check-in for each subject of which a log holds something."""
    entries = log.read(file)
    name = clean_name(file.parent.name if file.stem == "progress" else file.stem)
    checkins = []
    for subject in CHAPTERS:
        mine = {exercise.name for exercise in exercises_of(subject)}
        times = [str(entry["time"]) for entry in entries if entry["exercise"] in mine]
        if times:
            rows = rows_of(subject, entries)
            checkins.append(CheckIn(name, subject, day_of(max(times)), rows))
    return checkins


def day_of(time: str) -> date:
    """The day of a time in a log; the first of all days when it cannot be read."""
    try:
        return date.fromisoformat(time[:10])
    except ValueError:
        return date.min


def add(found: Class, checkin: CheckIn):
    """Keep the newest check-in of each name and subject; of one day, the one with more done."""
    try:
        key = clean_name(checkin.name), checkin.subject
    except LessonError:
        said = in_language("a code has a name without a letter that can be seen")
        found.damaged.append(said)
        return

    def rank(other: CheckIn) -> tuple:
        return other.day, sum(row.right for row in other.rows), sum(row.tries for row in other.rows)

    if key not in found.checkins or rank(checkin) >= rank(found.checkins[key]):
        found.checkins[key] = checkin


def names_of(found: Class, roster: list[str]) -> list[str]:
    """All learners: those of a list, in its order, then everybody else who has checked in."""
    known = [clean_name(name) for name in roster if name.strip()]
    others = sorted({name for name, _ in found.checkins} - set(known), key=str.casefold)
    return list(dict.fromkeys(known)) + others


def subjects_of(found: Class) -> list[str]:
    """The chapters in which somebody has checked in, in their order."""
    seen = {subject for _, subject in found.checkins}
    return [subject for subject in CHAPTERS if subject in seen]


def exercise_report(rows: list[Row]) -> dict[str, dict]:
    """For each exercise: how many tried it, the shares of right and of first tries, and the most
    frequent wrong answer with its count."""
    report = {}
    for name, exercise in EXERCISES.items():
        tried = [row for row in rows if row.exercise == name and row.tries]
        if not tried:
            continue
        places = Counter(place for row in tried for place in set(row.mistakes))
        known = [
            (place, n) for place, n in places.most_common() if 0 <= place < len(exercise.wrong)
        ]
        report[name] = {
            "tried": len(tried),
            "right": sum(row.right for row in tried) / len(tried),
            "first": sum(row.right and row.tries == 1 for row in tried) / len(tried),
            "mistake": full_sentence(exercise, known[0][0]) if known else "",
            "count": known[0][1] if known else 0,
        }
    return report


def full_sentence(exercise: Exercise, place: int) -> str:
    """What the check of an exercise says to one of the known wrong answers."""
    beginning = exercise.wrong[place].sentence
    functions = filter(inspect.isfunction, vars(inspect.getmodule(exercise.check)).values())
    texts = (text for function in functions for text in texts_of(function.__code__.co_consts))
    return next((text for text in texts if text.startswith(beginning)), beginning)


def texts_of(constants: tuple) -> Iterator[str]:
    """All strings among the constants of a function, and of functions inside it."""
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple) or inspect.iscode(constant):
            yield from texts_of(getattr(constant, "co_consts", constant))


def as_csv(found: Class, names: list[str]) -> str:
    """One line for each learner and exercise, for a table program."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    subjects = subjects_of(found)
    for name in names:
        for subject in subjects:
            checkin = found.checkins.get((name, subject))
            for row in checkin.rows if checkin else ():
                day, number = checkin.day.isoformat(), CHAPTERS[subject][0]
                flags = int(row.right), row.tries, row.hints, int(row.solution)
                writer.writerow([harmless(name), number, day, row.exercise, *flags])
    return text.getvalue()


def harmless(name: str) -> str:
    """A name that a table program does not take for a formula."""
    return f"'{name}" if name[0] in "=+-@" else name
