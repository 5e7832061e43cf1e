"""Chapter 1: the fruits of the orchard, painted into both pictures of a scene at the same place.

Each function paints into the apples' picture and the oranges' (linear colours 3×h×w) and the mask
(h×w); u and v are the screen's axes, measured in radii from the centre of the fruit.
"""

import numpy as np

from cyclegan_lessons.scene import RIGHT, TO_VIEWER, UP, Fruit, Scene, light_up
from cyclegan_lessons.shading import along, column, dot, mix, noise, normalise, smoothstep, unit


def render_fruit(scene: Scene, fruit: Fruit, u, v, pictures, mask):
    """Paint an apple and an orange, which ripened at the same places."""
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

    for picture, painted in zip(pictures, (apple, orange), strict=True):
        np.copyto(picture, painted, where=inside)
    mask |= inside


def apple_skin(scene: Scene, fruit: Fruit, sphere, cosine, ripe, s, t) -> np.ndarray:
    """Linear colours 3×h×w: yellow-green, red streaks from stem to blossom, and pale dots."""
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
    """Linear colours 3×h×w: yellow-green that turns orange, darker pores, a small green navel."""
    skin = mix((0.97, 0.66, 0.12), (0.93, 0.42, 0.03), fruit.ripeness)
    skin = mix((0.66, 0.68, 0.16), skin, smoothstep(-0.25, 0.5, ripe))
    skin = mix(skin, (1.0, 0.70, 0.2), 0.45 * patches) * (0.86 + 0.16 * pores)
    return mix(skin, (0.42, 0.40, 0.16), smoothstep(0.985, 0.995, cosine)) ** 2


def render_stem(scene: Scene, fruit: Fruit, u, v, pictures, mask):
    """Paint the stem, which only the apple has; it counts as fruit in the mask."""
    foot = stem_foot(fruit)
    length, across = v - foot[1], u - foot[0] - fruit.bend * np.maximum(v - foot[1], 0) ** 2
    # -1 to 1 across the stem, which thickens towards its end
    side = across / (0.035 + 0.05 * length)
    facing = np.sqrt(np.maximum(1 - side * side, 0))
    normal = normalise(column(RIGHT) * side + column(UP) * 0.2 + column(TO_VIEWER) * facing)
    stem = (length > -0.02) & (length < 0.42) & (abs(side) < 1)
    brown = column((0.36, 0.25, 0.13)) ** 2 * (0.6 + length)
    lit = light_up(scene, brown, normal, stem_end(fruit), 1, None)
    np.copyto(pictures[0], lit, where=stem)
    mask |= stem


def render_leaf(scene: Scene, fruit: Fruit, u, v, pictures, mask):
    """Paint the leaf that most apples have; it counts as fruit in the mask."""
    if abs(fruit.leaf) < 0.3:
        return
    a, b = unit(np.sign(fruit.leaf), 0.55)  # direction of the leaf on the screen
    foot = stem_foot(fruit)
    start = foot[1] + 0.2
    # 0 to 1 from foot to tip
    length = ((u - foot[0]) * a + (v - start) * b) / (0.5 + 0.4 * abs(fruit.leaf))
    across = (v - start) * abs(a) - (u - foot[0]) * b * np.sign(a) - 0.25 * length * (1 - length)
    edge = 0.75 * length * (1 - length) * (1.25 - 0.5 * length)
    leaf = (length > 0) & (length < 1) & (abs(across) < edge)
    veins = smoothstep(0.05, 0.2, abs((length * 7 - abs(across) * 9) % 1 - 0.5))
    veins = veins + (abs(across) < 0.012)
    green = column((0.26, 0.48, 0.14)) ** 2 * (0.8 + 0.45 * veins)
    fold = np.where(across > 0, np.float32(0.5), np.float32(-0.5))
    normal = normalise(column(UP) * (0.8 + fold) + column(TO_VIEWER) * (0.9 - fold))
    lit = light_up(scene, green, normal, stem_end(fruit), 1, None, gloss=0.08, sharpness=3)
    np.copyto(pictures[0], lit, where=leaf)
    mask |= leaf


def stem_foot(fruit: Fruit) -> tuple[float, float]:
    """Where on the screen, in radii from the centre, the bottom of the dimple is."""
    return 0.84 * along(fruit.axis, RIGHT), 0.84 * along(fruit.axis, UP)


def stem_end(fruit: Fruit) -> np.ndarray:
    """The place in the world for which the stem and the leaf are lit, one for all: 3×1×1."""
    return column(fruit.centre) + column(fruit.axis) * fruit.radius
