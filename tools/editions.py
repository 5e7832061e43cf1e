"""The editions of the book in other languages: built into folders below the English pages, and a
link on each page to the same page and section in the other language."""

import json
import re
from html import escape
from pathlib import Path

NAMES = {"en": "English", "zh_CN": "中文"}  # of the languages, in themselves
BUTTONS = '<div class="article-header-buttons">'
SECTION = re.compile(r'<section [^>]*\bid="([^"]+)"')
TITLE = re.compile(r'(<p class="admonition-title">.*?)\s*(</span>)?\s*\((.*)\)(</a>)?</p>')


def code(language: str) -> str:
    """The language as HTML names it."""
    return language.replace("_", "-")


def switch(address: str, language: str, ids: list[str], other_ids: list[str]) -> str:
    """A link to a page in another language; a script takes the reader to the same section.

    ``ids`` are those of the sections of this page, ``other_ids`` of the other one. They differ,
    since an id is made of a heading; their order is the same.
    """
    same = len(ids) == len(other_ids)
    table = json.dumps(dict(zip(ids, other_ids)) if same else {}, ensure_ascii=False)
    return (
        f'<a class="btn btn-sm language-switch" href="{escape(address)}" lang="{code(language)}" '
        f'hreflang="{code(language)}" data-sections="{escape(table)}">{NAMES[language]}</a>'
    )


def link_pages(page: Path, other: Path, language: str, address: str):
    """Give ``page`` a link to ``other``, which is in that language and at that address."""
    text = page.read_text(encoding="utf-8")
    ids, other_ids = SECTION.findall(text), SECTION.findall(other.read_text(encoding="utf-8"))
    link = switch(address, language, ids, other_ids)
    text = text.replace(BUTTONS, f"{BUTTONS}\n{link}", 1)
    alternate = f'<link rel="alternate" hreflang="{code(language)}" href="{escape(address)}" />'
    page.write_text(text.replace("</head>", f"  {alternate}\n  </head>", 1), encoding="utf-8")


def translate_attributes(html: Path, words: dict[str, str]):
    """Translate what the pages say in titles and labels and the themes cannot translate."""

    def translated(match: re.Match) -> str:
        return f'{match[1]}="{escape(words.get(match[2], match[2]))}"'

    some = "|".join(map(re.escape, words))
    for page in sorted(html.glob("*.html")) if words else ():
        text = page.read_text(encoding="utf-8")
        text = re.sub(rf'(title|aria-label)="({some})"', translated, text)
        page.write_text(text, encoding="utf-8")


def chinese_marks(text: str) -> str:
    """A page as Chinese is set: full-width brackets around the titles of exercises and Chinese for
    the "et al." of citations, which the extensions write in one way for all languages."""
    text = TITLE.sub(r"\1\2（\3）\4</p>", text.replace(" <em>et al.</em>", " 等人"))
    # of English, which a Chinese font makes too wide
    return re.sub("(?<=[A-Za-z])’", "'", text)


def set_in_chinese(html: Path):
    """Let `chinese_marks` go over all pages."""
    for page in sorted(html.glob("*.html")):
        page.write_text(chinese_marks(page.read_text(encoding="utf-8")), encoding="utf-8")


def link_editions(html: Path, language: str):
    """Link every English page with the page of the same name in ``html/language``, both ways."""
    for page in sorted(html.glob("*.html")):
        other = html / language / page.name
        if other.exists() and BUTTONS in page.read_text(encoding="utf-8"):
            link_pages(page, other, language, f"{language}/{page.name}")
            link_pages(other, page, "en", f"../{page.name}")
