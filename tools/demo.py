"""Train the `demo` preset on the orchard and put the model into the package: what `make demo` does.

The training run stays in build/demo and goes on where it was interrupted. Only the two generators are kept, with a JSON
file beside them that says how they were made and how good they are.
"""

import argparse
import hashlib
import json
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from PIL import Image

from cyclegan_lessons.checkpoint import read_checkpoint, write_checkpoint
from cyclegan_lessons.dataset import load_images, prepare_dataset
from cyclegan_lessons.evaluation import evaluate
from cyclegan_lessons.inference import SHIPPED_MODEL, load_generator
from cyclegan_lessons.plotting import sample_rows, tile

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "book" / "figures" / "demo.png"


def checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run folder, oldest first."""
    return sorted(run.glob("checkpoints/step_*.ckpt"))


def export(run: Path, model: Path):
    """Write the generators of a run's last checkpoint to ``model``, and the facts about them to a JSON file beside it."""
    tensors, info = read_checkpoint(checkpoints(run)[-1])
    generators = {name: tensor for name, tensor in tensors.items() if name.startswith(("G.", "F."))}
    write_checkpoint(model, generators, {"config": info["config"], "step": info["step"]})
    metrics = evaluate(prepare_dataset("orchard", info["config"]["image_size"]), model)
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
    """Draw test scenes above their translations, apples to oranges and back, as the README shows them."""
    data = prepare_dataset("orchard", read_checkpoint(model)[1]["config"]["image_size"])
    images = [load_images(data, name, limit=8) for name in ("test_x", "test_y")]
    rows = sample_rows(load_generator(model, "x2y"), load_generator(model, "y2x"), *images)
    Image.fromarray(tile([rows[name] for name in ("x", "G(x)", "y", "F(y)")])).save(picture, optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=ROOT / "build" / "demo", help="run folder (default: build/demo)")
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="where the model goes (default: the package)")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="where a grid of examples goes (default: book/figures)")
    options = parser.parse_args()
    command = [sys.executable, "-m", "cyclegan_lessons", "train", "--preset", "demo", "--out", options.run]
    if checkpoints(options.run):
        command.append("--resume")
    result = subprocess.run(command)
    if result.returncode:
        sys.exit(result.returncode)
    export(options.run, options.model)
    draw(options.model, options.picture)
    print(f"The model is in {options.model}.")


if __name__ == "__main__":
    main()
