"""Chapter 1: data folders, and random pairs of crops out of them, fresh in every epoch.

A data folder holds the sets ``train_x``, ``train_y``, ``test_x`` and ``test_y`` as MindRecord files
(see `records`); the orchard's has the twins and the fruit masks of both test sets too.
`prepare_dataset` makes one, `load_unpaired` trains from it, `load_images` reads a whole set.
"""

import hashlib
import io
import os
from pathlib import Path

import mindspore.dataset as ds
import numpy as np
from PIL import Image

from cyclegan_lessons import fruits, orchard, scene, shading
from cyclegan_lessons.cache import describe_file, expand, file_sha256, make_once, readable
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.fetch import fetch_apple2orange
from cyclegan_lessons.images import list_only_images, to_values
from cyclegan_lessons.progress import progress
from cyclegan_lessons.records import check_mindrecord, record_path, sums_path, write_mindrecord

# ours: the paper's folder
SETS = {"train_x": "trainA", "train_y": "trainB", "test_x": "testA", "test_y": "testB"}


def prepare_dataset(
    dataset: str, image_size: int, folder: str | Path | None = None, url: str | None = None
) -> Path:
    """Return the data folder of a dataset; what was prepared before is found again.

    ``dataset`` is ``"orchard"`` (rendered at ``image_size`` pixels), ``"apple2orange"`` (see
    `fetch_apple2orange` for ``url``), a folder with ``trainA trainB testA testB`` of JPEG or PNG
    images of any mode and size, or a data folder. ``folder`` is where prepared sets are kept, by
    default the cache. Raises `LessonError` when something is missing, is not an image or cannot be
    written.
    """
    if dataset == "apple2orange":
        return prepare_folder(fetch_apple2orange(url, folder), folder)
    if url:
        raise LessonError(
            f"an address (url, --url) goes with the dataset apple2orange, but the dataset is "
            f"{str(dataset)!r}; leave one of them out."
        )
    if dataset == "orchard":
        return prepare_orchard(image_size, folder=folder)
    given = expand(dataset)
    with readable(given):
        if record_path(given, "train_x").is_file():
            return given
        is_folder = given.is_dir()
    if is_folder:
        return prepare_folder(given, folder)
    raise LessonError(
        f"dataset must be 'orchard', 'apple2orange' or a folder with {' '.join(SETS.values())}, "
        f"but {str(dataset)!r} is none of these; check the spelling or the path."
    )


def prepare_orchard(
    image_size: int, n_train: int = 400, n_test: int = 60, seed: int = 0, folder=None
) -> Path:
    """Render the orchard into a data folder: so many scenes to train and to test in each domain.

    The four sets have different seeds, so no scene is in two of them, and the twins of training
    scenes are thrown away.
    """

    def write(target: Path):
        for i, name in enumerate(SETS):
            domain, n = name[-1], n_train if name.startswith("train") else n_test
            scenes = orchard.render_orchard(n, image_size, domain, seed=4 * seed + i)
            write_arrays(scenes.images, target, name)
            if name.startswith("test"):
                write_arrays(scenes.twins, target, f"{name}_twin")
                write_arrays(scenes.masks, target, f"{name}_mask")

    renderer = [file_sha256(module.__file__) for module in (orchard, scene, fruits, shading)]
    return make_once(f"orchard-{image_size}", [n_train, n_test, seed, renderer], write, folder)


def write_arrays(arrays: np.ndarray, target: Path, name: str):
    """Write pictures, uint8 N×H×W×3, or masks, bool N×H×W, as one set of a data folder."""
    named = ((f"scene{i:04d}", array) for i, array in enumerate(arrays))
    write_mindrecord(named, record_path(target, name))


def prepare_folder(images: str | Path, folder=None) -> Path:
    """Turn a folder with ``trainA trainB testA testB`` of image files into a data folder."""
    images = expand(images).resolve()
    files = {name: list_only_images(images / part) for name, part in SETS.items()}
    about = [describe_file(file) for part in files.values() for file in part]

    def write(target: Path):
        for name, part in files.items():
            write_mindrecord(progress(part, f"preparing {name}"), record_path(target, name))

    return make_once(images.name, about, write, folder)


def has_twins(folder: str | Path) -> bool:
    """Whether a data folder knows the right translation of its test images, as the orchard does."""
    return all(record_path(folder, f"test_{domain}_twin").exists() for domain in "xy")


def describe_data(folder: str | Path) -> dict[str, str]:
    """The name of a data folder, and one checksum of all its training images."""
    paths = [record_path(folder, f"train_{domain}") for domain in "xy"]
    sums = b"".join(sums_path(path).read_bytes() for path in paths)
    return {"name": Path(folder).name, "sha256": hashlib.sha256(sums).hexdigest()}


def load_images(
    folder: str | Path, name: str, limit: int | None = None, image_size: int | None = None
) -> np.ndarray:
    """Read a set, such as ``"test_x"``, in its stored order: uint8 N×H×W×3, masks bool N×H×W.

    ``limit`` reads only the first images, ``image_size`` resizes all to that many pixels square.
    Raises `LessonError` when the file is missing or damaged, or when images of different sizes are
    to be read without ``image_size``.
    """
    at_least_one(limit=limit, image_size=image_size)
    path = check_mindrecord(folder, name)
    records = ds.MindDataset(
        path, ["image"], num_parallel_workers=1, shuffle=False, num_samples=limit
    )
    arrays = []
    for row in records.create_dict_iterator(num_epochs=1, output_numpy=True):
        image = Image.open(io.BytesIO(row["image"]))
        if image_size is not None:
            method = Image.NEAREST if image.mode == "1" else Image.BICUBIC
            image = image.resize((image_size, image_size), method)
        arrays.append(np.asarray(image))
    if len({array.shape for array in arrays}) > 1:
        raise LessonError(
            f"the images of {name} should have one size, but they differ; give image_size to "
            "resize them."
        )
    return np.stack(arrays)


