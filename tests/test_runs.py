"""A training run from start to end: history, samples, checkpoints, and going on exactly where it
stopped."""

import csv
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from cyclegan_lessons import CycleGANTrainer, LessonConfig, LessonError, linear_decay, load_unpaired
from cyclegan_lessons.__main__ import main
from cyclegan_lessons.checkpoint import read_checkpoint, write_checkpoint
from cyclegan_lessons.dataset import prepare_orchard
from cyclegan_lessons.runs import KEPT_CHECKPOINTS, RunFolder, read_history
from cyclegan_lessons.training import LOSS_NAMES

CONFIG = LessonConfig(
    image_size=32,
    base_channels=4,
    n_layers=1,
    constant_epochs=1,
    decay_epochs=2,
    steps=8,
    pool_size=2,
    seed=3,
)
# 3 images a domain: epoch 0 is steps 1-3, epoch 1 steps 4-6, epoch 2 steps 7-9


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepare_orchard(32, n_train=3, n_test=2, folder=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A run of 8 steps with a checkpoint every 2, and the steps at which a sample was due."""
    run = RunFolder(tmp_path_factory.mktemp("runs") / "run", CONFIG)
    trainer, samples = CycleGANTrainer(CONFIG), []
    trainer.fit(
        data,
        run,
        save_every=2,
        sample_every=3,
        progress=False,
        on_sample=lambda t: samples.append(t.step),
    )
    return trainer, run, samples


@pytest.fixture(scope="module")
def other():
    """A second trainer of the same configuration, which the tests bring into whatever state they
    need."""
    return CycleGANTrainer(CONFIG)


def weights(trainer) -> dict[str, np.ndarray]:
    return {name: parameter.asnumpy().copy() for name, parameter in trainer.parameters().items()}


def assert_same_weights(one: dict, two: dict):
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_the_history_has_a_row_of_finite_numbers_for_each_step(finished):
    trainer, _, _ = finished
    assert trainer.step == 8 and [row["step"] for row in trainer.history] == list(range(1, 9))
    assert [row["epoch"] for row in trainer.history] == [0, 0, 0, 1, 1, 1, 2, 2]
    rates = linear_decay(CONFIG.learning_rate, 1, 2)
    assert [row["rate"] for row in trainer.history] == [
        rates[row["epoch"]] for row in trainer.history
    ]
    assert all(math.isfinite(row[name]) for row in trainer.history for name in LOSS_NAMES)


def test_the_total_is_the_weighted_sum_of_its_terms(finished):
    for row in finished[0].history:
        total = (
            row["G"]
            + row["F"]
            + 10 * (row["cycle_x"] + row["cycle_y"])
            + 5 * (row["identity_x"] + row["identity_y"])
        )
        assert row["total"] == pytest.approx(total, rel=1e-5)


def test_the_compiled_steps_use_the_rate_that_was_set(finished, other, data):
    """With rate 0 no weight moves, with another rate all of them do (set_data on the rate would go
    unnoticed)."""
    other.restore(finished[1].checkpoints()[0])
    batch = next(load_unpaired(data, image_size=32).create_dict_iterator(num_epochs=1))
    for rate, moves in ((0.0, False), (1e-3, True)):
        before = weights(other)
        other.set_rate(rate)
        other.train_step(batch["image_x"], batch["image_y"])
        after = weights(other)
        for name, _ in other.networks.parameters_and_names():
            assert np.array_equal(before[name], after[name]) != moves, name


def test_the_run_folder_holds_everything(finished):
    trainer, run, samples = finished
    assert json.loads((run.path / "config.json").read_text()) == asdict(CONFIG)
    with open(run.path / "history.csv", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert rows == trainer.history
    assert [path.name for path in run.checkpoints()] == [
        f"step_{n:07d}.ckpt" for n in (2, 4, 6, 8)
    ][-KEPT_CHECKPOINTS:]
    assert samples == [3, 6, 8]


def test_a_checkpoint_holds_networks_optimisers_pools_and_step(finished):
    tensors, info = read_checkpoint(finished[1].checkpoints()[-1])
    assert (
        info["step"] == 8
        and info["config"] == asdict(CONFIG)
        and set(info["pools"]) == {"pool_x", "pool_y"}
    )
    assert tensors["pool_x.images"].shape == (2, 3, 32, 32)
    for name in (
        "G.encoder.1.weight",
        "F.decoder.0.weight",
        "D_X.layers.0.weight",
        "D_Y.layers.0.bias",
    ):
        assert name in tensors
    for name in (
        "moment1.G.encoder.1.weight",
        "moment2.F.encoder.1.weight",
        "beta1_power",
        "learning_rate",
    ):
        assert f"generator_optimizer.{name}" in tensors
    assert "discriminator_optimizer.moment1.D_Y.layers.0.weight" in tensors


@pytest.mark.parametrize("stop", [4, 6])  # in the middle of an epoch, and at the end of one
def test_going_on_gives_the_same_weights_bit_for_bit(finished, other, data, stop):
    trainer, run, _ = finished
    other.restore(run.path / "checkpoints" / f"step_{stop:07d}.ckpt")
    other.history = trainer.history[:stop]
    assert other.step == stop
    other.fit(data, progress=False)
    assert other.history == trainer.history
    assert_same_weights(weights(other), weights(trainer))


def test_a_damaged_checkpoint_is_passed_over_with_a_message(finished, other, data, capsys):
    trainer, run, _ = finished
    newest = run.checkpoints()[-1]
    content = newest.read_bytes()
    try:
        newest.write_bytes(content[:-100])
        RunFolder(run.path, CONFIG, resume=True).resume(other)
    finally:
        newest.write_bytes(content)
    assert other.step == 6 and other.history == trainer.history[:6]
    assert "step_0000008.ckpt is not a whole checkpoint" in capsys.readouterr().err
    run.record(trainer.history[6]), run.record(trainer.history[7])  # as it was before


def test_another_configuration_is_refused_field_by_field(finished, other):
    path = finished[1].checkpoints()[-1]
    before = weights(other)
    original = other.config
    try:
        other.config = replace(CONFIG, lambda_cycle=5.0, seed=4, pool_size=2, steps=9, workers=2)
        with pytest.raises(LessonError) as refused:
            other.restore(path)
    finally:
        other.config = original
    assert str(refused.value) == (
        f"{path} was trained with lambda_cycle 10.0, not 5.0, and seed 3, not 4, and workers 1, "
        "not 2; resume with the same "
        f"configuration, or start a new run."
    )
    assert_same_weights(weights(other), before)


def test_going_on_with_other_images_is_refused(finished, other, data, tmp_path):
    other.restore(finished[1].checkpoints()[-1])
    different = prepare_orchard(32, n_train=4, n_test=2, folder=tmp_path)
    before = weights(other)
    with pytest.raises(
        LessonError,
        match=f"trained on the images in {data.name}, but those in {different.name} are others",
    ):
        other.fit(different, progress=False)
    assert_same_weights(weights(other), before)
    shutil.copytree(data, tmp_path / "copy")  # the same images in another folder
    assert other.fit(tmp_path / "copy", progress=False) == other.history
    for digest in ("0" * 64, "f" * 64):
        with pytest.raises(LessonError, match="are others"):
            other._check_data({"name": "orchard", "sha256": digest})


def test_a_run_that_is_longer_than_asked_for_stays_as_it_is(finished, other, data, monkeypatch):
    other.restore(finished[1].checkpoints()[-1])
    before = weights(other)
    monkeypatch.setattr(other, "config", replace(CONFIG, steps=6))
    assert other.fit(data, progress=False) == other.history and other.step == 8
    assert_same_weights(weights(other), before)


def test_a_checkpoint_from_before_a_setting_was_there_has_its_default(finished, other, tmp_path):
    tensors, info = read_checkpoint(finished[1].checkpoints()[-1])
    for name in ("workers", "amp"):
        del info["config"][name]
    del info["data"]
    write_checkpoint(tmp_path / "old.ckpt", tensors, info)
    other.restore(tmp_path / "old.ckpt")
    assert other.step == 8 and other.data is None


def test_a_folder_with_a_run_is_not_overwritten(finished):
    with pytest.raises(
        LessonError, match="already holds a run; go on with it .*or choose another folder"
    ):
        RunFolder(finished[1].path, CONFIG)


def test_resuming_an_empty_folder_says_so(tmp_path, other):
    with pytest.raises(
        LessonError, match="no checkpoint was found .* start the run without --resume"
    ):
        RunFolder(tmp_path, CONFIG, resume=True).resume(other)


def test_a_run_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LessonError, match="cannot be written .*choose another folder"):
        RunFolder(tmp_path / "file" / "run", CONFIG)


def test_without_a_number_of_steps_every_epoch_is_run_to_its_end(data):
    trainer = CycleGANTrainer(replace(CONFIG, steps=None))

    def train_step(x, y):
        trainer.step += 1
        return dict.fromkeys(LOSS_NAMES, 0.0)

    trainer.train_step = train_step
    assert [row["epoch"] for row in trainer.fit(data, progress=False)] == [
        0,
        0,
        0,
        1,
        1,
        1,
        2,
        2,
        2,
    ]


def test_more_steps_than_the_schedule_has_are_refused(other, data):
    original = other.config
    try:
        other.config = replace(CONFIG, steps=10)
        with pytest.raises(
            LessonError, match="10 steps were asked for, but 3 epochs of 3 steps end after 9"
        ):
            other.fit(data, progress=False)
    finally:
        other.config = original


def test_a_loss_that_is_not_finite_stops_the_run_and_is_named(finished, other, data, monkeypatch):
    other.restore(finished[1].checkpoints()[0])
    step = other.train_step
    monkeypatch.setattr(other, "train_step", lambda x, y: {**step(x, y), "cycle_y": float("nan")})
    with pytest.raises(
        LessonError, match="cycle_y became nan at step 5; go back to the last checkpoint"
    ):
        other.fit(data, progress=False)


def test_the_pools_live_across_steps_and_feed_the_discriminators(
    finished, other, data, monkeypatch
):
    other.restore(finished[1].checkpoints()[-1])
    seen = {}
    monkeypatch.setattr(
        other.pool_x, "query", lambda images: seen.setdefault("x", np.full_like(images, 0.25))
    )
    monkeypatch.setattr(
        other.pool_y, "query", lambda images: seen.setdefault("y", np.full_like(images, -0.25))
    )
    step = other.discriminator_step
    monkeypatch.setattr(
        other, "discriminator_step", lambda *images: seen.update(given=images) or step(*images)
    )
    batch = next(load_unpaired(data, image_size=32, seed=3).create_dict_iterator(num_epochs=1))
    other.train_step(batch["image_x"], batch["image_y"])
    x, y, old_x, old_y = (image.asnumpy() for image in seen["given"])
    np.testing.assert_array_equal(x, batch["image_x"].asnumpy())
    np.testing.assert_array_equal(y, batch["image_y"].asnumpy())
    assert (old_x == 0.25).all() and (old_y == -0.25).all()


def test_ctrl_c_saves_before_it_stops(finished, other, data, tmp_path):
    other.restore(finished[1].checkpoints()[0])
    other.history = finished[0].history[: other.step]
    run = RunFolder(tmp_path / "run", CONFIG)

    def interrupt(trainer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        other.fit(data, run, save_every=100, sample_every=1, progress=False, on_sample=interrupt)
    assert [path.name for path in run.checkpoints()] == [f"step_{other.step:07d}.ckpt"]


def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(
    finished, other, data, tmp_path, monkeypatch
):
    """A real SIGINT after the generators were updated and before the discriminators are."""
    trainer, finished_run, _ = finished
    other.restore(finished_run.checkpoints()[0])
    other.history = trainer.history[: other.step]
    run, step = RunFolder(tmp_path / "run", CONFIG), other.discriminator_step
    interrupted = lambda *images: os.kill(os.getpid(), signal.SIGINT) or step(*images)  # noqa: E731
    monkeypatch.setattr(other, "discriminator_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        other.fit(data, run, save_every=100, progress=False)
    monkeypatch.undo()
    assert other.step == 5 and [path.name for path in run.checkpoints()] == ["step_0000005.ckpt"]
    other.restore(run.checkpoints()[0])
    other.fit(data, progress=False)
    assert other.history == trainer.history
    assert_same_weights(weights(other), weights(trainer))


def test_a_folder_belongs_to_one_process_until_that_is_killed(data, tmp_path, capsys):
    program = f"""
import time
from cyclegan_lessons import LessonConfig
from cyclegan_lessons.runs import RunFolder
run = RunFolder({str(tmp_path)!r}, LessonConfig())
print("held", flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        for resume in ([], ["--resume"]):
            assert main(["train", "--dataset", str(data), "--out", str(tmp_path), *resume]) == 1
            assert capsys.readouterr().err == (
                f"error: {tmp_path} must belong to one run at a time, but another process is "
                "training into it; wait until "
                f"that one has ended, stop it, or choose another folder.\n"
            )
        process.kill()
    RunFolder(tmp_path, CONFIG)
    # one process, a notebook for example, may open its own folder again
    RunFolder(tmp_path, CONFIG)


@pytest.fixture
def small_disk(tmp_path):
    """A folder, and a function that fills its disk or makes room again: a real file system of 4 MB
    where we may mount one.

    Elsewhere no file of this process may grow beyond 3000 bytes, which stands for the full disk.
    """
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(tmp_path)]
    may_mount = os.geteuid() == 0 and sys.platform == "linux"
    mounted = may_mount and subprocess.run(command, capture_output=True).returncode == 0
    if not mounted:
        print(
            "no file system can be mounted here; a limit on the size of files takes the place of "
            "a full disk."
        )
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(full: bool):
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000 if full else limits[0], limits[1]))
        elif full:
            with (
                open(tmp_path / "filler", "wb", buffering=0) as file,
                pytest.raises(OSError, match="No space left"),
            ):
                while True:
                    file.write(bytes(4096))
        else:
            (tmp_path / "filler").unlink(missing_ok=True)

    yield tmp_path, fill
    fill(False)
    if mounted:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room(
    finished, other, data, small_disk
):
    trainer, finished_run, _ = finished
    folder, fill = small_disk
    other.restore(finished_run.checkpoints()[0])
    other.history = trainer.history[: other.step]
    run = RunFolder(folder / "run", CONFIG)
    for row in other.history:
        run.record(row)
    run.save(other)
    fill(True)
    with pytest.raises(
        LessonError,
        match="step_0000006.ckpt could not be written .*(No space|too large).*; free some space",
    ):
        other.fit(data, run, save_every=2, progress=False)
    assert sorted(path.name for path in (run.path / "checkpoints").iterdir()) == [
        "step_0000004.ckpt"
    ]
    with pytest.raises(
        LessonError,
        match=r"must be able to write .*step_0000006.png, but .*(No space|too large).*; free",
    ):
        run.save_sample(np.random.default_rng(0).integers(0, 256, (99, 99, 3), np.uint8), 6)
    assert list((run.path / "samples").iterdir()) == []
    with pytest.raises(
        LessonError,
        match="must be able to write .*history.csv, but .*(No space|too large).* with --resume",
    ):
        for _ in range(99):
            run.record(trainer.history[-1])
    fill(False)
    RunFolder(run.path, CONFIG, resume=True).resume(other)
    other.fit(data, run, save_every=2, progress=False)
    assert other.history == trainer.history == read_history(run.path / "history.csv")
    assert_same_weights(weights(other), weights(trainer))


