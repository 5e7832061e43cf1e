"""A GPU without a GPU: the libraries that pip installs are found by every process of the
environment, the GPU part of MindSpore opens with stand-ins for CUDA and the driver, what is missing
is named, and every operation of the course is one that a GPU and an Ascend have too."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from shutil import which

import cuda_home
import pytest
from mindspore import ops
from mindspore.ops import auto_generate, operations

from cyclegan_lessons import LessonError, device, diagnosis, select_device

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = diagnosis.PLUGINS / "libmindspore_gpu.so.11.6"
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE, what every function of the stand-ins returns
LIBRARIES = (
    "libcublas.so.11",
    "libcudart.so.11.0",
    "libcudnn.so.8",
    "libcufft.so.10",
    "libcurand.so.10",
    "libcusolver.so.11",
    "libcusparse.so.11",
    "libnvrtc.so.11.2",
)
needs_plugin = pytest.mark.skipif(
    not PLUGIN.exists(), reason="this MindSpore has no part for a GPU; the one for Linux x86-64 has"
)
needs_compiler = pytest.mark.skipif(
    not (which("cc") and which("nm")), reason="no C compiler, which makes the stand-ins for CUDA"
)


def build(path: Path, functions: set[str], versions: str = ""):
    """Compile a shared library whose functions all return an error, or a text about one."""
    code = "".join(
        f'const char *{name}(void) {{ return "a stand-in"; }}\n'
        if re.search("String|Name", name)
        else f"int {name}(void) {{ return {NO_DEVICE}; }}\n"
        for name in sorted(functions)
    )
    command = ["cc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{path.name}", "-o", str(path)]
    if versions:
        script = path.parent.parent / "versions.map"
        script.write_text(f"{versions} {{ global: *; }};\n")
        command.append(f"-Wl,--version-script={script}")
    command += ["-x", "c", "-"]
    subprocess.run(command, input=code, text=True, check=True)


def needed_functions() -> dict[str, set[str]]:
    """The functions that MindSpore's GPU part takes from each library, the driver's under ''."""
    found = {name: set() for name in ("", *LIBRARIES)}
    for file in (PLUGIN, diagnosis.PLUGINS / "gpu" / "libcuda_ops.so.11"):
        listed = subprocess.run(
            ["nm", "-D", "--undefined-only", str(file)], capture_output=True, text=True, check=True
        ).stdout
        for name, library in re.findall(r" U ((?:__)?cu\w+|nvrtc\w+)@?(\S*)", listed):
            found[library if library in found else ""].add(name)
    return found


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory) -> Path:
    """A folder like that of an installed CUDA 11.8, of stand-ins, with the driver in driver/."""
    folder = tmp_path_factory.mktemp("cuda")
    site = folder / "site"
    functions = needed_functions()
    (folder / "driver").mkdir()
    build(folder / "driver" / "libcuda.so.1", functions[""] | {"cuInit"})
    for library in LIBRARIES:
        part = site / "nvidia" / library.split(".")[0].removeprefix("lib") / "lib"
        part.mkdir(parents=True)
        build(part / library, functions[library], versions=library)
    cuda_home.make_home(site, folder / "home", "11.8.89")
    return folder


def run_python(*arguments: str, **environment: str | None) -> subprocess.CompletedProcess:
    """Run Python without the CUDA of the one who runs the tests, with other variables."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CUDA_HOME", "LD_LIBRARY_PATH")
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env=inherited | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def gpu_lines(result: subprocess.CompletedProcess) -> str:
    """What `devices` says about the GPU."""
    assert result.returncode == 0, result.stderr
    return result.stdout.split("\nGPU ")[1].split("\nAscend ")[0]


