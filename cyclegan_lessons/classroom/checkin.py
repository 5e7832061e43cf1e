"""Check in at the end of a chapter: a card, a post to fill in, and a code for the chat."""

import io
import re
import unicodedata
import zlib
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cyclegan_lessons.classroom.card import card
from cyclegan_lessons.classroom.codes import CheckIn, Row, encode, find_codes
from cyclegan_lessons.classroom.post import post, post_path
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.exercises import log
from cyclegan_lessons.exercises.exercise import Exercise
from cyclegan_lessons.exercises.registry import CHAPTERS, exercises_of, subject_called
from cyclegan_lessons.export import find_checkpoint
from cyclegan_lessons.files import write_whole
from cyclegan_lessons.history import read_history
from cyclegan_lessons.inference import load_generator, translate
from cyclegan_lessons.orchard import render_orchard
from cyclegan_lessons.runs import checkpoints_in

LONGEST = 40  # characters of a nickname


class Written(NamedTuple):
    """What a check-in has made."""

    folder: Path  # holds card.html, picture.png, code.txt and the post
    post: str  # the name of the post: post.md, unless an earlier one was filled in
    code: str
    untouched: bool  # no exercise of the chapter was tried


def clean_name(name: str) -> str:
    """A nickname on one line, in any script; raises `LessonError` when nothing of it is left."""
    # a terminal without UTF-8 hands the bytes of other scripts on as they are
    text = re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", str(name))  # halves of letters
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = unicodedata.normalize("NFC", text)
    joiners = "\u200c\u200d"  # Persian, Hindi and emoji need them
    text = "".join(c if c.isprintable() or c in joiners else " " for c in text)
    text = " ".join(text.split())[:LONGEST].strip()
    if not text.strip(joiners):
        raise LessonError("a nickname needs at least one letter that can be seen; choose another.")
    return text


def rows_of(subject: str, entries: list[dict]) -> tuple[Row, ...]:
    """What a log says about the exercises of one subject."""
    summary = log.summary(entries)
    empty = {"right": False, "tries": 0, "hints": 0, "solution": False, "findings": []}
    rows = []
    for exercise in exercises_of(subject):
        state = summary.get(exercise.name, empty)
        mistakes = tuple(place_of(finding, exercise) for finding in state["findings"])[-9:]
        counts = (min(state[name], 999) for name in ("tries", "hints"))
        rows.append(Row(exercise.name, *counts, state["solution"], state["right"], mistakes))
    return tuple(rows)


def place_of(finding: str, exercise: Exercise) -> int:
    """Which of the exercise's known wrong answers a sentence belongs to; −1 for none."""
    for place, wrong in enumerate(exercise.wrong):
        if finding.startswith(wrong.sentence):
            return place
    return -1


def scene_of(name: str, subject: str) -> np.ndarray:
    """The apples of one learner and one chapter, uint8 64×64×3: always the same, and no one
    else's."""
    seed = zlib.crc32(f"{clean_name(name)}\n{subject}".encode())
    return render_orchard(1, 64, "x", seed=seed).images[0]


def newest_run(folder: Path) -> Path | None:
    """The run below ``folder`` or beside it whose checkpoint is the newest."""
    configs = {*folder.glob("runs/*/config.json"), *folder.glob("../runs/*/config.json")}
    runs = [path.parent for path in configs if checkpoints_in(path.parent)]
    return max(runs, key=lambda run: checkpoints_in(run)[-1].stat().st_mtime, default=None)


def picture_of(name: str, subject: str, run: Path | None) -> np.ndarray:
    """The personal picture: the learner's scene, and what the learner's newest model, or the one
    of the course, makes of it; uint8 64×132×3."""
    scene = scene_of(name, subject)
    generator = load_generator(find_checkpoint(run))
    gap = np.full((64, 4, 3), 255, np.uint8)
    return np.hstack([scene, gap, translate(generator, scene)])


def png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def refuse_to_replace(folder: Path, files: dict):
    """Raise `LessonError` when files of these names are there and no check-in wrote them."""
    there = [name for name in files if (folder / name).exists()]
    code = folder / "code.txt"
    ours = code.is_file() and find_codes(code.read_bytes().decode("utf-8", "replace"))[0]
    if there and not ours:
        raise LessonError(
            f"{folder / there[0]} was not made by a check-in, and would be replaced; choose "
            "another folder with --out."
        )


def check_in(
    name: str, chapter: str | int, out: Path | None = None, run: Path | None = None
) -> Written:
    """Write the card, the post, the picture and the code of one chapter into a folder.

    ``name`` is a nickname, shown to others. ``chapter`` is a number or a subject such as "pool".
    The folder is ``out``, else ``checkins/05_image_pool`` and the like. ``run`` is the run folder
    whose newest model draws the picture; the newest one in ``runs`` unless it is given. What was
    there of an earlier check-in is replaced, but no post that was filled in. Nothing is sent.
    Raises `LessonError` for a name without letters, an unknown chapter, other files of these names
    in the folder, or a folder that cannot be written.
    """
    name, subject = clean_name(name), subject_called(chapter)
    folder = Path(out or Path("checkins") / CHAPTERS[subject][2])
    run = Path(run) if run else newest_run(Path.cwd())
    checkin = CheckIn(name, subject, date.today(), rows_of(subject, log.read()))
    code = encode(checkin)
    picture = png(picture_of(name, subject, run))
    losses = (
        [row["total"] for row in read_history(run / "history.csv")] if run and run.is_dir() else []
    )
    files = {
        "card.html": card(checkin, code, picture, losses).encode(),
        "picture.png": picture,
        "code.txt": f"{code}\n".encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refuse_to_replace(folder, files)
        written = post_path(folder).name
        for file, content in {**files, written: post(checkin, code).encode()}.items():
            write_whole(folder / file, content)
    except OSError as error:
        raise LessonError(
            f"{folder} must be a folder that can be written, but the system says: "
            f"{error.strerror or error}; choose another one with --out."
        ) from error
    return Written(folder, written, code, not any(row.tries for row in checkin.rows))
