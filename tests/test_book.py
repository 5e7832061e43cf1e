"""The built book: it needs no network, its links lead somewhere, its pictures have words; and
broken sources stop the build."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import build_html
import notebooks
import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = [
    "01_dataset",
    "02_generator",
    "03_discriminator",
    "04_losses",
    "05_image_pool",
    "06_training",
    "07_inference",
]
CHAPTERS += ["08_evaluation", "09_traps", "10_experiments", "11_after", "12_cluster"]
LOADED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("audio", "src"),
}
LOADED |= {
    ("embed", "src"),
    ("object", "data"),
    ("link", "href"),
    ("image", "href"),
    ("use", "href"),
    ("input", "src"),
}


class Page(HTMLParser):
    """One built page: its elements as (tag, attributes), its ids, its text."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.elements, self.ids, self.text = path, [], set(), ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        self.ids |= {attributes.get("id"), attributes.get("name")}

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.text += data

    def addresses(self, wanted=None) -> list[str]:
        """The addresses in this page's links, or in the given (tag, attribute) pairs."""
        wanted = wanted or {("a", "href")}
        return [
            a[name] for tag, a in self.elements for t, name in wanted if t == tag and a.get(name)
        ]


@pytest.fixture(scope="module")
def pages(html) -> dict:
    """Every built page by its name."""
    return {path.name: Page(path) for path in sorted(html.glob("*.html"))}


def test_every_notebook_is_a_chapter():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [chapter["file"] for chapter in toc["chapters"]]
    assert listed[: len(CHAPTERS)] == CHAPTERS
    assert {path.stem for path in notebooks.notebooks_in(ROOT / "book")} <= set(listed)


def is_remote(address: str) -> bool:
    return bool(re.match(r"(https?:)?//", address.strip()))


def test_no_page_loads_anything_from_a_network(pages):
    for page in pages.values():
        assert not [address for address in page.addresses(LOADED) if is_remote(address)], (
            page.path.name
        )
    assert pages["intro.html"].addresses(LOADED)


