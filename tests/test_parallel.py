"""Two real workers under msrun against one process, through a Ctrl-C and a killed worker; the
launcher with small programs.

Run as a program, with "graph" or "PyNative" before the arguments of the package, this file is what
the workers do: they train a very small network.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from mindspore import nn  # after the package, which asks MindSpore to log errors only
from parity import step_functions_in

from cyclegan_lessons import CycleGANTrainer, LessonConfig, LessonError, config, parallel, training
from cyclegan_lessons.__main__ import main
from cyclegan_lessons.checkpoint import read_checkpoint
from cyclegan_lessons.dataset import prepare_orchard
from cyclegan_lessons.fitting import check_data
from cyclegan_lessons.image_pool import ImagePool
from cyclegan_lessons.launcher import launch
from cyclegan_lessons.layers import InstanceNorm2d
from cyclegan_lessons.parallel import Group, SharedPool
from cyclegan_lessons.processes import LAUNCHER
from cyclegan_lessons.runs import read_history
from cyclegan_lessons.training import CycleGAN

TINY = LessonConfig(
    image_size=32,
    base_channels=4,
    n_layers=1,
    constant_epochs=2,
    decay_epochs=2,
    steps=10,
    pool_size=5,
    learning_rate=2e-5,
)
# 7 images a domain: an epoch is three steps of two pairs, and the pools are full after three steps.
# The rate is low, since where a ReLU or an absolute value has its kink, rounding decides about a
# gradient, and Adam makes steps of whole rates of it.


def rows(run: Path) -> list[dict]:
    return read_history(run / "history.csv")


def of_this_test() -> list[psutil.Process]:
    """The processes below this one that msrun started or is."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if LAUNCHER in environment(process)
    ]


def environment(process: psutil.Process) -> dict:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def worker(rank: int) -> psutil.Process:
    about = {"MS_ROLE": "MS_WORKER", "RANK_ID": str(rank)}
    (found,) = [
        process for process in of_this_test() if environment(process).items() >= about.items()
    ]
    return found


@contextmanager
def meanwhile(ready, act):
    """Call ``act`` in another thread as soon as ``ready()``, while the block runs."""
    over = threading.Event()

    def watch():
        while not over.wait(0.05):
            if ready():
                return act()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# --- two workers that train -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return prepare_orchard(32, n_train=7, n_test=2, folder=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def chain(data, tmp_path_factory):
    """One run of ten steps by two workers: stopped by a signal to worker 1 alone, resumed, worker 1
    killed, resumed.

    Only the last part is compiled, which takes longest; MindSpore's two modes compute the same.
    """
    run = tmp_path_factory.mktemp("workers") / "run"
    command = [
        "train",
        "--preset",
        "tiny",
        "--dataset",
        data,
        "--workers",
        2,
        "--save-every",
        2,
        "--out",
        run,
    ]
    seen = {"run": run}

    def start(mode, *options):
        launch(2, list(map(str, [__file__, mode, *command, *options])), run)

    with (
        meanwhile(lambda: rows(run), lambda: worker(1).terminate()),
        pytest.raises(KeyboardInterrupt),
    ):
        start("PyNative")
    seen["stopped"] = len(rows(run)), sorted(path.name for path in run.glob("checkpoints/*"))
    seen["output"] = (run / "workers" / "worker_0.log").read_text()

    def resumed():  # the steps of one checkpoint at least
        return len(rows(run)) >= seen["stopped"][0] + 2

    with meanwhile(resumed, lambda: worker(1).kill()), pytest.raises(LessonError) as died:
        start("PyNative", "--resume")
    seen["died"], seen["left"] = str(died.value), of_this_test()
    start("graph", "--resume")
    return seen


@pytest.fixture(scope="module")
def alone(data) -> CycleGANTrainer:
    """One process that takes both images of every step."""
    trainer = CycleGANTrainer(replace(TINY, batch_size=2))
    trainer.fit(data, progress=False)
    return trainer


