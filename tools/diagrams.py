"""Draw the book's diagrams into book/figures: SVG files, written as text, with the same bytes on every machine.

They share one language. Apples (X) are red and have a leaf, oranges (Y) are orange and have pores; a dashed frame marks a
picture that a network made. A generator is an hourglass, since it makes a picture small and then large again; a
discriminator is a funnel. Both themes of the book show them on a white ground. Lengths are in units of which a diagram is
560 wide, so that the smallest letters are about 10 pixels high on a phone of 360 pixels.
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

STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;text-anchor:middle}"
    ".m{font-family:'Times New Roman',Times,serif}.i{font-style:italic}.l{text-anchor:start}.r{text-anchor:end}"
)
SHARED = {  # the fruits are drawn around (0, 0), about 40 in radius
    "head": """<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" markerWidth="13" \
markerHeight="13" orient="auto"><path d="M0 0 10 5 0 10 2 5z" fill="#22303f"/></marker>""",
    "apple": """<g id="apple"><path d="M0-22C-14-34-40-28-40-2S-20 42-8 38Q0 34 8 38C20 42 40 24 40-2S14-34 0-22Z" fill="#c8322b"/>
<path d="M-28-6Q-25-17-15-19" fill="none" stroke="#f5a091" stroke-width="6" stroke-linecap="round"/>
<path d="M0-21Q0-34 7-41" fill="none" stroke="#6b4423" stroke-width="5" stroke-linecap="round"/>
<path d="M4-32C8-46 22-48 28-44 24-32 14-28 4-32Z" fill="#4d8a33"/></g>""",
    "orange": """<g id="orange"><circle r="39" fill="#ef8a17"/>
<path d="M-28-6Q-25-20-11-25" fill="none" stroke="#ffce80" stroke-width="6" stroke-linecap="round"/>
<path d="M-12 14h0M4 24h0M18 14h0M2 4h0M21-4h0M7-12h0M-10 28h0M-24 10h0" stroke="#b85c00" stroke-width="5" \
stroke-linecap="round"/><path d="M0-31l3-5 3 5h6l-4 5 2 6-7-3-7 3 2-6-4-5h6z" fill="#4d8a33"/></g>""",
}


def draw_gans() -> tuple[int, list[str]]:
    """Two GANs; the lower row is the upper one's mirror image."""
    parts = []
    for kind, x, name in (("apple", 56, "X"), ("orange", 504, "Y")):
        parts.append(frame(kind, x - 42, 14, 84, 330, radius=10))
        parts += [fruit(kind, x + dx, y, 19) for dx, y in ((-16, 48), (17, 84), (-15, 121), (17, 244), (-17, 277), (12, 313))]
        parts += [formula(x, 182, name, 32, DARK[kind]), text(x, 205, f"{kind}s", DARK[kind])]
    rows = (("G", "orange", "G(x)", "D_Y", "x", "y"), ("F", "apple", "F(y)", "D_X", "y", "x"))
    for y, way, (network, kind, fake, judge, source, real) in zip((76, 252), (1, -1), rows):

        def at(x: float) -> float:
            return 280 + way * x

        parts += [arrow(f"{at(-182)} {y}H{at(-149)}"), formula(at(-167), y - 10, source), generator(at(-110), y, network)]
        parts += [arrow(f"{at(-72)} {y}H{at(-45)}"), picture(kind, at(-6), y, 74, made=True)]
        parts += [formula(at(-6), y + 61, fake, fill=DARK[kind]), arrow(f"{at(33)} {y}H{at(60)}")]
        parts += [discriminator(at(98), y, judge), arrow(f"{at(182)} {y}H{at(137)}"), formula(at(161), y - 10, real)]
        parts += [arrow(f"{at(98)} {y + 35}v17"), text(at(98), y + 71, "real or fake?")]
    return 358, parts


def draw_cycle() -> tuple[int, list[str]]:
    """From x to G(x) and back, from y to F(y) and back."""
    parts = []
    cycles = (("forward", "apple", "orange", "G", "F", "x"), ("backward", "orange", "apple", "F", "G", "y"))
    for top, (name, kind, other, first, second, start) in zip((0, 198), cycles):
        y, there, back = top + 74, f"{first}({start})", f"{second}({first}({start}))"
        parts.append(text(20, top + 22, f"{name} cycle", bold=True, kind="l"))
        parts += [picture(kind, 58, y, 76), picture(other, 280, y, 76, made=True), picture(kind, 502, y, 76, made=True)]
        parts += [generator(169, y, first), generator(391, y, second)]
        parts += [arrow(f"{x} {y}h{27}") for x in (101, 210, 323, 432)]
        parts += [formula(58, y + 62, start, fill=DARK[kind]), formula(280, y + 62, there, fill=DARK[other])]
        parts += [formula(502, y + 62, back, fill=DARK[kind]), line(f"58 {y + 74}v13H502v-13", MARK, 2.5)]
        parts.append(text(308, y + 109, "cycle-consistency loss:", MARK, kind="r"))
        parts.append(formula(318, y + 110, f"|{back} − {start}|", 22, MARK, kind="m l"))
    return 396, parts


