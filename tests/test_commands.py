"""The commands as a user types them: training in processes of their own, the rest in this one,
which is quicker."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from PIL import Image

from cyclegan_lessons import checkpoint, inference, scores
from cyclegan_lessons.__main__ import main
from cyclegan_lessons.dataset import prepare_orchard
from cyclegan_lessons.inference import SHIPPED_MODEL

ROOT = Path(__file__).resolve().parent.parent


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


def test_a_run_folder_stands_for_its_newest_checkpoint(trained, folder, lessons):
    for name, source in (("by_file", "run/checkpoints/step_0000003.ckpt"), ("by_folder", "run")):
        command = ["translate", "mine/testA/1.jpg", "--checkpoint", source, "--out", name]
        assert lessons(*command).returncode == 0
    pictures = [np.asarray(Image.open(folder / f"by_{n}" / "1.png")) for n in ("file", "folder")]
    assert np.array_equal(*pictures)
    result = lessons("evaluate", "--checkpoint", "mine", "--dataset", "mine")
    assert result.returncode == 1
    assert "mine should be a run folder with a checkpoint, but it has none" in result.err


def test_translate_replaces_nothing_unless_asked_for(trained, folder, lessons):
    checkpoint = folder / "run" / "checkpoints" / "step_0000003.ckpt"
    command = ["translate", "mine/testA/1.jpg", "--checkpoint", checkpoint, "--out", "twice"]
    assert lessons(*command).returncode == 0
    again = lessons(*command)
    assert again.returncode == 1
    assert "error: the results must not replace other files, but twice/1.png is there" in again.err
    assert lessons(*command, "--overwrite").returncode == 0


@pytest.fixture
def small_orchard(folder, monkeypatch):
    """A function that lets ``evaluate`` have so many test scenes."""

    def scenes(n):
        monkeypatch.setattr(
            scores,
            "prepare_dataset",
            lambda name, image_size: prepare_orchard(image_size, 2, n, folder=folder / "data"),
        )

    return scenes


def test_evaluate_prints_a_table_or_json(trained, folder, lessons, small_orchard):
    small_orchard(10)
    command = ["evaluate", "--checkpoint", "run/checkpoints/step_0000003.ckpt"]
    result = lessons(*command, "--json")
    assert result.returncode == 0, result.err
    numbers = json.loads(result.out)
    assert list(numbers) == ["x2y", "y2x"]
    assert list(numbers["x2y"]) == [
        "images",
        "cycle_error",
        "fruit_error",
        "fruit_baseline",
        "outside_error",
        "edge_agreement",
        "ssim",
        "ssim_baseline",
        "fruit_ssim",
        "fruit_ssim_baseline",
        "relative_fruit_error",
        "kernel_distance",
        "kernel_baseline",
        "interval",
    ]
    assert 0 < numbers["x2y"]["fruit_error"] < 1
    assert numbers["y2x"]["images"] == 10
    table = lessons(*command).out
    assert table.startswith("x2y                        value   95% interval\n")
    for name in ("relative_fruit_error", "edge_agreement"):
        value, (low, high) = numbers["x2y"][name], numbers["x2y"]["interval"][name]
        assert f"  {name:22}{value:8.4f}   {low:.4f} to {high:.4f}\n" in table
    assert "no twins" not in table
    assert "at least" not in table


def test_evaluate_says_why_there_is_no_interval(trained, lessons, small_orchard):
    small_orchard(2)
    command = ["evaluate", "--checkpoint", "run/checkpoints/step_0000003.ckpt"]
    table = lessons(*command).out
    assert " to " not in table.split("An interval")[0]
    assert "interval" not in table.splitlines()[0]
    assert table.endswith(
        "An interval needs at least 10 test images of each domain that it uses.\n"
    )
    numbers = json.loads(lessons(*command, "--json").out)
    assert numbers["y2x"]["interval"] == {}


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
            "preset must be one of quick, demo, photos, paper, but it is 'fast'; choose one of "
            "these.",
        ),
        (("train", "--dataset", "pears"), "'pears'"),
        (
            ("train", "--device", "TPU"),
            "device_target must be auto, Ascend, GPU, CPU, but it is 'TPU'; choose one of these.",
        ),
        (
            ("translate", "none.png"),
            "an image or a folder of images was expected at none.png, but there is none; check",
        ),
        (
            ("translate", "mine/testA", "--checkpoint", "best.model"),
            "the name of a checkpoint must end in .ckpt, but it is best.model; rename",
        ),
        (
            ("translate", "mine/testA", "--device", "TPU"),
            "device_target must be auto, Ascend, GPU, CPU, but it is 'TPU'; choose one of these.",
        ),
        (("evaluate", "--device", "TPU"), "but it is 'TPU'; choose one of these."),
        (
            ("translate", "mine/testA", "--out", "mine/testA"),
            "mine/testA/0.png is one of the images to translate",
        ),
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
    (folder / "best.model").write_bytes(SHIPPED_MODEL.read_bytes())
    if arguments[0] != "evaluate" and "--out" not in arguments:
        arguments += ("--out", "bad")
    result = lessons(*arguments)
    assert result.returncode == 1
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert not (folder / "bad").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(folder, lessons):
    (folder / "file").write_text("in the way")
    result = lessons("train", "--dataset", "mine", "--out", "file/run")
    assert result.returncode == 1 and result.err.count("\n") == 1
    assert "file/run cannot be written (Not a directory); choose another folder." in result.err


@pytest.mark.parametrize("steps", ["0", "-3", "many", "1.5", "", "²"])
def test_numbers_are_checked(steps, lessons):
    result = lessons("train", "--steps", steps, "--out", "bad")
    assert result.returncode == 2
    said = f"argument --steps: a whole number from 1 on is expected, not {steps!r}"
    # argparse takes a negative number for an option
    assert said in result.err or "--steps: expected one argument" in result.err


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("~nosuchuser/x", "the home folder at the start of '~nosuchuser/x' is not known here"),
        ("", "a name or a path is expected, not ''"),
        ("a\0b", "a name or a path is expected, not 'a\\x00b'"),
    ],
)
def test_places_are_checked(out, sentence, lessons):
    for arguments in (
        ["translate", "a.png", "--out", out],
        ["fetch", "--url", out],
        ["evaluate", "--dataset", out],
    ):
        result = lessons(*arguments)
        assert result.returncode == 2
        assert result.err.endswith("\n")
        assert sentence in result.err


def test_a_tilde_is_the_home_folder_in_any_shell(folder, lessons, monkeypatch):
    monkeypatch.setenv("HOME", str(folder / "home"))
    result = lessons("fetch", "--dataset", "mine", "--out", "~/kept")
    assert (result.returncode, result.err) == (0, "")
    assert list((folder / "home" / "kept").iterdir())


def test_help_needs_no_mindspore():
    """Else it would take seconds; `PUBLIC` in __init__.py says how."""
    program = "import sys\nfrom cyclegan_lessons.__main__ import main\n"
    program += "try:\n    main(['--help'])\nfinally:\n    assert 'mindspore' not in sys.modules"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert "evaluate" in result.stdout


# ---- what can happen to a process and to its output


def through_shell(line, folder, **environment):
    """Run a line of bash, in which $LESSONS is the program."""
    known = {**os.environ, "LESSONS": f"{sys.executable} -m cyclegan_lessons", **environment}
    known.pop("PYTHONUNBUFFERED", None)
    known |= {"CYCLEGAN_LESSONS_DATA": str(folder / "data"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, capture_output=True, text=True, env=known
    )


def test_an_output_that_nobody_takes_is_one_sentence(folder):
    result = through_shell("$LESSONS --help > /dev/full", folder)
    assert result.returncode == 1
    assert result.stderr.startswith("error: the output cannot be read or written (No space left")
    assert result.stderr.count("\n") == 1
    result = through_shell("$LESSONS --help | true; exit ${PIPESTATUS[0]}", folder)
    assert "Traceback" not in result.stderr
    assert result.returncode in (0, 1)  # 0 when all was written before the reader ended


def test_closed_outputs_are_no_fault(folder):
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        result = through_shell(f"$LESSONS fetch --dataset mine --out kept {closed}", folder)
        assert (result.returncode, result.stderr) == (0, ""), closed


def test_names_that_the_terminal_cannot_show(folder):
    result = through_shell(
        "$LESSONS fetch --dataset mine --out 🍎 && $LESSONS fetch --dataset 🍊; exit $?",
        folder,
        PYTHONIOENCODING="ascii",
    )
    assert result.returncode == 1
    assert result.stdout.startswith("\\U0001f34e")
    assert "\\U0001f34a" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_name_with_orders_to_the_terminal_stays_in_its_line(lessons):
    result = lessons("translate", "new\nline \x1b[31mred.png", "--out", "bad")
    assert result.returncode == 1
    assert r"expected at new\nline \x1b[31mred.png, but" in result.err
    assert result.err.count("\n") == 1


def test_a_deleted_folder_is_one_sentence(folder):
    result = through_shell("mkdir gone; cd gone; rmdir ../gone; $LESSONS evaluate", folder)
    assert result.returncode == 1
    assert result.stderr == (
        "error: the current folder was deleted; change into one that is there (cd) and try again.\n"
    )


def test_ctrl_c_while_mindspore_is_imported_waits_for_its_end():
    """MindSpore's import would end in an abort. Another module of its is found when it comes."""
    program = """
import os, signal, sys
from cyclegan_lessons.__main__ import main

class CtrlC:
    def find_spec(self, name, path, target=None):
        if name == "mindspore.ops":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, CtrlC())
code = main(["evaluate"])
print("mindspore.nn" in sys.modules)
sys.exit(code)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (130, "True\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_that_mindspore_turns_into_an_error_is_ctrl_c(number, lessons, monkeypatch):
    def read(path):
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)  # until the signal is heard
        except KeyboardInterrupt:
            raise RuntimeError("as load_checkpoint does") from None

    before = signal.getsignal(number)
    monkeypatch.setattr(inference, "read_checkpoint", read)
    result = lessons("evaluate")
    assert (result.returncode, result.out, result.err) == (130, "", "")
    assert signal.getsignal(number) == before


def test_what_the_system_refuses_is_one_sentence(lessons, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied", "somewhere/else")

    monkeypatch.setattr(inference, "read_checkpoint", refuse)
    result = lessons("evaluate")
    assert result.returncode == 1
    assert result.err == (
        "error: somewhere/else cannot be read or written (Permission denied); check that it is "
        "there, its permissions, and the space on the disk.\n"
    )


INFOS = {
    "not JSON": b"{",
    "a list": b"[1, 2]",
    "null": b"null",
    "no config": b'{"step": 3}',
    "no step": b'{"config": {"base_channels": 2}}',
    "config is a list": b'{"config": [], "step": 3}',
    "config is text": b'{"config": "demo", "step": 3}',
    "an unknown setting": b'{"config": {"colour": "red"}, "step": 3}',
    "channels as text": b'{"config": {"base_channels": "2"}, "step": 3}',
    "channels below 1": b'{"config": {"base_channels": -2}, "step": 3}',
    "channels not whole": b'{"config": {"base_channels": 2.5}, "step": 3}',
    "very many channels": b'{"config": {"base_channels": 1000000000}, "step": 3}',
    "very many blocks": b'{"config": {"base_channels": 2, "n_layers": 1000000000}, "step": 3}',
    "step as text": b'{"config": {"base_channels": 2}, "step": "3"}',
    "an infinite rate": b'{"config": {"learning_rate": Infinity}, "step": 3}',
}


@pytest.mark.parametrize("fault", INFOS)
def test_a_checkpoint_with_damaged_facts_is_one_sentence(fault, lessons, folder, monkeypatch):
    """Its checksum is right, so somebody wrote it like this."""
    tensors = {"G.encoder.1.weight": ms.Tensor(np.zeros((2, 3, 7, 7), np.float32))}
    monkeypatch.setattr(checkpoint.json, "dumps", lambda info: INFOS[fault].decode())
    checkpoint.write_checkpoint(folder / "facts.ckpt", tensors, {})
    monkeypatch.undo()
    for command in (
        ["evaluate", "--checkpoint", "facts.ckpt"],
        ["translate", "mine/testA", "--checkpoint", "facts.ckpt", "--out", "bad"],
    ):
        result = lessons(*command)
        assert (result.returncode, result.out) == (1, "")
        assert result.err.startswith("error: facts.ckpt "), result.err
        assert result.err.count("\n") == 1


@pytest.fixture
def open_folder():
    """A folder that an ordinary user can reach; pytest's own is root's alone when root runs it."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield Path(name)


