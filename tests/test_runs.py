"""A training run from start to end: history, samples, checkpoints, and going on exactly where it
stopped."""

import csv
import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace

import mindspore as ms
import numpy as np
import pytest
from helpers_faults import as_ordinary_user

from cyclegan_lessons import CycleGANTrainer, LessonConfig, LessonError, linear_decay, load_unpaired
from cyclegan_lessons.__main__ import main
from cyclegan_lessons.checkpoint import read_checkpoint, write_checkpoint
from cyclegan_lessons.dataset import prepare_orchard
from cyclegan_lessons.fitting import check_data, last_step, resume
from cyclegan_lessons.history import read_history
from cyclegan_lessons.runs import KEPT_CHECKPOINTS, RunFolder, checkpoints_in, step_of
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
def second_trainer():
    """Compiled once, since that takes seconds; `at` brings it into the state that a test needs."""
    return CycleGANTrainer(CONFIG)


@pytest.fixture
def at(finished, second_trainer):
    """A function that gives a trainer in the state of the finished run after step 4, 6 or 8."""
    first, run, _ = finished

    def trainer_at(step: int) -> CycleGANTrainer:
        path = run.path / "checkpoints" / f"step_{step:07d}.ckpt"
        second_trainer.load_state(*read_checkpoint(path), path)
        second_trainer.history = [dict(row) for row in first.history[:step]]
        return second_trainer

    yield trainer_at
    second_trainer.data = None


@pytest.fixture
def copied(finished, tmp_path) -> RunFolder:
    """A copy of the finished run's folder, to damage and to continue."""
    shutil.copytree(finished[1].path, tmp_path / "copied")
    return RunFolder(tmp_path / "copied", CONFIG, resume=True)


def arrays_of(trainer) -> dict[str, np.ndarray]:
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


def test_the_compiled_steps_use_the_rate_that_was_set(at, data):
    """With rate 0 no weight moves, with another rate all of them do (set_data on the rate would go
    unnoticed)."""
    other = at(4)
    batch = next(load_unpaired(data, image_size=32).create_dict_iterator(num_epochs=1))
    for rate, moves in ((0.0, False), (1e-3, True)):
        before = arrays_of(other)
        other.set_rate(rate)
        other.train_step(batch["image_x"], batch["image_y"])
        after = arrays_of(other)
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
def test_going_on_gives_the_same_weights_bit_for_bit(finished, at, data, stop):
    trainer, other = finished[0], at(stop)
    assert other.step == stop
    other.fit(data, progress=False)
    assert other.history == trainer.history
    assert_same_weights(arrays_of(other), arrays_of(trainer))


def test_the_loop_yields_a_row_after_each_step(finished, at, data):
    trainer, other = finished[0], at(4)
    rows = other.steps(data, last=7)
    assert next(rows) == trainer.history[4] and other.step == 5
    assert list(rows) == trainer.history[5:7] and other.step == 7


def test_a_damaged_checkpoint_is_passed_over_with_a_message(finished, at, copied, capsys):
    newest, other = copied.checkpoints()[-1], at(4)
    newest.write_bytes(newest.read_bytes()[:-100])
    resume(other, copied)
    assert other.step == 6
    assert other.history == finished[0].history[:6] == read_history(copied.path / "history.csv")
    assert "step_0000008.ckpt is not a whole checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["a folder", "a dangling link", "foreign", "without checksum"])
def test_what_is_no_checkpoint_is_passed_over(what, at, copied, capsys):
    newest, other = copied.checkpoints()[-1], at(4)
    content = newest.read_bytes()
    newest.unlink()
    if what == "a folder":
        newest.mkdir()
    elif what == "a dangling link":
        newest.symlink_to("nowhere")
    else:
        newest.write_bytes(b"foreign" if what == "foreign" else content[:-17])
    resume(other, copied)
    assert other.step == 6 and "Trying the one before." in capsys.readouterr().err


def test_when_no_checkpoint_is_whole_the_way_out_is_told(at, copied):
    other = at(4)
    for path in copied.checkpoints():
        path.write_bytes(b"damaged")
    with pytest.raises(LessonError, match="no checkpoint in .* is whole; move the folder away or"):
        resume(other, copied)