# --- the libraries that pip installed --------------------------------------------------------


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """A virtual environment with the line that `make setup DEVICE=GPU` puts there, and the home
    that it points to."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    library = site / "nvidia" / "cuda_runtime" / "lib" / "libcudart.so.11.0"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"a library")
    (site / "cyclegan_lessons_cuda.pth").write_text(cuda_home.START)
    cuda_home.make_home(site, folder / cuda_home.HOME.name, "11.8.89")
    return folder


SHOW = """
import os, subprocess, sys
print(os.environ.get("CUDA_HOME"), os.environ.get("LD_LIBRARY_PATH"), sys.argv[1:])
sys.exit(3)
"""


def start(environment: Path, *arguments: str, input=None, **variables: str):
    """Run the Python of the environment; what it printed and its exit code."""
    clean = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "LANG"))}
    command = [environment / "bin" / "python", *arguments]
    return subprocess.run(
        list(map(str, command)), env=clean | variables, capture_output=True, text=True, input=input
    )


@pytest.mark.parametrize("how", ["-c", "script", "-m", "stdin", "#!"])
def test_every_way_to_start_python_finds_the_libraries(environment, tmp_path, how):
    script = tmp_path / "show.py"
    script.write_text(f"#!{environment}/bin/python\n{SHOW}")
    script.chmod(0o755)
    home = environment / "cuda-from-pip"
    if how == "#!":
        clean = {"PATH": os.environ["PATH"]}
        result = subprocess.run([script, "a", "b c"], env=clean, capture_output=True, text=True)
    elif how == "stdin":
        result = start(environment, "-", "a", "b c", input=SHOW)
    else:
        what = {"-c": ("-c", SHOW), "script": (script,), "-m": ("-m", "show")}[how]
        result = start(environment, *what, "a", "b c", PYTHONPATH=str(tmp_path))
    assert result.stdout == f"{home} {home}/lib64 ['a', 'b c']\n", result.stderr
    assert result.returncode == 3


def test_children_inherit_what_was_set_and_are_started_once(environment, tmp_path):
    child = "import os; print(os.environ['LD_LIBRARY_PATH'])"
    program = (
        "import os, subprocess, sys; print(os.environ['CUDA_HOME'], flush=True); "
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )
    home, path = start(environment, "-c", program).stdout.split()
    assert home == str(environment / "cuda-from-pip") and path == f"{home}/lib64"


def test_a_cuda_that_the_user_has_set_up_wins(environment):
    result = start(environment, "-c", SHOW, CUDA_HOME="/opt/mine", LD_LIBRARY_PATH="/opt/mine/lib")
    assert result.stdout == "/opt/mine /opt/mine/lib []\n"


def test_libraries_of_the_user_stay_on_the_path(environment):
    result = start(environment, "-c", SHOW, LD_LIBRARY_PATH="/opt/other")
    assert f"{environment}/cuda-from-pip/lib64:/opt/other" in result.stdout


def test_an_environment_without_the_libraries_starts_as_ever(environment, tmp_path):
    (environment / "cuda-from-pip").rename(tmp_path / "away")
    try:
        assert start(environment, "-c", SHOW).stdout == "None None []\n"
    finally:
        (tmp_path / "away").rename(environment / "cuda-from-pip")


def test_the_home_is_like_an_installed_cuda(environment):
    home = environment / "cuda-from-pip"
    said = subprocess.run([home / "bin" / "nvcc", "--version"], capture_output=True, text=True)
    assert "release 11.8, V11.8.89" in said.stdout
    for name in ("libcudart.so.11.0", "libcudart.so.11.8.89"):
        assert (home / "lib64" / name).read_bytes() == b"a library"


def test_the_tool_says_when_there_is_nothing_to_link(monkeypatch, tmp_path):
    monkeypatch.setattr(cuda_home, "RUNTIME", "a-package-that-is-not-there")
    monkeypatch.setattr(cuda_home, "HOME", tmp_path / "home")
    with pytest.raises(SystemExit, match="exist for Linux on x86-64 only"):
        cuda_home.main()
    assert not (tmp_path / "home").exists()


# --- the GPU part of MindSpore, with stand-ins ------------------------------------------------


@needs_plugin
@needs_compiler
def test_the_gpu_part_opens_and_the_missing_device_is_said(stand_ins):
    path = f"{stand_ins}/driver:{stand_ins}/home/lib64"
    result = run_python(
        *("-m", "cyclegan_lessons", "devices"),
        CUDA_HOME=str(stand_ins / "home"),
        LD_LIBRARY_PATH=path,
    )
    said = gpu_lines(result)
    assert said.count("  there ") == 3 and said.count("  MISSING ") == 1
    assert re.search(r"MISSING  device: the driver reports no device: \S", said)


@needs_plugin
@needs_compiler
def test_auto_does_not_take_a_gpu_that_does_not_work(stand_ins):
    program = """
