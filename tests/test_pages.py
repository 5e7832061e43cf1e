"""The built pages as a reader has them: every page, opened as a file in headless Chromium, wide and
on a phone, light and dark, on paper and by keyboard."""

import io
import re
import subprocess
import sys
from pathlib import Path

import build_html
import nbformat
import numpy as np
import pytest
from build_pdf import find_chromium
from PIL import Image

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium was found; install one, on Debian with `apt-get install chromium`",
)
WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
PAPER = {"width": 717, "height": 1000}  # A4 between margins of 1 cm
THEMES = ("light", "dark")

# Findings of axe that we cannot repair: (rule, pattern of the node) and whose they are.
KNOWN = {
    ("region", r"\.only-(light|dark)"): "sphinx-book-theme: the logo is outside a landmark",
    ("aria-allowed-role", r"#id\d+"): "docutils: the roles of a bibliography are old",
    ("aria-deprecated-role", r"#id\d+"): "docutils: the roles of a bibliography are old",
    ("definition-list", r"#cyclegan_lessons\S+ > dl"): "Sphinx: how it writes a long signature",
    ("aria-required-children", r"\.citation-list"): "docutils: a citation is no list item",
}
MEASURE = (Path(__file__).parent / "pages.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def wait_for_frame(page):
    """A page hears of its size with the next frame, which is late on a busy machine."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def go(page, address: Path | str):
    """Open a page and wait until its formulas are drawn."""
    page.goto(address.as_uri() if isinstance(address, Path) else address)
    page.evaluate("() => window.MathJax?.startup?.promise.then(() => true)")
    page.evaluate(MEASURE)
    page.add_style_tag(content="* { transition: none !important }")  # colours are final at once
    wait_for_frame(page)


def measure(page, what: str, *arguments):
    """Call one of the functions of pages.js in a page."""
    return page.evaluate(f"(given) => measure.{what}(...given)", list(arguments))


def resize(page, size: dict):
    page.set_viewport_size(size)
    wait_for_frame(page)


def set_theme(page, theme: str):
    page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)


def axe(page, where: str, options: dict) -> list[str]:
    """What axe finds on a page and is not known, one line each."""
    return [
        f"{where}: {rule} at {node}: {summary}"
        for rule, node, summary in measure(page, "axe", options)
        if not any(rule == r and re.fullmatch(pattern, node) for r, pattern in KNOWN)
    ]


def survey(page, name: str) -> dict:
    """Everything that is measured on one open page."""
    from axe_playwright_python.base import AXE_SCRIPT

    resize(page, WIDE)
    page.emulate_media(media="screen")
    set_theme(page, "light")
    measure(page, "openSolutions")
    found = {
        "code": measure(page, "tooWide", ".cell_input pre, .bd-article .highlight pre"),
        "wide": measure(page, "scrollsSideways"),
        "stops": measure(page, "stopsInFormulas"),
        "marks": measure(page, "marksAlone"),
        "boxes": measure(page, "emptyBoxes"),
        "pictures": measure(page, "pictures"),
    }
    resize(page, PHONE)
    found["phone"] = measure(page, "scrollsSideways")
    found["equations"] = measure(page, "tooWide", "div.math, div.math mjx-container")
    found["pictures on a phone"] = measure(page, "pictures")
    resize(page, PAPER)
    page.emulate_media(media="print")
    found["cut"] = measure(page, "cutOnPaper")
    page.emulate_media(media="screen")
    set_theme(page, "light")
    page.evaluate(AXE_SCRIPT)
    if name != "05_image_pool":
        measure(page, "simplify")
    resize(page, PHONE)
    no_colours = {"rules": {"color-contrast": {"enabled": False}}}
    found["axe"] = axe(page, f"{name} on a phone", no_colours)
    resize(page, WIDE)
    found["axe"] += axe(page, f"{name}, wide and light", {})
    set_theme(page, "dark")
    found["axe"] += axe(page, f"{name}, dark", {"runOnly": ["color-contrast"]})
    return found


@pytest.fixture(scope="module")
def surveys(browser, html) -> dict[str, dict]:
    """What was measured on every page, by its name; each is opened once."""
    page, found = browser.new_page(), {}
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("requestfailed", lambda request: errors.append(f"not loaded: {request.url}"))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and errors.append(said.text))
    for path in sorted(html.glob("*.html")):
        if path.name == "index.html":  # it sends its reader to the first page
            continue
        requests.clear()
        errors.clear()
        go(page, path)
        found[path.stem] = survey(page, path.stem)
        found[path.stem] |= {"requests": list(requests), "errors": list(errors)}
    page.close()
    assert len(found) >= 12
    return found


def everywhere(surveys: dict, what: str) -> dict:
    """The pages on which something was found."""
    return {name: found[what] for name, found in surveys.items() if found[what]}


def test_no_page_asks_for_anything_outside_its_folder(surveys):
    for name, found in surveys.items():
        assert found["requests"], name
        assert not [url for url in found["requests"] if not url.startswith(("file:", "data:"))]


def test_nothing_is_missing_and_no_script_fails(surveys):
    assert not everywhere(surveys, "errors")


def test_axe_finds_nothing_that_is_ours(surveys):
    assert not everywhere(surveys, "axe")


def test_no_sign_is_written_in_a_font_that_the_book_lacks(surveys):
    assert not everywhere(surveys, "boxes")


def test_no_page_scrolls_sideways(surveys):
    assert not everywhere(surveys, "wide")
    assert not everywhere(surveys, "phone")


def test_code_needs_no_sideways_scrolling_in_a_wide_window(surveys):
    assert not everywhere(surveys, "code")


def test_no_equation_is_cut_on_a_phone(surveys):
    assert not everywhere(surveys, "equations")


def test_no_mark_behind_a_formula_begins_a_line(surveys):
    assert not everywhere(surveys, "marks")


def test_no_formula_is_a_stop_of_the_keyboard(surveys):
    assert not everywhere(surveys, "stops")


def test_paper_cuts_no_line(surveys):
    assert not everywhere(surveys, "cut")


def test_paper_is_light_whatever_the_screen_is(browser, html):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    go(page, html / "04_losses.html")
    is_theme = "(theme) => document.documentElement.dataset.theme === theme"
    page.wait_for_function(is_theme, arg="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function(is_theme, arg="light")
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_function(is_theme, arg="dark")
    context.close()


def test_pictures_of_results_are_numbered_sharp_and_legible_on_a_phone(surveys):
    pictures = [
        (f"{name}: {wide['source'][-20:]} {wide['caption']}", wide, phone)
        for name, found in surveys.items()
        for wide, phone in zip(found["pictures"], found["pictures on a phone"])
    ]
    assert len(pictures) >= 60
    for what, wide, phone in pictures:
        assert re.match(r"Fig\. \d+", wide["number"]), what
        assert len(wide["caption"].split()) >= 4, what
        assert wide["stored"] >= 1.9 * wide["shown"], what
        assert phone["shown"] >= 0.75 * wide["shown"], what


@pytest.mark.parametrize("theme", THEMES)
def test_whoever_goes_by_keyboard_sees_where_she_is(browser, html, theme):
    context = browser.new_context(viewport=WIDE, color_scheme=theme)
    page, stops = context.new_page(), []
    go(page, html / "03_discriminator.html")
    for _ in range(300):
        page.keyboard.press("Tab")
        stop = measure(page, "focus")
        if stop["end"]:
            break
        stops.append(stop)
    context.close()
    assert 60 < len(stops) < 300
    assert not [stop["name"] for stop in stops if stop["inFormula"]]
    assert not [stop["name"] for stop in stops if not stop["seen"]]


@pytest.mark.parametrize("theme", THEMES)
def test_the_focus_of_each_button_in_the_head_changes_its_picture(browser, html, theme):
    context = browser.new_context(viewport=WIDE, color_scheme=theme)
    page, changes = context.new_page(), {}
    go(page, html / "bibliography.html")
    head = page.locator(".bd-header-article")
    before = grey(head)
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = measure(page, "focus")
        if stop["inHead"]:
            changes[stop["name"]] = (abs(grey(head) - before) > 60).sum()
    context.close()
    assert len(changes) >= 4
    assert all(changed > 200 for changed in changes.values()), changes


def grey(element) -> np.ndarray:
    """How an element looks now, in shades from 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("L"), int)


