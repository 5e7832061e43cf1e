"""What a page of the book has beyond Jupyter Book: how long a chapter takes, words for those who
share a link, and the texts from which the search shows excerpts without a server."""

import csv
import json
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes

WORDS_A_MINUTE = 200
SHARED_PICTURE = "figures/demo.png"  # the first picture of the introduction
SILENT = (nodes.comment, nodes.raw, nodes.target, nodes.image)


def words(document: nodes.document) -> int:
    """How many words a page has, in its text and in its code; what a cell printed is counted too,
    since it is read."""
    return sum(len(node.astext().split()) for node in document.findall(nodes.TextElement))


def about(seconds: float) -> str:
    """A time as one says it: "30 seconds", "1 minute", "2 minutes"."""
    if seconds < 55:
        return f"{round(seconds)} seconds"
    minutes = round(seconds / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


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
    text = f"Reads in about {about(60 * words(document) / WORDS_A_MINUTE)}"
    row = run_times(Path(app.srcdir)).get(page)
    if row:
        text += f", runs in about {about(float(row['seconds']))} on {row['cores']} cores"
    line = nodes.paragraph("", text + ".", classes=["times"])
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
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"


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