def test_the_newest_checkpoint_is_known_from_inside_the_file(at, copied):
    first, last = copied.checkpoints()[0], copied.checkpoints()[-1]
    shutil.copy(first, first.with_name("step_best.ckpt"))
    shutil.copy(first, first.with_name("step_0000099.ckpt"))
    shutil.copy(first, first.with_name("step_0000004_good.ckpt"))
    path, _, info = copied.newest_checkpoint()
    assert (path, info["step"]) == (last, 8)
    copied.save(10, *at(8).state())
    names = {path.name for path in (copied.path / "checkpoints").iterdir()}
    kept = {f"step_{step:07d}.ckpt" for step in (6, 8, 10)}
    assert names == kept | {"step_best.ckpt", "step_0000099.ckpt", "step_0000004_good.ckpt"}


def test_steps_of_eight_digits_are_newer_than_those_of_seven(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for step in (10_000_000, 9_999_999):
        (tmp_path / "checkpoints" / f"step_{step:07d}.ckpt").touch()
    assert [step_of(path) for path in checkpoints_in(tmp_path)] == [9_999_999, 10_000_000]


def test_another_configuration_is_refused_field_by_field(finished, at, monkeypatch):
    path, other = finished[1].checkpoints()[-1], at(4)
    before = arrays_of(other)
    changed = replace(CONFIG, lambda_cycle=5.0, seed=4, pool_size=2, steps=9, workers=2)
    monkeypatch.setattr(other, "config", changed)
    with pytest.raises(LessonError) as refused:
        other.restore(path)
    assert str(refused.value) == (
        f"{path} was trained with lambda_cycle 10.0, not 5.0, and seed 3, not 4, and workers 1, "
        f"not 2; resume with the same configuration, or start a new run."
    )
    assert_same_weights(arrays_of(other), before)


def test_going_on_with_other_images_is_refused(at, data, tmp_path):
    other = at(8)
    different = prepare_orchard(32, n_train=4, n_test=2, folder=tmp_path)
    before = arrays_of(other)
    with pytest.raises(
        LessonError,
        match=f"trained on the images in {data.name}, but those in {different.name} are others",
    ):
        other.fit(different, progress=False)
    assert_same_weights(arrays_of(other), before)
    shutil.copytree(data, tmp_path / "copy")  # the same images in another folder
    assert other.fit(tmp_path / "copy", progress=False) == other.history
    for digest in ("0" * 64, "f" * 64):
        with pytest.raises(LessonError, match="are others"):
            check_data(other, {"name": "orchard", "sha256": digest})


def test_a_run_that_is_longer_than_asked_for_stays_as_it_is(at, data, monkeypatch):
    other = at(8)
    before = arrays_of(other)
    monkeypatch.setattr(other, "config", replace(CONFIG, steps=6))
    assert other.fit(data, progress=False) == other.history and other.step == 8
    assert_same_weights(arrays_of(other), before)


def test_a_checkpoint_from_before_a_setting_was_there_has_its_default(finished, at, tmp_path):
    other = at(4)
    tensors, info = read_checkpoint(finished[1].checkpoints()[-1])
    for name in ("workers", "amp"):
        del info["config"][name]
    del info["data"]
    write_checkpoint(tmp_path / "old.ckpt", tensors, info)
    other.restore(tmp_path / "old.ckpt")
    assert other.step == 8 and other.data is None


def test_a_folder_with_a_run_is_not_overwritten(finished):
    with pytest.raises(
        LessonError, match="already holds a run; continue it .* or choose another folder"
    ):
        RunFolder(finished[1].path, CONFIG)


def test_files_of_ones_own_are_not_overwritten(tmp_path):
    """Also when they have the names that a run would use."""
    (tmp_path / "samples").mkdir()
    for name in ("config.json", "history.csv", "samples/step_0000001.png"):
        (tmp_path / name).write_text('{"my": 1}')
        with pytest.raises(LessonError, match="which no run of this course has written; choose an"):
            RunFolder(tmp_path, CONFIG)
        assert (tmp_path / name).read_text() == '{"my": 1}'
        (tmp_path / name).unlink()
    RunFolder(tmp_path, CONFIG)


def test_resuming_an_empty_folder_says_so_and_leaves_nothing(tmp_path):
    for folder in (tmp_path, tmp_path / "wrong"):
        with pytest.raises(
            LessonError, match="no checkpoint was found .* start the run without --resume"
        ):
            RunFolder(folder, CONFIG, resume=True)
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_that_cannot_be_read_are_not_taken_for_none(copied):
    """The advice to start without --resume would overwrite the run."""
    copied.close()
    folder = copied.path / "checkpoints"
    folder.chmod(0o000)
    try:
        with as_ordinary_user():
            for options in ({"resume": True}, {}):
                with pytest.raises(LessonError, match="checkpoints must be a folder that can be"):
                    RunFolder(copied.path, CONFIG, **options)
    finally:
        folder.chmod(0o755)


def test_a_run_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        LessonError, match="cannot be written .*choose another folder|must be a fol"
    ):
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


