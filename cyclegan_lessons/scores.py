"""Chapter 8: translate a data set's test images in both directions, and score the translations."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cyclegan_lessons.dataset import has_twins, load_images, prepare_dataset
from cyclegan_lessons.evaluation import (
    image_features,
    interval,
    kernel_distance,
    measure,
    resample,
)
from cyclegan_lessons.inference import load_generators, sample_rows
from cyclegan_lessons.progress import progress

# Of so many images there is an interval. The bootstrap's sets of few images are too much alike, and
# its intervals too short: those of 5 images hold the true mean in about 8 of 10 cases, of 10 in 9.
LEAST_IMAGES = 10


@dataclass
class Scores:
    """How good the translations of one direction are.

    ``numbers`` holds means over the ``images`` test images, and ``interval`` the two ends of their
    95% confidence intervals, where there are `LEAST_IMAGES`. Errors are in [0, 1] units. A
    ``…_baseline`` is the number of the images that nobody translated.

    - ``cycle_error``: mean absolute difference after the round trip.
    - ``kernel_distance``: `kernel_distance` of the translations' `image_features` from those of the
      real test images of the other domain; for two images of each domain or more.

    Against the twins, where the data hold them:

    - ``fruit_error``, ``outside_error``: mean absolute difference on the fruit and around it.
    - ``relative_fruit_error``: the part of ``fruit_baseline`` that is left.
    - ``edge_agreement``: `edge_agreement` around the fruit, 1 for a background that stayed.
    - ``ssim``, ``fruit_ssim``: structural similarity of all of the image and of the fruit.
    """

    images: int
    numbers: dict[str, float]
    interval: dict[str, list[float]]

    def to_json(self) -> dict:
        """All of it in one dictionary."""
        return {"images": self.images, **self.numbers, "interval": self.interval}


def evaluate(dataset: str | Path, checkpoint: Path | None = None) -> dict[str, Scores]:
    """Translate the test images of a dataset in both directions; the scores of x2y and y2x.

    ``dataset`` is a name or folder as `prepare_dataset` takes it, ``checkpoint`` by default the
    model in the package; the images have the size that it was trained with. Raises `LessonError` as
    `load_generators` and `prepare_dataset` do.
    """
    G, F, config = load_generators(checkpoint)
    folder = prepare_dataset(dataset, image_size=config.picture_size)
    x, y = (load_images(folder, f"test_{d}", image_size=config.picture_size) for d in "xy")
    total = 2 * (len(x) + len(y))  # there and back
    with progress(None, "translating", total) as bar:
        rows = sample_rows(G, F, x, y, bar)
    draws_x, draws_y = resample(len(x), seed=0), resample(len(y), seed=1)
    known_x, known_y = (load_truth(folder, domain, config.picture_size) for domain in "xy")
    return {
        "x2y": score(x, rows["G(x)"], rows["F(G(x))"], y, (draws_x, draws_y), **known_x),
        "y2x": score(y, rows["F(y)"], rows["G(F(y))"], x, (draws_y, draws_x), **known_y),
    }


def load_truth(folder: Path, domain: str, image_size: int) -> dict[str, np.ndarray]:
    """The twins and the fruit masks of a domain's test images, or nothing when there are none."""
    if not has_twins(folder):
        return {}
    return {
        f"{part}s": load_images(folder, f"test_{domain}_{part}", image_size=image_size)
        for part in ("twin", "mask")
    }


def score(
    images: np.ndarray,
    translated: np.ndarray,
    returned: np.ndarray,
    others: np.ndarray,
    draws: tuple[np.ndarray, np.ndarray],
    twins: np.ndarray | None = None,
    masks: np.ndarray | None = None,
) -> Scores:
    """Score one direction: images, their translations, and the translations translated back.

    ``others`` are real images of the other domain, ``draws`` the bootstrap's sets of ``images`` and
    of ``others`` (`resample`), and the rest is as in `measure`.
    """
    single = measure(images, translated, returned, twins, masks)
    numbers = {name: values.mean() for name, values in single.items()}
    drawn = {name: draws[0] @ values / len(images) for name, values in single.items()}
    if twins is not None:
        for values in (numbers, drawn):
            values["relative_fruit_error"] = values["fruit_error"] / values["fruit_baseline"]
    enough = [*numbers] if len(images) >= LEAST_IMAGES else []
    fewest = min(len(images), len(others))
    if fewest > 1:
        real = image_features(others)
        for name, compared in (("kernel_distance", translated), ("kernel_baseline", images)):
            features = image_features(compared)
            numbers[name] = kernel_distance(features, real)
            drawn[name] = kernel_distance(features, real, *draws)
            enough += [name] if fewest >= LEAST_IMAGES else []
    return Scores(
        images=len(images),
        numbers={name: float(value) for name, value in numbers.items()},
        interval={name: interval(drawn[name]) for name in enough},
    )
