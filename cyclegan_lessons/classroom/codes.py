"""The one-line code of a check-in: it can be pasted into a chat, and damage to it is noticed.

``CGL1-DATA-SUM``: DATA is compressed JSON in base32 (A to Z, 2 to 7), SUM a checksum. The checksum
finds slips of the hand and lines that a program has cut. It is no seal: who wants to can make a
code by hand.
"""

import base64
import json
import re
import zlib
from dataclasses import dataclass
from datetime import date

from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES
from cyclegan_lessons.language import in_language

PATTERN = re.compile(r"CGL1-([A-Z2-7\s]+)-((?:\s*[A-Z2-7]){7})")
INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")  # some chats put them into long words
LARGEST = 20_000  # bytes of the JSON


@dataclass(frozen=True)
class Row:
    """One exercise of a check-in."""

    exercise: str
    tries: int
    hints: int
    solution: bool  # whether it was looked at before the first right answer
    right: bool
    mistakes: tuple[int, ...]  # the places of known wrong answers in the exercise, −1: another one


@dataclass(frozen=True)
class CheckIn:
    """What a learner has done in one chapter, until one day."""

    name: str
    subject: str
    day: date
    rows: tuple[Row, ...]


def encode(checkin: CheckIn) -> str:
    """The code of a check-in, without a line break."""
    rows = [
        [r.exercise, r.tries, r.hints, int(r.solution), int(r.right), list(r.mistakes)]
        for r in checkin.rows
    ]
    content = [checkin.name, checkin.subject, checkin.day.isoformat(), rows]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    data = zlib.compress(text.encode(), 9)
    return f"CGL1-{base32(data)}-{checksum(data)}"


def base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def checksum(data: bytes) -> str:
    return base32(zlib.crc32(data).to_bytes(4, "big"))


def decode(data: str, total: str) -> CheckIn:
    """The check-in in the two parts of a code; raises `ValueError` when it is damaged."""
    data, total = ("".join(part.split()) for part in (data, total))
    packed = base64.b32decode(data + "=" * (-len(data) % 8))
    if checksum(packed) != total:
        raise ValueError(in_language("the checksum does not fit"))
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, LARGEST).decode()
        name, subject, day, rows = json.loads(text)
        rows = tuple(read_row(*row) for row in rows)
        checkin = CheckIn(str(name), str(subject), date.fromisoformat(day), rows)
    except (zlib.error, TypeError, RecursionError, OverflowError) as error:
        raise ValueError(in_language("it is not complete")) from error
    if subject not in CHAPTERS:
        raise ValueError(in_language("this version of the course has no such chapter"))
    return checkin


def read_row(exercise, tries, hints, solution, right, mistakes) -> Row:
    if exercise not in EXERCISES:
        raise ValueError(in_language("this version of the course has no such exercise"))
    numbers = tuple(int(place) for place in mistakes)
    return Row(str(exercise), int(tries), int(hints), bool(solution), bool(right), numbers)


def find_codes(text: str) -> tuple[list[CheckIn], list[str]]:
    """All check-ins in a text, such as a chat, and one line for each damaged code in it."""
    text = INVISIBLE.sub("", text)
    found, damaged = [], []
    for start in (match.start() for match in re.finditer("CGL1", text)):
        match = PATTERN.match(text, start)
        shown = " ".join(text[start : start + 24].split())
        if not match:
            why = in_language("it is cut off or has letters that no code has")
            damaged.append(f"{shown}…: {why}")
            continue
        try:
            found.append(decode(*match.groups()))
        except ValueError as error:
            damaged.append(f"{shown}…: {error}")
    return found, damaged
