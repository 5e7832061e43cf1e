"""Chapter 5: the image pool, which shows older fakes to the discriminators as well."""

import numpy as np


class ImagePool:
    """Keep ``size`` fakes of different age; half of the time a query returns an older one.

    While the pool fills, every image is stored and returned as it is. After that each new image is
    returned unchanged with probability one half; otherwise it takes the place of a random stored
    image, and that one is returned. With ``size`` = 0 every query returns its input. The pool is
    that of Shrivastava et al. (2017), the 50 images are from section 4 of the CycleGAN paper, the
    rule is from its authors' code.
    """

    def __init__(self, size: int = 50, seed: int = 0):
        self.size = size
        self.images: list[np.ndarray] = []
        self.rng = np.random.default_rng(seed)

    def query(self, images: np.ndarray) -> np.ndarray:
        """Take N×3×H×W fresh fakes in [-1, 1]; return as many, fresh ones or earlier ones."""
        return np.stack([self._swap(image) for image in images])

    def _swap(self, image: np.ndarray) -> np.ndarray:
        if len(self.images) < self.size:
            self.images.append(image.copy())
            return image
        if self.size == 0 or self.rng.random() < 0.5:
            return image
        place = self.rng.integers(self.size)
        old, self.images[place] = self.images[place], image.copy()
        return old

    def state(self) -> dict:
        """Everything that the next query depends on, as plain arrays and dictionaries."""
        return {
            "images": [image.copy() for image in self.images],
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: dict):
        """Go back to what `state` returned: the same queries then give the same answers."""
        self.images = [image.copy() for image in state["images"]]
        self.rng.bit_generator.state = state["rng"]
