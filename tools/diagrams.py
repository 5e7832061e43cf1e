"""Draw the book's diagrams into book/figures: SVG files, written as text, with the same bytes on
every machine.

They share one language. Apples (X) are red and have a leaf, oranges (Y) are orange and have pores;
a dashed frame marks a picture that a network made. A generator is an hourglass, since it makes a
picture small and then large again; a discriminator is a funnel. Both themes of the book show them
on a white ground. Lengths are in units of which a diagram is 560 wide, so that the smallest letters
are about 10 pixels high on a phone of 360 pixels.

`draw_all` takes a table of translated words: an edition in another language has the same drawings.
This file is long because it is content: one function a diagram, which no other one needs to know.
"""

import re
from pathlib import Path
from xml.sax.saxutils import escape

FIGURES = Path(__file__).resolve().parent.parent / "book" / "figures"
WIDTH = 560
SMALL, LARGE, NAME = 17, 24, 28  # sizes of letters: words, formulas, networks

INK, FAINT = "#22303f", "#8a97a6"  # letters and arrows; lines that guide the eye
DARK = {"apple": "#b3261e", "orange": "#a85400"}  # frames and letters, dark enough to read on white
PALE = {"apple": "#fbe7e4", "orange": "#fdefd8"}
GENERATOR, DISCRIMINATOR, MARK = "#3d5a80", "#1b746e", "#7b3fa0"

table: dict[str, str] = {}  # the words of the diagrams that are drawn now, by the English

STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;text-anchor:middle}"
    ".m{font-family:'Times New "
    "Roman',Times,serif}.i{font-style:italic}.l{text-anchor:start}.r{text-anchor:end}"
)
SHARED = {  # the fruits are drawn around (0, 0), about 40 in radius
    "head": """<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" \
markerUnits="userSpaceOnUse" markerWidth="13" \
markerHeight="13" orient="auto"><path d="M0 0 10 5 0 10 2 5z" fill="#22303f"/></marker>""",
    "apple": """<g id="apple">
<path d="M0-22C-14-34-40-28-40-2S-20 42-8 38Q0 34 8 38C20 42 40 24 40-2S14-34 0-22Z" \
fill="#c8322b"/>
<path d="M-28-6Q-25-17-15-19" fill="none" stroke="#f5a091" stroke-width="6" stroke-linecap="round"/>
<path d="M0-21Q0-34 7-41" fill="none" stroke="#6b4423" stroke-width="5" stroke-linecap="round"/>
<path d="M4-32C8-46 22-48 28-44 24-32 14-28 4-32Z" fill="#4d8a33"/></g>""",
    "orange": """<g id="orange"><circle r="39" fill="#ef8a17"/>
<path d="M-28-6Q-25-20-11-25" fill="none" stroke="#ffce80" stroke-width="6" stroke-linecap="round"/>
<path d="M-12 14h0M4 24h0M18 14h0M2 4h0M21-4h0M7-12h0M-10 28h0M-24 10h0" stroke="#b85c00" \
stroke-width="5" stroke-linecap="round"/><path d="M0-31l3-5 3 5h6l-4 5 2 6-7-3-7 3 2-6-4-5h6z" \
fill="#4d8a33"/></g>""",
}


def draw_gans() -> tuple[int, list[str]]:
    """Two GANs; the lower row is the upper one's mirror image."""
    parts = []
    for kind, x, name in (("apple", 56, "X"), ("orange", 504, "Y")):
        parts.append(frame(kind, x - 42, 14, 84, 330, radius=10))
        parts += [
            fruit(kind, x + dx, y, 19)
            for dx, y in ((-16, 48), (17, 84), (-15, 121), (17, 244), (-17, 277), (12, 313))
        ]
        parts += [formula(x, 182, name, 32, DARK[kind]), text(x, 205, f"{kind}s", DARK[kind])]
    rows = (("G", "orange", "G(x)", "D_Y", "x", "y"), ("F", "apple", "F(y)", "D_X", "y", "x"))
    for y, way, (network, kind, fake, judge, source, real) in zip((76, 252), (1, -1), rows):

        def at(x: float) -> float:
            return 280 + way * x

        parts += [
            arrow(f"{at(-182)} {y}H{at(-149)}"),
            formula(at(-167), y - 13, source),
            generator(at(-110), y, network),
        ]
        parts += [arrow(f"{at(-72)} {y}H{at(-45)}"), picture(kind, at(-6), y, 74, made=True)]
        parts += [formula(at(-6), y + 61, fake, fill=DARK[kind]), arrow(f"{at(33)} {y}H{at(60)}")]
        parts += [
            discriminator(at(98), y, judge),
            arrow(f"{at(182)} {y}H{at(137)}"),
            formula(at(161), y - 13, real),
        ]
        parts += [arrow(f"{at(98)} {y + 35}v17"), text(at(98), y + 71, "real or fake?")]
    return 358, parts


