"""The pictures that chapters and run folders share: grids of images, and training curves."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cyclegan_lessons.inference import translate


def tile(rows: list[np.ndarray], gap: int = 4) -> np.ndarray:
    """Put rows of images, each uint8 N×H×W×3, into one white-spaced picture of uint8."""
    height, width = rows[0].shape[1:3]
    columns = max(map(len, rows))
    picture = np.full((len(rows) * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            picture[i * (height + gap) :, j * (width + gap) :][:height, :width] = image
    return picture


def sample_rows(G, F, images_x: np.ndarray, images_y: np.ndarray) -> dict[str, np.ndarray]:
    """Translate both ways and back: uint8 N×H×W×3 images under the row titles x, G(x), F(G(x)), y, F(y), G(F(y))."""
    fake_y, fake_x = translate(G, images_x), translate(F, images_y)
    return {
        "x": images_x, "G(x)": fake_y, "F(G(x))": translate(F, fake_y),
        "y": images_y, "F(y)": fake_x, "G(F(y))": translate(G, fake_x),
    }  # fmt: skip


def show_rows(rows: dict[str, np.ndarray], width: float = 8) -> Figure:
    """Draw titled rows of images, uint8 N×H×W×3 each; ``width`` in inches."""
    columns = max(map(len, rows.values()))
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(width, width * len(rows) / columns), squeeze=False, layout="constrained"
    )  # fmt: skip
    for (title, images), row_axes in zip(rows.items(), axes):
        for axis, image in zip(row_axes, images):
            axis.imshow(image)
        for axis in row_axes:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        row_axes[0].set_ylabel(title, rotation=0, ha="right", va="center")
    return figure


CURVES = {
    "adversarial, G and F": ("G", "F"),
    "discriminators": ("D_X", "D_Y"),
    "cycle consistency": ("cycle_x", "cycle_y"),
    "identity": ("identity_x", "identity_y"),
}


def draw_curves(axes, history: list[dict]):
    """Draw the losses of a training history over its steps into four axes, one for each kind of loss."""
    steps = [row["step"] for row in history]
    for axis, (title, names) in zip(axes, CURVES.items()):
        axis.clear()
        for name in names:
            axis.plot(steps, [row[name] for row in history], label=name, linewidth=1)
        axis.set_title(title, fontsize="small")
        axis.set_xlabel("step", fontsize="small")
        axis.set_ylim(bottom=0)
        axis.tick_params(labelsize="small")
        axis.legend(fontsize="x-small")


def show_curves(history: list[dict], width: float = 9) -> Figure:
    """Draw the losses of a training history, rows of `CycleGANTrainer.history`; ``width`` in inches."""
    figure, axes = plt.subplots(1, len(CURVES), figsize=(width, width / 3.6), layout="constrained")
    draw_curves(axes, history)
    return figure
