"""Try a GPU or an Ascend and write a report to send: `make device-check DEVICE=GPU`.

The same things are computed on the CPU and on the device, each in a process of its own: the
weights to begin with, translations by the model in the package, the losses of the first and of ten
training steps. The differences must stay below `TOLERANCES`. Besides, the report says what the
course states of CPUs only, and how long a step takes. It is written also when something fails.
"""

import argparse
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
STEPS = 10
# The largest difference that we accept. A GPU may multiply in TF32 (10 bits), and an Ascend
# convolves in float16 or HF32, where a CPU has 23 bits; nobody has measured them for this course.
TOLERANCES = {
    #                    CPU   GPU   Ascend
    "weights": (0.0, 0.0, 0.0),  # the same initial weights, bit for bit
    "translation": (1e-5, 0.02, 0.05),  # mean of |difference| on the range [-1, 1]
    "first losses": (1e-5, 0.01, 0.03),  # relative
    "losses of ten steps": (1e-5, 0.1, 0.2),  # relative: differences grow with each step
}
COLUMNS = {"CPU": 0, "GPU": 1, "Ascend": 2}


def train(config, steps: int, images: tuple):
    """Train so many steps on the same images; the trainer and the losses, steps × names."""
    from cyclegan_lessons import CycleGANTrainer

    trainer = CycleGANTrainer(config)
    losses = [list(trainer.train_step(*images).values()) for _ in range(steps)]
    return trainer, np.array(losses)


def weights_of(trainer) -> np.ndarray:
    """All weights of the four networks, one after the other."""
    networks = (trainer.G, trainer.F, trainer.D_X, trainer.D_Y)
    weights = [w.asnumpy().ravel() for network in networks for w in network.trainable_params()]
    return np.concatenate(weights)


def seconds_per_step(config, images: tuple) -> float:
    """The median of twenty steps, after three that compile and warm up; in seconds."""
    from cyclegan_lessons import CycleGANTrainer

    trainer, times = CycleGANTrainer(config), []
    for _ in range(23):
        start = time.perf_counter()
        trainer.train_step(*images)
        times.append(time.perf_counter() - start)
    return float(np.median(times[3:]))


def last_row_is_zero() -> bool:
    """Whether a transposed convolution with output_padding leaves out the last row, as on CPUs."""
    import mindspore as ms
    from mindspore import nn

    layer = nn.Conv2dTranspose(1, 1, 3, stride=2, pad_mode="pad", padding=1, output_padding=1)
    layer.weight.set_data(ms.ops.ones_like(layer.weight))
    return not layer(ms.ops.ones((1, 1, 4, 4))).asnumpy()[..., -1, :].any()


def measure(device: str, paper: bool) -> dict[str, np.ndarray]:
    """Everything that is compared or reported, computed on one device in this process."""
    from cyclegan_lessons import (
        PRESETS,
        CycleGANTrainer,
        load_generator,
        render_orchard,
        select_device,
        translate,
    )
    from cyclegan_lessons.inference import to_tensor

    select_device(device)
    quick = PRESETS["quick"]
    drawn = [render_orchard(4, quick.image_size, domain, seed=1).images for domain in "xy"]
    pair = tuple(to_tensor(images[:1]) for images in drawn)
    results = {"weights": weights_of(CycleGANTrainer(quick))}
    results["translation"] = np.stack(
        [
            translate(load_generator(direction=direction), images) / 127.5 - 1
            for direction, images in zip(("x2y", "y2x"), drawn)
        ]
    )
    trainer, losses = train(quick, STEPS, pair)
    results |= {"first losses": losses[:1], "losses of ten steps": losses}
    again, _ = train(quick, STEPS, pair)
    results["the same twice"] = np.array(np.array_equal(weights_of(trainer), weights_of(again)))
    results["last row is zero"] = np.array(last_row_is_zero())
    results["seconds quick"] = np.array(seconds_per_step(quick, pair))
    if paper:
        config = PRESETS["paper"]
        large = tuple(
            to_tensor(render_orchard(1, config.image_size, domain, seed=1).images)
            for domain in "xy"
        )
        results["seconds paper"] = np.array(seconds_per_step(config, large))
    return results


