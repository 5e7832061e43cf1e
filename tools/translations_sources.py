"""Everything that is translated, in the English edition: one list of texts for each PO file."""

import json
import re
from pathlib import Path

import diagrams
import yaml
from translations_files import ROOT, Text
from translations_package import package_texts, word_texts

PAGES = ("intro", "learners", "teaching", "bibliography", "package")  # of book.po, in this order
CHAPTER = re.compile(r"\d\d_\w+")  # the name of a notebook, and of its PO file
SETTINGS = {  # what readers see of _config.yml, by its place there
    "title": ("title",),
    "author": ("author",),
    "search": ("sphinx", "config", "html_theme_options", "search_bar_text"),
    "footer": ("sphinx", "config", "html_theme_options", "extra_footer"),
    "show": ("sphinx", "config", "nb_code_prompt_show"),
    "hide": ("sphinx", "config", "nb_code_prompt_hide"),
    "logo": ("sphinx", "config", "html_theme_options", "logo", "alt_text"),
}
METADATA = {"alt": ("image", "alt"), "caption": ("figure", "caption")}  # of a cell, under mystnb


def notebook_texts(cells: list[dict]) -> list[Text]:
    """A message for each markdown cell, and one for each alt text and caption of a code cell."""
    texts = []
    for cell in cells:
        if cell["cell_type"] == "markdown":
            texts.append(Text(cell["id"], "".join(cell["source"])))
        shown = cell["metadata"].get("mystnb", {})
        for name, (part, key) in METADATA.items():
            if key in shown.get(part, {}):
                texts.append(Text(f"{cell['id']}:{name}", shown[part][key]))
    return [text for text in texts if text.english.strip()]


def sections(text: str) -> list[tuple[str, str]]:
    """The parts of a page: each begins with a heading, and has a name made of it.

    A "#" in a code fence begins a comment and no part. Joined, the parts are the page.
    """
    parts, fence = [["", ""]], ""
    for line in text.splitlines(keepends=True):
        marks = re.match(r"(`{3,}|:{3,}|~{3,})", line)
        if marks and not fence:
            fence = marks[1]
        elif fence and line.strip() == fence:
            fence = ""
        heading = re.match(r"#+ (.*)", line)
        if heading and not fence:
            name = re.sub(r"\W+", "-", heading[1].lower()).strip("-")
            count = sum(part[0].partition("~")[0] == name for part in parts)
            parts.append([f"{name}~{count + 1}" if count else name, ""])
        parts[-1][1] += line
    return [(name, part) for name, part in parts if part]


def page_texts(name: str, text: str) -> list[Text]:
    """A message for each part of a page, without the blank lines at its end."""
    return [Text(f"{name}:{part}", english.rstrip("\n")) for part, english in sections(text)]


def setting(config: dict, place: tuple[str, ...]) -> str:
    for key in place:
        config = config[key]
    return config


def settings_texts(config: dict) -> list[Text]:
    return [Text(f"settings:{name}", setting(config, place)) for name, place in SETTINGS.items()]


def toc_texts(toc: dict) -> list[Text]:
    """Titles that the table of contents gives in place of a page's own, and captions of parts."""
    texts = [Text("toc:title", toc["title"])] if "title" in toc else []
    for place, part in enumerate(toc.get("parts", [])):
        texts += [Text(f"toc:part-{place + 1}", part["caption"])] if "caption" in part else []
    return texts


def book_texts(root: Path = ROOT) -> list[Text]:
    """The messages of book.po: settings, table of contents, and the pages that are no notebooks."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    texts = settings_texts(config) + toc_texts(toc)
    for name in PAGES:
        texts += page_texts(name, (root / "book" / f"{name}.md").read_text(encoding="utf-8"))
    return texts


def all_texts(root: Path = ROOT) -> dict[str, list[Text]]:
    """The texts of every PO file, by its name without the suffix."""
    texts = {}
    for path in sorted((root / "book").glob("*.ipynb")):
        texts[path.stem] = notebook_texts(json.loads(path.read_text(encoding="utf-8"))["cells"])
    return texts | {
        "book": book_texts(root),
        "words": word_texts(root),
        "diagrams": [Text("", words) for words in diagrams.all_words()],
        "package": package_texts(root),
    }