def draw_generator() -> tuple[int, list[str]]:
    """The layers as boxes: as high as the picture, the wider the more channels."""
    middle, parts = 142, [picture("apple", 42, 142, 52), arrow(f"71 {142}h14")]
    blocks = [("", 256, 44)] * 8
    layers = [("c7s1-64", 64, 176), ("d128", 128, 88), ("d256", 256, 44), ("", 256, 44), *blocks]
    layers += [("u128", 128, 88), ("u64", 64, 176), ("c7s1-3", 3, 176)]
    x, lefts = 88, []
    for i, (name, channels, height) in enumerate(layers):
        width, is_block = {3: 5, 64: 10, 128: 16, 256: 22}[channels], 3 <= i < 12
        fill = MARK if is_block else GENERATOR
        parts.append(rectangle(x, middle - height / 2, width, height, fill, rx=2))
        if name == "c7s1-64":
            parts.append(text(x + width, middle - height / 2 - 8, name, GENERATOR, kind="r"))
        elif name == "c7s1-3":
            parts.append(text(x - 2, middle - height / 2 - 8, name, GENERATOR, kind="l"))
        elif name:
            parts.append(text(x + width / 2, middle - height / 2 - 8, name, GENERATOR))
        if is_block:  # what a residual block adds its result to
            parts.append(line(f"{x - 2} {middle - 22}q{width / 2 + 2} -16 {width + 4} 0", MARK, 2))
        if not is_block or i == 7:
            parts.append(text(x + width / 2, middle + height / 2 + 19, str(channels)))
        lefts.append(x)
        x += width + (3 if 3 <= i < 11 else 14)
    parts += [arrow(f"{x - 11} {middle}h14"), picture("orange", 518, middle, 52, made=True)]
    parts += [formula(42, middle + 52, "x", fill=DARK["apple"]), formula(518, middle + 52, "G(x)", fill=DARK["orange"])]
    parts.append(text((lefts[3] + lefts[11] + 22) / 2, middle - 46, "9 × R256", MARK))
    for left, right, name, sizes in (
        (lefts[0], lefts[2] + 22, "encoder", "256² → 64²"),
        (lefts[3], lefts[11] + 22, "residual blocks", "64² stays 64²"),
        (lefts[12], lefts[14] + 5, "decoder", "64² → 256²"),
    ):
        parts.append(line(f"{left} 262v7H{right}v-7", FAINT, 2))
        parts += [text((left + right) / 2, 290, name, bold=True), text((left + right) / 2, 313, sizes)]
    return 326, parts


def draw_discriminator() -> tuple[int, list[str]]:
    """From a picture to a map of scores, and the patch behind one of the scores."""
    middle, scale, column, row = 104, 0.6, 17, 6  # column and row of the score that is marked
    left, top = 16, middle - 128 * scale
    parts = [rectangle(left, top, 256 * scale, 256 * scale, PALE["apple"], DARK["apple"], "stroke-width='2.5'")]
    parts.append(fruit("apple", left + 128 * scale, middle + 6, 58))
    x, y, side = left + (8 * column - 23) * scale, top + (8 * row - 23) * scale, 70 * scale  # padding shifts it by 23
    grid_left, grid_top, cell = 424, middle - 60, 4
    to_x, to_y = grid_left + column * cell, grid_top + row * cell
    rays = [f"{x + side:g} {y:g}L{to_x} {to_y}", f"{x + side:g} {y + side:g}L{to_x} {to_y + cell}"]
    for i, (centre, name, channels, size) in enumerate(
        ((208, "C64", 64, 128), (260, "C128", 128, 64), (312, "C256", 256, 32), (370, "C512", 512, 31))
    ):
        width, height = (8, 13, 19, 27)[i], size * scale
        parts.append(rectangle(centre - width / 2, middle - height / 2, width, height, DISCRIMINATOR, rx=2))
        parts.append(text(centre, middle - height / 2 - 8 if i == 0 else middle + height / 2 + 20, name, DISCRIMINATOR))
        parts += [text(centre, 222, str(size)), text(centre, 250, "1" if i == 3 else "2")]
    shades = {"#d7ebe9": [], "#9fcdc9": []}
    for i in range(30):
        for j in range(30):
            level = (i * i * 7 + j * j * 5 + i * j * 3 + (i ^ j) * 11) % 29
            if level < 18:
                shades["#d7ebe9" if level < 11 else "#9fcdc9"].append(f"M{grid_left + j * cell} {grid_top + i * cell}h4v4h-4z")
    parts += [f"<path d='{''.join(cells)}' fill='{shade}'/>" for shade, cells in shades.items()]
    parts.append(rectangle(grid_left, grid_top, 120, 120, "none", DISCRIMINATOR, "stroke-width='2'"))
    parts += [line(ray, MARK, 1.5, "stroke-dasharray='5 4'") for ray in rays]
    parts.append(rectangle(x, y, side, side, "#fff", MARK, "stroke-width='3' fill-opacity='.35'"))
    parts.append(rectangle(to_x - 1, to_y - 1, cell + 2, cell + 2, MARK))
    parts += [text(93, 222, "size 256"), text(484, 222, "30"), text(93, 250, "stride"), text(484, 250, "1")]
    parts.append(text(WIDTH / 2, 286, "one score sees one patch of 70 × 70 pixels", MARK, bold=True))
    return 302, parts


