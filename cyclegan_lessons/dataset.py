"""Chapter 1: pictures into MindRecord files, and random pairs of crops out of them, fresh in every
epoch.

A data folder holds ``train_x.mindrecord``, ``train_y.mindrecord``, ``test_x.mindrecord`` and
``test_y.mindrecord``, each with its index ``….db`` and its checksums ``….sha256``; the orchard's
has the twins and the fruit masks of both test sets too. `prepare_dataset` makes one,
`load_unpaired` trains from it, `load_images` reads a whole set.
"""

import hashlib
import io
import os
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import mindspore.dataset as ds
import numpy as np
from mindspore.mindrecord import FileWriter
from PIL import Image

from cyclegan_lessons import orchard, shading
from cyclegan_lessons.cache import file_sha256, make_once, unfinished_folder
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.fetch import fetch_apple2orange
from cyclegan_lessons.images import encode_array, encode_file, list_images

# ours: the paper's folder
SETS = {"train_x": "trainA", "train_y": "trainB", "test_x": "testA", "test_y": "testB"}
_checked: set = set()  # files whose checksum was right, with their size and time


def prepare_dataset(
    dataset: str, image_size: int = 64, folder: str | Path | None = None, url: str | None = None
) -> Path:
    """Return the data folder of a dataset; what was prepared before is found again and not made
    twice.

    ``dataset`` is ``"orchard"`` (rendered at ``image_size`` pixels), ``"apple2orange"`` (see
    `fetch_apple2orange` for ``url``), a folder with ``trainA trainB testA testB`` of JPEG or PNG
    images of any mode and size, or a data folder. ``folder`` is where prepared sets are kept, by
    default the cache. Raises `LessonError` when something is missing, is not an image or cannot be
    written.
    """
    if dataset == "orchard":
        return prepare_orchard(image_size, folder=folder)
    if dataset == "apple2orange":
        return prepare_folder(fetch_apple2orange(url, folder), folder)
    given = Path(dataset).expanduser()
    if (given / "train_x.mindrecord").is_file():
        return given
    if given.is_dir():
        return prepare_folder(given, folder)
    raise LessonError(
        f"dataset must be 'orchard', 'apple2orange' or a folder with {' '.join(SETS.values())}, "
        f"but {str(dataset)!r} is none "
        "of these; check the spelling or the path."
    )