def test_no_style_sheet_loads_anything_from_a_network(html):
    sheets = list(html.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text(encoding="utf-8", errors="replace")
        assert not re.findall(
            r"url\(\s*['\"]?(?:https?:)?//|@import\s+['\"](?:https?:)?//", text
        ), sheet.name


def test_equations_are_drawn_by_a_mathjax_beside_the_pages(html, pages):
    with_equations = [
        page
        for page in pages.values()
        if any("math" in (a.get("class") or "").split() for _, a in page.elements)
    ]
    assert with_equations
    for page in with_equations:
        scripts = [
            address
            for address in page.addresses({("script", "src")})
            if "mathjax" in address.lower()
        ]
        assert scripts and all((html / address.split("?")[0]).is_file() for address in scripts)


def test_no_page_shows_what_should_be_markup(html):
    """A directive that was not understood is shown as a text."""
    for path in html.rglob("*.html"):
        article = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").article
        if article is None:
            continue
        for element in article.select("pre, code, script, style, .math"):
            element.decompose()
        raw = re.findall(r".{0,30}(?:```|:::|\{[a-z-]+\}).{0,30}", article.get_text())
        assert not raw, path.name


def test_every_picture_has_words(pages):
    for page in pages.values():
        for tag, attributes in page.elements:
            if tag == "img":
                alt = (attributes.get("alt") or "").strip()
                assert (
                    alt and alt != attributes["src"] and not re.search(r"\.(png|svg|jpe?g)$", alt)
                ), (page.path.name, attributes)


def test_every_link_inside_the_book_leads_somewhere(html, pages):
    for page in pages.values():
        for address in page.addresses() + page.addresses(LOADED):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            assert target.is_file(), f"{page.path.name} links to {address}"
            if parts.fragment and target.name in pages:
                assert unquote(parts.fragment) in pages[target.name].ids, (
                    f"{page.path.name} links to {address}"
                )


def test_every_chapter_offers_its_notebook_and_its_code_can_be_copied(html, pages):
    for notebook in notebooks.notebooks_in(ROOT / "book"):
        page = pages[f"{notebook.stem}.html"]
        assert f"_sources/{notebook.name}" in page.addresses()
        assert (html / "_sources" / notebook.name).read_bytes() == notebook.read_bytes()
        assert any("copybutton.js" in address for address in page.addresses({("script", "src")}))
        # a script of the theme writes it
        assert "theme-switch-button" in page.text, "no switch for the dark theme"


def test_the_appendix_has_the_map_and_every_public_name(html):
    import cyclegan_lessons

    text = (html / "package.html").read_text(encoding="utf-8")
    documented = set(re.findall(r'id="cyclegan_lessons\.\w+\.(\w+)"', text))
    assert documented == set(cyclegan_lessons.__all__)
    words = unescape(re.sub(r"<[^>]+>", "", text))
    for line in re.findall(r"^- (.*)$", cyclegan_lessons.__doc__, flags=re.MULTILINE):
        assert line.replace("`", "").replace("'", "’") in words
    assert "in_channels: int = 3" in words  # of the networks
    assert "problematic" not in text and "*args" not in words


def test_solutions_are_folded(pages):
    for page in pages.values():
        classes = [(a.get("class") or "").split() for _, a in page.elements]
        assert all("dropdown" in names for names in classes if "solution" in names), page.path.name


FAULTS = {
    "a link": ("[a chapter](08_nowhere.md)", "08_nowhere"),
    "a reference": ("{ref}`no-such-section`", "no-such-section"),
    "an equation": ("{eq}`no-such-equation`", "no-such-equation"),
    "a figure": ("{numref}`no-such-figure`", "no-such-figure"),
    "a citation": ("{cite:p}`nobody1999`", "nobody1999"),
    "a picture": ("![alt text](_static/no-such-picture.png)", "no-such-picture"),
    "an exercise": ("```{solution} no-such-exercise\n```", "no-such-exercise"),
}


def build(book: Path) -> Path:
    return build_html.build(book, ROOT / "_config.yml", book.parent / "toc.yml", book.parent)


def test_sound_sources_build(small_book):
    page = build(small_book)
    assert page.is_file()
    # no leftovers
    assert {path.name for path in small_book.parent.iterdir()} == {"book", "html", "toc.yml"}


def test_each_broken_source_stops_the_build(small_book):
    text = "# Hello\n\n" + "\n\n".join(source for source, _ in FAULTS.values())
    (small_book / "intro.md").write_text(text)
    with pytest.raises(SystemExit) as stop:
        build(small_book)
    warnings = [
        line for line in str(stop.value.code).splitlines() if "WARNING" in line or "ERROR" in line
    ]
    for what, (_, name) in FAULTS.items():
        assert any(name in line for line in warnings), f"{what} that is broken was not seen"
    assert not (small_book.parent / "html").exists()


def test_a_cell_that_raised_stops_the_build(small_book):
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    error = new_output("error", ename="ValueError", evalue="too small", traceback=[])
    nbformat.write(
        new_notebook(cells=[new_code_cell("f()", id="call", outputs=[error])]),
        small_book / "01_bad.ipynb",
    )
    with pytest.raises(SystemExit, match="01_bad.ipynb: cell call raised ValueError: too small"):
        build(small_book)
    assert not (small_book.parent / "html").exists()


MENTION = re.compile(r"\bchapters?\s+\d+", re.IGNORECASE)


def article(page: Page):
    """The text of a page without its title and its code."""
    soup = BeautifulSoup(page.path.read_text(encoding="utf-8"), "html.parser")
    found = soup.select_one("article.bd-article")
    for element in found.select("h1, pre, code, .prev-next-footer") if found else []:
        element.decompose()
    return found


def test_every_mention_of_a_chapter_is_a_link_to_it(pages):
    links = 0
    for name, page in pages.items():
        text = article(page)
        if text is None:
            continue
        for link in text.select("a[href]"):
            number = re.fullmatch(r"(?:chapter )?(\d{1,2})", link.get_text(), re.IGNORECASE)
            target = re.match(r"(\d\d)_\w+\.html", link["href"])
            if number and target:
                assert int(number[1]) == int(target[1]), f"{name}: {link}"
                links += 1
            link.decompose()
        assert not MENTION.findall(text.get_text()), f"{name}: a mention that is no link"
    assert links >= 40


def test_each_chapter_says_how_long_it_reads_and_runs(pages):
    for chapter in CHAPTERS:
        said = re.search(
            r"Reads in about \d+ minutes, runs in about \d+ (?:second|minute)s? on \d+ cores\.",
            pages[f"{chapter}.html"].text,
        )
        assert said, chapter
    assert "Reads in about" not in pages["intro.html"].text


def metadata(page: Page) -> dict:
    return {
        attributes.get("name") or attributes.get("property"): attributes.get("content")
        for tag, attributes in page.elements
        if tag == "meta"
    }


def test_pages_describe_themselves_to_those_who_share_them(html, pages):
    described = [metadata(pages[f"{name}.html"]) for name in ["intro", *CHAPTERS]]
    assert len({found["description"] for found in described}) == len(described)
    for found in described:
        assert 50 < len(found["description"]) <= 162
        assert found["og:title"] and found["og:description"] == found["description"]
        assert (html / found["og:image"]).is_file()
    title = re.search("<title>(.*?)</title>", (html / "intro.html").read_text())
    assert title[1] == "CycleGAN Lessons"


def test_boxes_and_exercises_have_titles(pages):
    exercises = 0
    for name, page in pages.items():
        for title in article(page).select(".admonition-title") if article(page) else []:
            assert title.get_text().strip() not in ("Note", "Warning", "Tip"), name
            if re.match(r"(Solution to )?Exercise", title.get_text()):
                assert re.search(r"\(.+\)\s*$", title.get_text()), f"{name}: {title.get_text()}"
                exercises += 1
    assert exercises >= 58  # of each two, one is the solution


def test_names_in_the_side_bar_are_those_of_the_introduction(pages):
    soup = BeautifulSoup(pages["intro.html"].path.read_text(encoding="utf-8"), "html.parser")
    for chapter in CHAPTERS:
        side, text = (
            soup.select_one(f'{place} a[href="{chapter}.html"]').get_text().strip()
            for place in (".bd-sidebar-primary", "article table")
        )
        assert side == text


def test_the_folder_holds_what_pages_load_and_no_more(html):
    assert [path.name for path in html.glob("_static/mathjax/*.js")] == ["tex-chtml.js"]
    assert not list(html.rglob("*.map")) and not (html / "genindex.html").exists()
    files = [path for path in (html / "_static").rglob("*") if path.is_file()]
    asked_for = {"model.js", "scenes.js"}  # loaded after a click only
    assert asked_for <= {path.name for path in files}
    assert sum(path.stat().st_size for path in files if path.name not in asked_for) < 10e6


def test_the_first_lines_of_the_book_run():
    text = (ROOT / "book" / "intro.md").read_text(encoding="utf-8")
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], names)
    assert names["oranges"].shape == (4, 128, 128, 3)
    assert abs(names["oranges"].astype(int) - names["apples"]).mean() > 5
