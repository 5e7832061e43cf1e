"""history.csv of a run: a row of numbers for each training step, and TensorBoard's copy of it."""

import csv
import io
import time
from importlib.util import find_spec
from pathlib import Path

from cyclegan_lessons.losses import LOSS_NAMES

WHOLE = ("step", "epoch")  # the columns whose numbers are whole
COLUMNS = [*WHOLE, "rate", *LOSS_NAMES]


def read_history(path: Path) -> list[dict]:
    """The rows of a history.csv up to the first that is not whole; none when there is no file.

    A row is whole when its line ends, all its numbers are there, and its step is the next one.
    """
    rows: list[dict] = []
    for row in parsed_rows(path):
        if row is None or (rows and row["step"] != rows[-1]["step"] + 1):
            break
        rows.append(row)
    return rows


def parsed_rows(path: Path) -> list[dict | None]:
    """Every row of the file as numbers by column, None for a row that is not understood."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        lines = [line for line in file if line.endswith("\n")]
    try:
        table = csv.DictReader(lines)
        if lines and table.fieldnames != COLUMNS:
            return [None]
        return [parsed(row) for row in table]
    except csv.Error:  # a zero byte, or a field of many megabytes
        return [None]


def parsed(row: dict) -> dict | None:
    """One row as numbers; None when a column is missing, left over or not a number."""
    try:
        return {name: (int if name in WHOLE else float)(text) for name, text in row.items()}
    except (TypeError, ValueError):
        return None


def is_intact(path: Path) -> bool:
    """Whether nothing but an unfinished last line is lost when a history is read."""
    return len(parsed_rows(path)) == len(read_history(path))


def as_csv(rows: list[dict], header: bool = True) -> str:
    """Rows as the lines of history.csv; the empty text for none."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    if rows and header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


class EventFile:
    """The losses of one process for TensorBoard, where that package is installed."""

    def __init__(self, folder: Path):
        self.path = folder / f"events.out.tfevents.{time.time_ns()}"
        self.installed = find_spec("tensorboard") is not None

    def record(self, row: dict):
        """Append a row of the history as one event."""
        if not self.installed:
            return
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        # tensorboard's own EventFileWriter hangs on a full disk
        from tensorboard.summary.writer.record_writer import RecordWriter

        losses = {name: value for name, value in row.items() if name not in WHOLE}
        values = [Summary.Value(tag=name, simple_value=losses[name]) for name in losses]
        event = Event(wall_time=time.time(), step=row["step"], summary=Summary(value=values))
        self.path.parent.mkdir(exist_ok=True)
        with open(self.path, "ab") as file:
            RecordWriter(file).write(event.SerializeToString())
