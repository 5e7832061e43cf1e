"""Chapter 1: the orchard, rendered pictures of apples (X) and oranges (Y), every scene with its
twin in the other domain.

A scene is a table, a wall, a light and one to three round fruits; a camera looks down on it without
perspective. The twin shows the same scene with the other kind of fruit. World axes: x right, y up,
z away from the viewer; one unit is the width of the picture. Vectors of a whole picture are float32
3×H×W; colours are linear light until the last line.

Only +, −, ×, ÷ and square roots touch the pixels, and sums have a fixed order, so the bytes are
equal on any machine.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.shading import (
    SUPERSAMPLE,
    along,
    column,
    dot,
    encode,
    make_lattice,
    mix,
    noise,
    normalise,
    samples,
    smoothstep,
    unit,
)

SIN, COS = 0.4, sqrt(0.84)  # of the angle at which the camera looks down
RIGHT, UP, TO_VIEWER = ((1.0, 0.0, 0.0), (0.0, COS, SIN), (0.0, SIN, -COS))  # the camera's own axes
BOTTOM = -0.22  # height on the screen of the lower edge of the picture

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


class Orchard(NamedTuple):
    """Rendered scenes: what `render_orchard` returns."""

    images: np.ndarray  # uint8 N×S×S×3, the domain that was asked for
    twins: np.ndarray  # uint8 N×S×S×3, the same scenes in the other domain
    # bool N×S×S, True where a fruit, a stem or a leaf is; elsewhere image and twin are equal
    masks: np.ndarray


class Fruit(NamedTuple):
    """One fruit on the table, an apple or an orange with the same place, size, axis and
    ripeness."""

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


def render_orchard(n_scenes: int, size: int = 64, domain: str = "x", seed: int = 0) -> Orchard:
    """Render ``n_scenes`` scenes of apples (``domain="x"``) or oranges (``"y"``), with their twins
    and fruit masks.

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
        if value < least:
            raise LessonError(
                f"{name} must be at least {least}, but it is {value}; choose a larger value."
            )
    pictures, masks = (
        np.empty((2, n_scenes, size, size, 3), np.uint8),
        np.empty((n_scenes, size, size), bool),
    )
    for i in range(n_scenes):
        scene = draw_scene(np.random.default_rng([seed, i]))
        pictures[0, i], pictures[1, i], masks[i] = render_scene(scene, size)
    apples, oranges = pictures
    return Orchard(apples, oranges, masks) if domain == "x" else Orchard(oranges, apples, masks)


def draw_scene(rng: np.random.Generator) -> Scene:
    """Choose a scene at random: first the room and the light, then fruits that do not touch each
    other."""

    def between(low, high, n=None):
        return low + (high - low) * rng.random(n)

    def tint(colours):
        colour = (
            np.array(colours[rng.integers(len(colours))])
            * between(0.8, 1.1)
            * between(0.95, 1.05, 3)
        )
        return colour.clip(0, 0.9) ** 2

    wall, table, planks = tint(WALLS), tint(TABLES), rng.random() < 0.65
    distance, warmth = between(0.55, 0.95), between(-0.08, 0.08)
    fruits, n_fruits = [], int(rng.integers(1, 4))
    while len(fruits) < n_fruits:
        r = between(0.23, 0.35) * (1.0, 0.82, 0.7)[n_fruits - 1]
        x = between(-0.47 + r, 0.47 - r)
        # before the wall, in the picture
        z = between(-0.2, min(distance - 1.1 * r, (0.74 - (1 + COS) * r) / SIN))
        fruit = Fruit(
            centre=(x, r, z),
            radius=r,
            axis=unit(between(-0.35, 0.35), 1, between(-0.55, 0.0)),
            sun=unit(between(-1, 1), 0.4, between(-1, 0.2)),
            ripeness=rng.random(),
            leaf=between(-1, 1),
            bend=between(-1, 1),
            offset=(64 * rng.random(), 64 * rng.random()),
        )
        if all(
            (x - q.centre[0]) ** 2 + (z - q.centre[2]) ** 2 > (r + q.radius) ** 2 for q in fruits
        ):
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