@contextmanager
def unwritable(folder):
    """Nobody but root may write below the folder, and root becomes somebody else meanwhile."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    if root := os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in folders:
            path.chmod(0o755)


def test_a_run_folder_made_read_only_or_moved_while_training_is_named(
    finished, other, data, tmp_path
):
    folder = tmp_path / "run"
    other.restore(finished[1].checkpoints()[0])
    run = RunFolder(folder, CONFIG)
    run.save(other)
    with unwritable(folder):
        with pytest.raises(
            LessonError,
            match="history.csv, but .*: Permission denied; .* make the folder writable, then go",
        ):
            run.record(finished[0].history[4])
        with pytest.raises(
            LessonError,
            match="step_0000004.ckpt could not be written .Permission denied.; .* make the folder",
        ):
            run.save(other)
        with pytest.raises(
            LessonError, match="step_0000005.png, but the system says: Permission denied"
        ):
            run.save_sample(np.zeros((8, 8, 3), np.uint8), 5)
    assert [path.name for path in folder.rglob("*.*")] == ["config.json", "step_0000004.ckpt"]
    folder.rename(tmp_path / "moved")
    with pytest.raises(
        LessonError, match="history.csv, but the system says: No such file or directory"
    ):
        other.fit(data, run, save_every=2, progress=False)


def test_only_the_whole_rows_of_a_history_count(finished, tmp_path):
    path, text = tmp_path / "history.csv", (finished[1].path / "history.csv").read_bytes()
    for removed in (1, 3, 40):
        path.write_bytes(text[:-removed])
        assert read_history(path) == finished[0].history[:-1]
    path.write_bytes(text + b"9,2\r\n")
    assert read_history(path) == finished[0].history


def test_tensorboard_reads_the_losses(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = RunFolder(tmp_path, CONFIG)
    for step in (1, 2, 3):
        run.record(
            {
                "step": step,
                "epoch": 0,
                "rate": 2e-4,
                **{name: i + step / 8 for i, name in enumerate(LOSS_NAMES)},
            }
        )
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    for i, name in enumerate(LOSS_NAMES):
        assert [(event.step, event.value) for event in events.Scalars(name)] == [
            (step, i + step / 8) for step in (1, 2, 3)
        ]
    assert len(events.Scalars("rate")) == 3


def test_the_fault_table_names_tests_that_exist():
    root = Path(__file__).resolve().parent.parent
    table = (
        (root / "CONTRIBUTING.md")
        .read_text(encoding="utf-8")
        .split("## What can happen to a training run")[1]
        .split("##")[0]
    )
    tests = "".join(
        (root / "tests" / name).read_text(encoding="utf-8")
        for name in re.findall(r"`(test_\w+\.py)`", table)
    )
    named = re.findall(r"`(test_\w+)`", table)
    assert len(named) > 10 and all(f"def {name}(" in tests for name in named)


def test_a_new_run_forgets_the_history_of_one_that_saved_nothing(finished, tmp_path):
    RunFolder(tmp_path, CONFIG).record(finished[0].history[0])
    run = RunFolder(tmp_path, CONFIG)
    run.record(finished[0].history[0])
    assert read_history(tmp_path / "history.csv") == finished[0].history[:1]


def test_a_lost_history_does_not_keep_a_run_from_going_on(finished, other, tmp_path):
    run = RunFolder(tmp_path / "run", CONFIG)
    other.restore(finished[1].checkpoints()[-1])
    run.save(other)
    RunFolder(run.path, CONFIG, resume=True).resume(other)
    assert other.step == 8 and other.history == []


def test_the_progress_bar_tells_losses_and_ends(finished, other, data, capsys):
    other.restore(finished[1].checkpoints()[-1])
    other.step = 7
    other.fit(data, progress=True)
    text = capsys.readouterr().err
    assert "8/8" in text and "epoch=2" in text and "rate=6.7e-05" in text and "D_X=" in text
