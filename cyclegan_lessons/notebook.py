"""What only notebooks need: a figure that grows during training, and the package's source."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

from cyclegan_lessons.inference import sample_rows
from cyclegan_lessons.plotting import CURVES, draw_curves, draw_grid


class LiveFigure:
    """A figure that grows while a model trains: loss curves above, translated images below.

    Pass ``update`` to `CycleGANTrainer.fit` as ``on_sample``. The images are uint8 N×H×W×3 that
    training never sees; four of each domain fill the figure well. ``width`` in inches.
    """

    def __init__(self, images_x: np.ndarray, images_y: np.ndarray, width: float = 8):
        self.images = images_x, images_y
        self.figure = plt.figure(figsize=(width, 0.66 * width), layout="constrained")
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


def show_source(*objects):
    """Show the source of the package's classes and functions, exactly as the package runs it."""
    source = "\n\n".join(inspect.getsource(inspect.unwrap(thing)) for thing in objects)
    display(Markdown(f"```python\n{source}```"))
