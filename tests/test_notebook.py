"""A stored run gives back what tools/training_history.py was given, and notebooks store sharp
figures."""

import base64
import io
import json
from dataclasses import asdict

import numpy as np
import pytest
import training_history
from book_widgets import data_uri
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from cyclegan_lessons import LessonConfig, LessonError, render_orchard, translate
from cyclegan_lessons.checkpoint import write_checkpoint
from cyclegan_lessons.images import to_tensor
from cyclegan_lessons.losses import LOSS_NAMES
from cyclegan_lessons.notebook import StoredRun
from cyclegan_lessons.plotting import CURVES, tile
from cyclegan_lessons.runs import RunFolder
from cyclegan_lessons.training import CycleGAN

ROWS = training_history.ROWS
NAMES = [name for names in CURVES.values() for name in names]


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Beside the notebook, a run of ten stored points and of eight samples of two images each.

    The first image of row i at sample j is evenly grey, with brightness 20·i + j, the second white.
    """
    samples = []
    for j in range(8):
        rows = [np.full((2, 16, 16, 3), 20 * i + j, np.uint8) for i in range(len(ROWS))]
        for row in rows:
            row[1] = 255
        samples.append({"step": 100 * j, "source": data_uri(tile(rows), quality=100)})
    curves = {
        title: {name: [NAMES.index(name) + k / 10 for k in range(10)] for name in names}
        for title, names in CURVES.items()
    }
    steps = list(range(5, 100, 10))
    text = json.dumps({"steps": steps, "curves": curves, "samples": samples, "rows": ROWS})
    (tmp_path / "a_run.json").write_text(text)
    monkeypatch.chdir(tmp_path)
    return StoredRun("a_run")


def test_a_stored_run_has_the_rows_of_a_history(stored):
    assert [row["step"] for row in stored.history] == list(range(5, 100, 10))
    for k, row in enumerate(stored.history):
        assert {name: row[name] for name in NAMES} == {
            name: NAMES.index(name) + k / 10 for name in NAMES
        }


def test_a_strip_shows_the_first_image_from_the_first_step_to_the_last(stored):
    steps, rows = stored.strip(columns=3)
    assert steps[0] == 0 and steps[-1] == 700 and len(steps) == 3
    assert tuple(rows) == ROWS
    for i, images in enumerate(rows.values()):
        assert images.shape == (3, 16, 16, 3)
        grey = [20 * i + step // 100 for step in steps]
        np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), grey, atol=2)


def test_a_strip_is_never_longer_than_the_run(stored):
    assert stored.strip(columns=50)[0] == list(range(0, 800, 100))


def test_a_run_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LessonError, match=r"no_run\.json should stand beside this notebook"):
        StoredRun("no_run")


def test_the_maps_are_those_of_the_last_checkpoint(tmp_path, monkeypatch):
    config = LessonConfig(image_size=32, base_channels=4, n_layers=1)
    networks, folder = CycleGAN(config), RunFolder(tmp_path / "run", config)
    folder.record({"step": 1, "epoch": 0, "rate": 2e-4, **dict.fromkeys(LOSS_NAMES, 0.5)})
    folder.save_sample(np.zeros((60, 40, 3), np.uint8), 1)
    info = {"config": asdict(config), "step": 1}
    path = folder.path / "checkpoints" / "step_0000001.ckpt"
    write_checkpoint(path, dict(networks.parameters_and_names()), info)
    (tmp_path / "one.json").write_text(json.dumps(training_history.history_of(folder.path)))
    monkeypatch.chdir(tmp_path)
    maps = StoredRun("one").maps
    x = render_orchard(1, 128, "x", training_history.TEST_SEEDS["x"]).images
    y = render_orchard(1, 128, "y", training_history.TEST_SEEDS["y"]).images
    expected = {"y": y, "G(x)": translate(networks.G, x), "x": x}
    assert list(maps) == list(expected)
    for name, (image, scores) in maps.items():
        assert abs(image.astype(int) - expected[name][0]).mean() < 15, name  # WebP loses noise
        wanted = networks.D_Y(to_tensor(expected[name])).asnumpy()[0, 0]
        np.testing.assert_allclose(scores, wanted, atol=1e-3)


def test_pictures_are_stored_as_jpeg_and_curves_as_png(tmp_path):
    cells = [
        "import matplotlib.pyplot as plt\nimport numpy as np\n"
        "from cyclegan_lessons.plotting import show_rows",
        'figure = show_rows({"x": np.zeros((2, 64, 64, 3), np.uint8)}, width=4)',
        "plt.plot([0, 1])\nplt.show()",
    ]
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3").execute()
    pictures, curves = (cell.outputs[0] for cell in notebook.cells[1:])
    assert "image/jpeg" in pictures.data and "image/png" not in pictures.data
    stored = Image.open(io.BytesIO(base64.b64decode(pictures.data["image/jpeg"])))
    size = pictures.metadata["image/jpeg"]  # half of what is stored: sharp on a fine screen
    assert stored.format == "JPEG" and size == {
        "width": stored.width // 2,
        "height": stored.height // 2,
    }
    assert "image/png" in curves.data and "image/jpeg" not in curves.data
