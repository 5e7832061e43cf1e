"""Random arguments and mangled files: every command ends with 0, 1 or 2, and never in a traceback.

Each test draws the same cases every time, and runs them in this process.
"""

import io
import json
import re
import shutil
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cyclegan_lessons import LessonConfig, checkpoint
from cyclegan_lessons.__main__ import main
from cyclegan_lessons.classroom.checkin import rows_of
from cyclegan_lessons.classroom.codes import CheckIn, encode
from cyclegan_lessons.dataset import prepare_orchard
from cyclegan_lessons.history import COLUMNS, as_csv
from cyclegan_lessons.training import CycleGAN

CONFIG = LessonConfig(image_size=24, base_channels=1, n_layers=0)
DAMAGE = ("cut", "flip", "insert", "blank", "repeat", "replace")
ENTRIES = [
    {"time": "2026-11-24T10:00:00", "exercise": "pool", "event": "wrong", "finding": "no store"},
    {"time": "2026-11-24T10:01:00", "exercise": "pool", "event": "hint", "number": 1},
    {"time": "2026-11-24T10:02:00", "exercise": "pool", "event": "right"},
]
LOG = "".join(json.dumps(entry) + "\n" for entry in ENTRIES)
CODE = encode(CheckIn("Ada", "pool", date(2026, 11, 24), rows_of("pool", ENTRIES)))
WORDS = [*("nan", "1e999", "-1", "null", "[]", "🍎", "\ufeff", '"', ";", "\n", "\0", "x" * 300), ""]


def examples(n):
    """The same ``n`` cases on every machine, without a limit of time for each."""
    return settings(max_examples=n, derandomize=True, deadline=None, database=None)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a small model, pictures, a data folder and a run, all of them good."""
    place = tmp_path_factory.mktemp("fuzz")
    tensors = dict(CycleGAN(CONFIG).parameters_and_names())
    checkpoint.write_checkpoint(
        place / "model.ckpt", tensors, {"config": asdict(CONFIG), "step": 0}
    )
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8))
    (place / "photos").mkdir()
    for name in ("a.png", "b.jpg"):
        picture.save(place / "photos" / name)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by the camera
    picture.save(place / "turned.jpg", exif=exif)
    picture.convert("P").save(place / "palette.png", transparency=0, pnginfo=None)
    data = prepare_orchard(24, n_train=2, n_test=2, folder=place / "kept")
    data.rename(place / "data")
    (place / "run" / "samples").mkdir(parents=True)
    picture.save(place / "run" / "samples" / "step_0000001.png")
    rows = [dict.fromkeys(COLUMNS, 0.5) | {"step": step, "epoch": 0} for step in (1, 2, 3)]
    (place / "run" / "history.csv").write_text(as_csv(rows))
    (place / "run" / "config.json").write_text('{"seed": 1, "image_size": 24}')
    (place / "chat.txt").write_text(f"Ada: {CODE} (the first)")
    (place / "Ada.jsonl").write_text(LOG)
    (place / "run" / "metrics.json").write_text('{"x2y": {"images": 2, "interval": {}}}')
    return place


@pytest.fixture(scope="module")
def here(place):
    """The same folder as the current one; downloads are looked for in a file that is not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("CYCLEGAN_LESSONS_DATA", str(place / "cache"))
        patch.setenv("CYCLEGAN_LESSONS_PROGRESS", str(place / "progress.jsonl"))
        patch.setenv("CYCLEGAN_LESSONS_URL", str(place / "none.zip"))
        yield place


