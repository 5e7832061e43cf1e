"""Checkpoints are whole or not there, checked when read, and loaded completely or not at all."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import mindspore as ms
import numpy as np
import pytest

from cyclegan_lessons import LessonConfig, LessonError, ResNetGenerator
from cyclegan_lessons.checkpoint import (
    assign_strictly,
    load_strictly,
    read_checkpoint,
    write_checkpoint,
)
from cyclegan_lessons.errors import DamagedFile

INFO = {"step": 7, "config": asdict(LessonConfig(seed=3))}


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "some.ckpt"
    tensors = {
        "a.weight": ms.Tensor(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "b": ms.Tensor(np.ones(400, np.float32)),
    }
    write_checkpoint(path, tensors, {**INFO, "name": "Äpfel"})
    return path


def test_what_was_written_is_read(checkpoint):
    tensors, info = read_checkpoint(checkpoint)
    assert info == {**INFO, "name": "Äpfel"}
    np.testing.assert_array_equal(tensors["a.weight"].asnumpy(), [[0, 1, 2], [3, 4, 5]])
    assert set(tensors) == {"a.weight", "b"}
    # no temporary files are left
    assert [path.name for path in checkpoint.parent.iterdir()] == ["some.ckpt"]


def test_mindspore_reads_it_too(checkpoint):
    assert ms.load_checkpoint(str(checkpoint))["a.weight"].shape == (2, 3)


def test_any_damage_is_noticed(checkpoint):
    good = checkpoint.read_bytes()
    damaged = [good[:-1], good[: len(good) // 2], b"", good + b"x"]
    for place in range(0, len(good), 97):
        edited = bytearray(good)
        edited[place] ^= 0x20
        damaged.append(bytes(edited))
    for content in damaged:
        checkpoint.write_bytes(content)
        with pytest.raises(
            DamagedFile, match="is not a whole checkpoint|was not written by this project"
        ):
            read_checkpoint(checkpoint)


def test_a_missing_and_a_foreign_file_are_named(tmp_path):
    with pytest.raises(
        LessonError, match="a checkpoint was expected at .*none.ckpt, but there is no such file"
    ):
        read_checkpoint(tmp_path / "none.ckpt")
    entries, path = [{"name": "a", "data": ms.Tensor(1.0)}], tmp_path / "foreign.ckpt"
    ms.save_checkpoint(entries, str(path), crc_check=True)
    with pytest.raises(DamagedFile, match="foreign.ckpt was not written by this project"):
        read_checkpoint(path)


def test_a_checkpoint_without_its_checksum_is_refused(checkpoint, tmp_path):
    """MindSpore alone loads it unchecked, and writes such files by default."""
    whole = checkpoint.read_bytes()
    checkpoint.chmod(0o644)
    checkpoint.write_bytes(whole[:-17])
    ms.load_checkpoint(str(checkpoint), crc_check=True)
    with pytest.raises(DamagedFile, match="some.ckpt is not a whole checkpoint .there is no check"):
        read_checkpoint(checkpoint)


@pytest.mark.parametrize(
    "info",
    [
        [],
        "text",
        None,
        {},
        {"step": 7},
        {"config": INFO["config"]},
        {**INFO, "step": "7"},
        {**INFO, "step": -1},
        {**INFO, "step": True},
        {**INFO, "config": None},
        {**INFO, "config": {"image_size": "64"}},
        {**INFO, "config": {**INFO["config"], "newer": 1}},
        {**INFO, "pools": [1]},
    ],
    ids=str,
)
def test_a_checkpoint_with_damaged_facts_is_refused(info, tmp_path):
    entries, path = [{"name": "a", "data": ms.Tensor(1.0)}], tmp_path / "odd.ckpt"
    facts = {"info": json.dumps(info)}
    ms.save_checkpoint(entries, str(path), append_dict=facts, crc_check=True)
    with pytest.raises(DamagedFile, match="odd.ckpt was not written by this project"):
        read_checkpoint(path)


def test_a_checkpoint_by_another_name_is_told_from_a_damaged_one(checkpoint):
    renamed = checkpoint.rename(checkpoint.with_name("best.model"))
    with pytest.raises(LessonError, match="must end in .ckpt, but it is best.model; rename it"):
        read_checkpoint(renamed)


def test_a_folder_and_a_dangling_link_are_damaged_files(tmp_path):
    (tmp_path / "folder.ckpt").mkdir()
    (tmp_path / "link.ckpt").symlink_to(tmp_path / "nowhere")
    for name in ("folder.ckpt", "link.ckpt"):
        with pytest.raises(DamagedFile, match=f"{name} is not a whole checkpoint"):
            read_checkpoint(tmp_path / name)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o027])
def test_permissions_follow_the_umask(umask, tmp_path):
    before = os.umask(umask)
    try:
        write_checkpoint(tmp_path / "a.ckpt", {"a": ms.Tensor(1.0)}, INFO)
    finally:
        os.umask(before)
    assert (tmp_path / "a.ckpt").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LessonError, match="could not be written .*choose another folder"):
        write_checkpoint(tmp_path / "file" / "a.ckpt", {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failing_write_keeps_the_old_checkpoint(checkpoint, monkeypatch):
    """The disk is full halfway: a real limit on the size of files, set in another process."""
    program = f"""
