"""One HTML page that shows a training run: curves, samples, numbers, configuration.

It needs no other file and no network. How it looks is in report.html, beside this module.
"""

import json
import math
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.files import write_whole
from cyclegan_lessons.history import is_intact, read_history
from cyclegan_lessons.language import in_language, language
from cyclegan_lessons.plotting import CURVES
from cyclegan_lessons.report_parts import draw_svgs, sample_figure, table, thin
from cyclegan_lessons.runs import checkpoints_in, files_in

TEMPLATE = Path(__file__).with_name("report.html")
MARKER = b'<meta name="generator" content="cyclegan_lessons report">'  # is in every page
POINTS = 1000  # of a curve; more cannot be seen and would make the page large
SAMPLES = 12  # of the timeline
NUMBERS = {"step", "epoch", "rate"}  # columns of a history that are not losses
LOSSES = {name for names in CURVES.values() for name in names}


def write_report(run: Path, out: Path | None = None, overwrite: bool = False) -> Path:
    """Write the page about the run folder ``run`` to ``out`` (default: report.html in it).

    Returns the path of the page; the run may still be training. Raises `LessonError` when ``run``
    is not a run folder or ``out`` cannot be written. An earlier page is replaced, any other file
    only if ``overwrite``, a file of the run never.
    """
    run = Path(run)
    out = Path(out or run / "report.html")
    try:
        refuse_to_lose(out, run, overwrite)
        page = make_page(run)
        write_whole(out.resolve(), page.encode(errors="replace"))  # a link stays one
    except OSError as error:
        raise LessonError(
            f"{out} cannot be written ({error.strerror}); choose another file with --out."
        ) from error
    return out


def refuse_to_lose(out: Path, run: Path, overwrite: bool):
    """Raise `LessonError` when ``out`` is something else than an earlier page about a run."""
    other = "choose another file with --out"
    inside = run.resolve() in out.resolve().parents
    if inside and out.suffix.lower() not in (".html", ".htm"):
        raise LessonError(
            f"the page should be an .html file, but {out} is a file of the run; {other}."
        )
    if not out.exists():
        return
    if not out.is_file():
        raise LessonError(f"the page should be a file, but {out} is none; {other}.")
    with open(out, "rb") as file:
        is_page = MARKER in file.read(1000)
    if not is_page and not overwrite:
        raise LessonError(
            f"{out} holds something that this command did not write; {other}, or add --overwrite."
        )


def make_page(run: Path) -> str:
    """The text of the page."""
    to_do = in_language("give the folder that --out of the train command named")
    config = read_json(run / "config.json", to_do)
    history = read_rows(run)
    samples = files_in(run, "samples")
    shown = [
        samples[round(i)] for i in np.linspace(0, len(samples) - 1, min(SAMPLES, len(samples)))
    ]
    block = -(-len(history) // POINTS)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        language=language().replace("_", "-"),
        losses=in_language("Losses"),
        samples_head=in_language("Samples"),
        numbers_head=in_language("Numbers"),
        configuration_head=in_language("Configuration"),
        title=in_language(f"Training run {escape(run.resolve().name)}"),
        summary=summary(history[-1], run),
        curves_text=curves_text(len(history), block),
        samples_text=in_language(
            f"{len(shown)} of {len(samples)} sample grids. The rows of each, from above: "
            "x, G(x), F(G(x)), y, F(y), G(F(y))."
        ),
        samples="\n".join(map(sample_figure, shown)),
        numbers_text=in_language(f"Means over {window(history)} steps."),
        numbers=numbers_table(history),
        metrics=metrics_tables(run),
        configuration=table(
            (in_language("setting"), in_language("value")),
            [(name, json.dumps(value)) for name, value in config.items()],
        ),
        # what takes longest comes when all else is known to be there
        curves="\n".join(draw_svgs(thin(history, block))),
    )


