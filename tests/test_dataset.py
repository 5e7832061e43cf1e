"""MindRecord files, and random pairs out of them that (seed, epoch, place) decide."""

import hashlib
import io
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import mindspore.dataset as ds
import numpy as np
import pytest
from helpers_faults import as_ordinary_user
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cyclegan_lessons import fruits, orchard, scene, shading
from cyclegan_lessons.dataset import (
    augment,
    epoch_steps,
    load_images,
    load_unpaired,
    prepare_dataset,
    prepare_orchard,
)
from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.images import encode_array, list_images, read_image
from cyclegan_lessons.records import write_mindrecord

ROOT = Path(__file__).parents[1]


def environment() -> dict:
    """For a process of its own that imports this package."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def read(folder, image_size=64, **arguments) -> list[tuple]:
    """All batches of one epoch as pairs of arrays."""
    batches = load_unpaired(folder, image_size, **arguments).create_dict_iterator(
        num_epochs=1, output_numpy=True
    )
    return [(batch["image_x"].copy(), batch["image_y"].copy()) for batch in batches]


def same(a: list, b: list) -> bool:
    return len(a) == len(b) and all(
        (p == q).all() for one, other in zip(a, b) for p, q in zip(one, other)
    )


def stored(path) -> list:
    """(name, bytes) of every row of a MindRecord file."""
    rows = ds.MindDataset(str(path), ["name", "image"], shuffle=False, num_parallel_workers=1)
    return [
        (str(row["name"]), bytes(row["image"]))
        for row in rows.create_dict_iterator(num_epochs=1, output_numpy=True)
    ]


@pytest.fixture(scope="session")
def numbered(tmp_path_factory) -> Path:
    """A data folder of images of one colour each, to tell which were read: 5 in X, 8 in Y."""
    folder = tmp_path_factory.mktemp("numbered")
    for name, n in (("train_x", 5), ("train_y", 8), ("test_x", 2), ("test_y", 2)):
        write_mindrecord(
            ((f"{i}", np.full((16, 16, 3), 10 * i, np.uint8)) for i in range(n)),
            folder / f"{name}.mindrecord",
        )
    return folder


def numbers(folder, **arguments) -> np.ndarray:
    """Which images of the numbered folder an epoch shows: (pairs, 2)."""
    return np.array(
        [
            [round((image.mean() + 1) * 12.75) for image in pair]
            for pair in read(folder, image_size=16, **arguments)
        ]
    )


# --- writing --------------------------------------------------------------------------------------


def test_arrays_come_back_unchanged(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), np.uint8)
    path = write_mindrecord(
        ((f"image{i}", image) for i, image in enumerate(images)),
        tmp_path / "a folder ü" / "set.mindrecord",
    )
    assert [name for name, _ in stored(path)] == ["image0", "image1", "image2"]
    assert (load_images(path.parent, "set") == images).all()
    masks = images[..., 0] > 127
    write_mindrecord((("m", mask) for mask in masks), tmp_path / "mask.mindrecord")
    assert (
        load_images(tmp_path, "mask").dtype == bool
        and (load_images(tmp_path, "mask") == masks).all()
    )


def test_rgb_jpeg_files_are_stored_byte_for_byte(image_folder, tmp_path):
    files = list_images(image_folder / "trainA")
    write_mindrecord(files, tmp_path / "a.mindrecord")
    assert stored(tmp_path / "a.mindrecord") == [(file.name, file.read_bytes()) for file in files]
    assert (load_images(tmp_path, "a") == [read_image(file) for file in files]).all()


def test_files_of_every_mode_become_rgb(tmp_path):
    """A red ramp beside a transparent part has the same colours, however it was saved."""
    ramp = np.zeros((40, 60, 3), np.uint8)
    ramp[..., 0] = np.arange(60) * 4
    rgb, folder = Image.fromarray(ramp), tmp_path / "files"
    folder.mkdir()
    grey = rgb.getchannel(0)
    alpha = Image.fromarray(
        np.where(np.arange(60) < 50, 255, 0).astype(np.uint8)[None].repeat(40, 0)
    )
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    rgb.save(folder / "a.png")
    rgb.convert("CMYK").save(folder / "b.jpg", quality=98)
    rgb.quantize(256).save(folder / "c.png")
    rgb.transpose(Image.ROTATE_90).save(folder / "d.jpg", quality=98, exif=exif)
    grey.save(folder / "e.png")
    grey.save(folder / "f.jpg", quality=98)
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(folder / "g.png")  # 16 bits
    Image.merge("RGBA", (*rgb.split(), alpha)).save(folder / "h.png")
    Image.merge("LA", (grey, alpha)).save(folder / "i.png")
    (folder / ".DS_Store").write_bytes(b"to be overlooked")
    write_mindrecord(list_images(folder), tmp_path / "set.mindrecord")
    images = load_images(tmp_path, "set").astype(int)
    on_white = np.where(np.arange(60)[:, None] < 50, ramp, 255).astype(int)
    for name, image in zip("abcdefghi", images, strict=True):
        target = on_white if name in "hi" else ramp.astype(int)
        if name in "efgi":
            target = np.where(
                target.min(2, keepdims=True) == 255, 255, target[..., :1].repeat(3, 2)
            )
        assert abs(image - target).mean() < 3, name


@pytest.mark.parametrize("name", ["two  spaces", "new\nline", "a.b", "ü🍎", "-"])
def test_sets_of_any_name(name, tmp_path):
    write_mindrecord([("a", np.zeros((4, 4, 3), np.uint8))], tmp_path / f"{name}.mindrecord")
    assert load_images(tmp_path, name).shape == (1, 4, 4, 3)


def test_very_large_photographs_are_stored_smaller(tmp_path, monkeypatch):
    monkeypatch.setattr("cyclegan_lessons.images.LARGEST", 32 * 48)
    Image.new("RGB", (96, 64), "red").save(tmp_path / "a.jpg")
    write_mindrecord([tmp_path / "a.jpg"], tmp_path / "set.mindrecord")
    assert load_images(tmp_path, "set").shape == (1, 32, 48, 3)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)]
)
def test_wrong_arrays_are_refused_and_leave_nothing(array, tmp_path):
    with pytest.raises(LessonError, match="uint8 of shape H×W×3"):
        write_mindrecord(
            [("good", np.zeros((4, 4, 3), np.uint8)), ("bad", array)], tmp_path / "a.mindrecord"
        )
    assert list(tmp_path.iterdir()) == []


def test_no_images_at_all(tmp_path):
    with pytest.raises(LessonError, match="at least one image"):
        write_mindrecord([], tmp_path / "a.mindrecord")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = write_mindrecord([("a", np.zeros((4, 4, 3), np.uint8))], tmp_path / "a.mindrecord")
    (tmp_path / "bad.png").write_text("this is text")
    with pytest.raises(LessonError, match="bad.png should be a JPEG or PNG"):
        write_mindrecord([tmp_path / "bad.png"], path)
    assert load_images(tmp_path, "a").shape == (1, 4, 4, 3)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LessonError, match="must be a folder that can be written"):
        write_mindrecord([("a", np.zeros((4, 4, 3), np.uint8))], tmp_path / "file" / "a.mindrecord")
    with pytest.raises(LessonError, match="must be a folder that can be written"):
        prepare_orchard(16, 1, 1, folder="/proc/nowhere")


def test_a_full_disk(tmp_path):
    """A process that may not write files of more than 100 kB stands for a full disk."""
    code = (
        "import resource, signal, numpy as np; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from cyclegan_lessons.records import write_mindrecord; from cyclegan_lessons.errors "
        "import LessonError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: write_mindrecord([('a', np.zeros((4, 4, 3), np.uint8))], 'out/a.mindrecord')\n"
        "except LessonError as error: print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert "must be a folder that can be written" in result.stdout, result
    assert result.stdout.startswith("out must be a folder"), result
    assert not re.search("Exception thrown|Refer to|Syntax error", result.stdout), result
    assert result.stdout.count("\n") == 1, result
    assert list((tmp_path / "out").iterdir()) == []


# --- preparing ------------------------------------------------------------------------------------


def test_orchard_folder(orchard_folder):
    for i, (name, n) in enumerate({"train_x": 12, "train_y": 12, "test_x": 4, "test_y": 4}.items()):
        scenes = orchard.render_orchard(n, 64, name[-1], seed=i)
        assert (load_images(orchard_folder, name) == scenes.images).all()
        if name.startswith("test"):
            assert (load_images(orchard_folder, f"{name}_twin") == scenes.twins).all()
            assert (load_images(orchard_folder, f"{name}_mask") == scenes.masks).all()
    assert not (orchard_folder / "train_x_twin.mindrecord").exists()
    assert load_images(orchard_folder, "test_x", limit=2, image_size=32).shape == (2, 32, 32, 3)
    assert load_images(orchard_folder, "test_x_mask", image_size=32).dtype == bool


def test_no_scene_is_in_two_sets_of_the_orchard():
    """The masks of the four sets and of two seeds all differ."""
    masks = [orchard.render_orchard(8, 32, seed=seed).masks for seed in range(8)]
    assert len({mask.tobytes() for part in masks for mask in part}) == 64


def test_prepared_once_and_again_when_anything_differs(tmp_path, monkeypatch):
    first = prepare_orchard(16, 1, 1, folder=tmp_path)
    before = (first / "train_x.mindrecord").stat().st_mtime_ns
    assert prepare_orchard(16, 1, 1, folder=tmp_path) == first
    assert (first / "train_x.mindrecord").stat().st_mtime_ns == before, "it must not be made twice"
    changed = tmp_path / "orchard.py"
    changed.write_text(Path(orchard.__file__).read_text() + "# changed\n")
    others = [
        prepare_orchard(17, 1, 1, folder=tmp_path),
        prepare_orchard(16, 2, 1, folder=tmp_path),
    ]
    others += [
        prepare_orchard(16, 1, 2, folder=tmp_path),
        prepare_orchard(16, 1, 1, seed=1, folder=tmp_path),
    ]
    for module in (orchard, scene, fruits, shading):  # all that decides about pixels
        with monkeypatch.context() as patch:
            patch.setattr(module, "__file__", str(changed))
            others.append(prepare_orchard(16, 1, 1, folder=tmp_path))
    assert len({first, *others}) == 9


def test_own_folder(image_folder, tmp_path):
    own = tmp_path / "my photos"
    shutil.copytree(image_folder, own)
    prepared = prepare_dataset(str(own), 64, folder=tmp_path / "cache")
    assert load_images(prepared, "train_y").shape == (7, 64, 64, 3)
    assert prepare_dataset(str(own), 64, folder=tmp_path / "cache") == prepared
    assert prepare_dataset(str(prepared), 64) == prepared, "a prepared folder is a dataset, too"
    Image.new("RGB", (8, 6)).save(own / "trainA" / "new.png")  # smaller than a crop, and not square
    again = prepare_dataset(str(own), 64, folder=tmp_path / "cache")
    assert again != prepared and read(again)[0][0].shape == (1, 3, 64, 64)
    with pytest.raises(LessonError, match="one size"):
        load_images(again, "train_x")
    assert load_images(again, "train_x", image_size=64).shape == (6, 64, 64, 3)


@pytest.mark.parametrize(
    "harm, words",
    [("missing", "testB"), ("empty", "testB"), ("text", "testB/0.jpg"), ("cut", "testB/0.jpg")],
)
def test_bad_folders(harm, words, image_folder, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(image_folder, own)
    if harm in ("missing", "empty"):
        shutil.rmtree(own / "testB")
    if harm == "empty":
        (own / "testB").mkdir()
    if harm == "text":
        (own / "testB" / "0.jpg").write_text("this is text")
    if harm == "cut":
        (own / "testB" / "0.jpg").write_bytes(
            (image_folder / "testB" / "0.jpg").read_bytes()[:-200]
        )
    with pytest.raises(LessonError, match=words) as caught:
        prepare_dataset(str(own), 64, folder=tmp_path / "cache")
    assert str(own) in str(caught.value)
    assert not (tmp_path / "cache").exists() or list((tmp_path / "cache").iterdir()) == []


def test_a_changed_image_of_the_same_size_and_time_is_noticed(image_folder, tmp_path):
    """As `exiftool -P` and `rsync -t` leave it."""
    own = tmp_path / "own"
    shutil.copytree(image_folder, own)
    first = prepare_dataset(own, 64, folder=tmp_path / "cache")
    image, before = own / "trainA" / "0.jpg", (own / "trainA" / "0.jpg").stat()
    data = image.read_bytes()
    time.sleep(0.05)  # the clock of a file system has steps
    image.write_bytes(data.replace(b"JFIF", b"jfif"))
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (image.stat().st_size, image.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert prepare_dataset(own, 64, folder=tmp_path / "cache") != first


def test_folders_beside_images_are_refused_and_clutter_is_not(image_folder, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(image_folder, own)
    for name in (".thumbnails", "Thumbs.db", "desktop.ini"):
        (own / "trainB" / name).mkdir()
    prepare_dataset(own, 64, folder=tmp_path / "cache")
    shutil.copytree(own / "trainA", own / "trainB" / "more")
    with pytest.raises(LessonError, match="trainB should hold images only, but .* in it, more;"):
        prepare_dataset(own, 64, folder=tmp_path / "cache")


def test_a_name_that_is_not_utf_8(image_folder, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(image_folder, own)
    (own / "trainA" / "0.jpg").rename(own / "trainA" / os.fsdecode(b"caf\xe9.jpg"))
    data = prepare_dataset(own, 64, folder=tmp_path / "cache")
    assert "caf\ufffd.jpg" in dict(stored(data / "train_x.mindrecord"))


@pytest.mark.parametrize("gone", ["trainB", "testA/0.jpg", "."])
def test_a_folder_that_may_not_be_read(gone, image_folder, open_folder):
    own = open_folder / "own"
    shutil.copytree(image_folder, own)
    (own / gone).chmod(0)
    with as_ordinary_user(), pytest.raises(LessonError, match="cannot be read.*Permission denied"):
        prepare_dataset(own, 64, folder=open_folder / "cache")
    (own / gone).chmod(0o755)


def test_an_image_that_goes_away_while_it_is_prepared(image_folder, tmp_path, monkeypatch):
    own = tmp_path / "own"
    shutil.copytree(image_folder, own)

    def write(images, path):
        (own / "trainA" / "3.jpg").unlink(missing_ok=True)
        return write_mindrecord(images, path)

    monkeypatch.setattr("cyclegan_lessons.dataset.write_mindrecord", write)
    with pytest.raises(LessonError, match="trainA/3.jpg should be an image file, but there is no"):
        prepare_dataset(own, 64, folder=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("dataset", ["orchard", "photos"])
def test_an_address_goes_with_the_photographs_only(dataset, tmp_path):
    with pytest.raises(LessonError, match=f"apple2orange, but the dataset is '{dataset}'; leave"):
        prepare_dataset(dataset, 64, folder=tmp_path, url="a.zip")
    assert list(tmp_path.iterdir()) == []


def test_unknown_dataset():
    with pytest.raises(LessonError, match="'orchard', 'apple2orange' or a folder"):
        prepare_dataset("apple2pear", 64)


def _prepare(folder):
    return prepare_orchard(16, 30, 5, folder=folder)


def test_two_processes_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        paths = pool.map(_prepare, [tmp_path] * 4)
    assert len(set(paths)) == 1 and list(tmp_path.iterdir()) == [paths[0]]
    assert load_images(paths[0], "train_x").shape == (30, 16, 16, 3)


@pytest.mark.parametrize(
    "harm", ["cut", "flipped", "index", "flipped index", "checksums", "no checksums", "gone"]
)
@pytest.mark.parametrize(
    "reader",
    [lambda f: load_images(f, "train_x"), lambda f: load_unpaired(f, 64)],
    ids=["load_images", "load_unpaired"],
)
def test_corrupt_mindrecord(harm, reader, numbered, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(numbered, folder)
    reader(folder)  # whole, it can be read, and that it was right is remembered
    path = folder / "train_x.mindrecord"
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    if harm.startswith("flipped"):
        target = Path(f"{path}.db") if harm.endswith("index") else path
        data = bytearray(target.read_bytes())
        data[data.rfind(b"IEND") if target == path else 5000] ^= 1
        target.write_bytes(data)
    if harm == "index":
        Path(f"{path}.db").unlink()
    if harm == "checksums":
        Path(f"{path}.sha256").write_text("")
    if harm == "no checksums":
        Path(f"{path}.sha256").unlink()
    if harm == "gone":
        path.unlink()
    with pytest.raises(LessonError, match="train_x.mindrecord should be there, unchanged"):
        reader(folder)


# --- reading pairs --------------------------------------------------------------------------------


def test_batches_are_what_the_networks_take(orchard_folder):
    pairs = read(orchard_folder, batch_size=5)
    assert len(pairs) == 2, "12 pairs are two batches of 5; the incomplete third is left out"
    for batch in (image for pair in pairs for image in pair):
        assert batch.shape == (5, 3, 64, 64) and batch.dtype == np.float32
        assert -1 <= batch.min() < -0.5 and 0.2 < batch.max() <= 1
    assert load_unpaired(orchard_folder, 64, batch_size=5).get_dataset_size() == 2


def test_reproducible_from_seed_and_epoch(orchard_folder):
    state = ds.config.get_seed(), ds.config.get_num_parallel_workers()
    first = read(orchard_folder, seed=4, epoch=2)
    ds.config.set_seed(99)
    np.random.seed(99)
    try:
        again = read(orchard_folder, seed=4, epoch=2)
        assert ds.config.get_seed() == 99, "the global seed must stay as it was"
    finally:
        ds.config.set_seed(state[0])
    assert same(first, again)
    assert (ds.config.get_seed(), ds.config.get_num_parallel_workers()) == state
    assert not same(first, read(orchard_folder, seed=4, epoch=3)) and not same(
        first, read(orchard_folder, seed=5, epoch=2)
    )
    for _ in range(3):
        assert same(first, read(orchard_folder, seed=4, epoch=2))


def test_a_batch_is_its_items_whatever_the_batch_size(orchard_folder):
    ones, threes = read(orchard_folder, seed=1), read(orchard_folder, seed=1, batch_size=3)
    assert same(
        [tuple(np.concatenate(part) for part in zip(*ones[i : i + 3])) for i in (0, 3, 6, 9)],
        threes,
    )


def test_one_image_differs_over_two_epochs(tmp_path):
    """With one image a side only fresh augmentation can make the epochs differ (trap 5)."""
    scenes = orchard.render_orchard(1, 64)
    for name, image in (("train_x", scenes.images[0]), ("train_y", scenes.twins[0])):
        write_mindrecord([("one", image)], tmp_path / f"{name}.mindrecord")
    hashes = {
        hashlib.sha256(read(tmp_path, epoch=epoch)[0][0].tobytes()).hexdigest()
        for epoch in range(8)
    }
    assert len(hashes) >= 6  # of 5×5 crops, flipped or not


def test_an_epoch_shows_everything_and_is_as_long_as_the_longer_side(numbered):
    for epoch in range(5):
        shown = numbers(numbered, epoch=epoch)
        assert sorted(shown[:, 1]) == list(range(8)), "every Y once"
        assert sorted(shown[:5, 0]) == list(range(5)), "every X once before one comes again"
        assert len(set(shown[5:, 0])) == 3
    assert len({numbers(numbered, epoch=epoch)[:, 1].tobytes() for epoch in range(5)}) == 5, (
        "the order changes"
    )


def test_the_draws_of_x_and_y_are_independent(numbered):
    """Each X meets each Y about equally often: a chi-squared test of first pairs."""
    table = np.zeros((5, 8))
    for epoch in range(400):
        rngs = [np.random.default_rng([0, epoch, side]) for side in (0, 1)]
        x, y = (rng.permutation(n) for rng, n in zip(rngs, (5, 8)))
        if epoch < 3:
            assert (numbers(numbered, epoch=epoch)[:5] == np.stack([x, y[:5]], 1)).all(), (
                "the loader draws like this"
            )
        for pair in zip(x, y):
            table[pair] += 1
    expected = table.sum() / 40
    # 28 to 39 degrees of freedom; 80 is beyond 1 in 10,000
    assert ((table - expected) ** 2 / expected).sum() < 80


def test_order_shorter_side_repeated_many_times(tmp_path):
    for name, n in (("train_x", 1), ("train_y", 25)):
        write_mindrecord(
            ((f"{i}", np.full((16, 16, 3), 10 * i, np.uint8)) for i in range(n)),
            tmp_path / f"{name}.mindrecord",
        )
    shown = numbers(tmp_path)
    assert sorted(shown[:, 1]) == list(range(25)) and set(shown[:, 0]) == {0}


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_share_the_epoch_of_one(orchard_folder, workers):
    alone = read(orchard_folder, seed=2, epoch=1)
    for rank in range(workers):
        part = read(orchard_folder, seed=2, epoch=1, workers=workers, rank=rank)
        assert same(part, alone[rank::workers][: 12 // workers])


def test_workers_get_equally_many(numbered):
    # of 8 pairs
    assert [len(read(numbered, image_size=16, workers=3, rank=rank)) for rank in range(3)] == [
        2,
        2,
        2,
    ]


@pytest.mark.parametrize(
    "batch_size, workers, advice",
    [
        (
            9,
            1,
            "at least 9 images are needed, 9 for each worker, .* has 8; choose a smaller batch,",
        ),
        (1, 9, "at least 9 images are needed, 1 for each worker, .* has 8; choose fewer workers,"),
        (8, 2, "at least 16 images .*; choose fewer workers, or add images"),
        (9, 2, "at least 18 images .*; choose a smaller batch and fewer workers, or add images"),
    ],
)
def test_too_few_images(batch_size, workers, advice, numbered):
    for ask in (epoch_steps, partial(load_unpaired, image_size=16)):
        with pytest.raises(LessonError, match=advice):
            ask(numbered, batch_size=batch_size, workers=workers)


@pytest.mark.parametrize(
    "use",
    [
        lambda folder: load_unpaired(folder, image_size=0),
        lambda folder: load_unpaired(folder, 16, batch_size=0),
        lambda folder: epoch_steps(folder, workers=-1),
        lambda folder: load_images(folder, "test_x", limit=0),
        lambda folder: load_images(folder, "test_x", image_size=-1),
    ],
    ids=["image_size", "batch_size", "workers", "limit", "image_size of a set"],
)
def test_numbers_below_one(use, numbered):
    with pytest.raises(LessonError, match="must be 1 or more, but it is [0-]"):
        use(numbered)


@pytest.mark.parametrize("batch_size, workers, steps", [(1, 1, 8), (8, 1, 1), (3, 1, 2), (2, 3, 1)])
def test_steps_of_an_epoch(batch_size, workers, steps, numbered):
    assert epoch_steps(numbered, batch_size, workers) == steps
    for rank in range(workers):
        pairs = load_unpaired(numbered, 16, batch_size, workers=workers, rank=rank)
        assert pairs.get_dataset_size() == steps


def test_leaving_in_the_middle_is_quiet():
    """Stopping after one batch, and at the end of the process: no message, no hanging thread."""
    code = (
        "from cyclegan_lessons.dataset import load_unpaired, prepare_orchard\n"
        "for epoch in range(3):\n"
        "    for batch in load_unpaired(prepare_orchard(64, 12, 4), 64, "
        "epoch=epoch).create_dict_iterator(num_epochs=1): break\n"
        "print(batch['image_x'].shape)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=120
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "(1, 3, 64, 64)\n", "")


# --- augmentation ---------------------------------------------------------------------------------


def reference(
    image: np.ndarray, loaded: int, size: int, left: int, top: int, flip: bool
) -> np.ndarray:
    """The paper's code in words: resize (bicubic), crop, flip, scale to [-1, 1]."""
    pixels = np.asarray(Image.fromarray(image).resize((loaded, loaded), Image.BICUBIC))[
        top : top + size, left : left + size
    ]
    return (pixels[:, ::-1] if flip else pixels).transpose(2, 0, 1) / 127.5 - 1


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([16, 64, 256]),
    load_size=st.sampled_from([None, 256, 300]),
    stored_size=st.sampled_from([(64, 64), (300, 200), (10, 30)]),
)
def test_augmentation_is_resize_crop_flip(seed, size, load_size, stored_size):
    image = np.random.default_rng(seed).integers(0, 256, (*stored_size, 3), np.uint8)
    result = augment(
        np.frombuffer(encode_array("", image)[1], np.uint8),
        size,
        np.random.default_rng(seed),
        load_size,
    )
    assert result.dtype == np.float32 and result.flags["C_CONTIGUOUS"]
    rng = np.random.default_rng(seed)
    loaded = load_size or round(size * 286 / 256)
    left, top = rng.integers(0, loaded - size, 2, endpoint=True)
    expected = reference(image, loaded, size, left, top, rng.random() < 0.5)
    assert abs(result - expected).max() < 2.5 / 127.5, "equal but for rounding"


def test_crops_and_flips_take_every_value():
    """All 9 × 9 places at 72 → 64 pixels and both directions come up about equally often."""
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    encoded = np.frombuffer(
        encode_array("", np.stack([2 * x, 2 * y, 0 * x], 2).astype(np.uint8))[1], np.uint8
    )
    crops = [augment(encoded, 64, np.random.default_rng([7, i])) for i in range(600)]
    flips = np.array([crop[0, 32, 0] > crop[0, 32, -1] for crop in crops])
    corners = {
        (round(float(crop[0].mean()) * 1000), round(float(crop[1].mean()) * 1000)) for crop in crops
    }
    assert 240 < flips.sum() < 360
    assert len({b for _, b in corners}) == round(64 * 286 / 256) - 64 + 1


def test_large_jpegs_are_decoded_smaller_and_look_the_same():
    image = orchard.render_orchard(1, 512, seed=3).images[0]
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=95)
    result = augment(np.frombuffer(file.getvalue(), np.uint8), 64, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    left, top = rng.integers(0, 8, 2, endpoint=True)
    assert abs(result - reference(image, 72, 64, left, top, rng.random() < 0.5)).mean() < 0.03