import resource, signal
from pathlib import Path
import mindspore as ms, numpy as np
from cyclegan_lessons.checkpoint import write_checkpoint
from cyclegan_lessons.errors import LessonError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
tensors = {{"a": ms.Tensor(np.ones(10000, np.float32))}}
try:
    write_checkpoint(Path({str(checkpoint)!r}), tensors, {{}})
except LessonError as error:
    print(error)
"""
    before = checkpoint.read_bytes()
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "could not be written" in result.stdout and "free some space" in result.stdout
    assert checkpoint.read_bytes() == before
    assert [path.name for path in checkpoint.parent.iterdir()] == ["some.ckpt"]


@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        (
            lambda t: t.pop("blocks.0.body.1.weight"),
            "1 parameters are missing, 0 are left over and 0 have",
        ),
        (
            lambda t: t.update({"blocks.9.body.1.weight": t["decoder.0.bias"]}),
            "0 parameters are missing, 1 are left over",
        ),
        (
            lambda t: t.update({"decoder.0.bias": t["decoder.3.bias"]}),
            "0 are left over and 1 have another shape",
        ),
        (
            lambda t: t.update({"decoder.0.Bias": t.pop("decoder.0.bias")}),
            "1 parameters are missing, 1 are left over",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_changes_nothing(change, numbers):
    source, target = (ResNetGenerator(base_channels=2, n_layers=1) for _ in range(2))
    tensors = {
        name: ms.Tensor(parameter.asnumpy()) for name, parameter in source.parameters_and_names()
    }
    before = {name: parameter.asnumpy().copy() for name, parameter in target.parameters_and_names()}
    change(tensors)
    with pytest.raises(
        LessonError,
        match=f"other.ckpt holds another architecture than the one asked for: .*{numbers}",
    ):
        load_strictly(target, tensors, "other.ckpt")
    for name, parameter in target.parameters_and_names():
        np.testing.assert_array_equal(parameter.asnumpy(), before[name])


def test_a_prefix_chooses_one_of_several_networks():
    source, target = (ResNetGenerator(base_channels=2, n_layers=1) for _ in range(2))
    tensors = {
        f"G.{name}": ms.Tensor(parameter.asnumpy())
        for name, parameter in source.parameters_and_names()
    }
    load_strictly(
        target, {**tensors, "F.encoder.1.weight": ms.Tensor(1.0)}, "some.ckpt", prefix="G."
    )
    for a, b in zip(source.trainable_params(), target.trainable_params()):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


class Plus(ms.nn.Cell):
    """Adds its only parameter."""

    def __init__(self):
        super().__init__()
        self.value = ms.Parameter(ms.Tensor(1.0), name="value")

    def construct(self, x):
        return x + self.value


def test_a_compiled_function_sees_what_was_loaded():
    """Loading changes a parameter in place; with `set_data` a compiled function would go on with
    the old value."""
    cell = Plus()
    compiled = ms.jit(cell)
    assert float(compiled(ms.Tensor(0.0))) == 1
    assign_strictly({"value": cell.value}, {"value": ms.Tensor(5.0)}, "five.ckpt")
    assert float(compiled(ms.Tensor(0.0))) == 5