def draw_cycle() -> tuple[int, list[str]]:
    """From x to G(x) and back, from y to F(y) and back."""
    parts = []
    cycles = (
        ("forward", "apple", "orange", "G", "F", "x"),
        ("backward", "orange", "apple", "F", "G", "y"),
    )
    for top, (name, kind, other, first, second, start) in zip((0, 198), cycles):
        y, there, back = top + 74, f"{first}({start})", f"{second}({first}({start}))"
        parts.append(text(20, top + 22, f"{name} cycle", bold=True, kind="l"))
        parts += [
            picture(kind, 58, y, 76),
            picture(other, 280, y, 76, made=True),
            picture(kind, 502, y, 76, made=True),
        ]
        parts += [generator(169, y, first), generator(391, y, second)]
        parts += [arrow(f"{x} {y}h27") for x in (101, 210, 323, 432)]
        parts += [
            formula(58, y + 62, start, fill=DARK[kind]),
            formula(280, y + 62, there, fill=DARK[other]),
        ]
        parts += [
            formula(502, y + 62, back, fill=DARK[kind]),
            line(f"58 {y + 74}v13H502v-13", MARK, 2.5),
        ]
        parts.append(text(308, y + 109, "cycle-consistency loss:", MARK, kind="r"))
        parts.append(formula(318, y + 110, f"|{back} − {start}|", 22, MARK, kind="m l"))
    return 396, parts


def draw_generator() -> tuple[int, list[str]]:
    """The layers as boxes: as high as the picture, and the wider the more channels."""
    middle, widths = 140, {3: 5, 64: 10, 128: 16, 256: 22}
    parts = [
        picture("apple", 38, middle, 52),
        formula(38, middle + 52, "x", fill=DARK["apple"]),
        arrow(f"67 {middle}h14"),
    ]
    parts += [
        picture("orange", 522, middle, 52, made=True),
        formula(522, middle + 52, "G(x)", fill=DARK["orange"]),
    ]
    parts.append(arrow(f"478 {middle}h15"))
    outer = (  # x, layer, channels, height, where the layer's name goes
        (84, "c7s1-64", 64, 176, "r"),
        (108, "d128", 128, 88, None),
        (138, "d256", 256, 44, None),
        (410, "u128", 128, 88, None),
        (440, "u64", 64, 176, None),
        (468, "c7s1-3", 3, 176, "l"),
    )
    for x, name, channels, height, side in outer:
        width = widths[channels]
        parts.append(rectangle(x, middle - height / 2, width, height, GENERATOR, rx=2))
        name_x = {"r": x + width, None: x + width / 2, "l": x - 2}[side]
        parts.append(text(name_x, middle - height / 2 - 8, name, GENERATOR, kind=side))
        parts.append(text(x + width / 2, middle + height / 2 + 19, str(channels)))
    for x in range(174, 174 + 9 * 25, 25):
        parts.append(rectangle(x, middle - 22, widths[256], 44, MARK, rx=2))
        # a block adds its result to its input
        parts.append(line(f"{x - 2} {middle - 22}q13-16 26 0", MARK, 2))
    parts += [text(285, middle - 44, "9 × R256", MARK), text(285, middle + 41, "256")]
    for left, right, name, sizes in (
        (84, 160, "encoder", "256² → 64²"),
        (174, 396, "residual blocks", "64² stays 64²"),
        (410, 473, "decoder", "64² → 256²"),
    ):
        parts += [
            line(f"{left} 260v7H{right}v-7", FAINT, 2),
            text((left + right) / 2, 288, name, bold=True),
        ]
        parts.append(text((left + right) / 2, 311, sizes))
    return 324, parts


