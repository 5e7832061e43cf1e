"""Make an edition of the book: the English one with the translated texts in their places.

Code cells and outputs stay as they are, byte for byte but for captions and alt texts. What is not
translated, or fuzzy, stays English: so no reader meets a sentence that is no longer true.
"""

import json
import shutil
from pathlib import Path

import diagrams
import yaml
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from translations_files import ROOT, TRANSLATIONS, strings
from translations_sources import METADATA, PAGES, SETTINGS, sections

NOT_SOURCES = shutil.ignore_patterns("*.ipynb", ".*", "_build", "data", "runs")


def translated_notebook(text: str, translations: dict[str, str]) -> str:
    """The notebook file ``text`` with its markdown, captions and alt texts translated."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        name = cell["id"]
        if cell["cell_type"] == "markdown" and name in translations:
            cell["source"] = translations[name].splitlines(keepends=True)
        shown = cell["metadata"].get("mystnb", {})
        for kind, (part, key) in METADATA.items():
            if f"{name}:{kind}" in translations and key in shown.get(part, {}):
                shown[part][key] = translations[f"{name}:{kind}"]
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def translated_page(name: str, text: str, translations: dict[str, str]) -> str:
    """A page with its parts translated; blank lines between them stay as they are."""
    parts = []
    for part, english in sections(text):
        end = english[len(english.rstrip("\n")) :]
        parts.append(translations.get(f"{name}:{part}", english.rstrip("\n")) + end)
    return "".join(parts)


def translated_settings(settings: dict, translations: dict[str, str], language: str) -> dict:
    """The settings of the book with what readers see of them translated."""
    for name, (*way, last) in SETTINGS.items():
        inside = settings
        for key in way:
            inside = inside.get(key, {})
        if last in inside:
            inside[last] = translations.get(f"settings:{name}", inside[last])
    settings["sphinx"]["config"]["language"] = language
    return settings


def translated_toc(toc: dict, translations: dict[str, str]) -> dict:
    if "title" in toc:
        toc["title"] = translations.get("toc:title", toc["title"])
    for place, part in enumerate(toc.get("parts", [])):
        if "caption" in part:
            part["caption"] = translations.get(f"toc:part-{place + 1}", part["caption"])
    return toc


def compile_theme(folder: Path, locale: Path):
    """Compile the words of the themes, theme/*.po in the folder of a language, into ``locale``."""
    place = locale / folder.name / "LC_MESSAGES"
    place.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("theme/*.po")):
        with path.open("rb") as source, (place / f"{path.stem}.mo").open("wb") as target:
            write_mo(target, read_po(source, locale=folder.name))


def translate_diagrams(folder: Path, figures: Path):
    """Draw the diagrams that are in ``figures`` again, with the words of a language's folder."""
    drawn = diagrams.draw_all(strings(folder / "diagrams.po"), folder.name.replace("_", "-"))
    for name, text in drawn.items():
        if (figures / name).exists():
            (figures / name).write_text(text, encoding="utf-8")


def write_yaml(path: Path, content: dict):
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    path.write_text(text, encoding="utf-8")


def apply(
    language: str,
    out: Path,
    book: Path = ROOT / "book",
    config: Path = ROOT / "_config.yml",
    toc: Path = ROOT / "_toc.yml",
    folder: Path = TRANSLATIONS,
):
    """Fill ``out`` with book/, locale/, _config.yml and _toc.yml of an edition.

    ``book`` may hold executed notebooks; an earlier ``out/book`` is replaced.
    """
    files = folder / language
    shutil.rmtree(out / "book", ignore_errors=True)
    shutil.copytree(book, out / "book", ignore=NOT_SOURCES)
    for path in sorted(book.glob("*.ipynb")):
        text = translated_notebook(path.read_text("utf-8"), strings(files / f"{path.stem}.po"))
        (out / "book" / path.name).write_text(text, encoding="utf-8")
    translate_diagrams(files, out / "book" / "figures")
    translations = strings(files / "book.po")
    for name in PAGES:
        page = out / "book" / f"{name}.md"
        if page.exists():
            text = translated_page(name, page.read_text(encoding="utf-8"), translations)
            page.write_text(text, encoding="utf-8")
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    local = settings["sphinx"].get("local_extensions", {})  # relative to the settings' folder
    for name, place in local.items():
        local[name] = str((config.parent / place).resolve())
    settings["sphinx"]["config"]["locale_dirs"] = [str((out / "locale").resolve())]
    write_yaml(out / "_config.yml", translated_settings(settings, translations, language))
    compile_theme(files, out / "locale")
    contents = yaml.safe_load(toc.read_text(encoding="utf-8"))
    write_yaml(out / "_toc.yml", translated_toc(contents, translations))