def cancelled_biases(networks) -> set[str]:
    """Biases that an instance norm takes away again: their gradient is rounding and nothing else,
    and Adam follows it."""
    names = set()
    for _, cell in networks.cells_and_names():
        layers = list(cell.cells()) if isinstance(cell, nn.SequentialCell) else []
        pairs = [
            (layer, after)
            for layer, after in zip(layers, layers[1:])
            if isinstance(after, InstanceNorm2d)
        ]
        names |= {layer.bias.name for layer, _ in pairs}
    return names


def test_two_workers_of_one_image_are_one_process_of_two(chain, alone):
    """After ten steps, a stop and a death. (Instance norm sees each image alone, so this is exact
    but for rounding.)"""
    tensors, info = read_checkpoint(chain["run"] / "checkpoints" / "step_0000010.ckpt")
    cancelled = cancelled_biases(alone.networks)
    start = dict(CycleGAN(TINY).parameters_and_names())
    for name, parameter in alone.networks.parameters_and_names():
        if name not in cancelled:
            one, two = parameter.asnumpy(), tensors[name].asnumpy()
            np.testing.assert_allclose(two, one, rtol=0, atol=1e-5, err_msg=name)
            assert abs(one - start[name].asnumpy()).max() > 5e-5, name
    assert len(cancelled) == 2 * 7 + 2 * 3
    for name, pool in (("pool_x", alone.pool_x), ("pool_y", alone.pool_y)):
        np.testing.assert_allclose(
            tensors[f"{name}.images"].asnumpy(), np.stack(pool.images), rtol=0, atol=1e-5
        )
        assert info["pools"][name] == pool.rng.bit_generator.state
    history = rows(chain["run"])
    assert [row["step"] for row in history] == list(range(1, 11))
    for ours, theirs in zip(history, alone.history, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-5)


def test_a_signal_to_one_worker_stops_all_after_the_same_step(chain):
    steps, checkpoints = chain["stopped"]
    assert checkpoints[-1] == f"step_{steps:07d}.ckpt" and 1 <= steps < 10
    assert (
        f"Stopped and saved after step {steps}; the same command with --resume continues."
        in chain["output"]
    )


def test_a_killed_worker_is_named_and_nothing_is_left_behind(chain):
    assert chain["died"] == (
        "all workers must train to the end, but worker 1 of 2 was killed (SIGKILL), so the "
        "others were stopped; see "
        f"{chain['run']}/workers/worker_1.log, then continue from the last checkpoint with the "
        "same command and --resume."
    )
    assert chain["left"] == []


# --- the launcher ---------------------------------------------------------------------------------


def run_program(text: str, folder: Path):
    """Launch two workers that run a few lines of Python; the scheduler, which msrun starts too,
    ends at once."""
    program = folder / "program.py"
    program.write_text(
        f"import os, signal, sys, time\nif os.environ['MS_ROLE'] == 'MS_SCHED': sys.exit()\n{text}"
    )
    launch(2, [str(program), "argument"], folder / "run")


def test_what_worker_0_prints_is_shown_without_mindspores_lines(tmp_path, capfd):
    run_program(
        """
if os.environ["RANK_ID"] == "0":
    assert sys.argv[1:] == ["argument"]
    print("[INFO] DISTRIBUTED(1,2,python):a line of MindSpore")
    parts = "\\r 1/2 [00:01] é", "[WARNING] ME(3:4,Main", "Process): another\\n", "\\r 2/2"
    for part in (*parts, " [", "00:02]\\n", "end"):
        sys.stderr.buffer.write(part.encode())
        sys.stderr.flush()
        time.sleep(0.2)
else:
    print("worker 1")
""",
        tmp_path,
    )
    assert capfd.readouterr() == ("", "\r 1/2 [00:01] é\r 2/2 [00:02]\nend\n")
    assert (tmp_path / "run" / "workers" / "worker_1.log").read_text() == "worker 1\n"
    assert of_this_test() == []