def draw_image_pool() -> tuple[int, list[str]]:
    """A coin decides whether the discriminator sees a fresh fake or an older one."""
    parts = [picture("orange", 62, 74, 80, made=True), formula(62, 139, "G(x)", fill=DARK["orange"]), text(62, 22, "fresh fake")]
    parts += [arrow("106 74h48"), "<circle cx='190' cy='74' r='30' fill='#f6d874' stroke='#8a6d00' stroke-width='2.5'/>"]
    parts += [text(190, 82, "½", size=LARGE), text(190, 22, "coin")]
    parts += [arrow("223 74H428"), text(325, 62, "heads: it is shown")]
    parts += [arrow("190 107V176"), text(202, 140, "tails: it takes the place", kind="l"), text(202, 160, "of an older fake …", kind="l")]
    parts += [discriminator(472, 74, "D_Y"), text(472, 22, "discriminator")]
    parts.append(rectangle(34, 180, 312, 160, "#fff", FAINT, "rx='8' stroke-width='2'"))
    for i in range(50):
        x, y = 54 + 30 * (i % 10), 200 + 30 * (i // 10)
        old = i == 27
        frame = "stroke-width='3'" if old else "stroke-width='1' stroke-dasharray='4 2'"
        parts.append(rectangle(x - 12, y - 12, 24, 24, PALE["orange"], MARK if old else DARK["orange"], frame))
        parts.append(fruit("orange", x, y, 8))
    parts += [arrow("350 260H472V110"), text(364, 284, "… which is shown", kind="l"), text(364, 304, "instead", kind="l")]
    parts.append(text(190, 362, "image pool: 50 fakes of earlier steps"))
    return 378, parts


def draw_pairs() -> tuple[int, list[str]]:
    """What Pix2Pix needs, and what CycleGAN needs."""
    parts = []
    for middle, kind, method in ((140, "Paired", "Pix2Pix"), (420, "Unpaired", "CycleGAN")):
        parts.append(text(middle, 26, f"{kind} data", bold=True))
        parts.append(text(middle, 48, f"for {method}"))
    parts.append(line("280 14V318"))
    for y, dx, dy, radius in ((96, -8, 4, 19), (182, 7, -3, 22), (268, 3, 8, 16)):
        for x, kind in ((76, "apple"), (204, "orange")):
            parts.append(rectangle(x - 36, y - 36, 72, 72, PALE[kind], DARK[kind], "rx='6' stroke-width='2.5'"))
            parts.append(fruit(kind, x + dx, y + dy, radius))
        parts.append(line(f"114 {y}H166", INK, 4))
    heaps = {
        "apple": ((-24, 92, 17), (20, 104, 21), (-20, 148, 20), (22, 166, 15), (-12, 208, 22), (26, 226, 17), (-16, 272, 17)),
        "orange": ((22, 94, 20), (-22, 112, 16), (14, 148, 17), (-20, 172, 21), (24, 204, 18), (-14, 236, 19), (22, 272, 21)),
    }
    for x, kind, name in ((352, "apple", "X"), (488, "orange", "Y")):
        parts.append(rectangle(x - 54, 60, 108, 244, PALE[kind], DARK[kind], "rx='10' stroke-width='2.5'"))
        parts += [fruit(kind, x + dx, y, radius) for dx, y, radius in heaps[kind]]
    return 332, parts


# name: title, description, drawing
DIAGRAMS = {
    "gans": (
        "Two mirrored GANs",
        "Above: the generator G turns an apple x of X into a fake orange G(x), and the discriminator D_Y tells it from an "
        "orange y of Y. Below, mirrored: F turns an orange y into a fake apple F(y), and D_X tells it from an apple x.",
        draw_gans,
    ),
    "cycle": (
        "The two cycles",
        "Forward: x, G(x), F(G(x)), which is compared with x. Backward: y, F(y), G(F(y)), which is compared with y.",
        draw_cycle,
    ),
    "pairs": (
        "Paired and unpaired data",
        "Left: three pairs, each an apple and an orange of the same size at the same place, joined by a line. Right: a heap "
        "of apples X and a heap of oranges Y, of many sizes, with no lines between them.",
        draw_pairs,
    ),
    "generator": (
        "The layers of the generator",
        "c7s1-64, d128, d256, nine residual blocks R256, u128, u64 and c7s1-3. The sides of the picture shrink from 256 to 64 "
        "and grow back to 256; the channels go from 64 up to 256 and back down to 3.",
        draw_generator,
    ),
    "discriminator": (
        "The layers of the discriminator",
        "C64, C128, C256, C512 and a last convolution turn a picture of 256×256 into 30×30 scores. The strides are 2, 2, 2, 1 "
        "and 1. One score depends on a marked patch of 70×70 pixels.",
        draw_discriminator,
    ),
    "image_pool": (
        "The image pool",
        "A fresh fake G(x) meets a coin. Heads: the discriminator D_Y sees it. Tails: it takes the place of one of 50 fakes "
        "in the pool, and the discriminator sees that older one instead.",
        draw_image_pool,
    ),
}


def n(value: float) -> str:
    """A length with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, content: str = "", **attributes) -> str:
    """An SVG element; attributes that are None are left out, and _ stands for - in their names."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{value}"' for key, value in attributes.items() if value is not None)
    return f"<{name}{given}>{content}</{name}>" if content else f"<{name}{given}/>"


def text(x: float, y: float, words: str, fill: str = INK, size: int = SMALL, kind: str | None = None, bold: bool = False) -> str:
    """Words on the base line y; x is their middle or, if ``kind`` has an l or r, their left or right end."""
    weight = "bold" if bold else None
    return element("text", words, x=n(x), y=n(y), font_size=size, fill=fill, class_=kind, font_weight=weight)


def formula(x: float, y: float, symbols: str, size: int = LARGE, fill: str = INK, kind: str = "m") -> str:
    """A formula such as ``D_X`` or ``F(G(x))`` in the letters of printed mathematics; _ makes an index."""
    words = re.sub(r"(?<!_)[A-Za-z]", lambda letter: element("tspan", letter[0], class_="i"), symbols)
    words = re.sub("_(.)", lambda index: element("tspan", index[1], class_="i", dy=5, font_size=SMALL), words)
    return text(x, y, words, fill, size, kind)


def rectangle(x: float, y: float, width: float, height: float, fill: str, stroke: str | None = None, **more) -> str:
    """A rectangle whose left upper corner is (x, y)."""
    return element("rect", x=n(x), y=n(y), width=n(width), height=n(height), fill=fill, stroke=stroke, **more)


def frame(kind: str, x: float, y: float, width: float, height: float, radius: int = 6, made: bool = False) -> str:
    """The frame of a picture or a heap of a fruit; dashed, if a network made it."""
    dashes = "7 5" if made else None
    return rectangle(x, y, width, height, PALE[kind], DARK[kind], stroke_width=2.5, rx=radius, stroke_dasharray=dashes)


def fruit(kind: str, x: float, y: float, radius: float) -> str:
    """An apple or an orange around (x, y)."""
    return element("use", href=f"#{kind}", transform=f"translate({n(x)} {n(y)}) scale({radius / 40:.3f})")


def picture(kind: str, x: float, y: float, size: float, made: bool = False) -> str:
    """A square picture of a fruit around (x, y)."""
    return frame(kind, x - size / 2, y - size / 2, size, size, made=made) + fruit(kind, x, y + size / 30, size / 3)


def network(shape: str, fill: str, x: float, y: float, name: str) -> str:
    """A white name on a shape with rounded corners."""
    outline = element("path", d=shape, fill=fill, stroke=fill, stroke_width=6, stroke_linejoin="round")
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


def svg(title: str, description: str, height: int, parts: list[str]) -> str:
    """A whole file, with those of the shared drawings that it uses."""
    body = "\n".join(parts)
    shared = "\n".join(drawing for name, drawing in SHARED.items() if f"#{name}" in body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-labelledby="title desc">\n<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(description)}</desc>\n'
        f"<style>{STYLE}</style>\n<defs>{shared}</defs>\n"
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#fff"/>\n{body}\n</svg>\n'
    )


def draw_all() -> dict[str, str]:
    """The text of every file by its name."""
    return {f"{name}.svg": svg(title, words, *draw()) for name, (title, words, draw) in DIAGRAMS.items()}


def main():
    FIGURES.mkdir(exist_ok=True)
    for name, content in draw_all().items():
        (FIGURES / name).write_text(content, encoding="utf-8", newline="\n")
        print(f"book/figures/{name}")


if __name__ == "__main__":
    main()
