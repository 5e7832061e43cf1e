"""Kill a training run with `kill -9` at random moments, go on with --resume each time: what `make
soak` does.

In the end the weights must be those of a run that nobody disturbed, bit for bit, and no kill may
have cost more steps than lie between two checkpoints. The network is tiny: nearly all the time goes
into starting MindSpore.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from cyclegan_lessons import __main__ as commands
from cyclegan_lessons import config
from cyclegan_lessons.checkpoint import read_checkpoint
from cyclegan_lessons.history import read_history
from cyclegan_lessons.orchard import render_orchard
from cyclegan_lessons.runs import checkpoints_in, step_of

SAVE_EVERY = 5
EPOCHS = 1000  # of 3 steps


def make_images(folder: Path):
    """Three images to train and one to test in each domain."""
    for seed, (part, n) in enumerate({"trainA": 3, "trainB": 3, "testA": 1, "testB": 1}.items()):
        (folder / part).mkdir(parents=True)
        for i, image in enumerate(render_orchard(n, 32, "xy"[seed % 2], seed=seed).images):
            Image.fromarray(image).save(folder / part / f"{i}.png")


def start(run: Path, steps: int, *options: str) -> subprocess.Popen:
    """Start the `train` command in a process of its own; the data are beside the run."""
    command = [
        sys.executable,
        __file__,
        "--train",
        str(run.parent / "images"),
        str(run),
        str(steps),
        *options,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def train(images: str, run: str, steps: str, *options: str) -> int:
    """The `train` command with a preset that is far too small to be one of the course."""
    config.PRESETS["tiny"] = config.LessonConfig(
        image_size=32,
        base_channels=2,
        n_layers=1,
        constant_epochs=EPOCHS,
        decay_epochs=0,
        pool_size=4,
    )
    fixed = ["--preset", "tiny", "--save-every", str(SAVE_EVERY)]
    return commands.main(
        ["train", *fixed, "--dataset", images, "--steps", steps, "--out", run, *options]
    )


def finish(process: subprocess.Popen):
    """Let a training end by itself, and the soak with it when that training fails."""
    output = process.communicate()[0]
    if process.returncode:
        sys.exit(f"training failed:\n{output}")


def rows_of(run: Path) -> list[dict]:
    """The complete rows of the history as it is now."""
    return read_history(run / "history.csv")


def last_step(run: Path) -> int:
    """The last step in the history."""
    return max((row["step"] for row in rows_of(run)), default=0)


def last_saved(run: Path) -> int:
    """The step of the newest checkpoint."""
    return max(map(step_of, checkpoints_in(run)), default=0)


class Killer:
    """Starts and resumes a run and kills it. Half of the kills come at any moment of the start,
    half while it trains."""

    def __init__(self, run: Path, seed: int):
        self.run, self.random, self.start_seconds = run, random.Random(seed), 20.0

    def kill(self) -> str:
        """Start or resume the run, kill it at a random moment and return what the moment was."""
        saved = last_saved(self.run)
        begin, process = time.time(), start(self.run, 3 * EPOCHS, *(["--resume"] if saved else []))
        if self.random.random() < 0.5:
            delay = self.random.uniform(0, self.start_seconds)
            moment = f"{delay:.1f} s after the start"
        else:
            while process.poll() is None and not self.has_new_steps(begin, saved):
                time.sleep(0.02)
            self.start_seconds = time.time() - begin
            delay = self.random.uniform(0, 3)  # some save intervals
            moment = f"{delay:.2f} s after the first new step"
        time.sleep(delay)
        process.kill()
        output = process.communicate()[0]
        if process.returncode != -signal.SIGKILL or "not a whole checkpoint" in output:
            sys.exit(f"the run failed before it was killed, or met a damaged checkpoint:\n{output}")
        return moment

    def has_new_steps(self, begin: float, saved: int) -> bool:
        path = self.run / "history.csv"
        return path.exists() and path.stat().st_mtime > begin and last_step(self.run) > saved


def compare(one: Path, two: Path) -> int:
    """End the program unless two finished runs are the same in everything; return the number of
    tensors compared."""
    newest = [checkpoints_in(run)[-1] for run in (one, two)]
    (ours, our_info), (theirs, their_info) = map(read_checkpoint, newest)
    if ours.keys() != theirs.keys() or our_info != their_info:
        sys.exit("the checkpoints do not hold the same parts")
    for name in ours:
        if not np.array_equal(ours[name].asnumpy(), theirs[name].asnumpy()):
            sys.exit(f"{name} is not the same")
    if rows_of(one) != rows_of(two):
        sys.exit("the histories are not the same")
    samples = [
        {path.name: path.read_bytes() for path in run.glob("samples/*")} for run in (one, two)
    ]
    if samples[0] != samples[1]:
        sys.exit("the samples are not the same")
    return len(ours)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        killed, undisturbed = Path(folder) / "killed", Path(folder) / "undisturbed"
        make_images(Path(folder) / "images")
        killer, worst = Killer(killed, options.seed), 0
        for i in range(options.kills):
            moment = killer.kill()
            done, lost = last_step(killed), last_step(killed) - last_saved(killed)
            print(f"kill {i + 1}, {moment}: {done} steps done, {lost} lost", flush=True)
            worst = max(worst, lost)
            if lost > SAVE_EVERY:
                sys.exit(f"{lost} steps were lost, but there is a checkpoint every {SAVE_EVERY}")
        steps = last_step(killed) + 3  # in the middle of a save interval or not, as it comes
        finish(start(killed, steps, *(["--resume"] if last_saved(killed) else [])))
        finish(start(undisturbed, steps))
        tensors = compare(killed, undisturbed)
    print(
        f"{options.kills} kills in {steps} steps, at most {worst} steps lost: {tensors} tensors, "
        "the history and the "
        f"samples are those of an undisturbed run, bit for bit."
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        sys.exit(train(*sys.argv[2:]))
    main()