import cyclegan_lessons, mindspore as ms
from cyclegan_lessons import LessonError, select_device
from cyclegan_lessons.device import quiet_mindspore
with quiet_mindspore():
    print(ms.device_context.gpu.is_available())
print(select_device("auto"))
try:
    select_device("GPU")
except LessonError as error:
    print(error)
"""
    path = f"{stand_ins}/driver:{stand_ins}/home/lib64"
    result = run_python("-c", program, CUDA_HOME=f"{stand_ins}/home", LD_LIBRARY_PATH=path)
    opened, chosen, sentence = result.stdout.splitlines()
    assert opened == "True", "MindSpore itself takes the stand-ins for a GPU"
    assert chosen == "CPU"
    assert sentence.startswith("device GPU was asked for") and "reports no device" in sentence


@needs_plugin
@needs_compiler
def test_without_cuda_home_it_says_so(stand_ins):
    result = run_python(
        "-m", "cyclegan_lessons", "devices", LD_LIBRARY_PATH=str(stand_ins / "driver")
    )
    said = gpu_lines(result)
    assert "there    driver: libcuda.so.1 is there" in said
    assert "MISSING  CUDA: CUDA_HOME is not set (`make setup DEVICE=GPU` installs" in said


@needs_plugin
@needs_compiler
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_named(stand_ins, monkeypatch, library):
    monkeypatch.setenv("CUDA_HOME", str(stand_ins / "home"))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(stand_ins / "home" / "lib64"))
    file = stand_ins / "home" / "lib64" / library
    target = os.readlink(file)
    file.unlink()
    try:
        (check,) = [check for check in diagnosis.check_gpu() if check.need == "libraries"]
    finally:
        file.symlink_to(target)
    assert not check.there and check.text == f"not found on LD_LIBRARY_PATH: {library}"
    (check,) = [check for check in diagnosis.check_gpu() if check.need == "libraries"]
    assert check.there


@needs_plugin
@pytest.mark.parametrize(
    "says, expected",
    [
        (None, "where bin/nvcc cannot be run"),
        ("hello", "whose bin/nvcc prints no release"),
        ("Cuda compilation tools, release 13.0, V13.0.88", "release 13.0, and MindSpore needs 11"),
        ("Cuda compilation tools, release 11.0, V11.0.1", "release 11.0, and MindSpore needs 11"),
    ],
)
def test_a_cuda_that_mindspore_does_not_take(monkeypatch, tmp_path, says, expected):
    if says:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "nvcc").write_text(f"#!/bin/sh\necho '{says}'\n")
        (tmp_path / "bin" / "nvcc").chmod(0o755)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    (check,) = [check for check in diagnosis.check_gpu() if check.need == "CUDA"]
    assert not check.there and f"CUDA_HOME is {tmp_path}" in check.text and expected in check.text


@needs_plugin
@pytest.mark.parametrize(
    "release, plugin",
    [((11, 1), "11.1"), ((11, 5), "11.1"), ((11, 6), "11.6"), ((11, 8), "11.6")]
    + [((10, 2), None), ((11, 0), None), ((12, 0), None)],
)
def test_mindspore_opens_the_part_that_we_look_at(tmp_path, release, plugin):
    expected = diagnosis.gpu_plugin(release)
    assert (expected.name.removeprefix("libmindspore_gpu.so.") if expected else None) == plugin
    cuda_home.make_home(tmp_path, tmp_path / "home", f"{release[0]}.{release[1]}.1")
    program = (
        "import cyclegan_lessons; from mindspore._c_expression import MSContext; "
        "print(MSContext.get_instance().load_plugin_error())"
    )
    said = run_python("-c", program, CUDA_HOME=str(tmp_path / "home")).stdout
    assert re.findall(r"libmindspore_gpu\.so\.(11\.\d)", said) == ([plugin] if plugin else [])


# --- operations -------------------------------------------------------------------------------

STRUCTURE = {"Depend", "Load", "MakeTuple", "TupleGetItem", "UpdateState", "Return"}
COMPILE = """
import numpy as np
from cyclegan_lessons import CycleGANTrainer, LessonConfig, select_device
import mindspore as ms
select_device("CPU")
for detail in (False, True):
    config = LessonConfig(image_size=32, base_channels=2, n_layers=1, amp=True, detail=detail)
    trainer = CycleGANTrainer(config)
    image = ms.Tensor(np.zeros((1, 3, 32, 32), np.float32))
    trainer.train_step(image, image)
    trainer.G.set_train(False)
    ms.jit(trainer.G.construct)(image)
