"""Train the `demo` preset on the orchard and put the model into the package: what `make demo` does.

The training run stays in build/demo and goes on where it was interrupted. The model holds the
networks of its last step, and a JSON file beside it says how it was made and how good it is.
"""

import argparse
import hashlib
import json
import platform
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from cyclegan_lessons import (
    __main__ as command,  # before MindSpore: the package sets its log's level
)
from cyclegan_lessons.checkpoint import read_checkpoint, write_checkpoint
from cyclegan_lessons.dataset import load_images, prepare_dataset
from cyclegan_lessons.inference import SHIPPED_MODEL, load_generators, sample_rows
from cyclegan_lessons.plotting import tile
from cyclegan_lessons.runs import checkpoints_in
from cyclegan_lessons.scores import evaluate

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "book" / "figures" / "demo.png"


def export(run: Path, model: Path):
    """Write the four networks of a run's last step to ``model``, in float16, and the facts about
    the generators to a JSON file beside it."""
    tensors, info = read_checkpoint(checkpoints_in(run)[-1])
    networks = ("G.", "F.", "D_X.", "D_Y.")
    weights = {
        name: tensor.asnumpy().astype(np.float16)
        for name, tensor in tensors.items()
        if name.startswith(networks)
    }
    write_checkpoint(model, weights, {"config": info["config"], "step": info["step"]})
    metrics = {way: scores.to_json() for way, scores in evaluate("orchard", model).items()}
    facts = {
        "config": info["config"],
        "seed": info["config"]["seed"],
        "steps": info["step"],
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("mindspore", "numpy", "pillow")},
        "metrics": metrics,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
    }
    model.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def draw(model: Path, picture: Path):
    """Draw test scenes above their translations, apples to oranges and back, as the README shows
    them."""
    G, F, config = load_generators(model)
    data = prepare_dataset("orchard", config.picture_size)
    images = [load_images(data, name, limit=8) for name in ("test_x", "test_y")]
    rows = sample_rows(G, F, *images)
    Image.fromarray(tile([rows[name] for name in ("x", "G(x)", "y", "F(y)")])).save(
        picture, optimize=True
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", type=Path, default=ROOT / "build" / "demo", help="run folder (default: build/demo)"
    )
    parser.add_argument(
        "--model",
        type=Path,
        default=SHIPPED_MODEL,
        help="where the model goes (default: the package)",
    )
    parser.add_argument(
        "--picture",
        type=Path,
        default=PICTURE,
        help="where a grid of examples goes (default: book/figures)",
    )
    options = parser.parse_args()
    resume = ["--resume"] if checkpoints_in(options.run) else []
    status = command.main(
        ["train", "--dataset", "orchard", "--preset", "demo", "--out", str(options.run), *resume]
    )
    if status == 130:  # Ctrl-C
        print("`make demo` needs no --resume: it goes on by itself.", file=sys.stderr)
    if status:
        sys.exit(status)
    export(options.run, options.model)
    draw(options.model, options.picture)
    print(f"The model is in {options.model}.")


if __name__ == "__main__":
    main()