def draw_discriminator() -> tuple[int, list[str]]:
    """From a picture to a map of scores, and the patch behind one of the scores."""
    middle, scale, column, row = 108, 0.6, 17, 6  # column and row of the score that is marked
    left, top, side = 16, middle - 128 * scale, 70 * scale
    # 8: all strides; 23: what padding adds on the left
    x, y = left + (8 * column - 23) * scale, top + (8 * row - 23) * scale
    map_left, map_top, cell = 424, middle - 60, 4
    score_x, score_y = map_left + column * cell, map_top + row * cell

    parts = [
        arrow(f"170 {middle}H420"),
        rectangle(left, top, 256 * scale, 256 * scale, PALE["apple"]),
    ]
    parts += [
        fruit("apple", left + 128 * scale, middle + 6, 58),
        text(93, 22, "picture"),
        text(484, 36, "30 × 30 scores"),
    ]
    parts.append(
        rectangle(left, top, 256 * scale, 256 * scale, "none", DARK["apple"], stroke_width=2.5)
    )
    boxes = (
        ("C64", 208, 8, 128),
        ("C128", 260, 13, 64),
        ("C256", 314, 19, 32),
        ("C512", 370, 27, 31),
    )
    for kind, centre, width, size in boxes:
        parts.append(
            rectangle(
                centre - width / 2,
                middle - size * scale / 2,
                width,
                size * scale,
                DISCRIMINATOR,
                rx=2,
            )
        )
        parts.append(text(centre, middle + size * scale / 2 + 20, kind, DISCRIMINATOR))
    shades = {"#d7ebe9": "", "#9fcdc9": ""}
    for i in range(30):
        for j in range(30):
            # looks random, and is the same everywhere
            level = (i * i * 7 + j * j * 5 + i * j * 3 + (i ^ j) * 11) % 29
            if level < 18:
                shades["#d7ebe9" if level < 11 else "#9fcdc9"] += (
                    f"M{map_left + j * cell} {map_top + i * cell}h4v4h-4z"
                )
    parts += [element("path", d=cells, fill=shade) for shade, cells in shades.items()]
    parts.append(rectangle(map_left, map_top, 120, 120, "none", DISCRIMINATOR, stroke_width=2))
    for corner, end in ((y, score_y), (y + side, score_y + cell)):
        parts.append(
            line(f"{n(x + side)} {n(corner)}L{score_x} {end}", MARK, stroke_dasharray="5 4")
        )
    parts.append(rectangle(x, y, side, side, "#fff", MARK, stroke_width=3, fill_opacity=0.3))
    parts.append(rectangle(score_x - 1, score_y - 1, cell + 2, cell + 2, MARK))
    columns = (93, 208, 260, 314, 370, 484)
    for base, name, values in (
        (214, "size", (256, 128, 64, 32, 31, 30)),
        (241, "stride", ("", 2, 2, 2, 1, 1)),
    ):
        parts.append(text(16, base, name, kind="l"))
        parts += [text(at, base, str(value)) for at, value in zip(columns, values) if value]
    parts.append(
        text(WIDTH / 2, 277, "one score sees one patch of 70 × 70 pixels", MARK, bold=True)
    )
    return 294, parts