def render_scene(scene: Scene, size: int) -> tuple:
    """Return the scene with apples and with oranges, uint8 S×S×3 each, and the bool S×S mask of the
    fruits."""
    n = size * SUPERSAMPLE
    across = ((np.arange(n) + 0.5) / n - 0.5).astype(np.float32)[None, :]
    height = (BOTTOM + (n - 0.5 - np.arange(n)) / n).astype(np.float32)[:, None]
    apples = render_room(scene, across, height)  # 3×n×n
    oranges, mask = apples.copy(), np.zeros((n, n), bool)
    for fruit in scene.fruits:
        u, v = (
            (q - along(fruit.centre, axis)) / fruit.radius
            for q, axis in ((across, RIGHT), (height, UP))
        )
        parts = (
            (render_fruit, abs(v) < 1, abs(u) < 1),
            (render_stem, abs(v - 0.95) < 0.65, abs(u) < 1.4),
        )
        for paint, rows, columns in parts:
            # no more pixels than needed
            ends = [np.flatnonzero(places)[[0, -1]] for places in (rows, columns)]
            rows, columns = (slice(first, last + 1) for first, last in ends)
            pictures = apples[:, rows, columns], oranges[:, rows, columns]
            paint(scene, fruit, u[:, columns], v[rows], *pictures, mask[rows, columns])
    return encode(apples), encode(oranges), samples(mask[None]).any(0)[0]


