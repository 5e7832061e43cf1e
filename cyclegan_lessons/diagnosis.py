"""Say what each kind of device needs on this machine, what is there, and what is missing.

MindSpore itself says only that a device was not found. It decides when it is imported: it opens its
GPU part when ``$CUDA_HOME/bin/nvcc --version`` prints a release of CUDA 11, and its Ascend part
always, and keeps what it could open together with the libraries that each part was linked to.
"""

import ctypes
import os
import platform
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import mindspore as ms

from cyclegan_lessons.language import in_language

PLUGINS = Path(ms.__file__).parent / "lib" / "plugin"
ASCEND_FOLDERS = ("/usr/local/Ascend", "~/Ascend")  # where CANN is put by default


class Check(NamedTuple):
    """One thing that a device needs, and what was found: ``there`` or not, and a text about it."""

    need: str
    there: bool
    text: str


def first_line(error: BaseException | str) -> str:
    """The line of a MindSpore error that says what happened, without its frames of dashes."""
    lines = [line for line in str(error).splitlines() if line.strip("- ")]
    return next((line for line in lines if not line.startswith("- ")), "no reason is given")


def count(device: str) -> int:
    """How many devices of this kind MindSpore can use here; raises `RuntimeError` with its
    reason when a driver is there and does not work."""
    if device == "CPU":
        return 1
    context = getattr(ms.device_context, device.lower())
    return context.device_count() if context.is_available() else 0


def usable(device: str) -> bool:
    """Whether MindSpore finds a device of this kind. Its own ``is_available`` is true also on a
    machine with the libraries and no device."""
    with suppress(RuntimeError):
        return count(device) > 0
    return False


def missing_libraries(plugin: Path) -> list[str]:
    """The shared libraries that the loader of Linux cannot find for a part of MindSpore."""
    listed = subprocess.run(["ldd", str(plugin)], capture_output=True, text=True).stdout
    return sorted(set(re.findall(r"^\s*(\S+) => not found", listed, flags=re.MULTILINE)))