@pytest.mark.parametrize("closed", ["in", "in/a.png", "shut", "shut.ckpt"])
def test_what_may_not_be_read_or_written_is_named(closed, open_folder, capfd, monkeypatch):
    monkeypatch.chdir(open_folder)
    for name in ("in", "shut"):
        (open_folder / name).mkdir()
    Image.new("RGB", (16, 16)).save(open_folder / "in" / "a.png")
    shutil.copy(SHIPPED_MODEL, open_folder / "shut.ckpt")
    shutil.copy(SHIPPED_MODEL, open_folder / "model.ckpt")
    command = ["translate", open_folder / "in", "--out", open_folder / "shut" / "out"]
    command += ["--checkpoint", open_folder / (closed if "ckpt" in closed else "model.ckpt")]
    os.chmod(open_folder / closed, 0)
    user = os.geteuid()
    os.seteuid(user or 65534)  # root may read and write all of it
    try:
        code = main([str(argument) for argument in command])
    finally:
        os.seteuid(user)
        os.chmod(open_folder / closed, 0o700)
    out, err = capfd.readouterr()
    assert (code, out) == (1, "")
    (sentence,) = (line for line in err.splitlines() if line.startswith("error: "))
    assert str(open_folder / closed) in sentence
    assert "Permission denied" in sentence
