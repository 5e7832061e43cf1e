"""What the tests share: a cache, small data sets, archives in both layouts, a local server."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path

# before anything is cached
os.environ["CYCLEGAN_LESSONS_DATA"] = tempfile.mkdtemp(prefix="cyclegan_lessons_tests-")
os.environ.pop("CYCLEGAN_LESSONS_URL", None)

import numpy as np
import pytest
from helpers import serving
from PIL import Image

from cyclegan_lessons.dataset import prepare_orchard
from cyclegan_lessons.device import select_device
from cyclegan_lessons.orchard import render_orchard

ROOT = Path(__file__).resolve().parent.parent
# not part of the repository
PHOTOGRAPHS = Path(__file__).parents[2] / "shared" / "data" / "apple2orange.zip"

select_device(os.environ.get("LESSONS_DEVICE", "auto"))  # as each chapter does


def pytest_sessionfinish():
    shutil.rmtree(os.environ["CYCLEGAN_LESSONS_DATA"], ignore_errors=True)


@pytest.fixture(scope="session")
def html(tmp_path_factory) -> Path:
    """The book in all its languages, from the saved outputs: `make test` has built it before."""
    if built := os.environ.get("LESSONS_HTML"):
        return Path(built).resolve()
    folder = tmp_path_factory.mktemp("built")
    tool = [sys.executable, ROOT / "tools" / "build_html.py", ROOT / "book", "--build", folder]
    subprocess.run(tool, check=True, stdout=subprocess.DEVNULL)
    return folder / "html"


@pytest.fixture
def small_book(tmp_path):
    """A book of two pages; the build is the real one."""
    book = tmp_path / "book"
    shutil.copytree(ROOT / "book" / "_static", book / "_static")
    for name in ("references.bib", "bibliography.md"):
        shutil.copy(ROOT / "book" / name, book / name)
    (book / "intro.md").write_text("# Hello\n\nAfter {cite:p}`zhu2017`.\n")
    (tmp_path / "toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n  - file: bibliography\n"
    )
    return book


@pytest.fixture(scope="session")
def orchard_folder() -> Path:
    """A data folder of a small orchard: 12 scenes to train, 4 to test, 64 pixels."""
    return prepare_orchard(64, n_train=12, n_test=4)


@pytest.fixture
def open_folder():
    """A new folder that every user can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory) -> Path:
    """A folder of rendered JPEGs, 64 pixels: trainA (5), trainB (7), testA (2), testB (3)."""
    folder = tmp_path_factory.mktemp("images")
    for i, (part, n) in enumerate({"trainA": 5, "trainB": 7, "testA": 2, "testB": 3}.items()):
        (folder / part).mkdir()
        for j, image in enumerate(render_orchard(n, 64, "xy"[i % 2], seed=i).images):
            Image.fromarray(image).save(folder / part / f"{j}.jpg", quality=95)
    return folder


@pytest.fixture(scope="session")
def made_layout1(image_folder, tmp_path_factory) -> Path:
    """An archive as the paper's authors made it: four folders below one."""
    path = tmp_path_factory.mktemp("layout1") / "apple2orange.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(image_folder.rglob("*.jpg")):
            archive.write(file, f"apple2orange/{file.relative_to(image_folder)}")
    return path


@pytest.fixture(scope="session")
def made_layout2(image_folder, tmp_path_factory) -> Path:
    """An archive as the MindSpore tutorial has it: a MindRecord file, and images to predict."""
    from mindspore.mindrecord import FileWriter

    folder = tmp_path_factory.mktemp("layout2")
    records, path = folder / "apple2orange_train.mindrecord", folder / "CycleGAN_apple2orange.zip"
    pairs = [render_orchard(6, 64, domain, seed=i).images for i, domain in enumerate("xy")]
    a, b = ((images.transpose(0, 3, 1, 2) / 127.5 - 1).astype(np.float32) for images in pairs)
    writer = FileWriter(str(records), shard_num=1)
    writer.add_schema(
        {f"image_{part}": {"type": "float32", "shape": [3, 64, 64]} for part in "AB"},
        "as in the tutorial",
    )
    writer.write_raw_data([{"image_A": a[i], "image_B": b[i]} for i in range(6)])
    writer.commit()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for ending in ("", ".db"):
            archive.write(f"{records}{ending}", f"CycleGAN_apple2orange/{records.name}{ending}")
        for part, kind in (("testA", "apple"), ("testB", "orange")):
            for file in sorted((image_folder / part).iterdir()):
                archive.write(file, f"CycleGAN_apple2orange/predict/{kind}/{file.name}")
        archive.writestr("CycleGAN_apple2orange/ckpt/g_a.ckpt", b"not used")
    return path


@pytest.fixture(scope="session")
def photo_archive(made_layout1) -> Path:
    """A part of the real photographs where it is there, else a made archive of that layout."""
    if PHOTOGRAPHS.is_file():
        return PHOTOGRAPHS
    print(f"{PHOTOGRAPHS} is not there; a made archive takes its place.")
    return made_layout1


@pytest.fixture
def serve():
    """A function that serves a folder for the time of a test and returns the server."""
    with ExitStack() as servers:
        yield lambda folder: servers.enter_context(serving(folder))
