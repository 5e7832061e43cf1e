"""One HTML page that shows a training run: curves, samples, numbers, configuration. It needs no
other file, no network."""

import base64
import io
import json
from html import escape
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.plotting import CURVES, draw_curves
from cyclegan_lessons.runs import read_history, write_whole

POINTS = 1000  # of a curve; more cannot be seen and would make the page large
SAMPLES = 12  # of the timeline
SAMPLE_SIZE = 640, 960  # a larger sample is made smaller, in pixels
INK = "#123456"  # stands for the page's own text colour, light or dark
NUMBERS = {"step", "epoch", "rate"}  # columns of a history that are not losses
LOSSES = {name for names in CURVES.values() for name in names}

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1c1c1c; --ground: #ffffff; --line: #d5d5d5; --pale: #5c5c5c; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6e6e6; --ground: #17181a; --line: #3c3f44; --pale: #a8a8a8; }} }}
body {{ color: var(--ink); background: var(--ground); font: 16px/1.5 system-ui, sans-serif; max-width: 70rem;
       margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }}
h1 {{ margin-bottom: 0; }}
h2 {{ margin-top: 2.5rem; }}
p {{ color: var(--pale); }}
figure {{ margin: 0; }}
figcaption {{ color: var(--pale); }}
svg, img {{ display: block; width: 100%; height: auto; }}
img {{ background: #ffffff; image-rendering: pixelated; }}
.curves {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }}
.samples {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); }}
table {{ border-collapse: collapse; }}
th, td {{ border-bottom: 1px solid var(--line); padding: 0.2rem 1.2rem 0.2rem 0; text-align: left;
         vertical-align: baseline; }}
