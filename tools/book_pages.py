"""What a page of the book has beyond Jupyter Book: how long a chapter takes, words for those who
share a link, and the texts from which the search shows excerpts without a server."""

import csv
import json
import re
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes

from cyclegan_lessons.language import in_language

WORDS_A_MINUTE, LETTERS_A_MINUTE = 200, 350  # of English words, and of Chinese letters
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
TIMES = "Reads in about {reads}, runs in about {runs} on {cores} cores."
SHARED_PICTURE = "figures/demo.png"  # the first picture of the introduction
SILENT = (nodes.comment, nodes.raw, nodes.target, nodes.image)


def reading_minutes(document: nodes.document) -> float:
    """How long a page reads, its text and its code; what a cell printed is counted too, since it is
    read."""
    texts = [node.astext() for node in document.findall(nodes.TextElement)]
    letters = sum(len(HAN.findall(text)) for text in texts)
    words = sum(len(HAN.sub(" ", text).split()) for text in texts)
    return words / WORDS_A_MINUTE + letters / LETTERS_A_MINUTE


def about(seconds: float, language: str = "en") -> str:
    """A time as one says it: "30 seconds", "1 minute", "2 minutes"."""
    if seconds < 55:
        return in_language("{n} seconds", language).format(n=round(seconds))
    minutes = round(seconds / 60)
    if minutes == 1:
        return in_language("1 minute", language)
    return in_language("{n} minutes", language).format(n=minutes)


def run_times(folder: Path) -> dict[str, dict]:
    """The rows of the table that `tools/notebooks.py` wrote, by the names of the chapters."""
    table = folder / "run_times.csv"
    if not table.is_file():
        return {}
    with table.open(newline="") as file:
        return {row["chapter"]: row for row in csv.DictReader(file)}


def say_times(app, document: nodes.document):
    """Put a line below a chapter's title: how long it reads, and how long it runs."""
    page = app.env.docname
    title = next(document.findall(nodes.title), None)
    if title is None or Path(document["source"]).suffix != ".ipynb":
        return
    language = app.config.language
    reads = about(60 * reading_minutes(document), language)
    row = run_times(Path(app.srcdir)).get(page)
    if row:
        runs, cores = about(float(row["seconds"]), language), row["cores"]
        text = in_language(TIMES, language).format(reads=reads, runs=runs, cores=cores)
    else:
        text = in_language("Reads in about {reads}.", language).format(reads=reads)
    line = nodes.paragraph("", text, classes=["times"])
    title.parent.insert(title.parent.index(title) + 1, line)


def plain(node: nodes.Node) -> str:
    """A page as HTML with nothing but its sections and their words."""
    if isinstance(node, SILENT):
        return ""
    if isinstance(node, nodes.Text):
        return escape(node.astext())
    inside = "".join(map(plain, node.children))
    if isinstance(node, nodes.section):
        return f'<section id="{node["ids"][0]}">{inside}</section>'
    return inside if isinstance(node, nodes.Inline) else inside + " "


def description(document: nodes.document, length: int = 160) -> str:
    """The first sentences of a page, cut at the end of a word."""
    found = [node for node in document.findall(nodes.paragraph) if "times" not in node["classes"]]
    text = " ".join(" ".join(node.astext() for node in found[:6]).split())
    if len(text) <= length:
        return text
    cut = text[:length]
    return f"{cut}…" if HAN.match(cut[-1]) else cut.rsplit(" ", 1)[0] + " …"


def describe(app, page: str, template: str, context: dict, document: nodes.document | None):
    """Give a page its description, its picture for shared links, and its text to the search."""
    if page == app.config.root_doc:
        context["docstitle"] = ""  # its title is the book's: once is enough
    if document is None:
        if page == "search":
            app.add_js_file("search_texts.js")
        return
    properties = {"og:type": "article", "og:site_name": app.config.html_title}
    properties |= {"og:title": nodes.unescape(document.next_node(nodes.title).astext())}
    properties |= {"og:description": description(document)}
    if (Path(app.srcdir) / SHARED_PICTURE).is_file():
        name = Path(SHARED_PICTURE).name
        properties["og:image"] = f"{app.config.html_baseurl}_images/{name}"
    tags = [f'<meta name="description" content="{escape(description(document))}" />']
    tags += [f'<meta property="{k}" content="{escape(v)}" />' for k, v in properties.items()]
    context["metatags"] = context.get("metatags", "") + "\n    " + "\n    ".join(tags)
    app.env.search_texts[page] = f'<div role="main">{plain(document)}</div>'


def begin(app):
    app.env.search_texts = {}


def write_scripts(app, exception: Exception | None):
    """Write as scripts what a page that was opened as a file may not fetch: the search's texts, and
    the notebooks, without their outputs, for the download button."""
    if exception is not None or app.builder.name != "html":
        return
    html = Path(app.outdir)
    script = f"window.searchTexts = {json.dumps(app.env.search_texts, ensure_ascii=False)};\n"
    (html / "_static" / "search_texts.js").write_text(script, encoding="utf-8")
    for path in html.glob("_sources/*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        script = f"window.notebook = {json.dumps(nbformat.writes(notebook), ensure_ascii=False)};\n"
        path.with_name(f"{path.name}.js").write_text(script, encoding="utf-8")


def setup(app):
    app.connect("builder-inited", begin)
    app.connect("doctree-read", say_times)
    app.connect("html-page-context", describe)
    app.connect("build-finished", write_scripts)
    return {"parallel_read_safe": False, "parallel_write_safe": False}
