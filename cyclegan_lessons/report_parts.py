"""What the page about a run is made of: curves as SVG, samples as pictures, tables."""

import base64
import io
import re
from html import escape
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from cyclegan_lessons.errors import LessonError
from cyclegan_lessons.language import in_language
from cyclegan_lessons.plotting import CURVES, draw_curves
from cyclegan_lessons.runs import step_of

MOST_PIXELS = 2**25  # of a sample; training writes far smaller ones
SAMPLE_SIZE = 640, 960  # a larger sample is made smaller, in pixels
INK = "#123456"  # stands for the page's own text colour, light or dark


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
            svg = re.sub(r">([^<>\n]+)</text>", lambda m: f">{in_language(m[1])}</text>", svg)
            about = escape(in_language(f"{in_language(title)} losses over the steps"))
            label = f'<svg role="img" aria-label="{about}" '
            # without the XML declaration
            texts.append(svg[svg.index("<svg ") :].replace("<svg ", label, 1))
    return texts


def sample_figure(path: Path) -> str:
    """A sample as part of the page; one that is larger than need be is made smaller."""
    step = step_of(path)
    try:
        content, kind = path.read_bytes(), "png"
        image = Image.open(io.BytesIO(content))
        if image.width * image.height > MOST_PIXELS:
            raise ValueError("a picture of this size would fill the memory")
        image = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise LessonError(
            f"{path} should be a sample of the run, but it is damaged; remove it."
        ) from error
    if image.width > SAMPLE_SIZE[0] or image.height > SAMPLE_SIZE[1]:
        image.thumbnail(SAMPLE_SIZE)
        file, kind = io.BytesIO(), "jpeg"
        image.save(file, format=kind, quality=90)
        content = file.getvalue()
    data = base64.b64encode(content).decode()
    about = escape(in_language(f"test images and their translations at step {step}"))
    caption = in_language("step {step}").format(step=step)
    return (
        f'<figure><img src="data:image/{kind};base64,{data}" '
        f'width="{image.width}" height="{image.height}" '
        f'alt="{about}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def table(head: tuple, rows: list[tuple]) -> str:
    """An HTML table; every cell is escaped."""
    lines = [f"<tr>{''.join(f'<th>{escape(str(cell))}</th>' for cell in head)}</tr>"]
    lines += [
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    ]
    return "<table>\n" + "\n".join(lines) + "\n</table>"