"""
# functions whose documentation speaks for a primitive that has none of its own
FUNCTIONS = {"Concat": "cat", "ReLU": "relu", "ReverseV2": "flip"}
# the classes in the GPU part that compute what nobody documents
KERNELS = {
    "BatchNormGrad": "BatchNormGrad",
    "BiasAddGrad": "BiasAddGrad",
    "Conv2DBackpropFilter": "Conv2dFilterGrad",
    "Conv2DBackpropInput": "Conv2dInputGrad",
    "MirrorPadGrad": "MirrorPadGrad",
    "ReluGrad": "ActivationGrad",
    "TanhGrad": "ActivationGrad",
}


@pytest.fixture(scope="module")
def operations_used(tmp_path_factory) -> set[str]:
    """The operations in the compiled graphs of both training steps and of a translation."""
    folder = tmp_path_factory.mktemp("graphs")
    result = run_python(
        *("-c", COMPILE),
        MS_DEV_SAVE_GRAPHS="1",
        MS_DEV_SAVE_GRAPHS_PATH=str(folder),
        MS_DEV_DUMP_IR_PASSES="graph_build",
    )
    assert result.returncode == 0, result.stderr
    graphs = [file.read_text() for file in folder.glob("graph_build_*.ir")]
    assert len(graphs) == 6, "generator step, discriminator step, translation, of both kinds"
    calls = {
        name.removeprefix("PrimFunc_")
        for graph in graphs
        for name in re.findall(r"^ +%\d+\([^)]*\) = (\w+)\(", graph, flags=re.MULTILINE)
    }
    return calls - STRUCTURE


def documented(operation: str) -> set[str]:
    """The devices that MindSpore's documentation names for an operation, none when it is silent."""
    function = FUNCTIONS.get(operation, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower())
    places = [getattr(module, operation, None) for module in (operations, auto_generate)]
    places.append(getattr(ops, function, None))
    for place in places:
        named = re.search(r"Supported Platforms:\s*\n(.*)", getattr(place, "__doc__", None) or "")
        if named and "Deprecated" not in named[1]:
            return set(re.findall(r"``(\w+)``", named[1]))
    return set()


def test_the_graphs_hold_what_the_networks_need(operations_used):
    wanted = {"Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", "BatchNorm", "MirrorPad"}
    assert wanted | {"BatchNormGrad", "MirrorPadGrad", "Adam", "Cast", "Tanh"} <= operations_used


def test_every_operation_is_documented_for_all_devices_or_for_none(operations_used):
    for operation in operations_used:
        assert documented(operation) in ({"CPU", "GPU", "Ascend"}, set()), operation


def unknown_operations(operations_used: set[str], device: str) -> set[str]:
    """What neither the documentation nor, for a GPU, MindSpore's own file shows to be there."""
    silent = {name for name in operations_used if not documented(name)}
    if device == "Ascend":
        return silent
    part = PLUGIN.read_bytes()
    return {
        name
        for name in silent
        if name not in KERNELS
        or not re.search(rb"N9mindspore6kernel\d+%bGpuKernelModE" % KERNELS[name].encode(), part)
    }


@needs_plugin
@pytest.mark.parametrize("device", ["GPU", "Ascend"])
def test_what_cannot_be_known_here_is_listed(operations_used, device):
    text = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {device} \| (.*) \|$", text, flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == unknown_operations(operations_used, device)


# --- the sentence -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["GPU", "Ascend"])
def test_the_error_names_what_is_missing(monkeypatch, name):
    monkeypatch.setattr(device, "available_devices", lambda: ["CPU"])
    monkeypatch.setattr(device, "why_not_found", lambda device: f"the soul of {device} is missing")
    with pytest.raises(LessonError) as raised:
        select_device(name)
    assert f"finds only CPU here: the soul of {name} is missing; choose" in str(raised.value)
    assert "python -m cyclegan_lessons devices" in str(raised.value)
