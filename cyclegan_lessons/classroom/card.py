"""The card of a check-in: one HTML file with one SVG, which the browser can save as a PNG."""

import base64
import html
import unicodedata

from cyclegan_lessons.classroom.codes import CheckIn, Row
from cyclegan_lessons.classroom.progress import work
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES
from cyclegan_lessons.language import in_language, language

WIDTH, MARGIN, LINE = 800, 40, 30  # pixels
TOP = 336  # of the list of exercises
FONTS = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
INK, PALE, GREEN, ORANGE, PAPER = "#1f2a24", "#5b665f", "#2f6b3c", "#b4560f", "#fffdf7"

PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0 auto; padding: 1rem; max-width: 52rem; background: #e9ece7; color: {ink};
       font: 16px/1.5 {fonts}; }}
svg {{ display: block; width: 100%; height: auto; }}
button {{ font: inherit; padding: 0.4rem 1rem; margin: 1rem 0; }}
code {{ display: block; overflow-wrap: anywhere; background: #ffffff; padding: 0.6rem; }}
</style>
</head>
<body>
<main>
{svg}
<button id="save">{save}</button>
<p>{copy}</p>
<code>{code}</code>
</main>
<script>
document.querySelectorAll("text[data-room]").forEach(function (line) {{
  if (line.getComputedTextLength() > line.dataset.room) {{
    line.setAttribute("textLength", line.dataset.room);
    line.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }}
}});
document.getElementById("save").onclick = function () {{
  var svg = document.querySelector("svg"), image = new Image();
  image.onload = function () {{
    var canvas = document.createElement("canvas");
    canvas.width = 2 * {width};
    canvas.height = 2 * {height};
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    var link = document.createElement("a");
    link.href = canvas.toDataURL("image/png");
    link.download = "check-in-{number}.png";
    link.click();
  }};
  image.src = "data:image/svg+xml;charset=utf-8," +
    encodeURIComponent(new XMLSerializer().serializeToString(svg));
}};
</script>
</body>
</html>
"""


def text(x: float, y: float, content: str, size: float, colour: str = INK, more: str = "") -> str:
    """One line of text; whatever ``content`` holds, it is shown as it is."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" fill="{colour}" {more}>'
        f"{html.escape(content)}</text>"
    )


def width_of(content: str) -> float:
    """About how wide a text is, in units of its size; CJK letters and capitals are the widest."""
    wide = (unicodedata.east_asian_width(c) in "WF" or c.isupper() for c in content)
    return sum(1.0 if is_wide else 0.65 for is_wide in wide)


def fitted(x: float, y: float, content: str, size: float, room: float, more: str = "") -> str:
    """One line of text that is made smaller until it fits into ``room`` pixels.

    That is a guess; the page's script measures, and squeezes what is still too wide.
    """
    size = min(size, room / max(width_of(content), 1))
    return text(x, y, content, size, more=f'data-room="{room}" {more}')


def mark(x: float, y: float, right: bool) -> str:
    """A tick or an empty ring, drawn, since not every font has them."""
    if right:
        path = f"M{x},{y - 6} l5,6 l10,-13"
        return f'<path d="{path}" fill="none" stroke="{GREEN}" stroke-width="3"/>'
    return f'<circle cx="{x + 7}" cy="{y - 6}" r="6" fill="none" stroke="{PALE}" stroke-width="2"/>'


def exercise_line(row: Row, y: float) -> str:
    """One exercise with its tries and hints."""
    done = work(row.tries, row.hints, row.solution) if row.tries else in_language("not tried")
    return (
        mark(MARGIN, y, row.right)
        + fitted(MARGIN + 28, y, in_language(EXERCISES[row.exercise].title), 18, 430)
        + text(WIDTH - MARGIN, y, done, 16, PALE, 'text-anchor="end"')
    )


def sparkline(losses: list[float], x: float, y: float, width: float, height: float) -> str:
    """The total loss of the learner's own run as a line: means of up to 60 equal parts."""
    n = min(60, len(losses))
    means = []
    for i in range(n):
        part = losses[i * len(losses) // n : (i + 1) * len(losses) // n]
        means.append(sum(part) / len(part))
    low, high = min(means), max(means)
    points = " ".join(
        f"{x + width * i / max(n - 1, 1):.1f},"
        f"{y + height * (1 - (value - low) / ((high - low) or 1)):.1f}"
        for i, value in enumerate(means)
    )
    return f'<polyline points="{points}" fill="none" stroke="{ORANGE}" stroke-width="2.5"/>'


def own_training(losses: list[float]) -> str:
    """The lower right corner of the picture's row: the learner's own run, or a word about it."""
    x = 452
    if not losses:
        model = in_language("The right picture is by the course's model.")
        own = in_language("Train your own with the train command.")
        return text(x, 190, model, 14, PALE) + text(x, 212, own, 14, PALE)
    steps = in_language(f"{len(losses):,} steps of my own training, total loss")
    return text(x, 150, steps, 14, PALE) + sparkline(losses, x, 166, WIDTH - MARGIN - x, 120)


def drawing(checkin: CheckIn, picture: bytes, losses: list[float]) -> tuple[str, int]:
    """The card as an SVG, and its height."""
    number, title = CHAPTERS[checkin.subject][0], in_language(CHAPTERS[checkin.subject][1])
    height = TOP + LINE * len(checkin.rows) + MARGIN
    done = sum(row.right for row in checkin.rows)
    data = base64.b64encode(picture).decode()
    summary = in_language(f"{done} of {len(checkin.rows)} exercises right")
    heading = in_language(f"Check-in of {checkin.name}, chapter {number}, {title}: {summary}")
    place = in_language(f"CycleGAN Lessons · chapter {number}: {title}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{html.escape(heading)}" font-family="{FONTS}">',
        f'<rect width="{WIDTH}" height="{height}" rx="14" fill="{PAPER}"/>',
        f'<rect width="{WIDTH}" height="10" fill="{GREEN}"/>',
        text(MARGIN, 50, place, 18, GREEN),
        text(WIDTH - MARGIN, 50, checkin.day.isoformat(), 18, PALE, 'text-anchor="end"'),
        fitted(MARGIN, 98, checkin.name, 38, WIDTH - 2 * MARGIN, 'font-weight="bold"'),
        f'<image x="{MARGIN}" y="122" width="388" height="188" '
        f'style="image-rendering:auto" href="data:image/png;base64,{data}"/>',
        own_training(losses),
        text(452, 310, summary, 18, GREEN, 'font-weight="bold"'),
        *(exercise_line(row, TOP + LINE * i + 18) for i, row in enumerate(checkin.rows)),
        "</svg>",
    ]
    return "\n".join(parts), height


def card(checkin: CheckIn, code: str, picture: bytes, losses: list[float]) -> str:
    """The whole page; ``picture`` is a PNG, ``losses`` the total loss of each step of a run."""
    svg, height = drawing(checkin, picture, losses)
    number, title, _ = CHAPTERS[checkin.subject]
    heading = in_language("{name}, chapter {number}: {title}")
    return PAGE.format(
        language=language().replace("_", "-"),
        title=html.escape(
            heading.format(name=checkin.name, number=number, title=in_language(title))
        ),
        save=in_language("Save as PNG"),
        copy=in_language("The code of this check-in, to copy into a chat:"),
        svg=svg,
        code=code,
        width=WIDTH,
        height=height,
        number=number,
        fonts=FONTS,
        ink=INK,
    )
