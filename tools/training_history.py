"""Write what "Watch it train" in chapter 6 shows: losses and samples of a run folder, as one JSON
file.

    python tools/training_history.py build/demo --out book/training.json

The file holds
- "steps": the steps of the points of all curves, at most 200 of them, each a mean over its block;
- "curves": for each title of `plotting.CURVES` the losses by name, one value for each point;
- "samples": at most 24 of the run's sample grids as {"step", "source"}, a WebP picture as a
  data: address;
- "rows": what the rows of a sample show;
- "maps": for a rendered orange y, a fake G(x) and its apple x, of 128×128 pixels, {"name",
  "source", "map"}: the picture, and the scores that the trained D_Y gives it, 14 rows of 14. Left
  out when the newest checkpoint has no D_Y;
- "patch": the first of them, for the page.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from book_widgets import TEST_SEEDS, a_scene, data_uri
from PIL import Image

from cyclegan_lessons import LessonError, load_generator, render_orchard, translate
from cyclegan_lessons.checkpoint import read_checkpoint
from cyclegan_lessons.files import write_whole
from cyclegan_lessons.history import read_history
from cyclegan_lessons.images import to_tensor
from cyclegan_lessons.inference import load_discriminators
from cyclegan_lessons.plotting import CURVES
from cyclegan_lessons.report_parts import thin
from cyclegan_lessons.runs import checkpoints_in

POINTS, SAMPLES, QUALITY = 200, 24, 80
ROWS = ("x", "G(x)", "F(G(x))", "y", "F(y)", "G(F(y))")


def history_of(run: Path) -> dict:
    """What the file holds; raises `LessonError` when the run has no history, samples or
    checkpoint."""
    path = run / "history.csv"
    history = read_history(path) if path.is_file() else []
    samples, checkpoints = sorted(run.glob("samples/step_*.png")), checkpoints_in(run)
    if not history or not samples or not checkpoints:
        raise LessonError(
            f"{run} should be a run folder with a history, samples and a checkpoint, but one of "
            "them is missing; give the folder that --out of the train command named."
        )
    rows = thin(history, -(-len(history) // POINTS))
    places = np.linspace(0, len(samples) - 1, min(SAMPLES, len(samples))).round().astype(int)
    return {
        "steps": [round(row["step"]) for row in rows],
        "curves": {
            title: {name: [round(row[name], 4) for row in rows] for name in names}
            for title, names in CURVES.items()
        },
        "samples": [sample(samples[place]) for place in places],
        "rows": ROWS,
        **trained_maps(checkpoints[-1]),
    }


def sample(path: Path) -> dict:
    image = np.asarray(Image.open(path).convert("RGB"))
    return {"step": int(path.stem.removeprefix("step_")), "source": data_uri(image, QUALITY)}


def trained_maps(checkpoint: Path) -> dict:
    """The scores of three pictures by the D_Y of a checkpoint, or nothing."""
    if not any(name.startswith("D_Y.") for name in read_checkpoint(checkpoint)[0]):
        return {}
    G, D_Y = load_generator(checkpoint), load_discriminators(checkpoint)[1]
    x = render_orchard(1, 128, "x", TEST_SEEDS["x"]).images[0]
    maps = []
    for name, image in (("y", a_scene()), ("G(x)", translate(G, x)), ("x", x)):
        scores = D_Y(to_tensor(image[None])).asnumpy()[0, 0]
        maps.append({"name": name, "source": data_uri(image), "map": scores.round(3).tolist()})
    return {"maps": maps, "patch": {key: maps[0][key] for key in ("source", "map")}}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    options = parser.parse_args()
    text = json.dumps(history_of(options.run), ensure_ascii=False) + "\n"
    write_whole(options.out, text.encode())
    print(f"The history is in {options.out}, {len(text) // 1024} KiB.")


if __name__ == "__main__":
    main()