def cuda_release() -> tuple[str, tuple[int, int] | None]:
    """What CUDA_HOME names, as a text, and the release of CUDA that its nvcc prints, if any."""
    home = os.environ.get("CUDA_HOME")
    if not home:
        return in_language("CUDA_HOME is not set"), None
    nvcc = Path(home) / "bin" / "nvcc"
    try:
        said = subprocess.run([nvcc, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return in_language(f"CUDA_HOME is {home}, where bin/nvcc cannot be run"), None
    found = re.search(r"release (\d+)\.(\d+)", said)
    if not found:
        return in_language(f"CUDA_HOME is {home}, whose bin/nvcc prints no release"), None
    text = in_language(f"CUDA_HOME is {home}, release {found[1]}.{found[2]}")
    return text, (int(found[1]), int(found[2]))


def gpu_plugin(release: tuple[int, int]) -> Path | None:
    """The part of MindSpore 2.8 that belongs to a release of CUDA."""
    if not (11, 1) <= release < (12, 0):
        return None
    return PLUGINS / f"libmindspore_gpu.so.{'11.1' if release < (11, 6) else '11.6'}"


def check_libraries(plugin: Path, besides: str = "") -> Check:
    """Whether all libraries of a part of MindSpore are there, ``besides`` one."""
    missing = [name for name in missing_libraries(plugin) if name != besides]
    text = (
        in_language(f"not found on LD_LIBRARY_PATH: {', '.join(missing)}")
        if missing
        else in_language(f"all of {plugin.name} are there")
    )
    return Check(in_language("libraries"), not missing, text)


def check_gpu() -> list[Check]:
    """What an NVIDIA GPU needs, in the order in which one installs it."""
    if not list(PLUGINS.glob("libmindspore_gpu.so*")):
        where = f"{platform.system()} on {platform.machine()}"
        text = in_language(f"MindSpore has no part for a GPU on {where}, only on Linux on x86-64")
        return [Check(in_language("MindSpore's part for a GPU"), False, text)]
    checks = []
    try:
        ctypes.CDLL("libcuda.so.1")
        checks.append(Check(in_language("driver"), True, in_language("libcuda.so.1 is there")))
    except OSError:
        text = in_language("the NVIDIA driver (libcuda.so.1) is missing")
        checks.append(Check(in_language("driver"), False, text))
    text, release = cuda_release()
    plugin = gpu_plugin(release) if release else None
    if release and not plugin:
        text += in_language(
            ", and MindSpore needs 11.1 to 11.8 (`unset CUDA_HOME` lets `make setup` choose)"
        )
    elif not release:
        text += in_language(" (`make setup DEVICE=GPU` installs CUDA into the environment)")
    checks.append(Check("CUDA", plugin is not None, text))
    if plugin:
        checks.append(check_libraries(plugin, besides="libcuda.so.1"))
    return with_device("GPU", checks)


def check_ascend() -> list[Check]:
    """What an Ascend NPU needs: the driver, which brings npu-smi, and CANN, in this shell."""
    if not (plugin := PLUGINS / "libmindspore_ascend.so.2").exists():
        where = f"{platform.system()} on {platform.machine()}"
        text = in_language(f"MindSpore has no part for an Ascend on {where}, only on Linux")
        return [Check(in_language("MindSpore's part for an Ascend"), False, text)]
    tool = shutil.which("npu-smi") or shutil.which("npu-smi", path="/usr/local/sbin")
    text = in_language("npu-smi is {tool}").format(tool=tool)
    if not tool:
        text = in_language("npu-smi, which comes with the driver, is missing")
    checks = [Check(in_language("driver"), tool is not None, text)]
    home = os.environ.get("ASCEND_HOME_PATH") or os.environ.get("ASCEND_TOOLKIT_HOME")
    if home and Path(home).is_dir():
        text = in_language("ASCEND_HOME_PATH is {home}").format(home=home)
        checks.append(Check("CANN", True, text))
        checks.append(check_libraries(plugin))
    elif home:
        text = in_language(f"ASCEND_HOME_PATH is {home}, which is no folder")
        checks.append(Check("CANN", False, text))
    else:
        checks.append(Check("CANN", False, unsourced()))
    return with_device("Ascend", checks)


def unsourced() -> str:
    """What to do when CANN's variables are not set: source its file, or install it."""
    for folder in ASCEND_FOLDERS:
        for script in sorted(Path(folder).expanduser().glob("*/set_env.sh")):
            return in_language(
                f"ASCEND_HOME_PATH is not set; `source {script}` in this shell first"
            )
    return in_language(
        "ASCEND_HOME_PATH is not set and no set_env.sh was found: CANN is not installed"
    )


def with_device(device: str, checks: list[Check]) -> list[Check]:
    """Add whether MindSpore can use a device, once all that it needs is there."""
    if not all(check.there for check in checks):
        return checks
    try:
        found = count(device)
    except RuntimeError as error:
        text = in_language(f"the driver reports no device: {first_line(error)}")
        return [*checks, Check(in_language("device"), False, text)]
    text = in_language("MindSpore finds {n}").format(n=found)
    if not found:
        text = in_language(f"MindSpore finds none: {load_error()}")
    return [*checks, Check(in_language("device"), found > 0, text)]


def load_error() -> str:
    """What MindSpore said about the parts that it could not open."""
    from mindspore._c_expression import MSContext

    return first_line(MSContext.get_instance().load_plugin_error())


def why_not_found(device: str) -> str:
    """What is missing for this device, for a sentence: such as "CUDA_HOME is not set"."""
    checks = {"GPU": check_gpu, "Ascend": check_ascend}[device]()
    return in_language("; ").join(check.text for check in checks if not check.there)


def describe_devices() -> str:
    """Lines that say for each kind of device whether it can be used, what is there and what is
    missing."""
    states = [in_language("can be used"), in_language("cannot be used")]
    there, missing = in_language("there"), in_language("MISSING")
    cores = in_language(f"can be used: {os.cpu_count()} cores, {platform.machine()}")
    lines = [f"CPU     {cores}"]
    for device, checks in (("GPU", check_gpu()), ("Ascend", check_ascend())):
        able = all(check.there for check in checks)
        lines.append(f"{device:8}{states[not able]}")
        lines += [f"  {there if c.there else missing:8} {c.need}: {c.text}" for c in checks]
    return "\n".join(lines)