def prepare_orchard(
    image_size: int = 64, n_train: int = 400, n_test: int = 60, seed: int = 0, folder=None
) -> Path:
    """Render the orchard into a data folder: ``n_train`` scenes to train and ``n_test`` to test, in
    each domain.

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

    renderer = [file_sha256(module.__file__) for module in (orchard, shading)]
    return make_once(f"orchard-{image_size}", [n_train, n_test, seed, renderer], write, folder)


def write_arrays(arrays: np.ndarray, target: Path, name: str):
    write_mindrecord(
        ((f"scene{i:04d}", array) for i, array in enumerate(arrays)), target / f"{name}.mindrecord"
    )


def prepare_folder(images: str | Path, folder=None) -> Path:
    """Turn a folder with ``trainA trainB testA testB`` of image files into a data folder."""
    images = Path(images).expanduser().resolve()
    files = {name: list_images(images / part) for name, part in SETS.items()}
    about = [
        [str(file), file.stat().st_size, file.stat().st_mtime_ns]
        for part in files.values()
        for file in part
    ]

    def write(target: Path):
        for name, part in files.items():
            write_mindrecord(part, target / f"{name}.mindrecord")

    return make_once(images.name, about, write, folder)


def write_mindrecord(images: Iterable, path: str | Path) -> Path:
    """Write images into one MindRecord file with the columns ``name`` (string) and ``image``
    (bytes, PNG or JPEG).

    ``images`` are image files, or pairs of a name and an array, uint8 H×W×3 or bool H×W. RGB JPEG
    files are stored byte for byte, everything else as PNG. The file, its index and its checksums
    appear when they are complete. Raises `LessonError` when there is no image, something is not an
    image, or the place cannot be written.
    """
    path = Path(path).expanduser()
    # the index knows the file by its name, so only its folder differs
    with unfinished_folder(path.parent) as unfinished:
        draft = unfinished / path.name
        if write_rows(images, draft) == 0:
            raise LessonError(
                f"at least one image is needed for {path.name}, but there is none; add images."
            )
        sums = [f"{file_sha256(part)}  {part.name}\n" for part in (draft, Path(f"{draft}.db"))]
        Path(f"{draft}.sha256").write_text("".join(sums))
        for part in sorted(unfinished.iterdir()):
            part.chmod(0o644)
            part.replace(path.parent / part.name)
    return path


def write_rows(images: Iterable, path: Path) -> int:
    """Write the rows of one MindRecord file and return how many there were."""
    writer = FileWriter(str(path), shard_num=1, overwrite=True)
    # the smallest file is a header and two pages; the largest stored image fits a page
    writer.set_header_size(1 << 20)
    writer.set_page_size(1 << 23)
    writer.add_schema(
        {"name": {"type": "string"}, "image": {"type": "bytes"}}, "images of one domain"
    )
    n = 0
    for n, item in enumerate(images, start=1):
        name, data = (
            encode_array(*item) if isinstance(item, tuple) else (Path(item).name, encode_file(item))
        )
        with system_errors():
            writer.write_raw_data([{"name": name, "image": data}])
    if n:
        with system_errors():
            writer.commit()
    return n


@contextmanager
def system_errors():
    """MindRecord reports a full disk and the like as errors of its own; make them the system's."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(str(error).splitlines()[0]) from error


def check_mindrecord(folder: str | Path, name: str) -> str:
    """Return the path of the file ``name`` in a data folder; raises `LessonError` when it is
    missing or damaged."""
    path = Path(folder) / f"{name}.mindrecord"
    try:
        lines = Path(f"{path}.sha256").read_text().splitlines()
        digests = {part: digest for digest, part in (line.split("  ") for line in lines)}
        for part in (path, Path(f"{path}.db")):
            stat = part.stat()
            state = (str(part), stat.st_ino, stat.st_size, stat.st_mtime_ns, digests[part.name])
            if state not in _checked and file_sha256(part) != digests[part.name]:
                raise ValueError(f"{part} has another checksum")
            _checked.add(state)
    except (OSError, ValueError, KeyError) as error:
        what = "is missing" if isinstance(error, FileNotFoundError) else "is damaged"
        raise LessonError(
            f"{path} should be there, unchanged, with its index (.db) and checksums (.sha256), "
            f"but one of them {what}; "
            f"delete the folder {path.parent} and prepare the dataset again."
        ) from error
    return str(path)


def load_images(
    folder: str | Path, name: str, limit: int | None = None, image_size: int | None = None
) -> np.ndarray:
    """Read a set, such as ``"test_x"`` or ``"test_x_mask"``, in its stored order: uint8 N×H×W×3, or
    bool N×H×W for masks.

    ``limit`` reads only the first images, ``image_size`` resizes all to that many pixels square.
    Raises `LessonError` when the file is missing or damaged, or when images of different sizes are
    to be read without ``image_size``.
    """
    path = check_mindrecord(folder, name)
    records = ds.MindDataset(
        path, ["image"], num_parallel_workers=1, shuffle=False, num_samples=limit
    )
    arrays = []
    for row in records.create_dict_iterator(num_epochs=1, output_numpy=True):
        image = Image.open(io.BytesIO(row["image"]))
        if image_size:
            image = image.resize(
                (image_size, image_size), Image.NEAREST if image.mode == "1" else Image.BICUBIC
            )
        arrays.append(np.asarray(image))
    if len({array.shape for array in arrays}) > 1:
        raise LessonError(
            f"the images of {name} should have one size, but they differ; give image_size to "
            "resize them."
        )
    return np.stack(arrays)