def render_room(scene: Scene, x: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Linear colours 3×n×n of the empty table and wall, with the fruits' shadows on them."""
    on_table = height < scene.distance * SIN
    z = np.where(on_table, height / SIN, scene.distance) + 0 * x
    y = np.where(on_table, 0, (height - scene.distance * SIN) / COS) + 0 * x
    x = x + 0 * z
    a = x * scene.turn[0] + z * scene.turn[2]  # along the grain
    b = z * scene.turn[0] - x * scene.turn[2]  # across it
    if scene.planks:
        plank = np.floor(b * 4)
        grain = noise(scene.lattice, 3 * a + 7.3 * plank, 40 * b)
        grain = grain + 0.5 * noise(scene.lattice, 9 * a + 3.1 * plank, 110 * b)
        tone = 0.55 + 0.35 * grain + 0.25 * noise(scene.lattice, plank + 0.5, plank * 0 + 0.5)
        tone = tone * (
            0.55 + 0.45 * smoothstep(0, 0.03, b * 4 - plank) * smoothstep(1, 0.97, b * 4 - plank)
        )
    else:
        stripes = [smoothstep(0.23, 0.27, abs(q * 7 - np.floor(q * 7) - 0.5)) for q in (a, b)]
        weave = noise(scene.lattice, 90 * a, 20 * b) + noise(scene.lattice, 20 * a, 90 * b)
        tone = 0.75 + 0.22 * (stripes[0] + stripes[1]) + 0.12 * weave
    plaster = (
        0.86
        + 0.12 * noise(scene.lattice, 6 * x + 9, 6 * y)
        + 0.08 * noise(scene.lattice, 40 * x, 40 * y + 5)
    )
    edge = smoothstep(-0.004, 0.004, height - scene.distance * SIN)
    albedo = column(scene.table) * (tone * (1 - edge)) + column(scene.wall) * (plaster * edge)
    normal = np.stack([0 * x, 1 - edge + 0 * x, -edge + 0 * x])
    # little light reaches the corner
    corner = 1 - 0.35 * (1 - smoothstep(0, 0.12, abs(z - scene.distance) + y))
    return light_up(scene, albedo, normal, np.stack([x, y, z]), corner)


def render_fruit(scene: Scene, fruit: Fruit, u, v, apples, oranges, mask):
    """Paint one fruit into both pictures (3×h×w) and the mask (h×w); u, v are screen axes in radii
    from its centre."""
    inside = u * u + v * v < 1
    w = np.sqrt(np.maximum(1 - u * u - v * v, 0))
    sphere = column(RIGHT) * u + column(UP) * v + column(TO_VIEWER) * w  # unit normals, 3×h×w
    place = column(fruit.centre) + fruit.radius * sphere
    cosine = dot(sphere, fruit.axis)  # 1 at the stem or the navel, 0 on the equator
    inward = column(fruit.axis) - sphere * cosine  # along the skin, towards the stem
    stretch = np.sqrt(2 / (1 + w))  # equal areas of skin get equal areas of noise
    s, t = u * stretch + fruit.offset[0], v * stretch + fruit.offset[1]
    patches = noise(scene.lattice, 2.5 * s, 2.5 * t)
    # of each place, about -0.9 to 1.9
    ripe = fruit.ripeness * 1.1 - 0.2 + 0.7 * dot(sphere, fruit.sun) + 0.25 * patches

    skin = apple_skin(scene, fruit, sphere, cosine, ripe, s, t)
    # a dimple around the stem
    normal = normalise(sphere + inward * (1.9 * smoothstep(0.78, 0.93, cosine)))
    hollow = 1 - 0.75 * smoothstep(0.80, 0.98, cosine)
    apple = light_up(
        scene, skin * (0.4 + 0.6 * hollow), normal, place, hollow, fruit, gloss=0.5, sharpness=6
    )

    pores = noise(scene.lattice, 15 * s, 15 * t) + 0.6 * noise(scene.lattice, 29 * s + 5, 29 * t)
    down, right = np.gradient(pores, v[0, 0] - v[1, 0])
    ring = smoothstep(0.955, 0.975, cosine) * smoothstep(0.9995, 0.985, cosine)  # around the navel
    normal = normalise(
        sphere - 0.012 * (column(RIGHT) * right - column(UP) * down) + inward * (1.2 * ring)
    )
    skin = orange_skin(fruit, cosine, ripe, patches, pores)
    orange = light_up(scene, skin, normal, place, 1 - 0.35 * ring, fruit, gloss=0.28, sharpness=4)

    np.copyto(apples, apple, where=inside)
    np.copyto(oranges, orange, where=inside)
    mask |= inside


def apple_skin(scene: Scene, fruit: Fruit, sphere, cosine, ripe, s, t) -> np.ndarray:
    """Linear colours 3×h×w: yellow-green under red streaks that run from the stem to the blossom,
    and pale dots."""
    # the longitude, as a direction instead of an angle
    around = normalise(sphere - column(fruit.axis) * cosine)
    east = unit(fruit.axis[1], -fruit.axis[0], 0)
    p, q = dot(around, east), dot(around, np.cross(fruit.axis, east))
    streaks = 0.6 * noise(scene.lattice, 9 * p + cosine + fruit.offset[0], 9 * q)
    streaks = streaks + 0.4 * noise(scene.lattice, 26 * p + 2 * cosine, 26 * q + fruit.offset[1])
    red = smoothstep(0.15, 0.85, ripe + 0.8 * streaks - 0.9 * smoothstep(0.72, 0.98, cosine))
    dots = smoothstep(0.84, 0.98, noise(scene.lattice, 19 * s, 19 * t + 31))
    skin = mix((0.72, 0.74, 0.22), mix((0.80, 0.20, 0.14), (0.56, 0.03, 0.07), fruit.ripeness), red)
    return (skin + column((0.16, 0.13, 0.06)) * (dots * (0.3 + 0.7 * red))) ** 2


def orange_skin(fruit: Fruit, cosine, ripe, patches, pores) -> np.ndarray:
    """Linear colours 3×h×w: yellow-green that turns orange, darker in the pores, with a small green
    navel."""
    skin = mix((0.97, 0.66, 0.12), (0.93, 0.42, 0.03), fruit.ripeness)
    skin = mix((0.66, 0.68, 0.16), skin, smoothstep(-0.25, 0.5, ripe))
    skin = mix(skin, (1.0, 0.70, 0.2), 0.45 * patches) * (0.86 + 0.16 * pores)
    return mix(skin, (0.42, 0.40, 0.16), smoothstep(0.985, 0.995, cosine)) ** 2


def render_stem(scene: Scene, fruit: Fruit, u, v, apples, oranges, mask):
    """Paint the stem of an apple and, on most of them, a leaf; both count as fruit in the mask."""
    # the bottom of the dimple, on the screen
    foot = 0.84 * along(fruit.axis, RIGHT), 0.84 * along(fruit.axis, UP)
    length, across = v - foot[1], u - foot[0] - fruit.bend * np.maximum(v - foot[1], 0) ** 2
    # -1 to 1 across the stem, which thickens towards its end
    side = across / (0.035 + 0.05 * length)
    facing = np.sqrt(np.maximum(1 - side * side, 0))
    normal = normalise(column(RIGHT) * side + column(UP) * 0.2 + column(TO_VIEWER) * facing)
    stem = (length > -0.02) & (length < 0.42) & (abs(side) < 1)
    place = column(fruit.centre) + column(fruit.axis) * fruit.radius  # one for all: 3×1×1
    brown = column((0.36, 0.25, 0.13)) ** 2 * (0.6 + length)
    np.copyto(apples, light_up(scene, brown, normal, place, 1, None), where=stem)
    mask |= stem
    if abs(fruit.leaf) < 0.3:
        return
    a, b = unit(np.sign(fruit.leaf), 0.55)[:2]  # direction of the leaf on the screen
    start = foot[1] + 0.2
    # 0 to 1 from foot to tip
    length = ((u - foot[0]) * a + (v - start) * b) / (0.5 + 0.4 * abs(fruit.leaf))
    across = (v - start) * abs(a) - (u - foot[0]) * b * np.sign(a) - 0.25 * length * (1 - length)
    leaf = (
        (length > 0)
        & (length < 1)
        & (abs(across) < 0.75 * length * (1 - length) * (1.25 - 0.5 * length))
    )
    veins = smoothstep(0.05, 0.2, abs((length * 7 - abs(across) * 9) % 1 - 0.5)) + (
        abs(across) < 0.012
    )
    green = column((0.26, 0.48, 0.14)) ** 2 * (0.8 + 0.45 * veins)
    fold = np.where(across > 0, np.float32(0.5), np.float32(-0.5))
    normal = normalise(column(UP) * (0.8 + fold) + column(TO_VIEWER) * (0.9 - fold))
    np.copyto(
        apples, light_up(scene, green, normal, place, 1, None, gloss=0.08, sharpness=3), where=leaf
    )
    mask |= leaf


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
        if other is self:
            continue
        to_centre = column(other.centre) - place
        squared = dot(to_centre, to_centre)
        ahead = dot(to_centre, scene.light)  # how far towards the lamp the other fruit is
        # below 1: the ray hits it
        miss = np.sqrt(np.maximum(squared - ahead * ahead, 0)) / other.radius
        blur = 0.08 + 0.25 * np.maximum(ahead, 0) / other.radius * 0.5
        lamp = lamp * (
            1 - smoothstep(1 + blur, 1 - blur, miss) * smoothstep(-0.3, 0.3, ahead / other.radius)
        )
        ratio = other.radius * other.radius / np.maximum(squared, other.radius * other.radius)
        open_sky = open_sky * (
            1 - 0.85 * ratio * np.maximum(dot(normal, to_centre), 0) / np.sqrt(squared + 1e-6)
        )
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
