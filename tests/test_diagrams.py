"""The book's diagrams: the committed files are those that the tool draws, they stand alone, and
they say what is true."""

import re
import xml.etree.ElementTree as ElementTree

import diagrams
import pytest
from mindspore import nn

from cyclegan_lessons.discriminator import PatchDiscriminator, receptive_field
from cyclegan_lessons.generator import ResidualBlock, ResNetGenerator

SVG = "{http://www.w3.org/2000/svg}"
PHONE = 330  # pixels that a page leaves for a figure on a phone of 360
DRAWN = diagrams.draw_all()
each_diagram = pytest.mark.parametrize("name", DRAWN)


def committed(name: str) -> ElementTree.Element:
    return ElementTree.parse(diagrams.FIGURES / name).getroot()


def words(root: ElementTree.Element) -> list[str]:
    """The text of every label, in the order in which they are drawn."""
    return ["".join(label.itertext()) for label in root.iter(f"{SVG}text")]


def test_the_committed_files_are_what_the_tool_draws(tmp_path, monkeypatch):
    committed_files = {path.name: path.read_bytes() for path in diagrams.FIGURES.glob("*.svg")}
    monkeypatch.setattr(diagrams, "FIGURES", tmp_path / "figures")
    diagrams.main()
    written = {path.name: path.read_bytes() for path in (tmp_path / "figures").iterdir()}
    assert sorted(written) == sorted(committed_files), "run python tools/diagrams.py"
    for name in written:
        assert written[name] == committed_files[name], (
            f"{name} differs: run python tools/diagrams.py"
        )


@each_diagram
def test_a_diagram_says_what_it_shows(name):
    root = committed(name)
    assert root.tag == f"{SVG}svg" and root.get("role") == "img"
    named = [root.find(f"{SVG}{part}") for part in ("title", "desc")]
    assert all(part.text.strip() for part in named)
    assert root.get("aria-labelledby").split() == [part.get("id") for part in named]


@each_diagram
def test_a_diagram_needs_nothing_else(name):
    text = (diagrams.FIGURES / name).read_text(encoding="utf-8")
    root = committed(name)
    assert len(text.encode()) < 30_000
    assert not {element.tag.removeprefix(SVG) for element in root.iter()} & {
        "image",
        "script",
        "foreignObject",
    }
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "") and "@import" not in text
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    used = [
        value for element in root.iter() for key, value in element.items() if key.endswith("href")
    ]
    used += re.findall(r"url\((.*?)\)", text)
    assert {reference.removeprefix("#") for reference in used} <= set(ids)
    assert all(reference.startswith("#") for reference in used)


@each_diagram
def test_labels_are_readable_on_a_phone_and_stay_inside(name):
    root = committed(name)
    left, top, width, height = map(float, root.get("viewBox").split())
    sizes = [float(element.get("font-size")) for element in root.iter() if element.get("font-size")]
    assert min(sizes) * PHONE / width >= 10
    for label in root.iter(f"{SVG}text"):
        # in a wide font
        length = 0.6 * float(label.get("font-size")) * len("".join(label.itertext()))
        side = (label.get("class") or "").split()
        start = float(label.get("x")) - length * (0 if "l" in side else 1 if "r" in side else 0.5)
        assert left <= start and start + length <= left + width, "".join(label.itertext())
        assert top < float(label.get("y")) < top + height


def test_the_generator_in_the_diagram_is_the_one_in_the_package():
    network = ResNetGenerator()
    shown = words(committed("generator.svg"))
    names = [word for word in shown if re.fullmatch(r"(c7s1-|[du])\d+", word)]
    convolutions = [
        cell
        for part in (network.encoder, network.decoder)
        for cell in part.cells()
        if hasattr(cell, "out_channels")
    ]
    assert [int(re.search(r"\d+$", name)[0]) for name in names] == [
        cell.out_channels for cell in convolutions
    ]
    assert f"{sum(isinstance(block, ResidualBlock) for block in network.blocks)} × R256" in shown


def test_the_discriminator_in_the_diagram_is_the_one_in_the_package():
    network = PatchDiscriminator()
    shown = words(committed("discriminator.svg"))
    layers = [cell for cell in network.layers.cells() if isinstance(cell, nn.Conv2d)]
    sizes = [256]
    for layer in layers:
        sizes.append((sizes[-1] + 2 - 4) // layer.stride[0] + 1)
    start = shown.index("size") + 1
    assert shown[start : start + 6] == [str(size) for size in sizes]
    start = shown.index("stride") + 1
    assert shown[start : start + 5] == [str(layer.stride[0]) for layer in layers]
    assert [word for word in shown if re.fullmatch(r"C\d+", word)] == [
        f"C{layer.out_channels}" for layer in layers[:-1]
    ]
    field = receptive_field(network)
    assert any(f"{field} × {field} pixels" in word for word in shown)


def test_an_edition_has_the_same_drawings_with_other_words():
    """Every word is said in the table's language, and nothing else of the drawing changes."""
    table = {english: f"字{i}" for i, english in enumerate(diagrams.all_words())}
    table["each {x} comes with its {y}"] = "每个 {x} 对应 {y}"
    table["no {x} belongs to a {y}"] = "{x} 与 {y} 无关"
    drawn = diagrams.draw_all(table, "zh-CN")
    for name, text in drawn.items():
        root, before = ElementTree.fromstring(text), committed(name)
        assert root.get("lang") == "zh-CN" and before.get("lang") is None
        assert len(list(root.iter())) == len(list(before.iter()))
        shown = words(root) + [root.find(f"{SVG}{part}").text for part in ("title", "desc")]
        assert not [said for said in shown if re.search("[a-z]{3}", said.replace("Pix2Pix", ""))]
    assert "字" in drawn["gans.svg"] and diagrams.draw_all() == DRAWN
