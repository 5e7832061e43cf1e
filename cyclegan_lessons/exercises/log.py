"""The learner's own log: one line of JSON for each check, hint and look at a solution. It stays on
this computer."""

import json
import os
from datetime import datetime, timezone
from pathlib import Path

from cyclegan_lessons.cache import expand
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.exercises.checking import RIGHT


def log_file() -> Path:
    """``$CYCLEGAN_LESSONS_PROGRESS``, else a file in the home folder."""
    given = os.environ.get("CYCLEGAN_LESSONS_PROGRESS")
    return expand(given or "~/.local/share/cyclegan_lessons/progress.jsonl")


def append(**entry) -> bool:
    """Add one line with the time; return False when the file cannot be written."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    line = json.dumps({"time": now, **entry}, ensure_ascii=True) + "\n"
    try:
        log_file().parent.mkdir(parents=True, exist_ok=True)
        # one write, so that two notebooks at once do not mix their lines
        with open(log_file(), "ab", buffering=0) as file:
            file.write(line.encode())
    except (OSError, LessonError):
        return False
    return True


def read(path: Path | None = None) -> list[dict]:
    """The entries of a log, oldest first; without a file there are none, and damaged lines are
    left out. Raises `LessonError` when the file cannot be read."""
    path = path or log_file()
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LessonError(
            f"{path} should be a log of exercises, but it cannot be read ({error.strerror}); allow "
            f"it to be read, or let CYCLEGAN_LESSONS_PROGRESS name another file."
        ) from error
    entries = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if is_entry(entry):
            entries.append(entry)
    return entries


def is_entry(entry) -> bool:
    """Whether a line of a log is such as `append` writes: a log can come from anybody."""
    if not isinstance(entry, dict):
        return False
    texts = [entry.get(name) for name in ("time", "exercise", "event")] + [entry.get("finding", "")]
    number = entry.get("number", 1)
    return all(isinstance(text, str) for text in texts) and type(number) is int and 0 < number < 100


def summary(entries: list[dict]) -> dict[str, dict]:
    """For each exercise that was tried: tries until it was right, hints and solution before that.

    ``right`` is False until a check has passed; ``findings`` are the sentences of the wrong tries.
    What happened after the first right answer does not count.
    """
    result = {}
    for entry in entries:
        state = result.setdefault(
            entry["exercise"],
            {"right": False, "tries": 0, "hints": 0, "solution": False, "findings": []},
        )
        if state["right"]:
            continue
        if entry["event"] == "hint":
            state["hints"] = max(state["hints"], int(entry.get("number", 1)))
        elif entry["event"] == "solution":
            state["solution"] = True
        else:
            state["tries"] += 1
            state["right"] = entry["event"] == RIGHT
            if not state["right"]:
                state["findings"].append(entry.get("finding", ""))
    return result