def measured(device: str, paper: bool, folder: Path) -> dict[str, np.ndarray]:
    """`measure` in a process of its own, since a process computes on one device only; raises
    `RuntimeError` with the end of what it said."""
    file = folder / f"{device}.npz"
    command = [sys.executable, __file__, "--device", device, "--measure", str(file)]
    command += ["--paper"] if paper else []
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if result.returncode:
        raise RuntimeError("\n".join((result.stdout + result.stderr).splitlines()[-25:]))
    with np.load(file) as stored:
        return dict(stored)


def difference(name: str, here: np.ndarray, cpu: np.ndarray) -> float:
    """How far a result is from the CPU's, in the unit of its tolerance; infinite when a number is
    not finite."""
    if not np.isfinite(here).all():
        return float("inf")
    apart = np.abs(here - cpu)
    if name == "weights":
        return float(apart.max())
    if name == "translation":
        return float(apart.mean())
    return float((apart / np.abs(cpu).clip(1e-3)).max())


def compare(device: str, here: dict, cpu: dict) -> tuple[list[str], bool]:
    """One line for each tolerance, and whether all of them hold."""
    lines, good = [], True
    for name, tolerances in TOLERANCES.items():
        found, allowed = difference(name, here[name], cpu[name]), tolerances[COLUMNS[device]]
        good &= found <= allowed
        verdict = "ok" if found <= allowed else "TOO LARGE"
        lines.append(f"{name:22} {found:10.2e}   at most {allowed:.2e}   {verdict}")
    return lines, good


def facts(here: dict, cpu: dict) -> list[str]:
    """What is reported and not judged."""
    lines = [
        f"ten steps twice give the same weights, bit for bit: {bool(here['the same twice'])}",
        f"output_padding leaves the last row zero: {bool(here['last row is zero'])}",
    ]
    for preset in ("quick", "paper"):
        if (name := f"seconds {preset}") in here:
            beside = f", on the CPU beside it {cpu[name]:.4f}" if name in cpu else ""
            lines.append(f"seconds a step, {preset}: {here[name]:.4f}{beside}")
    return lines


def machine() -> list[str]:
    """What one must know of the machine to read the numbers."""
    lines = [f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"]
    lines += [f"{name} {metadata.version(name)}" for name in ("mindspore", "numpy")]
    for command in (["nvidia-smi", "-L"], ["npu-smi", "info"]):
        if shutil.which(command[0]):
            lines.append(subprocess.run(command, capture_output=True, text=True).stdout.strip())
    return lines


def check(device: str) -> tuple[list[str], bool]:
    """The report's lines, and whether the device computes as it should."""
    from cyclegan_lessons.device import quiet_mindspore
    from cyclegan_lessons.diagnosis import describe_devices

    with quiet_mindspore():
        lines = [f"Device check of {device}", *machine(), "", describe_devices(), ""]
    with tempfile.TemporaryDirectory() as folder:
        try:
            cpu = measured("CPU", False, Path(folder))
            here = measured(device, device != "CPU", Path(folder))
        except RuntimeError as error:
            return [*lines, "It failed:", str(error)], False
    compared, good = compare(device, here, cpu)
    return [*lines, *compared, "", *facts(here, cpu)], good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, CPU, GPU or Ascend")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="folder of the report")
    parser.add_argument("--measure", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--paper", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        np.savez(options.measure, **measure(options.device, options.paper))
        return
    from cyclegan_lessons.device import available_devices

    device = available_devices()[0] if options.device == "auto" else options.device
    if device not in COLUMNS:
        sys.exit(
            f"DEVICE must be auto, CPU, GPU or Ascend, but it is {device}; choose one of them."
        )
    lines, good = check(device)
    options.out.mkdir(parents=True, exist_ok=True)
    report = options.out / f"device-check-{device}.txt"
    report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    print(f"\nThe report is {report}; please send it, whatever it says.")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