def test_ctrl_c_reaches_every_worker(tmp_path, capfd):
    def started():
        return len(list(tmp_path.glob("run/begun*"))) == 2

    with (
        meanwhile(started, lambda: os.kill(os.getpid(), signal.SIGINT)),
        pytest.raises(KeyboardInterrupt),
    ):
        run_program(
            f"""
rank = os.environ["RANK_ID"]
def stop(number, frame):
    open("{tmp_path}/run/stopped" + rank, "w")
    sys.exit(130 if rank == "0" else 0)
signal.signal(signal.SIGTERM, stop)
open("{tmp_path}/run/begun" + rank, "w")
time.sleep(600)
""",
            tmp_path,
        )
    assert len(list(tmp_path.glob("run/stopped*"))) == 2 and of_this_test() == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("print('error: the disk is full.'); sys.exit(1)", "^worker 1 says: the disk is full.$"),
        ("1 / 0", "but worker 1 of 2 ended with exit code 1, so .*worker_1.log, then continue"),
    ],
)
def test_a_worker_that_fails_is_told(text, sentence, tmp_path, capfd):
    with pytest.raises(LessonError, match=sentence):
        run_program(
            f"time.sleep(2)\nif os.environ['RANK_ID'] == '1': {text}\ntime.sleep(600)", tmp_path
        )
    assert of_this_test() == []


def test_the_first_to_die_is_named(tmp_path):
    """Worker 0 fails soon after worker 1 was killed, and msrun, which looks once a second, may see
    worker 0 first."""
    with pytest.raises(LessonError, match="but worker 1 of 2 was killed .SIGKILL., so the others"):
        run_program(
            "time.sleep(3 + 0.3 * (os.environ['RANK_ID'] == '0'))\n"
            "os.kill(os.getpid(), signal.SIGKILL) if os.environ['RANK_ID'] == '1' else sys.exit(1)",
            tmp_path,
        )


def test_workers_that_cannot_start_are_told_about(tmp_path, capfd):
    with pytest.raises(
        LessonError,
        match="but (one of them|worker [01] of 2) ended with exit code 1, so the others",
    ):
        run_program("import a_module_that_is_not_there", tmp_path)
    assert "ModuleNotFoundError" in capfd.readouterr().err


def test_bad_input_is_told_before_any_worker_starts(data, tmp_path, capfd):
    (tmp_path / "old" / "checkpoints").mkdir(parents=True)
    (tmp_path / "old" / "checkpoints" / "step_0000001.ckpt").touch()
    for dataset, out, sentence in (
        (data, "old", "already holds a run"),
        ("pears", "new", "'pears' is none"),
    ):
        assert (
            main(
                ["train", "--workers", "2", "--dataset", str(dataset), "--out", str(tmp_path / out)]
            )
            == 1
        )
        assert sentence in capfd.readouterr().err
    assert not (tmp_path / "old" / "workers").exists() and not (tmp_path / "new").exists()


# --- the group ------------------------------------------------------------------------------------


def test_a_group_of_another_size_is_refused(monkeypatch):
    two = replace(TINY, workers=2)
    with pytest.raises(
        LessonError,
        match="2 workers should train together, but 1 were started; use `train --workers 2`",
    ):
        CycleGANTrainer(two)
    monkeypatch.setenv("MS_ROLE", "MS_WORKER")
    monkeypatch.setenv("MS_WORKER_NUM", "3")
    with pytest.raises(LessonError, match="2 workers should train together, but 3 were started"):
        CycleGANTrainer(two)
    with pytest.raises(LessonError, match="1 workers should train together, but 3 were started"):
        CycleGANTrainer(TINY)
    monkeypatch.delenv("MS_WORKER_NUM")
    with pytest.raises(LessonError, match="2 workers .*, but an unknown number were started"):
        CycleGANTrainer(two)