def read_rows(run: Path) -> list[dict]:
    """The history of a run, at least one row; raises `LessonError` where there is none."""
    path = run / "history.csv"
    try:
        rows = read_history(path)
        lines = path.read_text(encoding="utf-8", errors="replace").split() if path.exists() else []
    except OSError as error:
        raise LessonError(
            f"{path} should be a file that can be read, but the system says: {error.strerror}; "
            "change its permissions."
        ) from error
    if rows and rows[0].keys() >= {*NUMBERS, *LOSSES} and is_finite(rows):
        return rows
    if not lines or (len(lines) == 1 and lines[0].startswith("step,epoch,")):
        raise LessonError(
            f"{run} should hold a history of at least one step, but it has none yet; train first."
        )
    raise LessonError(
        f"{path} should hold the numbers of each step under the names step,epoch,rate,…, but it "
        f"was changed; put back what training wrote, or train into another folder."
    )


def is_finite(rows: list[dict]) -> bool:
    """Whether all numbers of a table can be drawn."""
    try:
        return all(math.isfinite(value) for row in rows for value in row.values())
    except OverflowError:  # a whole number that is larger than any float
        return False


def summary(last: dict, run: Path) -> str:
    """Where the run stands after the ``last`` row of its history."""
    checkpoints = checkpoints_in(run)
    said = [
        in_language(
            f"Step {last['step']}, epoch {last['epoch']}, learning rate {last['rate']:.3g}."
        ),
        in_language(f"The last checkpoint is {escape(checkpoints[-1].name)}.")
        if checkpoints
        else in_language("There is no checkpoint yet."),
    ]
    if not is_intact(run / "history.csv"):
        said.append(
            in_language("The rows of history.csv after that step are damaged and left out.")
        )
    return " ".join(said)


def curves_text(steps: int, block: int) -> str:
    """What the lines of the curves are."""
    points = in_language("single steps") if block == 1 else in_language(f"means over {block} steps")
    return (
        in_language(f"The lines join {points}.")
        if steps < 100
        else in_language(f"Pale: {points}. Full lines: their running mean.")
    )


def read_json(path: Path, to_do: str) -> dict:
    """A JSON object; raises `LessonError`, which ends in what to do."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError
        return content
    except OSError as error:
        raise LessonError(
            f"{path} should be there, but it cannot be read ({error.strerror}); {to_do}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise LessonError(
            f"{path} should hold a JSON object, but it is damaged; {to_do}."
        ) from error


def window(history: list[dict]) -> int:
    """Over how many steps the numbers are means: a fiftieth of the history, at least one."""
    return max(1, len(history) // 50)


def numbers_table(history: list[dict]) -> str:
    heads = (
        in_language("loss"),
        in_language("at the start"),
        in_language("at the end"),
        in_language("lowest"),
        in_language("at step"),
    )
    return table(heads, loss_rows(history))


def loss_rows(history: list[dict]) -> list[tuple]:
    """For every loss its mean at the start, at the end, and the lowest, with the last step of that
    mean."""
    size, rows = window(history), []
    for name in (name for name in history[0] if name not in NUMBERS):
        means = np.convolve([row[name] for row in history], np.full(size, 1 / size), "valid")
        lowest = int(means.argmin())
        rows.append(
            (
                name,
                *(f"{means[i]:.4f}" for i in (0, -1, lowest)),
                history[lowest + size - 1]["step"],
            )
        )
    return rows


def metrics_tables(run: Path) -> str:
    """What `evaluate --json` said, where it was kept as metrics.json in the run folder."""
    path = run / "metrics.json"
    to_do = in_language("write it again with evaluate --json, or remove it")
    if not path.exists():
        return ""
    metrics = read_json(path, to_do)
    try:
        names = dict.fromkeys(name for numbers in metrics.values() for name in numbers)
        names.pop("interval", None)
        rows = [(name, *(metric(numbers, name) for numbers in metrics.values())) for name in names]
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise LessonError(
            f"{path} should hold what evaluate --json prints, but it is damaged; {to_do}."
        ) from error
    about = in_language("On the test images, with 95% intervals:")
    return f"<p>{about}</p>\n" + table((in_language("metric"), *metrics), rows)


def metric(numbers: dict, name: str) -> str:
    """One number of `evaluate`, and its interval where it has one; raises when they are none."""
    number = f"{numbers.get(name, math.nan):.4g}"
    ends = numbers.get("interval", {}).get(name)
    if not ends:
        return number
    low, high = ends
    between = in_language("{low} to {high}").format(low=f"{low:.4g}", high=f"{high:.4g}")
    return f"{number} ({between})"
