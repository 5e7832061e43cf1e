"""Write and read checkpoints: whole or not at all, checked on reading, loaded completely or not."""

import json
from pathlib import Path

import mindspore as ms
from mindspore import nn, ops

from cyclegan_lessons.config import LessonConfig
from cyclegan_lessons.device import quiet_mindspore
from cyclegan_lessons.errors import DamagedFile, LessonError
from cyclegan_lessons.files import replacing

CHECKSUM = b"crc_num"  # with 10 more bytes it ends every checkpoint of ours


def write_checkpoint(path: Path, tensors: dict[str, ms.Tensor], info: dict):
    """Write named tensors and a JSON-able dictionary to a file for `mindspore.load_checkpoint`.

    ``info`` holds at least the ``"config"`` and the ``"step"`` of the training. ``path`` is either
    the old checkpoint or all of the new one, with a checksum. Raises `LessonError` when it cannot
    be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft, quiet_mindspore():
            entries = [
                {"name": name, "data": ms.Tensor(tensor)} for name, tensor in tensors.items()
            ]
            ms.save_checkpoint(
                entries, str(draft), append_dict={"info": json.dumps(info)}, crc_check=True
            )
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LessonError(
            f"{path} could not be written ({reason}); free some space, make the folder writable or "
            f"choose another folder."
        ) from error


def read_checkpoint(path: Path) -> tuple[dict[str, ms.Tensor], dict]:
    """Return what `write_checkpoint` was given.

    Raises `LessonError` when the file is missing or cannot be read, and `DamagedFile` when it is
    torn, was changed, or was not written by this project.
    """
    path = Path(path)
    try:
        found = path.is_file()
        ending = path.read_bytes()[-len(CHECKSUM) - 10 :] if found else b""
    except OSError as error:
        raise LessonError(
            f"{path} cannot be read ({error.strerror}); change its permissions or use another one."
        ) from error
    if not found and not path.is_symlink() and not path.is_dir():
        raise LessonError(
            f"a checkpoint was expected at {path}, but there is no such file; check the path."
        )
    if path.suffix != ".ckpt":
        raise LessonError(
            f"the name of a checkpoint must end in .ckpt, but it is {path.name}; rename it."
        )
    if not ending.startswith(CHECKSUM):
        raise DamagedFile(
            f"{path} is not a whole checkpoint (there is no checksum at its end); use another one."
        )
    try:
        with quiet_mindspore():
            tensors = ms.load_checkpoint(str(path), crc_check=True)
    except Exception as error:  # MindSpore raises many kinds for a damaged file
        raise DamagedFile(
            f"{path} is not a whole checkpoint (its checksum fails); use another one."
        ) from error
    return tensors, checked_info(tensors.pop("info", "null"), path)


def checked_info(text: str, path: Path) -> dict:
    """The facts about a checkpoint, when they are such as `write_checkpoint` is given."""
    try:
        info = json.loads(text)
        LessonConfig(**info["config"])
        pools = info.get("pools", {})
        if type(info["step"]) is not int or info["step"] < 0 or type(pools) is not dict:
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:  # LessonError is one of these
        raise DamagedFile(
            f"{path} was not written by this project (it does not say how it was trained); use one "
            f"that was."
        ) from error
    return info


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