def load_unpaired(
    folder: str | Path,
    image_size: int = 64,
    batch_size: int = 1,
    seed: int = 0,
    epoch: int = 0,
    split: str = "train",
    workers: int = 1,
    rank: int = 0,
) -> ds.Dataset:
    """One epoch of random pairs, with columns ``image_x`` and ``image_y``, float32 N×3×S×S in [-1,
    1] (S: ``image_size``).

    X and Y are shuffled independently, and the smaller set is repeated until it is as long as the
    larger one. Each image is resized to 286/256 of S, cropped to S at random and flipped with
    probability one half, as in the authors' code. All of it follows from ``seed``, ``epoch`` and
    the place of a pair in the epoch, whatever else runs. With several ``workers``, worker ``rank``
    gets every workers-th pair. An incomplete last batch is left out. Raises `LessonError` when a
    file is missing or damaged, or when there are not enough images for one batch.
    """
    paths = [check_mindrecord(folder, f"{split}_{domain}") for domain in "xy"]
    sizes = [ds.MindDataset(path, num_parallel_workers=1).get_dataset_size() for path in paths]
    length = max(sizes) // workers * workers
    if length // workers < batch_size:
        raise LessonError(
            f"at least {batch_size * workers} images are needed for {workers} × a batch of "
            f"{batch_size}, but {folder} has "
            f"{max(sizes)}; choose a smaller batch."
        )
    sources = []
    for side, (path, size) in enumerate(zip(paths, sizes)):
        rng = np.random.default_rng([seed, epoch, side])
        # how often this side begins: a list of that many times the same file
        rounds = -(-length // size)
        order = np.concatenate([i * size + rng.permutation(size) for i in range(rounds)])[
            rank:length:workers
        ]
        sampler = ds.SubsetSampler(order.tolist())
        records = ds.MindDataset(
            [path] * rounds, ["image"], num_parallel_workers=1, sampler=sampler
        )
        sources.append(records.rename("image", f"image_{'xy'[side]}"))
    places = ds.NumpySlicesDataset(
        {"place": np.arange(rank, length, workers)}, shuffle=False, num_parallel_workers=1
    )

    def augment_pair(image_x, image_y, place):
        rng = np.random.default_rng([seed, epoch, 2, int(place)])
        return augment(image_x, image_size, rng), augment(image_y, image_size, rng)

    columns = ["image_x", "image_y"]
    threads = min(2, os.cpu_count())
    pairs = ds.zip((*sources, places)).map(
        augment_pair, [*columns, "place"], columns, num_parallel_workers=threads
    )
    return pairs.batch(batch_size, drop_remainder=True, num_parallel_workers=1)


def augment(encoded: np.ndarray, image_size: int, rng: np.random.Generator) -> np.ndarray:
    """Turn an encoded image (bytes) into a random crop, perhaps flipped: float32 3×S×S in [-1, 1].

    Resizing to 286/256 of S and cropping S×S is done in one step: resizing the part that the crop
    will show.
    """
    image = Image.open(io.BytesIO(encoded))
    loaded = round(image_size * 286 / 256)
    left, top = rng.integers(0, loaded - image_size, 2, endpoint=True)
    flip = rng.random() < 0.5
    # a JPEG of more than twice this size is decoded at a part of it
    image.draft("RGB", (loaded, loaded))
    x, y = image.width / loaded, image.height / loaded
    box = (left * x, top * y, (left + image_size) * x, (top + image_size) * y)
    pixels = np.asarray(image.resize((image_size, image_size), Image.BICUBIC, box))
    if flip:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / 127.5 - 1


def describe_data(folder: Path) -> dict[str, str]:
    """The name of a data folder, and one checksum of all its training images."""
    sums = b"".join(
        (Path(folder) / f"train_{domain}.mindrecord.sha256").read_bytes() for domain in "xy"
    )
    return {"name": Path(folder).name, "sha256": hashlib.sha256(sums).hexdigest()}
