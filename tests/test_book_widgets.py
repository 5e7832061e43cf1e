"""The directive that puts a program into a page of the book, and the files that it needs there."""

import json
import shutil
from pathlib import Path

import build_html
import pytest

from cyclegan_lessons.export import WEB

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def build(tmp_path):
    """A function that builds a book of two pages, the first with the given text."""
    book = tmp_path / "book"
    shutil.copytree(ROOT / "book" / "_static", book / "_static")
    for name in ("references.bib", "bibliography.md"):
        shutil.copy(ROOT / "book" / name, book / name)
    toc = tmp_path / "toc.yml"
    toc.write_text("format: jb-book\nroot: intro\nchapters:\n  - file: bibliography\n")

    def run(text: str) -> Path:
        (book / "intro.md").write_text(f"# Hello\n\nAfter {{cite:p}}`zhu2017`.\n\n{text}\n")
        return build_html.build(book, ROOT / "_config.yml", toc, tmp_path).parent

    return run


def test_a_place_holds_its_figure_and_its_code(build):
    text = "```{widget} translate\n:code: cyclegan.js\nSeen *without*.\n```\n\n"
    html = build(text + "```{widget} training\nNo history yet.\n```")
    page = (html / "intro.html").read_text(encoding="utf-8")
    assert '<div class="widget" data-widget="translate">' in page
    assert "Seen <em>without</em>." in page
    assert 'class="toggle' in page and "residualBlock" in page
    scripts = [f"_static/widgets/{name}.js" for name in ("words", "widgets", "translate")]
    places = [page.index(f'src="{script}"') for script in scripts]
    assert places == sorted(places)  # in this order
    # without a history there is nothing to show
    assert "No history yet" not in page and "training.js" not in page
    names = {path.name for path in (html / "_static" / "widgets").iterdir()}
    made = {"words.js", "model.js", "scenes.js", "patch.js", "widgets.css"}
    assert names == {path.name for path in WEB.glob("*.js")} | made
    scenes = (html / "_static" / "widgets" / "scenes.js").read_text().removesuffix(";\n")
    assert len(json.loads(scenes.partition(" = ")[2])) == 12


def test_a_widget_that_is_not_there_stops_the_build(build):
    with pytest.raises(SystemExit) as stop:
        build("```{widget} tetris\n```")
    assert "there is no widget 'tetris', but cycle, image_pool, losses" in str(stop.value.code)


def test_a_damaged_history_stops_the_build(build, tmp_path, capsys):
    (tmp_path / "book" / "training.json").write_text('{"curves": [')
    with pytest.raises(SystemExit) as stop:
        build("```{widget} training\nNo history yet.\n```")
    said = str(stop.value.code) + capsys.readouterr().err
    assert "training.json should be JSON, but it is damaged" in said