def run(*arguments) -> int:
    """Run a command, and check everything that holds for all of them."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse's
            code = end.code
    err.seek(0)
    lines = [line for line in re.split(r"[\r\n]+", err.read()) if line.strip()]
    assert code in (0, 1, 2), code
    assert not any("Traceback" in line for line in lines), lines
    if code == 1:
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: "), lines
        assert re.search(r"[;(:].*\.$", lines[0]), f"what to do? {lines[0]}"
    elif code == 0:
        assert not any("error" in line for line in lines), lines
    return code


@st.composite
def mangled(draw, good: bytes) -> bytes:
    """The bytes of a file with a fault in it, or other bytes."""
    kind, at = draw(st.sampled_from(DAMAGE)), draw(st.integers(0, len(good)))
    end = min(len(good), at + draw(st.integers(1, 64)))
    if kind == "cut":
        return good[:at]
    if kind == "flip":
        bits = draw(st.integers(1, 255))
        return good[:at] + bytes(byte ^ bits for byte in good[at:end]) + good[end:]
    if kind == "insert":
        return good[:at] + draw(st.binary(min_size=1, max_size=20)) + good[at:]
    if kind == "blank":
        return good[:at] + bytes(end - at) + good[end:]
    if kind == "repeat":
        return good[:end] + good[at:]
    return draw(st.binary(max_size=40) | st.sampled_from(WORDS).map(str.encode))


NAMES = st.sampled_from(
    ["photos", "photos/a.png", "model.ckpt", "data", "run", "none", ".", "a" * 300, "~nosuchuser"]
)
ODD = st.sampled_from(WORDS) | st.text(st.characters(blacklist_characters="/~."), max_size=8)
OPTIONS = {
    "fetch": ["--dataset", "--url", "--out"],
    "train": ["--preset", "--device", "--seed", "--workers", "--steps", "--epochs", "--save-every"],
    "report": ["--out", "--overwrite"],
    "translate": ["--checkpoint", "--direction", "--device", "--overwrite", "--out"],
    "evaluate": ["--checkpoint", "--device", "--json"],
    "export": ["--format", "--overwrite", "--out"],
    "check-in": ["--name", "--run", "--out"],
    "class": ["--names", "--out"],
    "progress": [],
    "devices": [],
}
# What ends a command before it takes long: `train` and `evaluate` would render and train.
CLOSING = {"train": ["--dataset", "none", "--out", "new"], "evaluate": ["--dataset", "none"]}


@st.composite
def command_lines(draw) -> list[str]:
    """A command, some of its options with sensible and odd values, and odd words between them."""
    command = draw(st.sampled_from([*OPTIONS]))
    words = [command]
    options = OPTIONS[command]
    for option in draw(st.lists(st.sampled_from(options), max_size=4)) if options else ():
        words.append(option)
        value = draw(NAMES | ODD | st.integers(-(10**12), 10**12).map(str))
        if option == "--out":
            value = draw(st.sampled_from(["new", "photos", "run", "", "a\0", "n" * 300, "🍎"]))
        words += [value] if draw(st.integers(0, 9)) else []
    words += draw(st.lists(NAMES | ODD, max_size=3))
    return words + CLOSING.get(command, [])


@examples(150)
@given(words=command_lines())
def test_arguments(here, words):
    run(*words)
    assert (here / "photos" / "a.png").is_file()  # whatever was asked for


def test_some_of_the_arguments_are_good(here):
    """Otherwise the others would prove little."""
    assert run("translate", "photos", "--checkpoint", "model.ckpt", "--out", "fine") == 0
    assert run("evaluate", "--dataset", "data", "--checkpoint", "model.ckpt", "--json") == 0
    assert run("report", "run", "--out", "page.html") == 0
    assert run("fetch", "--dataset", "data") == 0
    for kind in ("onnx", "web"):
        assert run("export", "model.ckpt", "--format", kind, "--out", "exported") == 0
    assert run("check-in", "pool", "--name", "Ada", "--out", "card") == 0
    assert run("class", "chat.txt", "--out", "class.html") == 0
    assert run("progress") == 0


@examples(60)
@given(case=st.data())
def test_images(here, case):
    name = case.draw(st.sampled_from(["photos/a.png", "photos/b.jpg", "turned.jpg", "palette.png"]))
    with tempfile.TemporaryDirectory(dir=here) as folder:
        bad = Path(folder) / Path(name).name
        bad.write_bytes(case.draw(mangled((here / name).read_bytes())))
        code = run("translate", bad, "--checkpoint", "model.ckpt", "--out", f"{folder}/out")
        assert (code == 0) == (Path(folder) / "out").exists()


@examples(100)
@given(case=st.data())
def test_checkpoints(here, case):
    good = (here / "model.ckpt").read_bytes()
    bytes_of = case.draw(mangled(good))
    (here / "bad.ckpt").write_bytes(bytes_of)
    with tempfile.TemporaryDirectory(dir=here) as folder:
        code = run("translate", "photos", "--checkpoint", "bad.ckpt", "--out", f"{folder}/out")
    assert code == (0 if bytes_of == good else 1)


@examples(50)
@given(case=st.data())
def test_what_checkpoints_say_about_themselves(here, case):
    """With a checksum that is right, as of a file that somebody made by hand."""
    facts = json.dumps({"config": asdict(CONFIG), "step": 3}).encode()
    text = case.draw(mangled(facts)).decode("utf-8", "replace")
    name = case.draw(st.sampled_from([*asdict(CONFIG), "step", "config"]))
    value = case.draw(st.none() | st.integers() | st.floats() | st.text(max_size=5))
    other = json.loads(facts)
    (other if name in other else other["config"])[name] = value
    text = case.draw(st.sampled_from([text, json.dumps(other)]))
    tensors, _ = checkpoint.read_checkpoint(here / "model.ckpt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint.json, "dumps", lambda info: text)
        checkpoint.write_checkpoint(here / "made.ckpt", tensors, {})
    with tempfile.TemporaryDirectory(dir=here) as folder:
        run("translate", "photos/a.png", "--checkpoint", "made.ckpt", "--out", f"{folder}/out")


@examples(20)
@given(case=st.data())
def test_data_folders(here, case):
    ending = case.draw(st.sampled_from(["", ".db", ".sha256"]))
    name = case.draw(st.sampled_from(["test_x", "test_y_twin", "test_x_mask"]))
    with tempfile.TemporaryDirectory(dir=here) as folder:
        shutil.copytree(here / "data", folder, dirs_exist_ok=True)
        bad = Path(folder) / f"{name}.mindrecord{ending}"
        good = bad.read_bytes()
        bad.write_bytes(case.draw(mangled(good)))
        code = run("evaluate", "--dataset", folder, "--checkpoint", "model.ckpt")
        assert code == 1 or bad.read_bytes() == good or ending == ".sha256"


@examples(60)
@given(case=st.data())
def test_run_folders(here, case):
    name = case.draw(
        st.sampled_from(["history.csv", "config.json", "metrics.json", "samples/step_0000001.png"])
    )
    with tempfile.TemporaryDirectory(dir=here) as folder:
        shutil.copytree(here / "run", folder, dirs_exist_ok=True)
        bad = Path(folder) / name
        bad.write_bytes(case.draw(mangled(bad.read_bytes())))
        run("report", folder)


@examples(40)
@given(case=st.data())
def test_chats_and_logs(here, case):
    name = case.draw(st.sampled_from(["chat.txt", "Ada.jsonl"]))
    with tempfile.TemporaryDirectory(dir=here) as folder:
        bad = Path(folder) / name
        bad.write_bytes(case.draw(mangled((here / name).read_bytes())))
        assert run("class", bad, "--out", f"{folder}/class.html") == 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CYCLEGAN_LESSONS_PROGRESS", str(bad))
            assert run("progress") == 0


@examples(20)
@given(case=st.data())
def test_lines_of_a_log(here, case):
    """What is JSON, but not what this course writes."""
    value = st.recursive(st.none() | st.integers() | st.floats() | st.text(max_size=5), st.lists)
    odd = ENTRIES[0] | {"number": 1, case.draw(st.sampled_from([*ENTRIES[0], "number"])): None}
    odd = {name: case.draw(value) if entry is None else entry for name, entry in odd.items()}
    (here / "Eve.jsonl").write_text(json.dumps(odd) + "\n" + LOG)
    assert run("class", "Eve.jsonl", "--out", "eve.html") == 0


@examples(15)
@given(case=st.data())
def test_checkpoints_to_export(here, case):
    good = (here / "model.ckpt").read_bytes()
    bytes_of = case.draw(mangled(good))
    (here / "torn.ckpt").write_bytes(bytes_of)
    kind = case.draw(st.sampled_from(["onnx", "web"]))
    with tempfile.TemporaryDirectory(dir=here) as folder:
        code = run("export", "torn.ckpt", "--format", kind, "--out", f"{folder}/new")
        assert code == (0 if bytes_of == good else 1)
        assert (Path(folder) / "new").exists() == (code == 0)


def test_a_fault_would_be_noticed(here, monkeypatch):
    """What the checks above are worth: a traceback, another status, no advice."""
    from cyclegan_lessons import report
    from cyclegan_lessons.errors import LessonError

    def fail_with(error):
        def write_report(*arguments):
            raise error

        monkeypatch.setattr(report, "write_report", write_report)
        return run("report", "run")

    assert fail_with(LessonError("it is so; do that.")) == 1
    for error in (
        KeyError("step"),
        LessonError("it is so"),
        KeyboardInterrupt(),
    ):
        with pytest.raises((AssertionError, KeyError)):
            fail_with(error)
