"""Chapter 1: what a picture of the orchard shows, drawn at random, and the light that falls on it.

World axes: x right, y up, z away from the viewer; one unit is the width of the picture. Vectors of
a whole picture are float32 3×H×W, and colours are linear light.
"""

from functools import partial
from math import sqrt
from typing import NamedTuple

import numpy as np

from cyclegan_lessons.shading import column, dot, make_lattice, mix, smoothstep, unit

SIN, COS = 0.4, sqrt(0.84)  # of the angle at which the camera looks down
RIGHT, UP, TO_VIEWER = ((1.0, 0.0, 0.0), (0.0, COS, SIN), (0.0, SIN, -COS))  # the camera's own axes

WALLS = (
    (0.80, 0.78, 0.72),
    (0.62, 0.72, 0.76),
    (0.72, 0.76, 0.66),
    (0.84, 0.72, 0.64),
    (0.50, 0.56, 0.62),
    (0.70, 0.66, 0.76),
)
TABLES = (
    (0.62, 0.44, 0.28),
    (0.74, 0.58, 0.40),
    (0.46, 0.32, 0.22),
    (0.66, 0.62, 0.56),
    (0.52, 0.56, 0.58),
    (0.80, 0.74, 0.64),
)


class Fruit(NamedTuple):
    """One fruit on the table, the same one whether it is painted as an apple or as an orange."""

    centre: tuple  # world coordinates
    radius: float
    axis: tuple  # unit vector out of the stem's or the navel's side
    sun: tuple  # unit vector towards the side that ripened first
    ripeness: float  # 0 (yellow-green) to 1 (deep red apple, deep orange)
    leaf: float  # direction and size of the leaf, -1 to 1; near 0: no leaf
    bend: float  # of the stem, -1 to 1
    offset: tuple  # where in the noise its skin lies


class Scene(NamedTuple):
    """Everything that a picture shows, whatever its size and domain."""

    wall: np.ndarray  # linear colour
    table: np.ndarray  # linear colour
    planks: bool  # wooden planks, else a checked cloth
    turn: tuple  # unit vector in the table's plane along the grain or the checks
    distance: float  # z of the wall
    light: tuple  # unit vector towards the light
    light_colour: np.ndarray
    lattice: np.ndarray  # random values from which all textures are interpolated
    fruits: list  # far ones first


def draw_scene(rng: np.random.Generator) -> Scene:
    """Choose a scene at random: the room, then fruits that do not touch each other, then light."""
    between = partial(draw_between, rng)

    def tint(colours):
        colour = np.array(colours[rng.integers(len(colours))])
        return (colour * between(0.8, 1.1) * between(0.95, 1.05, 3)).clip(0, 0.9) ** 2

    wall, table, planks = tint(WALLS), tint(TABLES), rng.random() < 0.65
    distance, warmth = between(0.55, 0.95), between(-0.08, 0.08)
    fruits, n_fruits = [], int(rng.integers(1, 4))
    while len(fruits) < n_fruits:
        fruit = draw_fruit(rng, distance, (1.0, 0.82, 0.7)[n_fruits - 1])
        if not any(touch(fruit, other) for other in fruits):
            fruits.append(fruit)
        elif rng.random() < 0.05:  # no place left: be content with fewer
            n_fruits -= 1
    return Scene(
        wall=wall,
        table=table,
        planks=planks,
        turn=unit(1, 0, between(-0.5, 0.5)),
        distance=distance,
        light=unit(between(-0.9, 0.9), 1, between(-0.9, 0.0)),
        light_colour=between(0.95, 1.1) * np.array([1 + warmth, 1.0, 1 - warmth]),
        lattice=make_lattice(rng),
        fruits=sorted(fruits, key=lambda fruit: -fruit.centre[2]),
    )


def draw_fruit(rng: np.random.Generator, distance: float, scale: float) -> Fruit:
    """Choose a fruit at random: before the wall, which is ``distance`` away, and in the picture."""
    between = partial(draw_between, rng)
    r = between(0.23, 0.35) * scale
    x = between(-0.47 + r, 0.47 - r)
    z = between(-0.2, min(distance - 1.1 * r, (0.74 - (1 + COS) * r) / SIN))
    return Fruit(
        centre=(x, r, z),
        radius=r,
        axis=unit(between(-0.35, 0.35), 1, between(-0.55, 0.0)),
        sun=unit(between(-1, 1), 0.4, between(-1, 0.2)),
        ripeness=rng.random(),
        leaf=between(-1, 1),
        bend=between(-1, 1),
        offset=(64 * rng.random(), 64 * rng.random()),
    )


def draw_between(rng: np.random.Generator, low: float, high: float, n: int | None = None):
    """A random number between two limits, or ``n`` of them."""
    return low + (high - low) * rng.random(n)


def touch(a: Fruit, b: Fruit) -> bool:
    """Whether two fruits stand in each other's place."""
    x, z = a.centre[0] - b.centre[0], a.centre[2] - b.centre[2]
    return x**2 + z**2 <= (a.radius + b.radius) ** 2


def light_up(
    scene: Scene, albedo, normal, place, open_sky, self=None, gloss=0.0, sharpness=0
) -> np.ndarray:
    """Linear colours 3×h×w of surfaces under one lamp and the light of the room.

    ``albedo`` (colour), ``normal`` (unit vectors) and ``place`` are 3×h×w; ``open_sky`` is the part
    of the room's light that arrives; ``self`` is the fruit that the surface belongs to; highlights
    fall off with power 2^``sharpness``.
    """
    lamp = np.maximum(dot(normal, scene.light), 0)
    for other in scene.fruits:
        if other is not self:
            of_lamp, of_sky = shadow(scene, other, normal, place)
            lamp, open_sky = lamp * of_lamp, open_sky * of_sky
    room = 0.5 + 0.5 * normal[1]  # 1: sees the ceiling, 0: sees the table
    ambient = mix(scene.table * 0.55, (0.36, 0.38, 0.42), room) * open_sky
    result = albedo * (ambient + column(scene.light_colour) * lamp * 0.95)
    if gloss:
        half = unit(*(p + q for p, q in zip(scene.light, TO_VIEWER)))
        shine = np.maximum(dot(normal, half), 0)
        for _ in range(sharpness):
            shine = shine * shine
        result = result + gloss * shine * np.minimum(lamp * 2, 1) * column(scene.light_colour)
    return result


def shadow(scene: Scene, fruit: Fruit, normal, place) -> tuple[np.ndarray, np.ndarray]:
    """The parts of the lamp's light and of the room's, h×w each, that pass a fruit to a surface."""
    to_centre = column(fruit.centre) - place
    squared = dot(to_centre, to_centre)
    ahead = dot(to_centre, scene.light)  # how far towards the lamp the fruit is
    # below 1: the ray hits it
    miss = np.sqrt(np.maximum(squared - ahead * ahead, 0)) / fruit.radius
    blur = 0.08 + 0.25 * np.maximum(ahead, 0) / fruit.radius * 0.5
    dark = smoothstep(1 + blur, 1 - blur, miss) * smoothstep(-0.3, 0.3, ahead / fruit.radius)
    ratio = fruit.radius * fruit.radius / np.maximum(squared, fruit.radius * fruit.radius)
    near = 0.85 * ratio * np.maximum(dot(normal, to_centre), 0) / np.sqrt(squared + 1e-6)
    return 1 - dark, 1 - near
