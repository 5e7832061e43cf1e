"""The built pages as a reader has them: every page, opened as a file in headless Chromium, wide and
on a phone, light and dark, on paper and by keyboard."""

import re
import shutil
from pathlib import Path

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
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
    ("aria-required-children", r"\.citation-list"): "docutils: a citation is no list item",
}
AXE = """async (options) => {
  const {violations} = await axe.run(document, {resultTypes: ["violations"], preload: false, ...options});
  return violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) => [id, target.join(" "), failureSummary]));
}"""
# Formulas and the colours of code are thousands of alike elements: axe sees these of one chapter only.
SIMPLIFY = """() => {
  document.querySelectorAll(".bd-article .highlight pre").forEach((pre) => (pre.textContent = pre.textContent));
  document.querySelectorAll("mjx-container").forEach((formula) => formula.replaceWith("x"));
}"""
OPEN_SOLUTIONS = """() => document.querySelectorAll(
  ".toggle-hidden > .toggle-button, details:not([open]) > summary").forEach((bar) => bar.click())"""
# What is wider than its box, as [kind, its beginning]; text that wraps never is.
TOO_WIDE = """(selector) => [...document.querySelectorAll(selector)]
  .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.textContent.trim().slice(0, 80))"""
CUT_ON_PAPER = """() => {
  const wide = (element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
  const off = (element) => element.getBoundingClientRect().right > innerWidth + 1;
  const boxes = [...document.querySelectorAll(".bd-article :is(pre, table, img, div.math)")];
  return boxes.filter((box) => wide(box) || off(box)).map((box) => (box.textContent || box.src).trim().slice(0, 80));
}"""
PICTURES = """() => [...document.querySelectorAll(".cell_output img")].map((img) => ({
  source: img.getAttribute("src"), shown: img.clientWidth, stored: img.naturalWidth,
  wide: parseFloat(img.style.width) || img.naturalWidth,
  number: img.closest("figure")?.querySelector(".caption-number")?.textContent || "",
  caption: img.closest("figure")?.querySelector(".caption-text")?.textContent || ""}))"""
