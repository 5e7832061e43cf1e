"""What only notebooks need: a figure that grows during training, a long run that was stored, and
the package's source."""

import base64
import inspect
import io
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display
from PIL import Image

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.inference import sample_rows
from cyclegan_lessons.plotting import CURVES, PictureFigure, draw_curves, draw_grid


class LiveFigure:
    """A figure that grows while a model trains: loss curves above, translated images below.

    Pass ``update`` to `CycleGANTrainer.fit` as ``on_sample``. The images are uint8 N×H×W×3 that
    training never sees; four of each domain fill the figure well. ``width`` in inches.
    """

    def __init__(self, images_x: np.ndarray, images_y: np.ndarray, width: float = 8):
        self.images = images_x, images_y
        self.figure = plt.figure(
            FigureClass=PictureFigure, figsize=(width, 0.66 * width), layout="constrained"
        )
        above, below = self.figure.subfigures(2, 1, height_ratios=(2, 3))
        self.curves, self.grids = above.subplots(1, len(CURVES)), below.subplots(1, 2)
        plt.close(self.figure)  # otherwise the notebook shows it once more when the cell ends
        self.handle = None

    def update(self, trainer):
        """Draw the trainer's history and translations in place of the last drawing."""
        draw_curves(self.curves, trainer.history)
        rows = list(sample_rows(trainer.G, trainer.F, *self.images).items())
        draw_grid(self.grids[0], dict(rows[:3]))  # x, G(x), F(G(x))
        draw_grid(self.grids[1], dict(rows[3:]))  # y, F(y), G(F(y))
        self.figure.suptitle(f"step {trainer.step}", fontsize="medium")
        if self.handle is None:
            self.handle = display(self.figure, display_id=True)
        else:
            self.handle.update(self.figure)


class StoredRun:
    """A long training, thinned: what tools/training_history.py wrote into NAME.json of the book.

    ``history`` is a list of at most 200 rows, each the mean of a block of steps, with the step and
    the losses by name; ``samples`` holds the sample grids of the run, uint8 H×W×3, by their step.
    ``maps`` holds, for an orange y, a fake G(x) and its apple x, the picture and the 14×14 scores
    of the trained D_Y; it is empty where these were not stored.
    The file is looked for beside the notebook, then in the book of the checkout. Raises
    `LessonError` when it is not there.
    """

    def __init__(self, name: str):
        book = Path(__file__).resolve().parent.parent / "book"
        places = [folder / f"{name}.json" for folder in (Path.cwd(), book)]
        path = next(filter(Path.is_file, places), None)
        if path is None:
            raise LessonError(
                f"{name}.json should stand beside this notebook, but it is not there; copy it from "
                "the folder book of the course."
            )
        stored = json.loads(path.read_text(encoding="utf-8"))
        losses = {loss: v for curves in stored["curves"].values() for loss, v in curves.items()}
        columns = {"step": stored["steps"], **losses}
        self.history = [dict(zip(columns, row)) for row in zip(*columns.values(), strict=True)]
        self.rows = stored["rows"]
        self.samples = {sample["step"]: decoded(sample["source"]) for sample in stored["samples"]}
        self.maps = {
            one["name"]: (decoded(one["source"]), np.array(one["map"]))
            for one in stored.get("maps", [])
        }

    def strip(self, columns: int = 6, gap: int = 4) -> tuple[list[int], dict[str, np.ndarray]]:
        """How the first test image of each domain changes: steps, and uint8 S×H×W×3 by row name.

        ``columns`` of the stored steps, from the first to the last; ``gap`` as in `plotting.tile`.
        """
        known = list(self.samples)
        chosen = np.linspace(0, len(known) - 1, min(columns, len(known))).round().astype(int)
        steps = [known[place] for place in chosen]
        side = (self.samples[steps[0]].shape[0] + gap) // len(self.rows)
        firsts = np.stack([self.samples[step][:, : side - gap] for step in steps])
        return steps, {
            name: firsts[:, side * i : side * (i + 1) - gap] for i, name in enumerate(self.rows)
        }


def decoded(address: str) -> np.ndarray:
    """The picture that a data: address holds, uint8 H×W×3."""
    file = io.BytesIO(base64.b64decode(address.partition(",")[2]))
    return np.asarray(Image.open(file).convert("RGB"))


def show_source(*objects):
    """Show the source of the package's classes and functions, exactly as the package runs it."""
    source = "\n\n".join(inspect.getsource(inspect.unwrap(thing)) for thing in objects)
    display(Markdown(f"```python\n{source}```"))