td {{ font-variant-numeric: tabular-nums; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
<h2>Losses</h2>
<p>{curves_text}</p>
<div class="curves">
{curves}
</div>
<h2>Samples</h2>
<p>{samples_text}</p>
<div class="samples">
{samples}
</div>
<h2>Numbers</h2>
<p>{numbers_text}</p>
{numbers}
{metrics}
<h2>Configuration</h2>
{configuration}
</body>
</html>
"""


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the page about the run folder ``run`` to ``out`` (default: report.html in it) and
    return its path.

    The run may still be training. Raises `LessonError` when ``run`` is not a run folder or ``out``
    cannot be written.
    """
    run = Path(run)
    out = Path(out or run / "report.html")
    page = make_page(run)
    try:
        write_whole(out, page.encode())
    except OSError as error:
        raise LessonError(
            f"{out} cannot be written ({error.strerror}); choose another file with --out."
        ) from error
    return out


def make_page(run: Path) -> str:
    """The text of the page."""
    config = read_json(run / "config.json", "give the folder that --out of the train command named")
    history = read_history(run / "history.csv") if (run / "history.csv").is_file() else []
    if not history or not history[0].keys() >= {*NUMBERS, *LOSSES}:
        raise LessonError(
            f"{run} should hold a history of at least one step, but it has none yet; train first."
        )
    checkpoints = sorted(path.name for path in run.glob("checkpoints/step_*.ckpt"))
    samples = sorted(run.glob("samples/step_*.png"))
    shown = [
        samples[round(i)] for i in np.linspace(0, len(samples) - 1, min(SAMPLES, len(samples)))
    ]
    block, last = -(-len(history) // POINTS), history[-1]
    return PAGE.format(
        title=f"Training run {escape(run.resolve().name)}",
        summary=f"Step {last['step']}, epoch {last['epoch']}, learning rate {last['rate']:.3g}. "
        + (
            f"The last checkpoint is {checkpoints[-1]}."
            if checkpoints
            else "There is no checkpoint yet."
        ),
        curves_text=curves_text(len(history), block),
        samples_text=f"{len(shown)} of {len(samples)} sample grids. The rows of each, from above: "
        "x, G(x), F(G(x)), y, F(y), G(F(y)).",
        samples="\n".join(map(sample_figure, shown)),
        numbers_text=f"Means over {window(history)} steps.",
        numbers=table(
            ("loss", "at the start", "at the end", "lowest", "at step"), loss_rows(history)
        ),
        metrics=metrics_tables(run),
        configuration=table(
            ("setting", "value"), [(name, json.dumps(value)) for name, value in config.items()]
        ),
        # what takes longest comes when all else is known to be there
        curves="\n".join(draw_svgs(thin(history, block))),
    )


def curves_text(steps: int, block: int) -> str:
    points = "single steps" if block == 1 else f"means over {block} steps"
    return (
        f"The lines join {points}."
        if steps < 100
        else f"Pale: {points}. Full lines: their running mean."
    )


def read_json(path: Path, to_do: str, inside: type = object) -> dict:
    """A JSON object whose values are all ``inside``; raises `LessonError`, which ends in what to
    do."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not all(
            isinstance(value, inside) for value in content.values()
        ):
            raise ValueError
        return content
    except OSError as error:
        raise LessonError(
            f"{path} should be there, but it cannot be read ({error.strerror}); {to_do}."
        ) from error
    except ValueError as error:
        raise LessonError(
            f"{path} should hold a JSON object, but it is damaged; {to_do}."
        ) from error


def thin(history: list[dict], block: int) -> list[dict]:
    """A history whose rows are the means of ``block`` rows each."""
    blocks = (history[i : i + block] for i in range(0, len(history), block))
    return [
        {name: sum(row[name] for row in rows) / len(rows) for name in history[0]} for rows in blocks
    ]


def draw_svgs(history: list[dict]) -> list[str]:
    """One SVG for each kind of loss, in the text colour of the page that it stands in."""
    ink = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    with rc_context(dict.fromkeys(ink, INK) | {"svg.fonttype": "none", "svg.hashsalt": "report"}):
        figures = [Figure(figsize=(4, 2.6), layout="constrained") for _ in CURVES]
        draw_curves([figure.subplots() for figure in figures], history)
        texts = []
        for title, figure in zip(CURVES, figures):
            file = io.StringIO()
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            figure.savefig(file, format="svg", transparent=True, metadata=nothing)
            svg = file.getvalue().replace(INK, "currentColor")
            label = f'<svg role="img" aria-label="{title} losses over the steps" '
            # without the XML declaration
            texts.append(svg[svg.index("<svg ") :].replace("<svg ", label, 1))
    return texts


def sample_figure(path: Path) -> str:
    """A sample as part of the page; one that is larger than need be is made smaller."""
    step = int(path.stem.removeprefix("step_"))
    try:
        content, kind, image = path.read_bytes(), "png", Image.open(path).convert("RGB")
    except OSError as error:
        raise LessonError(
            f"{path} should be a sample of the run, but it is damaged; remove it."
        ) from error
    if image.width > SAMPLE_SIZE[0] or image.height > SAMPLE_SIZE[1]:
        image.thumbnail(SAMPLE_SIZE)
        file, kind = io.BytesIO(), "jpeg"
        image.save(file, format=kind, quality=90)
        content = file.getvalue()
    data = base64.b64encode(content).decode()
    return (
        f'<figure><img src="data:image/{kind};base64,{data}" width="{image.width}" '
        f'height="{image.height}" '
        f'alt="test images and their translations at step {step}"><figcaption>step '
        f"{step}</figcaption></figure>"
    )


def window(history: list[dict]) -> int:
    """Over how many steps the numbers are means: a fiftieth of the history, at least one."""
    return max(1, len(history) // 50)


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
    if not path.exists():
        return ""
    metrics = read_json(path, "write it again with evaluate --json, or remove it", inside=dict)
    names = list(
        dict.fromkeys(
            name for numbers in metrics.values() for name in numbers if name != "interval"
        )
    )
    rows = [(name, *(metric(numbers, name) for numbers in metrics.values())) for name in names]
    return "<p>On the test images, with 95% intervals:</p>\n" + table(("metric", *metrics), rows)


def metric(numbers: dict, name: str) -> str:
    """One number of `evaluate`, and its interval where it has one."""
    ends = numbers.get("interval", {}).get(name)
    return f"{numbers.get(name, np.nan):.4g}" + (
        f" ({ends[0]:.4g} to {ends[1]:.4g})" if ends else ""
    )


def table(head: tuple, rows: list[tuple]) -> str:
    lines = [f"<tr>{''.join(f'<th>{escape(str(cell))}</th>' for cell in head)}</tr>"]
    lines += [
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    ]
    return "<table>\n" + "\n".join(lines) + "\n</table>"
