"""What `make bench` prints: the count of multiply–adds, and times, peaks and ratios of steps in
processes of their own."""

import subprocess
import sys
from pathlib import Path

import bench
import bench_steps
import numpy as np
import pytest
from bench import SIZES
from mindspore import Tensor, nn

from cyclegan_lessons import LessonConfig, PatchDiscriminator, ResNetGenerator
from cyclegan_lessons.costs import PARTS, multiply_adds, multiply_adds_of_a_step


def test_the_paper_generator_has_the_published_count():
    """Li et al. (2020, GAN Compression, figure 1) give 56.8 billion; they count transposed
    convolutions at their outputs."""
    counts = multiply_adds(ResNetGenerator(), 256)
    assert len(counts) == 1 + 2 + 18 + 2 + 1
    assert round((sum(counts) + 3 * sum(counts[-3:-1])) / 1e9, 1) == 56.8


@pytest.mark.parametrize("side", [24, 52, 70])
def test_the_walk_ends_with_the_side_of_the_real_output(side):
    network = PatchDiscriminator(base_channels=2)
    output = network(Tensor(np.zeros((1, 3, side, side), np.float32)))
    last = [cell for _, cell in network.cells_and_names() if isinstance(cell, nn.Conv2d)][-1]
    assert multiply_adds(network, side)[-1] == output.shape[2] ** 2 * last.weight.size


# torch.utils.flop_counter.FlopCounterMode (PyTorch 2.13) around Reference.step, halved. PyTorch
# also computes, and throws away, the gradients of the discriminators' weights in the generators'
# step, two times the last number; the floor does not.
COUNTED_BY_PYTORCH = [
    (LessonConfig(image_size=32, base_channels=4, n_layers=1), 33_116_160, 190_464),
    (SIZES["small"], 1_870_675_968, 11_476_992),
    (SIZES["middle"], 43_950_833_664, 192_167_936),
]


@pytest.mark.parametrize(
    "config, step, one_discriminator", COUNTED_BY_PYTORCH, ids=["tiny", "small", "middle"]
)
def test_a_step_has_the_count_that_pytorch_gives(config, step, one_discriminator):
    counts = multiply_adds_of_a_step(config)
    assert tuple(counts) == PARTS
    assert sum(counts.values()) == step - 2 * one_discriminator


def test_the_first_call_is_not_counted():
    calls = []
    assert len(bench_steps.times_of(lambda: calls.append(1), 3)) == 3 and len(calls) == 4


def test_peak_memory_is_that_of_the_process_itself():
    """A small process started by a large one must not answer with the large one's peak."""
    np.ones(2**27, np.float32)  # 512 MiB
    assert bench_steps.peak_memory() > 0.5
    program = "import bench_steps; print(bench_steps.peak_memory())"
    tools = Path(bench_steps.__file__).parent
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tools, capture_output=True, text=True, check=True
    )
    assert 0.005 < float(result.stdout) < 0.3


@pytest.fixture
def stubbed(monkeypatch):
    """Steps of known length in the place of real ones, on a machine of one multiply–add per
    nanosecond."""
    seconds = {"course": 3.0, "tutorial": 8.0, "torch": 2.0}
    monkeypatch.setattr(
        bench, "measure", lambda kind, size, python: {"seconds": [seconds[kind]] * 2, "memory": 1.5}
    )
    monkeypatch.setattr(bench, "matrix_product_rate", lambda: 1e9)


def rows(text: str) -> dict[str, str]:
    """The printed lines by what stands before their first number."""
    return {line[:58].strip(): line[58:].strip() for line in text.splitlines()}


def test_times_peaks_floor_and_ratios_are_printed(stubbed, capsys):
    bench.compare("small", dict.fromkeys(bench.NAMES, sys.executable), on_cpu=True)
    text = capsys.readouterr().out
    assert "64×64, 16 channels, 3 blocks: 1.85 billion multiply–adds a step\n" in text
    printed = rows(text)
    assert printed["this project"].split() == [
        "3.00",
        "s",
        "1.50",
        "GiB",
        "1.6",
        "×",
        "the",
        "floor",
        "of",
        "1.8",
        "s",
    ]
    assert printed["this project / the public tutorial's order"] == "0.38"
    assert printed["this project / the PyTorch reference"] == "1.50   (target: at most 1.5)"


def test_without_pytorch_there_is_no_ratio_to_it(stubbed, monkeypatch, capsys):
    monkeypatch.setitem(bench.SIZES, "paper", SIZES["small"])
    bench.compare("paper", dict.fromkeys(("course", "tutorial"), sys.executable), on_cpu=True)
    printed = rows(capsys.readouterr().out)
    assert printed["this project / the public tutorial's order"] == "0.38   (target: at most 0.5)"
    assert not any("PyTorch" in name for name in printed)


def test_a_step_on_another_device_is_not_compared_with_what_a_cpu_does(stubbed, capsys):
    bench.compare("small", dict.fromkeys(bench.NAMES, sys.executable), on_cpu=False)
    printed = rows(capsys.readouterr().out)
    assert "floor" not in printed["this project"] and "floor" in printed["the PyTorch reference"]
    assert "this project / the PyTorch reference" not in printed


def test_torch_python_must_have_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_PYTHON", str(tmp_path / "python"))
    with pytest.raises(
        SystemExit,
        match="TORCH_PYTHON must name a Python that has torch and numpy, but with .*No such file",
    ):
        bench.torch_python()
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho \"No module named 'torch'\" >&2; exit 1\n")
    script.chmod(0o755)
    with pytest.raises(SystemExit, match="No module named 'torch'"):
        bench.torch_python()
    script.write_text("#!/bin/sh\n")
    assert bench.torch_python() == str(script)


def test_a_real_step_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setitem(
        bench.SIZES, "tiny", LessonConfig(image_size=24, base_channels=1, n_layers=0)
    )
    monkeypatch.setitem(bench.REPEATS, "tiny", (1, 2))
    measured = bench.measure("course", "tiny", sys.executable)
    assert (
        len(measured["seconds"]) == 2
        and min(measured["seconds"]) > 0
        and 0.1 < measured["memory"] < 4
    )


def test_a_step_in_the_order_of_the_tutorial():
    assert np.isfinite(bench_steps.tutorial_step(24, 1, 0)())


def test_a_step_of_the_reference():
    pytest.importorskip(
        "torch", reason="PyTorch is not installed, and nothing in the course needs it"
    )
    assert np.isfinite(bench_steps.torch_step(24, 1, 0)()[0]["total"])