def test_a_solution_opens_by_keyboard(browser, html):
    page = browser.new_page()
    page.goto((html / "03_discriminator.html").as_uri())
    solution = page.locator(".solution").first
    text = solution.locator(".solution-content, section").first
    assert not text.is_visible()
    solution.locator("button, summary").first.focus()
    page.keyboard.press("Enter")
    assert text.is_visible()
    page.close()


def test_the_search_shows_excerpts_and_marks_the_phrase(browser, html):
    page = browser.new_page()
    page.goto((html / "intro.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("image pool")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('ul.search li p.context').length >= 4")
    excerpts = page.locator("ul.search li p.context").all_inner_texts()
    assert any("pool" in text.lower() for text in excerpts)
    page.locator("ul.search li a[href^='05_image_pool']").first.click()
    page.wait_for_url("**/05_image_pool.html*")
    page.wait_for_selector(".bd-article .highlighted")
    marks = page.locator(".highlighted").all_inner_texts()
    assert {mark.lower() for mark in marks} == {"image pool"}
    page.close()


def test_the_notebook_button_saves_the_notebook(browser, html, serve):
    """From a server the notebook as it is, from a file the same cells without outputs."""
    whole = nbformat.read(html / "_sources" / "01_dataset.ipynb", as_version=4)
    for folder in (html.as_uri(), serve(html).url):
        page = browser.new_page()
        page.goto(f"{folder}/01_dataset.html")
        page.locator(".dropdown-download-buttons button").first.click()
        with page.expect_download() as download:
            page.locator(".btn-download-source-button").click()
        assert download.value.suggested_filename == "01_dataset.ipynb"
        saved = nbformat.read(download.value.path(), as_version=4)
        assert [cell.source for cell in saved.cells] == [cell.source for cell in whole.cells]
        page.close()
    assert saved == whole


def test_formulas_can_be_heard(browser, html, serve):
    """MathJax loads this only when its menu asks for it, so the folder must still hold it. It reads
    its tables by XMLHttpRequest, so the page comes from a server here."""
    page, answers = browser.new_page(), {}
    page.on("response", lambda answer: answers.update({answer.url: answer.status}))
    go(page, f"{serve(html).url}/04_losses.html")
    assert page.locator("mjx-container mjx-assistive-mml math").count() > 50
    page.evaluate("() => MathJax.loader.load('a11y/explorer', '[tex]/cancel').then(() => true)")
    assert page.evaluate("'explorer' in MathJax._.a11y")
    page.close()
    assert any(url.endswith("mathmaps/en.json") for url in answers)
    assert not [url for url, status in answers.items() if status >= 400]


def test_the_pdf_has_contents_with_the_right_pages(small_book, tmp_path):
    from pypdf import PdfReader

    chapter = "# A second page\n\n## The formula\n\n$$\n\\frac{1}{2}\n$$\n\n" + 60 * "Words.\n\n"
    (small_book / "second.md").write_text(chapter + "## The end\n\nSee {doc}`intro`.\n")
    toc = small_book.parent / "toc.yml"
    toc.write_text(toc.read_text().replace("  - file: bib", "  - file: second\n  - file: bib"))
    page = build_html.build(small_book, build_html.ROOT / "_config.yml", toc, tmp_path / "out")
    printed = tmp_path / "book.pdf"
    tool = [sys.executable, build_html.ROOT / "tools" / "build_pdf.py"]
    said = subprocess.run([*tool, page.parent, "--out", printed], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert f"on {len(PdfReader(printed).pages)} pages" in said.stdout, said.stderr
    texts = [page.extract_text() for page in PdfReader(printed).pages]
    for title in ("A second page", "The formula", "The end", "Bibliography"):
        number = int(re.search(rf"{title}\s*(\d+)", texts[1])[1])
        assert title in texts[number - 1], title
        assert texts[number - 1].rstrip().endswith(str(number)) or str(number) in texts[number - 1]
    assert not any("frac" in text for text in texts)
    assert not (page.parent / "complete-book.html").exists()