def test_more_workers_than_cores_are_refused_before_any_starts(tmp_path):
    with pytest.raises(LessonError, match="a core of its own, but 1000 workers were asked for"):
        launch(1000, ["-c", "1 / 0"], tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_workers_end_with_a_launcher_that_is_killed_at_once(tmp_path):
    """Killed with -9 while the workers still import MindSpore."""
    worker = f"open({str(tmp_path)!r} + '/' + os.environ['RANK_ID'], 'w')"
    program = f"""
import os, sys
from pathlib import Path
from cyclegan_lessons.launcher import launch
if "MS_ROLE" in os.environ:
    {worker} if os.environ["MS_ROLE"] == "MS_WORKER" else None
    import time; time.sleep(600)
launch(2, [__file__], Path({str(tmp_path)!r}) / "run")
"""
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, str(tmp_path / "program.py")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as launcher:
        while len(psutil.Process(launcher.pid).children(recursive=True)) < 4:  # msrun and its three
            time.sleep(0.02)
        started = psutil.Process(launcher.pid).children(recursive=True)
        launcher.kill()
        launcher.wait()
        _, alive = psutil.wait_procs(started, timeout=30)
    assert alive == []
    assert not (tmp_path / "0").exists(), "it was killed after the workers had begun"


class Scripted(Group):
    """A group whose other member always gives the same array."""

    def __init__(self, other):
        super().__init__(size=2, rank=0)
        object.__setattr__(self, "other", np.asarray(other, np.float32))

    def gather(self, array):
        return np.stack([np.asarray(array, np.float32), self.other])


def test_losses_are_means_and_one_stop_is_enough():
    losses, stop = Scripted([3.0, np.nan, 1]).agree({"G": 1.0, "F": 2.0}, False)
    assert losses["G"] == 2 and np.isnan(losses["F"]) and stop
    assert Scripted([3.0, 0]).agree({"G": 1.0}, False) == ({"G": 2.0}, False)
    assert Group().agree({"G": 0.1}, True) == ({"G": 0.1}, True)


def test_workers_that_differ_are_refused():
    Scripted([4, 9]).check_same(step=4, configuration=9)
    with pytest.raises(
        LessonError,
        match="must have the same step, but they have 4, 6; start all of them with the same",
    ):
        Scripted([6, 9]).check_same(step=4, configuration=9)


@pytest.mark.parametrize(
    "workers, pool, averaged", [(1, ImagePool, 0), (2, SharedPool, 2), (3, SharedPool, 2)]
)
def test_only_workers_share_pools_and_average_both_gradients(workers, pool, averaged, monkeypatch):
    averages = []
    monkeypatch.setattr(training, "join", lambda size: Scripted([0]) if size > 1 else Group())
    monkeypatch.setattr(
        parallel, "averaging", lambda optimizer, group: averages.append(group) or optimizer
    )
    trainer = CycleGANTrainer(replace(TINY, workers=workers))
    assert type(trainer.pool_x) is type(trainer.pool_y) is pool
    assert averages == [trainer.group] * averaged


def test_workers_compare_their_step_settings_and_images():
    """As numbers below 2²⁴, which a float32 holds exactly."""
    heard = []
    group = SimpleNamespace(check_same=lambda **marks: heard.append(marks))

    def marks(config=TINY, step=0, digest="a") -> dict:
        trainer = SimpleNamespace(config=config, step=step, data=None, group=group)
        check_data(trainer, {"name": "orchard", "sha256": digest})
        return heard.pop()

    first = marks()
    for name, change in (
        ("configuration", {"config": replace(TINY, seed=1)}),
        ("step", {"step": 1}),
        ("images", {"digest": "b"}),
    ):
        assert [other for other, mark in marks(**change).items() if mark != first[other]] == [name]
    of_seeds = [marks(config=replace(TINY, seed=seed))["configuration"] for seed in range(40)]
    assert 2**23 < max(of_seeds) < 2**24


def test_a_shared_pool_takes_the_fakes_in_the_order_of_the_pairs():
    """With two images for each of two workers, worker 0 has pairs 0 and 2 of a batch of four."""
    images = np.arange(4, dtype=np.float32)[:, None, None, None] * np.ones((3, 2, 2), np.float32)
    pool = SharedPool(Scripted(images[1::2]), size=4)
    np.testing.assert_array_equal(pool.query(images[::2]), images[::2])
    np.testing.assert_array_equal(pool.images, images)


if __name__ == "__main__":
    config.PRESETS["tiny"] = TINY
    with step_functions_in(sys.argv[1]):
        sys.exit(main(sys.argv[2:]))
