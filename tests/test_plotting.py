"""Grids and curves hold what they are given, where it belongs."""

import matplotlib
import numpy as np

matplotlib.use("Agg")

from cyclegan_lessons.plotting import CURVES, show_curves, show_rows, tile
from cyclegan_lessons.training import LOSS_NAMES


def test_tiles_stand_in_rows_on_white():
    rows = [np.full((2, 8, 8, 3), 10, np.uint8), np.full((3, 8, 8, 3), 20, np.uint8)]
    picture = tile(rows, gap=4)
    assert picture.shape == (8 + 4 + 8, 3 * 8 + 2 * 4, 3) and picture.dtype == np.uint8
    assert (picture[:8, 12:20] == 10).all() and (picture[12:, 24:32] == 20).all()
    assert (picture[8:12] == 255).all() and (picture[:8, 24:] == 255).all()


def test_rows_are_drawn_with_their_titles():
    figure = show_rows(
        {"x": np.zeros((2, 8, 8, 3), np.uint8), "y": np.ones((1, 8, 8, 3), np.uint8)}
    )
    axes = figure.axes
    assert len(axes) == 4 and [axes[0].get_ylabel(), axes[2].get_ylabel()] == ["x", "y"]
    np.testing.assert_array_equal(axes[2].images[0].get_array(), np.ones((8, 8, 3)))
    assert not axes[3].images


def test_every_loss_but_the_total_has_a_curve():
    history = [{"step": step, **dict.fromkeys(LOSS_NAMES, step * 0.1)} for step in (1, 2, 3)]
    figure = show_curves(history)
    lines = {line.get_label(): line.get_xydata() for axis in figure.axes for line in axis.lines}
    assert (
        set(lines)
        == set(LOSS_NAMES) - {"total"}
        == {name for names in CURVES.values() for name in names}
    )
    np.testing.assert_allclose(lines["cycle_x"], [[1, 0.1], [2, 0.2], [3, 0.3]])