def test_more_steps_than_the_schedule_has_are_refused(at, data, monkeypatch):
    other = at(4)
    monkeypatch.setattr(other, "config", replace(CONFIG, steps=9))
    assert last_step(other, data) == 9
    monkeypatch.setattr(other, "config", replace(CONFIG, steps=10))
    with pytest.raises(
        LessonError, match="10 steps were asked for, but 3 epochs of 3 steps end after 9"
    ):
        other.fit(data, progress=False)


def test_a_loss_that_is_not_finite_stops_the_run_and_is_named(at, data, copied, monkeypatch):
    other = at(4)
    step = other.train_step
    monkeypatch.setattr(other, "train_step", lambda x, y: {**step(x, y), "cycle_y": float("nan")})
    with pytest.raises(
        LessonError, match="cycle_y became nan at step 5; start a new run with a sm"
    ):
        other.fit(data, copied, progress=False)
    assert len(read_history(copied.path / "history.csv")) == 8, "it is not recorded"


def test_weights_that_are_not_finite_are_not_saved(at, data, tmp_path, monkeypatch):
    """The loss is computed before the update that breaks the weights: the next step would show it,
    but what was saved before could not be continued."""
    other, run = at(4), RunFolder(tmp_path / "run", CONFIG)
    step = other.train_step

    def break_a_weight(x, y):
        losses = step(x, y)
        weight = other.F.trainable_params()[3]
        ms.ops.assign(weight, ms.ops.full_like(weight, float("inf")))
        return losses

    monkeypatch.setattr(other, "train_step", break_a_weight)
    with pytest.raises(LessonError, match="every weight must stay finite, but F.* after step 5"):
        other.fit(data, run, save_every=1, progress=False)
    assert run.checkpoints() == []


def test_the_pools_live_across_steps_and_feed_the_discriminators(at, data, monkeypatch):
    other = at(8)
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


