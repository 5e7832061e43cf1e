"""Run the book's notebooks, refresh their saved outputs, and check what is saved.

`run` fills a folder with a copy of the book whose notebooks were executed with the given
parameters, `prepare` with one whose notebooks hold them, for JupyterLab; `refresh` writes the
outputs of a run with the default parameters back to book/, `check` says what must not be in a saved
notebook, `parameters` whether the course has such a data set, preset and device.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import copies
import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from saved_notebooks import DEFAULTS, check, normalised, save
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
RUN_TIMES = "run_times.csv"
# else each kernel prints a warning
QUIET_KERNEL = Config({"KernelManager": {"transport_encryption": "auto"}})
NOT_SOURCES = shutil.ignore_patterns("*.ipynb", ".*", "_build", "data", "runs")


def notebooks_in(folder: Path) -> list[Path]:
    """The notebooks of a folder in the order of their chapters."""
    return sorted(folder.glob("*.ipynb"))


def resolved(dataset: str) -> str:
    """The name of a dataset as it is, the path of an existing folder as an absolute one: notebooks
    run elsewhere."""
    folder = Path(dataset).expanduser()
    return str(folder.resolve()) if folder.is_dir() else dataset


def check_parameters(dataset: str, preset: str, device_target: str, download: bool):
    """Exit with a sentence when the course has no such dataset or preset, or the machine no such
    device.

    The dataset is prepared here, so that the notebooks find it; one that comes from the network
    only if ``download``.
    """
    from cyclegan_lessons.config import get_preset
    from cyclegan_lessons.dataset import prepare_dataset
    from cyclegan_lessons.device import select_device
    from cyclegan_lessons.errors import LessonError

    try:
        config = get_preset(preset)
        select_device(device_target)
        if download or dataset != "apple2orange":
            prepare_dataset(dataset, config.image_size)
    except LessonError as error:
        sys.exit(str(error))


def changed(parameters: dict) -> dict:
    """The parameters that differ from those that every notebook holds."""
    return {name: value for name, value in parameters.items() if value != DEFAULTS[name]}


def execute(source: Path, target: Path, parameters: dict) -> float:
    """Run one notebook through papermill into ``target``, in that folder, and print one line about
    it; returns the seconds that it took.

    Only parameters that differ from the defaults are injected. Exits with a sentence that names
    notebook and cell when a cell raises.
    """
    print(f"{source.name} …", end=" ", flush=True)
    start = time.monotonic()
    try:
        papermill.execute_notebook(
            source,
            target,
            changed(parameters),
            kernel_name="python3",
            language="python",
            cwd=target.parent,
            progress_bar=False,
            autosave_cell_every=0,
            config=QUIET_KERNEL,
        )
    except PapermillExecutionError as error:
        print("failed")
        cells = nbformat.read(target, as_version=4).cells
        cell = next(
            c
            for c in cells
            if any(output.output_type == "error" for output in c.get("outputs", []))
        )
        sys.exit(
            "\n".join(
                [
                    *error.traceback,
                    f"{source.name}: cell {cell.id} raised {error.ename}: {error.evalue}",
                ]
            )
        )
    seconds = time.monotonic() - start
    print(f"{seconds:.0f} s", flush=True)
    return seconds


def run(out: Path, parameters: dict, book: Path = BOOK):
    """Make ``out`` a copy of the book whose notebooks were executed with ``parameters``, with a
    table of the times that this took: the pages say them.

    An earlier copy is replaced; exits when ``out`` is anything else, or holds somebody's work.
    """
    copies.refuse_foreign(out, book)
    copies.refuse_changed(out, "try again")
    if out.exists():
        shutil.rmtree(out)
    shutil.copytree(book, out, ignore=NOT_SOURCES)
    copies.write_list(out, {})
    times = ["chapter,seconds,cores"]
    try:
        for notebook in notebooks_in(book):
            seconds = execute(notebook, out / notebook.name, parameters)
            times.append(f"{notebook.stem},{max(10, round(seconds, -1)):.0f},{os.cpu_count()}")
            save(normalised(nbformat.read(out / notebook.name, as_version=4)), out / notebook.name)
        (out / RUN_TIMES).write_text("\n".join(times) + "\n")
    finally:
        copies.write_list(out, copies.files_in(out))


def prepare(out: Path, parameters: dict, book: Path = BOOK):
    """Make ``out`` a copy of the book whose notebooks hold ``parameters`` and were not executed.

    What somebody changed in an earlier copy stays as it is, and is named.
    """
    copies.refuse_foreign(out, book)
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "book"
        shutil.copytree(book, fresh, ignore=NOT_SOURCES)
        for notebook in notebooks_in(book):
            papermill.execute_notebook(
                notebook,
                fresh / notebook.name,
                changed(parameters),
                prepare_only=True,
                progress_bar=False,
            )
        kept = copies.update(out, fresh)
    if kept:
        print(
            f"Kept as you changed them, with the parameters that they hold: {', '.join(kept)}. "
            f"Move or remove one in {out} to get it anew."
        )


def refresh(book: Path = BOOK):
    """Execute every notebook with the default parameters and, when all of them passed, save the
    results in the book."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "book"
        run(out, DEFAULTS, book)
        for notebook in notebooks_in(book):
            shutil.copyfile(out / notebook.name, notebook)
        shutil.copyfile(out / RUN_TIMES, book / RUN_TIMES)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line: what to do, and, where it counts, the parameters and the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parameters = argparse.ArgumentParser(add_help=False)
    parameters.add_argument("--dataset", default=DEFAULTS["dataset"])
    parameters.add_argument("--preset", default=DEFAULTS["preset"])
    parameters.add_argument("--device", default=DEFAULTS["device_target"], dest="device_target")
    out = argparse.ArgumentParser(add_help=False)
    out.add_argument("--out", type=Path, required=True, help="the folder to fill")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("run", parents=[parameters, out])
    prepared = actions.add_parser("prepare", parents=[parameters, out])
    prepared.add_argument("--book", type=Path, default=BOOK, help="an edition of the book")
    actions.add_parser("parameters", parents=[parameters])
    actions.add_parser("refresh")
    actions.add_parser("check")
    return parser.parse_args(arguments)


def main():
    options = parse_arguments()
    if options.action == "refresh":
        return refresh()
    if options.action == "check":
        return check(notebooks_in(BOOK))
    parameters = {
        "dataset": resolved(options.dataset),
        "preset": options.preset,
        "device_target": options.device_target,
    }
    if options.action != "parameters":
        copies.refuse_foreign(options.out.resolve(), BOOK)  # before the data are prepared
    check_parameters(**parameters, download=options.action != "parameters")
    if options.action == "run":
        run(options.out.resolve(), parameters)
    elif options.action == "prepare":
        prepare(options.out.resolve(), parameters, options.book.resolve())


if __name__ == "__main__":
    main()