def draw_image_pool() -> tuple[int, list[str]]:
    """A coin decides whether the discriminator sees a fresh fake or an older one."""
    parts = [
        picture("orange", 62, 78, 80, made=True),
        formula(62, 143, "G(x)", fill=DARK["orange"]),
    ]
    parts += [text(62, 26, "fresh fake"), arrow("106 78h48")]
    parts.append(
        element("circle", cx=190, cy=78, r=30, fill="#f6d874", stroke="#8a6d00", stroke_width=2.5)
    )
    parts += [text(190, 86, "½", size=LARGE), text(190, 26, "coin")]
    parts += [arrow("223 78H428"), text(325, 66, "heads: it is shown")]
    parts += [arrow("190 111V178"), text(204, 142, "tails: it takes the place", kind="l")]
    parts.append(text(204, 162, "of an older fake …", kind="l"))
    parts += [discriminator(472, 78, "D_Y"), text(472, 26, "discriminator")]
    parts.append(rectangle(34, 182, 312, 160, "#fff", FAINT, rx=8, stroke_width=2))
    for i in range(50):
        x, y, taken = 55 + 30 * (i % 10), 202 + 30 * (i // 10), i == 27
        edge = (
            {"stroke": MARK, "stroke_width": 3}
            if taken
            else {"stroke": DARK["orange"], "stroke_dasharray": "4 2"}
        )
        parts += [
            rectangle(x - 12, y - 12, 24, 24, PALE["orange"], rx=2, **edge),
            fruit("orange", x, y, 8),
        ]
    parts += [
        arrow("350 262H472V114"),
        text(364, 286, "… which is shown", kind="l"),
        text(364, 306, "instead", kind="l"),
    ]
    parts.append(text(190, 366, "image pool: 50 fakes of earlier steps"))
    return 382, parts


def draw_pairs() -> tuple[int, list[str]]:
    """What Pix2Pix needs, and what CycleGAN needs."""
    parts = [line("280 16V334")]
    x, y = (element("tspan", letter, class_="m i", font_size=21) for letter in "xy")
    for middle, kind, method, words in (
        (140, "Paired", "Pix2Pix", "each {x} comes with its {y}"),
        (420, "Unpaired", "CycleGAN", "no {x} belongs to a {y}"),
    ):
        parts += [
            text(middle, 28, f"{kind} data", bold=True),
            text(middle, 50, f"for {method}"),
            text(middle, 334, said(words).format(x=x, y=y)),
        ]
    for y, dx, dy, radius in ((100, -8, 4, 19), (185, 7, -3, 22), (270, 3, 8, 16)):
        for x, kind in ((76, "apple"), (204, "orange")):
            parts += [frame(kind, x - 36, y - 36, 72, 72), fruit(kind, x + dx, y + dy, radius)]
        parts.append(line(f"114 {y}H166", INK, 4))
    apples = (
        (-24, 94, 17),
        (20, 106, 21),
        (-20, 150, 20),
        (22, 168, 15),
        (-12, 210, 22),
        (26, 228, 17),
        (-16, 272, 17),
    )
    oranges = (
        (22, 96, 20),
        (-22, 114, 16),
        (14, 150, 17),
        (-20, 174, 21),
        (24, 206, 18),
        (-14, 238, 19),
        (22, 272, 21),
    )
    for middle, kind, heap in ((352, "apple", apples), (488, "orange", oranges)):
        parts.append(frame(kind, middle - 54, 64, 108, 242, radius=10))
        parts += [fruit(kind, middle + dx, y, radius) for dx, y, radius in heap]
    return 350, parts


# name: title, description, drawing
DIAGRAMS = {
    "gans": (
        "Two mirrored GANs",
        "Above: the generator G turns an apple x of X into a fake orange G(x), and the "
        "discriminator D_Y tells it from an "
        "orange y of Y. Below, mirrored: F turns an orange y into a fake apple F(y), and D_X "
        "tells it from an apple x.",
        draw_gans,
    ),
    "cycle": (
        "The two cycles",
        "Forward: x, G(x), F(G(x)), which is compared with x. Backward: y, F(y), G(F(y)), which "
        "is compared with y.",
        draw_cycle,
    ),
    "pairs": (
        "Paired and unpaired data",
        "Left: three pairs, each an apple and an orange of the same size at the same place, "
        "joined by a line. Right: a heap "
        "of apples X and a heap of oranges Y, of many sizes, with no lines between them.",
        draw_pairs,
    ),
    "generator": (
        "The layers of the generator",
        "c7s1-64, d128, d256, nine residual blocks R256, u128, u64 and c7s1-3. The sides of the "
        "picture shrink from 256 to "
        "64 and grow back to 256; the channels go from 64 up to 256 and back down to 3.",
        draw_generator,
    ),
    "discriminator": (
        "The layers of the discriminator",
        "C64, C128, C256, C512 and a last convolution turn a picture of 256×256 into 30×30 "
        "scores. The strides are 2, 2, 2, "
        "1 and 1. One score depends on a marked patch of 70×70 pixels.",
        draw_discriminator,
    ),
    "image_pool": (
        "The image pool",
        "A fresh fake G(x) meets a coin. Heads: the discriminator D_Y sees it. Tails: it takes "
        "the place of one of 50 fakes "
        "in the pool, and the discriminator sees that older one instead.",
        draw_image_pool,
    ),
}


def said(words: str) -> str:
    """Words in the language of the drawing."""
    return table.get(words, words)


def n(value: float) -> str:
    """A length with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, content: str = "", **attributes) -> str:
    """An SVG element; attributes that are None are left out, and _ stands for - in their names."""
    given = (
        (key.rstrip("_").replace("_", "-"), value)
        for key, value in attributes.items()
        if value is not None
    )
    given = "".join(f' {key}="{value}"' for key, value in given)
    return f"<{name}{given}>{content}</{name}>" if content else f"<{name}{given}/>"


def text(
    x: float,
    y: float,
    words: str,
    fill: str = INK,
    size: int = SMALL,
    kind: str | None = None,
    bold=False,
) -> str:
    """Words on the base line y; x is their middle or, if ``kind`` has an l or r, their left or
    right end."""
    weight = "bold" if bold else None
    return element(
        "text",
        said(words),
        x=n(x),
        y=n(y),
        font_size=size,
        fill=fill,
        class_=kind,
        font_weight=weight,
    )


def formula(
    x: float, y: float, symbols: str, size: int = LARGE, fill: str = INK, kind: str = "m"
) -> str:
    """A formula such as ``D_X`` or ``F(G(x))`` in the letters of printed mathematics; _ makes an
    index."""
    words = re.sub(
        r"(?<!_)[A-Za-z]", lambda letter: element("tspan", letter[0], class_="i"), symbols
    )
    words = re.sub(
        "_(.)", lambda index: element("tspan", index[1], class_="i", dy=5, font_size=SMALL), words
    )
    return text(x, y, words, fill, size, kind)


def rectangle(
    x: float, y: float, width: float, height: float, fill: str, stroke: str | None = None, **more
) -> str:
    """A rectangle whose left upper corner is (x, y)."""
    return element(
        "rect", x=n(x), y=n(y), width=n(width), height=n(height), fill=fill, stroke=stroke, **more
    )


def frame(
    kind: str, x: float, y: float, width: float, height: float, radius: int = 6, made: bool = False
) -> str:
    """The frame of a picture or a heap of a fruit; dashed, if a network made it."""
    dashes = "7 5" if made else None
    return rectangle(
        x,
        y,
        width,
        height,
        PALE[kind],
        DARK[kind],
        stroke_width=2.5,
        rx=radius,
        stroke_dasharray=dashes,
    )


def fruit(kind: str, x: float, y: float, radius: float) -> str:
    """An apple or an orange around (x, y)."""
    return element(
        "use", href=f"#{kind}", transform=f"translate({n(x)} {n(y)}) scale({radius / 40:.3f})"
    )


def picture(kind: str, x: float, y: float, size: float, made: bool = False) -> str:
    """A square picture of a fruit around (x, y)."""
    return frame(kind, x - size / 2, y - size / 2, size, size, made=made) + fruit(
        kind, x, y + size / 30, size / 3
    )


def network(shape: str, fill: str, x: float, y: float, name: str) -> str:
    """A white name on a shape with rounded corners."""
    outline = element(
        "path", d=shape, fill=fill, stroke=fill, stroke_width=6, stroke_linejoin="round"
    )
    return outline + formula(x, y, name, NAME, "#fff")


def generator(x: float, y: float, name: str) -> str:
    """An hourglass around (x, y)."""
    return network(f"M{n(x - 32)} {y - 34}l32 12 32-12v68l-32-12-32 12z", GENERATOR, x, y + 9, name)


def discriminator(x: float, y: float, name: str) -> str:
    """A funnel around (x, y), wide above."""
    return network(f"M{n(x - 34)} {y - 32}h68l-14 64h-40z", DISCRIMINATOR, x, y + 5, name)


def line(path: str, stroke: str = FAINT, width: float = 1.5, **more) -> str:
    """A line along an SVG path."""
    return element("path", d=f"M{path}", fill="none", stroke=stroke, stroke_width=width, **more)


def arrow(path: str) -> str:
    """A line along an SVG path, with a head at its end."""
    return line(path, INK, 2.5, marker_end="url(#head)")


def svg(title: str, description: str, height: int, parts: list[str], language: str = "") -> str:
    """A whole file, with those of the shared drawings that it uses."""
    lang = f' lang="{language}"' if language else ""
    body = "\n".join(parts)
    shared = "\n".join(drawing for name, drawing in SHARED.items() if f"#{name}" in body)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size}{lang} role="img" \
aria-labelledby="title desc">
<title id="title">{escape(said(title))}</title>
<desc id="desc">{escape(said(description))}</desc>
<style>{STYLE}</style>
<defs>{shared}</defs>
<rect width="{WIDTH}" height="{height}" rx="10" fill="#fff"/>
{body}
</svg>
"""


def draw_all(words: dict[str, str] | None = None, language: str = "") -> dict[str, str]:
    """The text of every file by its name; ``words`` are translations by the English."""
    table.clear()
    table.update(words or {})
    files = {
        f"{name}.svg": svg(title, about, *draw(), language)
        for name, (title, about, draw) in DIAGRAMS.items()
    }
    table.clear()
    return files


def all_words() -> list[str]:
    """What is written in the diagrams, but for symbols: all that a translation needs."""

    class Heard(dict):
        def get(self, words, default):
            self[words] = words
            return default

    global table
    before, table = table, Heard()
    for title, about, draw in DIAGRAMS.values():
        said(title), said(about), draw()
    heard, table = list(table), before
    return [words for words in heard if re.search("[a-z]{3}", words) and "<" not in words]


def main():
    FIGURES.mkdir(exist_ok=True)
    for name, content in draw_all().items():
        (FIGURES / name).write_text(content, encoding="utf-8", newline="\n")
        print(f"book/figures/{name}")


if __name__ == "__main__":
    main()
