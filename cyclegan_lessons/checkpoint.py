"""Write and read checkpoints: whole or not at all, checked on reading, loaded completely or not at
all."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import mindspore as ms
from mindspore import nn, ops

from cyclegan_lessons.device import quiet_mindspore
from cyclegan_lessons.errors import LessonError


def write_checkpoint(path: Path, tensors: dict[str, ms.Tensor], info: dict):
    """Write named tensors and a JSON-able dictionary to ``path``, a file that
    `mindspore.load_checkpoint` reads.

    The file is written under another name with a checksum, synced to the disk and then renamed, so
    that ``path`` holds either the old checkpoint or the whole new one. Raises `LessonError` when
    the folder cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # of a process that was killed while it saved
        for left_over in path.parent.glob(".saving-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        with (
            tempfile.TemporaryDirectory(prefix=".saving-", dir=path.parent) as folder,
            quiet_mindspore(),
        ):
            whole = Path(folder) / "new.ckpt"
            entries = [
                {"name": name, "data": ms.Tensor(tensor)} for name, tensor in tensors.items()
            ]
            ms.save_checkpoint(
                entries, str(whole), append_dict={"info": json.dumps(info)}, crc_check=True
            )
            whole.chmod(0o644)
            with open(whole, "rb") as file:
                os.fsync(file.fileno())
            os.replace(whole, path)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LessonError(
            f"{path} could not be written ({reason}); free some space, make the folder writable "
            "or choose another folder."
        ) from error


def read_checkpoint(path: Path) -> tuple[dict[str, ms.Tensor], dict]:
    """Return what `write_checkpoint` was given; raises `LessonError` when the file is missing,
    torn, edited or foreign."""
    path = Path(path)
    if not path.is_file():
        raise LessonError(
            f"a checkpoint was expected at {path}, but there is no such file; check the path."
        )
    try:
        with quiet_mindspore():
            tensors = ms.load_checkpoint(str(path), crc_check=True)
    except Exception as error:  # MindSpore raises many kinds for a damaged file
        raise LessonError(
            f"{path} is not a whole checkpoint (its checksum fails); use an earlier one."
        ) from error
    if "info" not in tensors:
        raise LessonError(
            f"{path} was not written by this project (it holds no configuration); use one that was."
        )
    return tensors, json.loads(tensors.pop("info"))


def load_strictly(cell: nn.Cell, tensors: dict[str, ms.Tensor], source: Path, prefix: str = ""):
    """Set every parameter of ``cell`` from ``tensors``, or raise `LessonError` and set none.

    The names in ``tensors`` that start with ``prefix`` must be exactly ``prefix`` + the cell's
    parameter names, with the same shapes: a parameter that is missing, left over or of another
    shape means another architecture.
    """
    parameters = {prefix + name: parameter for name, parameter in cell.parameters_and_names()}
    stored = {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    assign_strictly(parameters, stored, source)


def assign_strictly(
    parameters: dict[str, ms.Parameter], stored: dict[str, ms.Tensor], source: Path
):
    """Copy ``stored`` into ``parameters``; raises `LessonError` unless names and shapes are exactly
    the same."""
    missing = sorted(parameters.keys() - stored.keys())
    left_over = sorted(stored.keys() - parameters.keys())
    other_shape = [
        n for n in parameters.keys() & stored.keys() if parameters[n].shape != stored[n].shape
    ]
    if missing or left_over or other_shape:
        first = (missing + left_over + sorted(other_shape))[0]
        raise LessonError(
            f"{source} holds another architecture than the one asked for: {len(missing)} "
            "parameters are missing, "
            f"{len(left_over)} are left over and {len(other_shape)} have another shape (the first "
            f"is {first}); "
            f"use the configuration that the checkpoint was trained with."
        )
    # in place: after set_data a compiled step goes on with the old values
    for name, parameter in parameters.items():
        ops.assign(parameter, ms.Tensor(stored[name].asnumpy(), parameter.dtype))
