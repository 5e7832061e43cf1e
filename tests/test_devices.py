"""`devices` says what is there and what is missing; the device check judges what it measures."""

import re
import subprocess
import sys
from pathlib import Path

import device_check
import numpy as np
import pytest

from cyclegan_lessons import device, diagnosis

ROOT = Path(__file__).resolve().parent.parent
needs_plugin = pytest.mark.skipif(
    not (diagnosis.PLUGINS / "libmindspore_ascend.so.2").exists(),
    reason="this MindSpore has no part for an Ascend; those for Linux have",
)


@pytest.fixture(autouse=True)
def no_cann(monkeypatch, tmp_path):
    """A machine without CANN, whatever this one has."""
    for name in ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(diagnosis, "ASCEND_FOLDERS", (str(tmp_path / "Ascend"),))


def ascend_check(need: str) -> diagnosis.Check:
    (check,) = [check for check in diagnosis.check_ascend() if check.need == need]
    return check


# --- devices ----------------------------------------------------------------------------------


def test_the_command_speaks_of_all_three():
    command = [sys.executable, "-m", "cyclegan_lessons", "devices"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    starts = re.findall(r"^(\w+) +(can(?:not)? be used)", result.stdout, flags=re.MULTILINE)
    found = device.available_devices()
    assert [name for name, _ in starts] == ["CPU", "GPU", "Ascend"]
    assert [name for name, says in starts if says == "can be used"] == sorted(
        found, key=["CPU", "GPU", "Ascend"].index
    )


@needs_plugin
def test_cann_that_is_not_installed():
    assert ascend_check("CANN") == (
        "CANN",
        False,
        "ASCEND_HOME_PATH is not set and no set_env.sh was found: CANN is not installed",
    )


@needs_plugin
def test_cann_whose_file_was_not_sourced(tmp_path):
    script = tmp_path / "Ascend" / "ascend-toolkit" / "set_env.sh"
    script.parent.mkdir(parents=True)
    script.touch()
    check = ascend_check("CANN")
    assert not check.there and f"`source {script}`" in check.text


@needs_plugin
@pytest.mark.parametrize("name", ["ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"])
def test_cann_whose_folder_has_no_libraries(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, str(tmp_path))
    assert ascend_check("CANN").there
    assert not ascend_check("libraries").there
    assert "libascendcl.so" in ascend_check("libraries").text
    monkeypatch.setenv(name, str(tmp_path / "away"))
    assert ascend_check("CANN").text.endswith("which is no folder")


@needs_plugin
def test_the_driver_of_an_ascend(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    if not Path("/usr/local/sbin/npu-smi").exists():
        assert ascend_check("driver").text.startswith("npu-smi, which comes with the driver, is")
    (tmp_path / "npu-smi").write_text("#!/bin/sh\n")
    (tmp_path / "npu-smi").chmod(0o755)
    assert ascend_check("driver") == ("driver", True, f"npu-smi is {tmp_path}/npu-smi")


@pytest.mark.parametrize("check", [diagnosis.check_gpu, diagnosis.check_ascend])
def test_a_mindspore_without_that_part(monkeypatch, tmp_path, check):
    monkeypatch.setattr(diagnosis, "PLUGINS", tmp_path)
    (found,) = check()
    assert not found.there and found.text.startswith("MindSpore has no part for a")


def test_what_is_missing_becomes_one_clause(monkeypatch):
    checks = [diagnosis.Check("a", True, "A"), diagnosis.Check("b", False, "B is missing")]
    monkeypatch.setattr(
        diagnosis, "check_gpu", lambda: [*checks, diagnosis.Check("c", False, "C too")]
    )
    assert diagnosis.why_not_found("GPU") == "B is missing; C too"


def test_the_line_of_an_error_that_says_something():
    error = RuntimeError("\n----\n- Cuda error:\n----\nThe driver is too old\n\n---\nmore.cc:292")
    assert diagnosis.first_line(error) == "The driver is too old"
    assert diagnosis.first_line("") == "no reason is given"


# --- device check -----------------------------------------------------------------------------


def results(**changed) -> dict[str, np.ndarray]:
    """What a device that computes as the CPU does would give."""
    made = {
        "weights": np.ones(5),
        "translation": np.zeros((2, 1, 4, 4, 3)),
        "first losses": np.ones((1, 3)),
        "losses of ten steps": np.ones((10, 3)),
        "the same twice": np.array(True),
        "last row is zero": np.array(False),
        "seconds quick": np.array(0.1),
    }
    return made | changed


def test_equal_results_pass():
    for name in device_check.COLUMNS:
        lines, good = device_check.compare(name, results(), results())
        assert good and len(lines) == len(device_check.TOLERANCES)


@pytest.mark.parametrize(
    "name, off",
    [
        ("weights", np.ones(5) + 1e-7),
        ("translation", np.full((2, 1, 4, 4, 3), 0.06)),
        ("first losses", np.full((1, 3), 1.04)),
        ("losses of ten steps", np.full((10, 3), 0.7)),
        ("losses of ten steps", np.full((10, 3), np.nan)),
    ],
)
@pytest.mark.parametrize("device", ["GPU", "Ascend"])
def test_each_difference_is_judged(device, name, off):
    lines, good = device_check.compare(device, results(**{name: off}), results())
    assert not good
    assert [line for line in lines if "TOO LARGE" in line] == [
        line for line in lines if line.startswith(f"{name} ")
    ]


def test_what_is_only_reported():
    said = "\n".join(device_check.facts(results() | {"seconds paper": np.array(2.0)}, results()))
    assert "bit for bit: True" in said and "last row zero: False" in said
    assert "quick: 0.1000, on the CPU beside it 0.1000" in said and "paper: 2.0000" in said


def test_the_report_is_written_also_when_the_device_fails(monkeypatch, tmp_path, capsys):
    def fails(device, paper, folder):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(device_check, "measured", fails)
    arguments = ["device_check.py", "--device", "GPU", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        device_check.main()
    assert ended.value.code == 1
    report = (tmp_path / "out" / "device-check-GPU.txt").read_text(encoding="utf-8")
    assert "It failed:\nno such kernel" in report and "mindspore 2." in report
    assert "please send it" in capsys.readouterr().out


def test_another_device_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["device_check.py", "--device", "TPU"])
    with pytest.raises(SystemExit, match="DEVICE must be auto, CPU, GPU or Ascend, but it is TPU"):
        device_check.main()


def test_a_trapped_layer_is_seen_here():
    """On a CPU the last row is zero; where it is not, the sentences of the book need a word."""
    if device.available_devices() != ["CPU"]:
        pytest.skip("what a GPU or an Ascend does is not known yet")
    assert device_check.last_row_is_zero()


def test_the_pages_state_the_tolerances_that_are_used():
    text = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")
    _, gpu, ascend = device_check.TOLERANCES["translation"]
    assert f"a mean difference of {gpu} (GPU) and {ascend} (Ascend)" in text
    _, gpu, ascend = device_check.TOLERANCES["first losses"]
    assert f"first losses {gpu:.0%} and {ascend:.0%}" in text
    _, gpu, ascend = device_check.TOLERANCES["losses of ten steps"]
    assert f"ten steps {gpu:.0%} and {ascend:.0%}" in text


@pytest.mark.parametrize("page", ["devices.md", "teachers.md"])
def test_the_pages_name_only_targets_that_exist(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:`|^|sudo )make ([a-z-]+)", text, flags=re.MULTILINE))
    assert named and named <= set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
