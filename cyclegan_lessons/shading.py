"""Chapter 1: the small tools of the orchard's renderer, for whole pictures, float32 3×H×W."""

from math import sqrt

import numpy as np

SUPERSAMPLE = 2  # each pixel is the mean of 2×2 samples, so that edges are smooth


def noise(lattice: np.ndarray, x, y) -> np.ndarray:
    """Smooth noise in [0, 1): a random value at each whole x and y (64 of them), then blended."""
    x, y = np.broadcast_arrays(x, y)
    i, j = np.floor(x), np.floor(y)
    a, b = x - i, y - j
    a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
    cell = (i.astype(np.intp) & 63) * 64 + (j.astype(np.intp) & 63)
    corner, by_a, by_b, by_both = (part.take(cell) for part in lattice)
    return corner + a * by_a + b * (by_b + a * by_both)


def make_lattice(rng: np.random.Generator) -> np.ndarray:
    """Draw 64×64 random values; return float32 4×4096: each cell's corner and its changes."""
    corner = rng.random((64, 64), np.float32)
    by_a, by_b = np.roll(corner, -1, 0) - corner, np.roll(corner, -1, 1) - corner
    return np.stack([corner, by_a, by_b, np.roll(by_a, -1, 1) - by_a]).reshape(4, -1)


def smoothstep(low: float, high: float, x) -> np.ndarray:
    """0 where x is at ``low`` or beyond, 1 at ``high`` or beyond, smooth in between."""
    x = np.clip((x - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def mix(a, b, amount) -> np.ndarray:
    """``a`` where amount is 0, ``b`` where it is 1; colours have 3 values or the shape 3×h×w."""
    a, b = column(a), column(b)
    return a + (b - a) * amount


def column(vector) -> np.ndarray:
    """A colour or vector of 3 values as float32 3×1×1; a picture 3×h×w is returned as it is."""
    vector = np.asarray(vector, np.float32)
    return vector if vector.ndim == 3 else vector[:, None, None]


def dot(a: np.ndarray, b) -> np.ndarray:
    """Scalar products h×w of vectors 3×h×w with one vector or with as many, in a fixed order."""
    b = column(b)
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def normalise(a: np.ndarray) -> np.ndarray:
    """Vectors 3×h×w brought to length 1."""
    return a / np.sqrt(np.maximum(dot(a, a), 1e-8))


def unit(*vector) -> tuple:
    """One vector brought to length 1."""
    return tuple(value / sqrt(along(vector, vector)) for value in vector)


def along(a: tuple, b: tuple) -> float:
    """Scalar product of two vectors."""
    return sum(p * q for p, q in zip(a, b))


def samples(image: np.ndarray) -> np.ndarray:
    """Split C×2S×2S into the four samples of every pixel: 4×C×S×S."""
    k = SUPERSAMPLE
    return np.stack([image[:, i::k, j::k] for i in range(k) for j in range(k)])


def encode(image: np.ndarray) -> np.ndarray:
    """Linear colours 3×2S×2S to a picture, uint8 S×S×3: means of samples, then square roots."""
    mean = sum(samples(np.clip(image, 0, 1))) / SUPERSAMPLE**2
    return (np.sqrt(mean) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