def at_least_one(**numbers: int | None):
    """Raise `LessonError` when a number that is given is below 1."""
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise LessonError(f"{name} must be 1 or more, but it is {value}; choose a larger one.")


def count_images(folder: str | Path, name: str) -> int:
    """The number of images in a set; raises `LessonError` when its file is missing or damaged."""
    path = check_mindrecord(folder, name)
    return ds.MindDataset(path, num_parallel_workers=1).get_dataset_size()


def epoch_steps(folder: str | Path, batch_size: int = 1, workers: int = 1) -> int:
    """How many batches each worker gets in one epoch; raises `LessonError` when there is none."""
    at_least_one(batch_size=batch_size, workers=workers)
    n = max(count_images(folder, name) for name in ("train_x", "train_y"))
    if n < batch_size * workers:
        fewer = "fewer workers" if n >= batch_size else "a smaller batch and fewer workers"
        fewer = "a smaller batch" if workers == 1 else fewer
        raise LessonError(
            f"at least {batch_size * workers} images are needed, {batch_size} for each worker, but "
            f"the larger training set in {folder} has {n}; choose {fewer}, or add images."
        )
    return n // workers // batch_size


def load_unpaired(
    folder: str | Path,
    image_size: int,
    batch_size: int = 1,
    seed: int = 0,
    epoch: int = 0,
    workers: int = 1,
    rank: int = 0,
    load_size: int | None = None,
) -> ds.Dataset:
    """One epoch of random pairs: ``image_x`` and ``image_y``, float32 N×3×S×S in [-1, 1].

    X and Y are shuffled independently, and the smaller set is repeated until it is as long as the
    larger one. Each image is resized to ``load_size`` pixels, by default 286/256 of S
    (``image_size``), cropped to S at random and flipped with probability one half, as in the
    authors' code. All of it follows from ``seed``, ``epoch`` and the place of a pair in the epoch,
    whatever else runs. With several ``workers``, worker ``rank`` gets every workers-th pair. An
    incomplete last batch is left out. Raises `LessonError` when a file is missing or damaged, or
    when there are not enough images.
    """
    at_least_one(image_size=image_size)
    epoch_steps(folder, batch_size, workers)  # enough for one batch
    sizes = [count_images(folder, name) for name in ("train_x", "train_y")]
    length = max(sizes) // workers * workers
    places = np.arange(rank, length, workers)
    sources = [
        read_shuffled(folder, domain, places, np.random.default_rng([seed, epoch, side]))
        for side, domain in enumerate("xy")
    ]
    numbers = ds.NumpySlicesDataset({"place": places}, shuffle=False, num_parallel_workers=1)

    def augment_pair(image_x, image_y, place):
        rng = np.random.default_rng([seed, epoch, 2, int(place)])
        return tuple(augment(image, image_size, rng, load_size) for image in (image_x, image_y))

    columns, threads = ["image_x", "image_y"], min(2, os.cpu_count())
    pairs = ds.zip((*sources, numbers)).map(
        augment_pair, [*columns, "place"], columns, num_parallel_workers=threads
    )
    return pairs.batch(batch_size, drop_remainder=True, num_parallel_workers=1)


def read_shuffled(
    folder: str | Path, domain: str, places: np.ndarray, rng: np.random.Generator
) -> ds.Dataset:
    """The encoded images of a training set at some places of an epoch, shuffled.

    After its last image the set begins again, in another order.
    """
    path = check_mindrecord(folder, f"train_{domain}")
    size = count_images(folder, f"train_{domain}")
    rounds = int(places.max()) // size + 1
    order = np.concatenate([i * size + rng.permutation(size) for i in range(rounds)])[places]
    sampler = ds.SubsetSampler(order.tolist())
    # a list of the same file, once for each round
    records = ds.MindDataset([path] * rounds, ["image"], num_parallel_workers=1, sampler=sampler)
    return records.rename("image", f"image_{domain}")


def augment(
    encoded: np.ndarray, image_size: int, rng: np.random.Generator, load_size: int | None = None
) -> np.ndarray:
    """Turn an encoded image (bytes) into a random crop, maybe flipped: float32 3×S×S in [-1, 1].

    Resizing to ``load_size``, by default 286/256 of S, and cropping S×S is done in one step:
    resizing the part that the crop will show.
    """
    image = Image.open(io.BytesIO(encoded))
    loaded = load_size or round(image_size * 286 / 256)
    left, top = rng.integers(0, loaded - image_size, 2, endpoint=True)
    flip = rng.random() < 0.5
    # a JPEG of more than twice this size is decoded at a part of it
    image.draft("RGB", (loaded, loaded))
    x, y = image.width / loaded, image.height / loaded
    box = (left * x, top * y, (left + image_size) * x, (top + image_size) * y)
    pixels = np.asarray(image.resize((image_size, image_size), Image.BICUBIC, box))
    if flip:
        pixels = pixels[:, ::-1]
    return to_values(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
