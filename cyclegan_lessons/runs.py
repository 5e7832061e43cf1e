"""The folder of one training run: config.json, history.csv, samples and checkpoints."""

import csv
import json
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from PIL import Image

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.errors import LessonError

KEPT_CHECKPOINTS = 3


class RunFolder:
    """Where a run writes what it learns. A new run needs a folder without checkpoints; `resume` goes on in an old one."""

    def __init__(self, path: Path, config: LessonConfig, resume: bool = False):
        self.path = Path(path)
        if self.checkpoints() and not resume:
            raise LessonError(f"{path} already holds a run; go on with it (--resume) or choose another folder.")
        try:
            for folder in ("checkpoints", "samples"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
            if not resume:  # an old run's configuration stays as it is until `resume` has found that the new one fits
                self._write_config(config)
        except OSError as error:
            raise LessonError(f"{path} cannot be written ({error.strerror}); choose another folder.") from error

    def checkpoints(self) -> list[Path]:
        """The run's checkpoints, oldest first."""
        return sorted((self.path / "checkpoints").glob("step_*.ckpt"))

    def record(self, row: dict):
        """Append one row of numbers to history.csv."""
        file_path = self.path / "history.csv"
        is_new = not file_path.exists()
        with open(file_path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    def save(self, trainer):
        """Write the trainer's checkpoint and remove all but the last few."""
        trainer.save(self.path / "checkpoints" / f"step_{trainer.step:07d}.ckpt")
        for old in self.checkpoints()[:-KEPT_CHECKPOINTS]:
            old.unlink()

    def save_sample(self, grid, step: int):
        """Write a sample grid, uint8 H×W×3, as samples/step_….png."""
        Image.fromarray(grid).save(self.path / "samples" / f"step_{step:07d}.png")

    def resume(self, trainer):
        """Restore the newest checkpoint that is whole, and forget the history after it."""
        for path in reversed(self.checkpoints()):
            try:
                trainer.restore(path)
            except LessonError as error:
                if "checksum" not in str(error):
                    raise
                print(f"{error} Trying the one before.", file=sys.stderr)
                continue
            self._load_history(trainer)
            self._write_config(trainer.config)
            return
        raise LessonError(f"no checkpoint was found in {self.path}; start the run without --resume.")

    def _write_config(self, config: LessonConfig):
        (self.path / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")

    def _load_history(self, trainer):
        with open(self.path / "history.csv", newline="", encoding="utf-8") as file:
            whole = islice(csv.DictReader(file), trainer.step)  # rows after the checkpoint may be torn
            rows = [{name: float(value) for name, value in row.items()} for row in whole]
        trainer.history = [{**row, "step": int(row["step"]), "epoch": int(row["epoch"])} for row in rows]
        (self.path / "history.csv").unlink()
        for row in trainer.history:
            self.record(row)
