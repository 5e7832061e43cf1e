"""The commands as a user types them: training in processes of their own, the rest in this one,
which is quicker."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cyclegan_lessons import dataset
from cyclegan_lessons.__main__ import main
from cyclegan_lessons.dataset import prepare_orchard


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two image folders of somebody's own, in the paper's layout, and different sizes."""
    folder = tmp_path_factory.mktemp("commands")
    rng = np.random.default_rng(0)
    for name, n in (("trainA", 3), ("trainB", 2), ("testA", 2), ("testB", 1)):
        (folder / "mine" / name).mkdir(parents=True)
        for i in range(n):
            image = Image.fromarray(rng.integers(0, 256, (40 + 8 * i, 48, 3), np.uint8))
            image.save(folder / "mine" / name / f"{i}.{'jpg' if i else 'png'}")
    return folder


def in_own_process(*arguments, folder):
    """Run one command in ``folder`` and return what came of it."""
    return subprocess.run(
        [sys.executable, "-m", "cyclegan_lessons", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "CYCLEGAN_LESSONS_DATA": str(folder / "data")},
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def lessons(folder, capfd, monkeypatch):
    """A function that runs one command in ``folder`` and returns what came of it."""

    def run(*arguments):
        monkeypatch.chdir(folder)
        monkeypatch.setenv("CYCLEGAN_LESSONS_DATA", str(folder / "data"))
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit:  # argparse's
            code = exit.code
        return SimpleNamespace(returncode=code, **capfd.readouterr()._asdict())

    return run


@pytest.fixture(scope="module")
def trained(folder):
    """A run of three steps on the folder's own images, interrupted after two and resumed."""
    command = ["train", "--dataset", "mine", "--seed", 5, "--save-every", 2, "--out", "run"]
    first = in_own_process(*command, "--steps", 2, folder=folder)
    assert first.returncode == 0, first.stderr
    second = in_own_process(*command, "--steps", 3, "--resume", folder=folder)
    assert second.returncode == 0, second.stderr
    return second


def test_train_leaves_a_whole_run_folder(trained, folder):
    assert trained.stdout == "Trained 3 steps; the run is in run.\n"
    assert "3/3" in trained.stderr  # the progress bar
    assert len((folder / "run" / "history.csv").read_text().splitlines()) == 1 + 3
    assert json.loads((folder / "run" / "config.json").read_text())["seed"] == 5
    assert sorted(path.name for path in (folder / "run" / "samples").iterdir()) == [
        "step_0000002.png",
        "step_0000003.png",
    ]
    assert (folder / "run" / "checkpoints" / "step_0000003.ckpt").exists()


def test_evaluate_takes_images_of_different_sizes(trained, folder, lessons):
    result = lessons(
        "evaluate",
        "--checkpoint",
        "run/checkpoints/step_0000003.ckpt",
        "--dataset",
        "mine",
        "--json",
    )
    assert result.returncode == 0, result.err
    # no twins, and one orange only
    assert set(json.loads(result.out)["x2y"]) == {"images", "cycle_error", "interval"}
    table = lessons(
        "evaluate", "--checkpoint", "run/checkpoints/step_0000003.ckpt", "--dataset", "mine"
    ).out
    assert table.endswith("There are no twins in this dataset, so errors cannot be measured.\n")


def test_a_resume_that_is_refused_leaves_the_run_as_it_was(trained, folder, lessons):
    before = (folder / "run" / "config.json").read_text()
    result = lessons("train", "--dataset", "mine", "--seed", 6, "--resume", "--out", "run")
    assert result.returncode == 1 and "was trained with seed 5, not 6" in result.err
    assert (folder / "run" / "config.json").read_text() == before


def test_a_second_run_into_the_same_folder_is_refused(trained, lessons):
    result = lessons("train", "--dataset", "mine", "--steps", 1, "--out", "run")
    assert result.returncode == 1
    assert (
        result.err
        == "error: run already holds a run; continue it (--resume) or choose another folder.\n"
    )


def test_translate_writes_the_pictures(trained, folder, lessons):
    checkpoint = folder / "run" / "checkpoints" / "step_0000003.ckpt"
    command = [
        "translate",
        "mine/testA",
        "--checkpoint",
        checkpoint,
        "--direction",
        "y2x",
        "--out",
        "out",
    ]
    result = lessons(*command)
    assert (result.returncode, result.out) == (0, "Translated 2 images into out.\n"), result.err
    assert Image.open(folder / "out" / "1.png").size == (48, 48)
    assert Image.open(folder / "out" / "side_by_side" / "1.png").size == (96, 48)


def test_evaluate_prints_a_table_or_json(trained, folder, lessons, monkeypatch):
    checkpoint = folder / "run" / "checkpoints" / "step_0000003.ckpt"
    monkeypatch.setattr(
        dataset,
        "prepare_dataset",
        lambda name, image_size: prepare_orchard(image_size, 2, 3, folder=folder / "data"),
    )
    result = lessons("evaluate", "--checkpoint", checkpoint, "--dataset", "orchard", "--json")
    assert result.returncode == 0, result.err
    numbers = json.loads(result.out)
    assert (
        set(numbers) == {"x2y", "y2x"}
        and 0 < numbers["x2y"]["fruit_error"] < 1
        and numbers["y2x"]["images"] == 3
    )
    table = lessons("evaluate", "--checkpoint", checkpoint, "--dataset", "orchard").out
    low, high = numbers["x2y"]["interval"]["relative_fruit_error"]
    assert (
        f"relative_fruit_error    {numbers['x2y']['relative_fruit_error']:.4f}   {low:.4f} to "
        f"{high:.4f}\n" in table
    )
    assert "no twins" not in table


def test_fetch_prints_the_folder(folder, lessons):
    result = lessons("fetch", "--dataset", "mine", "--out", "kept")
    assert result.returncode == 0, result.err
    prepared = folder / result.out.strip()
    assert (prepared / "train_x.mindrecord").exists() and (folder / "kept") in prepared.parents


@pytest.mark.parametrize("command", ["fetch", "train", "report", "translate", "evaluate"])
def test_every_command_explains_itself(command, lessons):
    result = lessons(command, "--help")
    assert result.returncode == 0 and result.out.startswith(
        f"usage: python -m cyclegan_lessons {command}"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("train", "--preset", "fast"),
            "preset must be one of quick, demo, paper, but it is 'fast'; choose one of these.",
        ),
        (("train", "--dataset", "pears"), "'pears'"),
        (
            ("train", "--device", "TPU"),
            "device_target must be auto, Ascend, GPU, CPU, but it is 'TPU'; choose one of these.",
        ),
        (("translate", "none.png"), "none.png"),
        (
            ("translate", "mine/testA", "--checkpoint", "none.ckpt"),
            "a checkpoint was expected at none.ckpt, but there is no",
        ),
        (
            ("evaluate", "--checkpoint", "none.ckpt"),
            "a checkpoint was expected at none.ckpt, but there is no such file",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_a_non_zero_exit(arguments, sentence, folder, lessons):
    if arguments[0] != "evaluate":
        arguments += ("--out", "bad")
    result = lessons(*arguments)
    assert result.returncode == 1 and result.out == ""
    assert (
        result.err.startswith("error: ") and sentence in result.err and result.err.count("\n") == 1
    )
    assert not (folder / "bad").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(folder, lessons):
    (folder / "file").write_text("in the way")
    result = lessons("train", "--dataset", "mine", "--out", "file/run")
    assert result.returncode == 1 and result.err.count("\n") == 1
    assert "file/run cannot be written (Not a directory); choose another folder." in result.err


@pytest.mark.parametrize("steps", ["0", "-3", "many"])
def test_numbers_are_checked(steps, lessons):
    result = lessons("train", "--steps", steps, "--out", "bad")
    assert result.returncode == 2 and "--steps" in result.err
