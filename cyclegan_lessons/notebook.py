"""What only notebooks need: a figure that grows while a model trains, and the package's own source code."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

from cyclegan_lessons.plotting import CURVES, draw_curves, sample_rows, tile


class LiveFigure:
    """A figure in a notebook that grows while a model trains: loss curves above, a sample grid below.

    Pass ``update`` to `CycleGANTrainer.fit` as ``on_sample``. The images are uint8 N×H×W×3 that training never sees.
    """

    def __init__(self, images_x: np.ndarray, images_y: np.ndarray, width: float = 9):
        self.images = images_x, images_y
        self.figure = plt.figure(figsize=(width, 1.05 * width), layout="constrained")
        above, below = self.figure.subfigures(2, 1, height_ratios=(1, 3))
        self.curves, self.grid = above.subplots(1, len(CURVES)), below.subplots()
        plt.close(self.figure)  # otherwise the notebook shows it once more when the cell ends
        self.handle = None

    def update(self, trainer):
        """Draw the trainer's history and its translations of the sample images, in place of the last drawing."""
        draw_curves(self.curves, trainer.history)
        rows = sample_rows(trainer.G, trainer.F, *self.images)
        self.grid.clear()
        self.grid.imshow(tile(list(rows.values())))
        side = self.images[0].shape[1] + 4
        self.grid.set_yticks([side * (i + 0.5) - 2 for i in range(len(rows))], rows, fontsize="small")
        self.grid.set_xticks([])
        self.grid.spines[:].set_visible(False)
        self.grid.tick_params(length=0)
        self.grid.set_title(f"step {trainer.step}", fontsize="small")
        if self.handle is None:
            self.handle = display(self.figure, display_id=True)
        else:
            self.handle.update(self.figure)


def show_source(*objects):
    """Show the source code of classes and functions of the package in a notebook, exactly as the package runs it."""
    source = "\n\n".join(inspect.getsource(inspect.unwrap(thing)) for thing in objects)
    display(Markdown(f"```python\n{source}```"))