def test_ctrl_c_saves_before_it_stops(at, data, tmp_path):
    other, run = at(4), RunFolder(tmp_path / "run", CONFIG)

    def interrupt(trainer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        other.fit(data, run, save_every=100, sample_every=1, progress=False, on_sample=interrupt)
    assert [path.name for path in run.checkpoints()] == [f"step_{other.step:07d}.ckpt"]


def interrupting(step):
    """The discriminators' step, which a real SIGINT interrupts after the generators' update."""

    def interrupted_step(*images):
        os.kill(os.getpid(), signal.SIGINT)
        return step(*images)

    return interrupted_step


def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(
    finished, at, data, tmp_path, monkeypatch
):
    trainer, other = finished[0], at(4)
    run = RunFolder(tmp_path / "run", CONFIG)
    monkeypatch.setattr(other, "discriminator_step", interrupting(other.discriminator_step))
    with pytest.raises(KeyboardInterrupt):
        other.fit(data, run, save_every=100, progress=False)
    monkeypatch.undo()
    assert other.step == 5 and [path.name for path in run.checkpoints()] == ["step_0000005.ckpt"]
    other.restore(run.checkpoints()[0])
    other.fit(data, progress=False)
    assert other.history == trainer.history
    assert_same_weights(arrays_of(other), arrays_of(trainer))


def test_ctrl_c_in_a_step_whose_sample_is_due_does_not_lose_it(at, data, tmp_path, monkeypatch):
    """The run that continues begins with the next step, so nobody would make it later."""
    other, samples = at(4), []
    monkeypatch.setattr(other, "discriminator_step", interrupting(other.discriminator_step))
    with pytest.raises(KeyboardInterrupt):
        other.fit(
            data,
            RunFolder(tmp_path / "run", CONFIG),
            save_every=1,
            sample_every=1,
            progress=False,
            on_sample=lambda trainer: samples.append(trainer.step),
        )
    assert samples == [5]


def test_the_last_step_is_saved_also_between_two_others(at, data, tmp_path):
    other, run = at(6), RunFolder(tmp_path / "run", CONFIG)
    other.fit(data, run, save_every=100, progress=False)  # until step 8
    assert [path.name for path in run.checkpoints()] == ["step_0000008.ckpt"]


def test_a_folder_is_free_when_its_training_has_ended(at, data, tmp_path):
    """Trained in a notebook whose kernel lives on, and resumed in a terminal."""
    other, run = at(4), RunFolder(tmp_path / "run", CONFIG)
    other.fit(data, run, save_every=2, progress=False)
    program = f"""
from cyclegan_lessons import LessonConfig
from cyclegan_lessons.runs import RunFolder
RunFolder({str(run.path)!r}, LessonConfig(), resume=True)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    run.save_sample(np.zeros((8, 8, 3), np.uint8), 9)  # still possible, and it does not stay locked
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_folder_is_reserved_from_its_first_file_on_and_while_it_trains(at, data, tmp_path):
    other, run = at(4), RunFolder(tmp_path / "run", CONFIG)
    refused = []

    def try_to_open(trainer):
        with pytest.raises(LessonError, match="must belong to one training at a time"):
            RunFolder(tmp_path / "run", CONFIG)
        refused.append(trainer.step)

    try_to_open(other)
    other.fit(data, run, sample_every=2, progress=False, on_sample=try_to_open)
    assert refused == [4, 6, 8]


def test_a_folder_belongs_to_one_process_until_that_is_killed(data, tmp_path, capsys):
    program = f"""
import time
from cyclegan_lessons import LessonConfig
from cyclegan_lessons.runs import RunFolder
run = RunFolder({str(tmp_path)!r}, LessonConfig())
(run.path / "checkpoints" / "step_0000001.ckpt").touch()
print("held", flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        for options in (["--resume"],):
            assert main(["train", "--dataset", str(data), "--out", str(tmp_path), *options]) == 1
            assert capsys.readouterr().err == (
                f"error: {tmp_path} must belong to one training at a time, but another one has "
                f"it; wait until that one has ended, stop it, or choose another folder.\n"
            )
        process.kill()
    RunFolder(tmp_path, CONFIG, resume=True)


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
    limits, filler = resource.getrlimit(resource.RLIMIT_FSIZE), tmp_path / "filler"

    def fill(full: bool):
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000 if full else limits[0], limits[1]))
        elif full:
            with open(filler, "wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
                while True:
                    file.write(bytes(4096))
        else:
            filler.unlink(missing_ok=True)

    yield tmp_path, fill
    fill(False)
    if mounted:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room(
    finished, at, data, small_disk
):
    trainer, other = finished[0], at(4)
    folder, fill = small_disk
    run = RunFolder(folder / "run", CONFIG)
    for row in other.history:
        run.record(row)
    run.save(4, *other.state())
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
    run = RunFolder(run.path, CONFIG, resume=True)
    resume(other, run)
    other.fit(data, run, save_every=2, progress=False)
    assert other.history == trainer.history == read_history(run.path / "history.csv")
    assert_same_weights(arrays_of(other), arrays_of(trainer))


@contextmanager
def unwritable(folder):
    """Nobody but root may write below the folder, and root becomes somebody else meanwhile."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        with as_ordinary_user():
            yield
    finally:
        for path in folders:
            path.chmod(0o755)


def test_a_run_folder_made_read_only_or_moved_while_training_is_named(finished, at, data, tmp_path):
    folder, other = tmp_path / "run", at(4)
    run = RunFolder(folder, CONFIG)
    run.save(4, *other.state())
    with unwritable(folder):
        with pytest.raises(
            LessonError,
            match="history.csv, but .*: Permission denied; .* make the folder writable, then con",
        ):
            run.record(finished[0].history[4])
        with pytest.raises(
            LessonError,
            match="step_0000004.ckpt, but .*: Permission denied; .* make the folder writable",
        ):
            run.save(4, *other.state())
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


def test_a_run_does_not_write_into_the_folder_that_took_its_place(finished, at, data, tmp_path):
    """Somebody removed the folder while it trained, and began another run of the same name."""
    folder, other = tmp_path / "run", at(4)
    first = RunFolder(folder, CONFIG)
    shutil.rmtree(folder)
    second = RunFolder(folder, CONFIG)
    second.record(finished[0].history[0])
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(LessonError, match="step_0000005.ckpt, but .*: another folder has taken it"):
        first.save(5, *other.state())
    with pytest.raises(LessonError, match="step_0000005.png, but .*: another folder has taken it"):
        first.save_sample(np.zeros((8, 8, 3), np.uint8), 5)
    with pytest.raises(
        LessonError, match="history.csv, but .*: another folder has taken its place"
    ):
        other.fit(data, first, progress=False)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_only_the_whole_rows_of_a_history_count(finished, tmp_path):
    path, text = tmp_path / "history.csv", (finished[1].path / "history.csv").read_bytes()
    for removed in (1, 3, 40):
        path.write_bytes(text[:-removed])
        assert read_history(path) == finished[0].history[:-1]
    path.write_bytes(text + b"9,2\r\n")
    assert read_history(path) == finished[0].history


CHANGES = {
    "semicolons": lambda text: text.replace(b",", b";"),
    "one more column": lambda text: text.replace(b"\r\n", b",1\r\n"),
    "a comment": lambda text: b"# mine\r\n" + text,
    "a mark before the header": lambda text: b"\xef\xbb\xbf" + text,
    "no header": lambda text: text.split(b"\r\n", 1)[1],
    "a step as 1.0": lambda text: text.replace(b"\r\n3,", b"\r\n3.0,"),
    "zeros in the middle": lambda text: text[:300] + bytes(40) + text[340:],
    "a row that is missing": lambda text: b"\r\n".join(
        text.split(b"\r\n")[:2] + text.split(b"\r\n")[3:]
    ),
    "a row twice": lambda text: text.replace(b"\r\n3,", b"\r\n2,"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_history_that_is_not_understood_is_kept_under_another_name(change, at, copied, capsys):
    path, other = copied.path / "history.csv", at(4)
    path.write_bytes(CHANGES[change](path.read_bytes()))
    changed = path.read_bytes()
    resume(other, copied)
    assert other.step == 8
    kept = path.with_name("history_0000008_0.csv")
    assert kept.read_bytes() == changed
    assert "history.csv is not as it was written; it is kept as history_0000008_0.csv" in (
        capsys.readouterr().err
    )
    assert read_history(path) == other.history and len(other.history) < 8


def test_a_history_that_is_a_folder_is_one_sentence(at, copied):
    other = at(4)
    (copied.path / "history.csv").unlink()
    (copied.path / "history.csv").mkdir()
    with pytest.raises(LessonError, match="must be able to write .*history.csv, but the system"):
        resume(other, copied)


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


def test_a_new_run_forgets_the_history_of_one_that_saved_nothing(finished, tmp_path):
    killed = RunFolder(tmp_path, CONFIG)
    killed.record(finished[0].history[0])
    killed.close()
    run = RunFolder(tmp_path, CONFIG)
    run.record(finished[0].history[0])
    assert read_history(tmp_path / "history.csv") == finished[0].history[:1]


def test_a_lost_history_does_not_keep_a_run_from_going_on(at, copied):
    other = at(4)
    (copied.path / "history.csv").unlink()
    resume(other, copied)
    assert other.step == 8 and other.history == []


def test_the_progress_bar_tells_losses_and_ends(at, data, capsys):
    other = at(8)
    other.step = 7
    other.fit(data, progress=True)
    text = capsys.readouterr().err
    assert "8/8" in text and "epoch=2" in text and "rate=6.7e-05" in text and "D_X=" in text
