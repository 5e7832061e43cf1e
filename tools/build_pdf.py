"""Print the HTML book in build/html as one PDF, build/cyclegan-lessons.pdf: a front page, the
contents with page numbers, every chapter. Needs a Chromium or Chrome on this machine."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 600  # seconds until a page that is still loading is given up
NOT_PRINTED = ".headerlink, script, .toggle-button, .copybtn, .prev-next-footer"
NOT_PRINTED += ", .widget > p, .widget + .toggle"  # about programs that run in the page only
HEAD = """<!DOCTYPE html><html lang="{language}" data-theme="light" data-mode="light"><head>
<meta charset="utf-8"><title>CycleGAN Lessons</title>{styles}
<script>window.MathJax = {{options: {{enableMenu: false,
  processHtmlClass: "tex2jax_process|mathjax_process|math|output_area"}}}}</script>
<script defer src="_static/mathjax/tex-chtml.js"></script>
<style>
@page {{ size: A4; margin: 18mm 16mm 20mm; }}
@page {{ @bottom-center {{ content: counter(page); font: 9pt sans-serif; }} }}
@page :first {{ @bottom-center {{ content: none; }} }}
html {{ font-size: 13px; }}
.bd-article > * {{ max-width: none !important; }}
.bd-article {{ padding: 0 !important; }}
.front, .contents, .chapter {{ break-after: page; }}
.front {{ text-align: center; padding-top: 20vh; }}
.front h1 {{ font-size: 3rem; margin: 2rem 0 1rem; }}
.front img {{ width: 85%; margin: 2rem 0; }}
.contents ol {{ columns: 2; column-gap: 2rem; max-width: none; padding: 0; }}
.contents li {{ display: flex; justify-content: space-between; list-style: none; }}
.contents {{ font-size: 0.9em; }}
.contents li {{ line-height: 1.25; break-inside: avoid; }}
.contents li.title {{ font-weight: bold; margin-top: 0.5rem; break-after: avoid; }}
.contents li.section {{ padding-left: 1rem; }}
.contents a {{ text-decoration: none; color: inherit; }}
</style></head><body><main class="bd-article">"""


def find_chromium() -> str | None:
    """The path of a Chromium or Chrome on this machine; None when there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def local(address: str, page: str, pages: list[str]) -> str:
    """A link between pages as one inside the one long page; any other as it is."""
    target, _, fragment = address.partition("#")
    name = unquote(target).removesuffix(".html") or page
    if name not in pages or (target and not target.endswith(".html")):
        return address
    return f"#{name}--{unquote(fragment)}" if fragment else f"#{name}"


def chapter(html: Path, page: str, pages: list[str]):
    """The article of one built page, its ids and links made unique in the complete book."""
    soup = BeautifulSoup((html / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    article = soup.select_one("article.bd-article")
    for element in article.select(NOT_PRINTED):
        element.decompose()
    for folded in article.find_all("details"):
        folded["open"] = ""
    for element in article.find_all(id=True):
        element["id"] = f"{page}--{element['id']}"
    for link in article.find_all("a", href=True):
        link["href"] = local(link["href"], page, pages)
    article.name = "section"
    article["id"], article["class"] = page, "chapter"
    return article


def headings(article) -> list[tuple[str, str, str]]:
    """The title and the sections of a chapter, as (kind, id, text)."""
    found = [("title", article["id"], article.h1.get_text())]
    for title in article.find_all("h2"):
        found.append(("section", title.parent["id"], title.get_text()))
    return found


def contents(title: str, articles: list, numbers: dict[str, int]) -> str:
    """The table of contents; ``numbers`` has the page of each id, or nothing in the first round."""
    lines = [f"<section class='contents'><h1>{title}</h1><ol>"]
    for article in articles:
        for kind, target, text in headings(article):
            line = f"<a href='#{target}'>{text}</a><span>{numbers.get(target, '000')}</span>"
            lines.append(f"<li class='{kind}'>{line}</li>")
    return "\n".join([*lines, "</ol></section>"])


def front(html: Path, first: BeautifulSoup) -> str:
    """The front page: title, authors and licence of the book, as its ``first`` page has them."""
    author, licence = (
        first.select_one(part).get_text().strip() for part in (".component-author", ".extra_footer")
    )
    picture = next(iter(sorted((html / "_images").glob("demo*.png"))), None)
    shown = f"<img src='_images/{picture.name}' alt=''>" if picture else ""
    return (
        "<section class='front'><img src='_static/logo.svg' alt='' style='width: 30%'>"
        f"<h1>{first.title.get_text()}</h1>{shown}<p>{author}</p><p>{licence}</p></section>"
    )


def page_numbers(pdf: Path) -> dict[str, int]:
    """The page on which each target of a link stands, counted from 1."""
    reader = PdfReader(pdf)
    return {
        name.removeprefix("/"): reader.get_destination_page_number(place) + 1
        for name, place in reader.named_destinations.items()
    }


def print_book(html: Path, pdf: Path) -> int:
    """Print the book of a folder into ``pdf`` and return the number of pages: once to learn where
    each section stands, and once more with these numbers in the contents."""
    browser_path = find_chromium()
    if not browser_path:
        sys.exit("The PDF is printed by Chromium or Chrome, and none was found; install one.")
    first = BeautifulSoup((html / "intro.html").read_text(encoding="utf-8"), "html.parser")
    styles = "".join(str(link) for link in first.select("head link[rel=stylesheet]"))
    links = [link["href"] for link in first.select(".bd-sidebar-primary nav a.internal")]
    pages = ["intro"] + [link.removesuffix(".html") for link in links if link != "#"]
    articles = [chapter(html, page, pages) for page in pages]
    body = "\n".join(map(str, articles))
    opening = HEAD.format(styles=styles, language=first.html["lang"]) + front(html, first)
    heading = first.select_one(".onthispage")  # in the book's language, if the page has sections
    title, numbers = heading.get_text().strip() if heading else "Contents", {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        source, draft = html / "complete-book.html", Path(folder) / "book.pdf"
        try:
            for _ in range(2):
                text = opening + contents(title, articles, numbers) + body + "</main></body></html>"
                source.write_text(text, encoding="utf-8")
                page.goto(source.as_uri())
                page.evaluate("() => MathJax.startup.promise.then(() => true)")
                page.pdf(
                    path=draft,
                    prefer_css_page_size=True,
                    print_background=True,
                    outline=True,
                    tagged=True,
                )
                numbers = page_numbers(draft)
        finally:
            source.unlink(missing_ok=True)
        browser.close()
        shutil.move(draft, pdf)
    return len(PdfReader(pdf).pages)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("html", type=Path, nargs="?", default=ROOT / "build" / "html")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "cyclegan-lessons.pdf")
    options = parser.parse_args()
    if not (options.html / "intro.html").is_file():
        sys.exit(f"{options.html} holds no built book; run `make html` first.")
    pages = print_book(options.html.resolve(), options.out.resolve())
    print(f"The book is printed on {pages} pages; open this file:\n{options.out.resolve()}")


if __name__ == "__main__":
    main()
