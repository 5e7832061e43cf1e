"""Chapter 1: the orchard, rendered pictures of apples (X) and oranges (Y), each with its twin.

A scene is a table, a wall, a light and one to three round fruits; a camera looks down on it without
perspective. The twin shows the same scene with the other kind of fruit. Vectors of a whole picture
are float32 3×H×W; colours are linear light until the last line.

Only +, −, ×, ÷ and square roots touch the pixels, and sums have a fixed order, so the bytes are
equal on any machine.
"""

from typing import NamedTuple

import numpy as np

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.fruits import render_fruit, render_leaf, render_stem
from cyclegan_lessons.progress import progress
from cyclegan_lessons.scene import COS, RIGHT, SIN, UP, Scene, draw_scene, light_up
from cyclegan_lessons.shading import (
    SUPERSAMPLE,
    along,
    column,
    encode,
    noise,
    samples,
    smoothstep,
)

BOTTOM = -0.22  # height on the screen of the lower edge of the picture


class Orchard(NamedTuple):
    """Rendered scenes: what `render_orchard` returns."""

    images: np.ndarray  # uint8 N×S×S×3, the domain that was asked for
    twins: np.ndarray  # uint8 N×S×S×3, the same scenes in the other domain
    masks: np.ndarray  # bool N×S×S, True on fruits, stems and leaves; elsewhere the two are equal


def render_orchard(n_scenes: int, size: int, domain: str = "x", seed: int = 0) -> Orchard:
    """Render scenes of apples (``domain="x"``) or oranges (``"y"``), their twins and fruit masks.

    Scene i depends on ``seed`` and i alone: the same seed gives the same bytes, and at another
    ``size`` (in pixels, from 16 on) the same scenes. Raises `LessonError` when an argument makes no
    sense.
    """
    if domain not in ("x", "y"):
        raise LessonError(
            f"domain must be 'x' (apples) or 'y' (oranges), but it is {domain!r}; choose one of "
            "the two."
        )
    for name, value, least in (("n_scenes", n_scenes, 0), ("size", size, 16), ("seed", seed, 0)):
        if not isinstance(value, int | np.integer) or value < least:
            raise LessonError(
                f"{name} must be a whole number of at least {least}, but it is {value!r}; choose "
                "another value."
            )
    pictures = np.empty((2, n_scenes, size, size, 3), np.uint8)
    masks = np.empty((n_scenes, size, size), bool)
    for i in progress(range(n_scenes), f"rendering {size}×{size}"):
        scene = draw_scene(np.random.default_rng([seed, i]))
        pictures[0, i], pictures[1, i], masks[i] = render_scene(scene, size)
    apples, oranges = pictures
    return Orchard(apples, oranges, masks) if domain == "x" else Orchard(oranges, apples, masks)


def render_scene(scene: Scene, size: int) -> tuple:
    """Return a scene with apples and with oranges, uint8 S×S×3, and its fruit mask, bool S×S."""
    n = size * SUPERSAMPLE
    across = ((np.arange(n) + 0.5) / n - 0.5).astype(np.float32)[None, :]
    height = (BOTTOM + (n - 0.5 - np.arange(n)) / n).astype(np.float32)[:, None]
    apples = render_room(scene, across, height)  # 3×n×n
    oranges, mask = apples.copy(), np.zeros((n, n), bool)
    for fruit in scene.fruits:
        u = (across - along(fruit.centre, RIGHT)) / fruit.radius
        v = (height - along(fruit.centre, UP)) / fruit.radius
        on_fruit = window(abs(v) < 1, abs(u) < 1)
        above = window(abs(v - 0.95) < 0.65, abs(u) < 1.4)
        for paint, (rows, columns) in (
            (render_fruit, on_fruit),
            (render_stem, above),
            (render_leaf, above),
        ):
            pictures = apples[:, rows, columns], oranges[:, rows, columns]
            paint(scene, fruit, u[:, columns], v[rows], pictures, mask[rows, columns])
    return encode(apples), encode(oranges), samples(mask[None]).any(0)[0]


def window(rows: np.ndarray, columns: np.ndarray) -> list[slice]:
    """The part of a picture that is painted, so that no pixel is computed in vain."""
    ends = [np.flatnonzero(places)[[0, -1]] for places in (rows, columns)]
    return [slice(first, last + 1) for first, last in ends]


def render_room(scene: Scene, x: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Linear colours 3×n×n of the empty table and wall, with the fruits' shadows on them."""
    on_table = height < scene.distance * SIN
    z = np.where(on_table, height / SIN, scene.distance) + 0 * x
    y = np.where(on_table, 0, (height - scene.distance * SIN) / COS) + 0 * x
    x = x + 0 * z
    plaster = (
        0.86
        + 0.12 * noise(scene.lattice, 6 * x + 9, 6 * y)
        + 0.08 * noise(scene.lattice, 40 * x, 40 * y + 5)
    )
    edge = smoothstep(-0.004, 0.004, height - scene.distance * SIN)
    tone = table_pattern(scene, x, z)
    albedo = column(scene.table) * (tone * (1 - edge)) + column(scene.wall) * (plaster * edge)
    normal = np.stack([0 * x, 1 - edge + 0 * x, -edge + 0 * x])
    # little light reaches the corner
    corner = 1 - 0.35 * (1 - smoothstep(0, 0.12, abs(z - scene.distance) + y))
    return light_up(scene, albedo, normal, np.stack([x, y, z]), corner)


def table_pattern(scene: Scene, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """How bright the table is at each place, n×n: the grain of planks or the checks of a cloth."""
    a = x * scene.turn[0] + z * scene.turn[2]  # along the grain
    b = z * scene.turn[0] - x * scene.turn[2]  # across it
    if scene.planks:
        plank = np.floor(b * 4)
        grain = noise(scene.lattice, 3 * a + 7.3 * plank, 40 * b)
        grain = grain + 0.5 * noise(scene.lattice, 9 * a + 3.1 * plank, 110 * b)
        tone = 0.55 + 0.35 * grain + 0.25 * noise(scene.lattice, plank + 0.5, plank * 0 + 0.5)
        gaps = smoothstep(0, 0.03, b * 4 - plank) * smoothstep(1, 0.97, b * 4 - plank)
        return tone * (0.55 + 0.45 * gaps)
    stripes = [smoothstep(0.23, 0.27, abs(q * 7 - np.floor(q * 7) - 0.5)) for q in (a, b)]
    weave = noise(scene.lattice, 90 * a, 20 * b) + noise(scene.lattice, 20 * a, 90 * b)
    return 0.75 + 0.22 * (stripes[0] + stripes[1]) + 0.12 * weave
