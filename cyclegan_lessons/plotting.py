"""The pictures that chapters and run folders share: grids of images, and training curves."""

import sys
from base64 import b64encode
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

PRINT = {"bbox_inches": "tight", "pil_kwargs": {"optimize": True}}


class PictureFigure(Figure):
    """A figure that shows photograph-like pictures: a notebook stores it as JPEG, not as PNG."""


def as_jpeg(figure: PictureFigure) -> tuple[str, dict] | None:
    """A figure as JPEG in base64, a fifth of a PNG's length, and the size to show it at."""
    from IPython.core.pylabtools import retina_figure

    png, size = retina_figure(figure, **PRINT) or (None, None)
    if png is None:  # nothing was drawn
        return None
    jpeg = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").save(jpeg, "JPEG", quality=88, subsampling=0)
    return b64encode(jpeg.getvalue()).decode(), size


def sharpen():
    """In a notebook, store every figure with two pixels in each direction for one that is shown."""
    ipython = sys.modules.get("IPython")  # not there outside notebooks
    shell = ipython and ipython.get_ipython()
    if shell:
        from matplotlib_inline.config import InlineBackend

        backend = InlineBackend.instance(parent=shell)
        backend.print_figure_kwargs = PRINT
        backend.figure_formats = {"retina"}
        formatters = shell.display_formatter.formatters
        formatters["image/png"].for_type(PictureFigure, lambda figure: None)
        formatters["image/jpeg"].for_type(PictureFigure, as_jpeg)


sharpen()


def tile(rows: list[np.ndarray], gap: int = 4) -> np.ndarray:
    """Put rows of images, each uint8 N×H×W×3, into one white-spaced picture of uint8."""
    height, width = rows[0].shape[1:3]
    columns = max(map(len, rows))
    picture = np.full(
        (len(rows) * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8
    )
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            picture[i * (height + gap) :, j * (width + gap) :][:height, :width] = image
    return picture


def draw_grid(axis, rows: dict[str, np.ndarray], gap: int = 4):
    """Draw titled rows of images, uint8 N×H×W×3 each, as one picture into an emptied axis."""
    height = next(iter(rows.values())).shape[1]
    axis.clear()
    axis.imshow(tile(list(rows.values()), gap))
    axis.set_yticks(
        [(height + gap) * i + height / 2 for i in range(len(rows))], rows, fontsize="small"
    )
    axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def show_rows(rows: dict[str, np.ndarray], width: float = 8) -> Figure:
    """Draw titled rows of images, uint8 N×H×W×3 each; ``width`` in inches."""
    columns = max(map(len, rows.values()))
    figure, axes = plt.subplots(
        len(rows),
        columns,
        FigureClass=PictureFigure,
        figsize=(width, width * len(rows) / columns),
        squeeze=False,
        layout="constrained",
    )
    for (title, images), row_axes in zip(rows.items(), axes):
        for axis, image in zip(row_axes, images):
            axis.imshow(image)
        for axis in row_axes:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        row_axes[0].set_ylabel(title, rotation=0, ha="right", va="center")
    return figure


CURVES = {
    "adversarial": ("G", "F"),
    "discriminators": ("D_X", "D_Y"),
    "cycle consistency": ("cycle_x", "cycle_y"),
    "identity": ("identity_x", "identity_y"),
}


# what concerns apples is red, what concerns oranges is orange
INTO_X = ("F", "D_X", "cycle_x", "identity_x")


def draw_curves(axes, history: list[dict]):
    """Draw the losses of a training history into four axes, one for each kind of loss.

    The losses of single steps are pale; the full line is their mean over the last fiftieth of the
    history, which in a history of less than 100 steps is one step.
    """
    steps = [row["step"] for row in history]
    window = max(1, len(history) // 50)
    for axis, (title, names) in zip(axes, CURVES.items()):
        axis.clear()
        for name in names:
            color = "tab:red" if name in INTO_X else "tab:orange"
            values = np.array([row[name] for row in history])
            if window > 1:
                axis.plot(steps, values, color=color, linewidth=0.5, alpha=0.3)
            means = np.convolve(values, np.full(window, 1 / window), "valid")
            axis.plot(steps[window - 1 :], means, color=color, label=name, linewidth=1.5)
        axis.set_title(title, fontsize="small", pad=18)
        axis.legend(
            loc="lower center",
            bbox_to_anchor=(0.5, 1),
            ncols=2,
            frameon=False,
            fontsize="x-small",
            borderpad=0.2,
            handlelength=1.2,
            columnspacing=1,
        )
        axis.set_xlabel("step", fontsize="small")
        axis.set_ylim(bottom=0)
        axis.tick_params(labelsize="small")
        axis.spines[["top", "right"]].set_visible(False)


def show_curves(history: list[dict], width: float = 8) -> Figure:
    """Draw the losses of a `CycleGANTrainer.history` over its steps; ``width`` in inches."""
    figure, axes = plt.subplots(1, len(CURVES), figsize=(width, width / 3.5), layout="constrained")
    draw_curves(axes, history)
    return figure
