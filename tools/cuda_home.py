"""Let every Python of this environment find the CUDA libraries that pip installed.

MindSpore looks for a GPU only when CUDA_HOME names a folder whose ``bin/nvcc --version`` prints a
release, and Linux reads LD_LIBRARY_PATH only when a process starts. So `make setup DEVICE=GPU`
calls this once. It makes a stand-in for an installed CUDA, links and a script of two lines, and a
line that Python reads at every start in this environment: where CUDA_HOME is not set, it sets both
variables and starts Python again, once, in the same process. JupyterLab, kernels, tests and workers
inherit them. Who sets CUDA_HOME keeps the CUDA named there.
"""

import os
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

HOME = Path(sys.prefix) / "cuda-from-pip"
RUNTIME = "nvidia-cuda-runtime-cu11"
START = """\
import os, sys; home = os.path.join(sys.prefix, "cuda-from-pip"); \
"CUDA_HOME" not in os.environ and sys.orig_argv and os.path.exists(home + "/bin/nvcc") \
and os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, \
"CUDA_HOME": home, "LD_LIBRARY_PATH": ":".join(filter(None, \
[home + "/lib64", os.environ.get("LD_LIBRARY_PATH")]))})
"""


def make_home(site: Path, home: Path, version: str):
    """Make ``home`` look like an installed CUDA of this version, with the libraries below
    ``site``/nvidia."""
    shutil.rmtree(home, ignore_errors=True)
    (home / "bin").mkdir(parents=True)
    (home / "lib64").mkdir()
    for library in sorted(site.glob("nvidia/*/lib/*.so*")):
        link(home, library.name, library)
        if library.name.startswith("libnvrtc.so"):
            link(home, "libnvrtc.so", library)  # the name under which cuDNN opens it
        if library.name.startswith("libcudart.so"):
            link(home, f"libcudart.so.{version}", library)  # where MindSpore reads the version
    nvcc = home / "bin" / "nvcc"
    release = ".".join(version.split(".")[:2])
    nvcc.write_text(f'#!/bin/sh\necho "Cuda compilation tools, release {release}, V{version}"\n')
    nvcc.chmod(0o755)


def link(home: Path, name: str, library: Path):
    (home / "lib64" / name).symlink_to(os.path.relpath(library, home / "lib64"))


def main():
    site = Path(sysconfig.get_path("platlib"))
    try:
        version = metadata.version(RUNTIME)
    except metadata.PackageNotFoundError:
        sys.exit(
            f"{RUNTIME} is expected in {site}, but is not installed there: the packages for a GPU "
            "exist for Linux on x86-64 only; elsewhere use another DEVICE."
        )
    make_home(site, HOME, version)
    (site / "cyclegan_lessons_cuda.pth").write_text(START)
    print(f"CUDA {version} is ready in {HOME}.")


if __name__ == "__main__":
    main()