FOCUS = """() => {
  const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return {stop: element.tagName + "." + element.className + " " + element.textContent.trim().slice(0, 40),
    end: element === document.body, inFormula: !!element.closest("mjx-container"),
    seen: (outlined || style.boxShadow !== "none") && box.width > 0 && box.height > 0};
}"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def go(page, address: Path, theme: str = "light"):
    """Open a page, wait until its formulas are drawn, and open its solutions."""
    page.set_viewport_size(WIDE)
    page.emulate_media(media="screen")
    page.goto(address.as_uri())
    page.evaluate("() => window.MathJax?.startup?.promise.then(() => true)")
    set_theme(page, theme)
    page.evaluate(OPEN_SOLUTIONS)


def set_theme(page, theme: str):
    page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)


def axe(page, where: str, **options) -> list[str]:
    """What axe finds on a page and is not known, one line each."""
    return [
        f"{where}: {rule} at {node}: {summary}"
        for rule, node, summary in page.evaluate(AXE, options)
        if not any(rule == r and re.fullmatch(pattern, node) for r, pattern in KNOWN)
    ]


def survey(page, name: str) -> dict:
    """Everything that is measured on one open page."""
    from axe_playwright_python.base import AXE_SCRIPT

    found = {
        "code": page.evaluate(TOO_WIDE, ".cell_input pre, .bd-article div[class*=highlight-] pre"),
        "wide": page.evaluate("document.documentElement.scrollWidth") > WIDE["width"],
        "stops": page.evaluate("document.querySelectorAll('mjx-container[tabindex=\"0\"]').length"),
        "pictures": page.evaluate(PICTURES),
    }
    page.set_viewport_size(PHONE)
    found["phone"] = page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]
    found["equations"] = page.evaluate(TOO_WIDE, "div.math, div.math mjx-container")
    found["phone pictures"] = page.evaluate(PICTURES)
    page.evaluate(AXE_SCRIPT)
    if name != "09_evaluation":
        page.evaluate(SIMPLIFY)
    no_colours = {"color-contrast": {"enabled": False}}
    found["axe"] = axe(page, f"{name} on a phone", rules=no_colours)
    page.set_viewport_size(WIDE)
    found["axe"] += axe(page, f"{name}, wide and light")
    set_theme(page, "dark")
    found["axe"] += axe(page, f"{name}, dark", runOnly=["color-contrast"])
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    found["theme on paper"] = page.evaluate("document.documentElement.dataset.theme")
    found["cut"] = page.evaluate(CUT_ON_PAPER)
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


def test_no_page_scrolls_sideways(surveys):
    assert not everywhere(surveys, "wide")
    assert not everywhere(surveys, "phone")


def test_code_needs_no_sideways_scrolling_in_a_wide_window(surveys):
    assert not everywhere(surveys, "code")


def test_no_equation_is_cut_on_a_phone(surveys):
    assert not everywhere(surveys, "equations")


def test_no_formula_is_a_stop_of_the_keyboard(surveys):
    assert not everywhere(surveys, "stops")


def test_paper_cuts_no_line_and_is_light(surveys):
    assert not everywhere(surveys, "cut")
    assert {found["theme on paper"] for found in surveys.values()} == {"light"}


def test_pictures_of_results_are_numbered_sharp_and_legible_on_a_phone(surveys):
    pictures = [
        (f"{name}: {wide['source'][-20:]} {wide['caption']}", wide, phone)
        for name, found in surveys.items()
        for wide, phone in zip(found["pictures"], found["phone pictures"])
    ]
    assert len(pictures) >= 60
    for what, wide, phone in pictures:
        assert re.match(r"Fig\. \d+", wide["number"]), what
        assert len(wide["caption"].split()) >= 4, what
        assert wide["stored"] >= 1.9 * wide["shown"], what
        assert phone["shown"] >= min(wide["wide"], 0.75 * wide["shown"]), what


@pytest.mark.parametrize("theme", THEMES)
def test_whoever_goes_by_keyboard_sees_where_she_is(browser, html, theme):
    context = browser.new_context(viewport=WIDE, color_scheme=theme)
    page, stops = context.new_page(), []
    page.goto((html / "03_discriminator.html").as_uri())
    page.evaluate("() => MathJax.startup.promise.then(() => true)")
    for _ in range(300):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop["end"]:
            break
        stops.append(stop)
    context.close()
    assert 60 < len(stops) < 300
    assert not [stop["stop"] for stop in stops if stop["inFormula"]]
    assert not [stop["stop"] for stop in stops if not stop["seen"]]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("button", ["download-buttons", "primary-toggle", "fullscreen-button"])
def test_the_focus_of_a_button_in_the_head_changes_its_picture(browser, html, theme, button):
    import io

    import numpy as np
    from PIL import Image

    context = browser.new_context(viewport=WIDE, color_scheme=theme)
    page = context.new_page()
    page.goto((html / "bibliography.html").as_uri())
    head = page.locator(".bd-header-article")
    before, after = head.screenshot(), None
    for _ in range(60):
        page.keyboard.press("Tab")
        on = page.evaluate(
            "(name) => !!document.activeElement.closest(`.bd-header-article [class*=${name}]`)",
            button,
        )
        if on:
            after = head.screenshot()
            break
    context.close()
    assert after, "the button was not reached"
    pictures = [
        np.asarray(Image.open(io.BytesIO(shot)).convert("L"), int) for shot in (before, after)
    ]
    assert (abs(pictures[0] - pictures[1]) > 60).sum() > 200


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
    page.wait_for_url("**/search.html?q=image+pool*")
    page.wait_for_function("document.querySelectorAll('ul.search li p.context').length >= 4")
    excerpts = page.locator("ul.search li p.context").all_inner_texts()
    assert any("pool" in text.lower() for text in excerpts)
    page.locator("ul.search li a").first.click()
    page.wait_for_url("**/05_image_pool.html*")
    page.wait_for_selector(".bd-article .highlighted")
    marks = page.locator(".highlighted").all_inner_texts()
    assert {mark.lower() for mark in marks} == {"image pool"}
    page.close()


def test_the_notebook_button_downloads_the_notebook(browser, html):
    page = browser.new_page()
    page.goto((html / "01_dataset.html").as_uri())
    page.locator(".dropdown-download-buttons button").first.click()
    with page.expect_download() as download:
        page.locator(".btn-download-source-button").click()
    saved = Path(download.value.path())
    assert download.value.suggested_filename == "01_dataset.ipynb"
    assert saved.read_bytes() == (html / "_sources" / "01_dataset.ipynb").read_bytes()
    page.close()


def test_formulas_can_be_explored_by_ear(browser, html):
    """MathJax loads this only when it is asked for, so the folder must still hold it."""
    page, missing = browser.new_page(), []
    page.on("requestfailed", lambda request: missing.append(request.url))
    page.goto((html / "04_losses.html").as_uri())
    page.evaluate("() => MathJax.startup.promise.then(() => true)")
    assert page.locator("mjx-container > mjx-assistive-mml math").count() > 50
    page.evaluate("""() => MathJax.loader.load("a11y/explorer", "ui/safe", "[tex]/cancel")""")
    assert page.evaluate("MathJax.loader.versions.has('a11y/explorer')") or not missing
    assert not [url for url in missing if not url.endswith(".json")]
    page.close()
