"""Build the HTML book from a folder of executed notebooks, from cold and with warnings as errors,
into build/html."""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from buttons import with_buttons
from editions import link_editions, set_in_chinese, translate_attributes
from translations_apply import apply
from translations_files import TRANSLATIONS, strings

from translations import languages

ROOT = Path(__file__).resolve().parent.parent
UNUSED = ("mathjax/*.js", "mathjax/sre/mathmaps/*.json", "scripts/*.map", "styles/*.map")
UNUSED += ("vendor/fontawesome/*/webfonts/*", "vendor/fontawesome/*/css/*", "locales/**/*.*")
KEPT = ("tex-chtml.js", "base.json", "en.json", "nemeth.json")
ICON_FONTS = r"\s*<link [^>]*vendor/fontawesome/[^>]*\.(css|woff2)\b[^>]*>"


def saved_errors(source: Path) -> list[str]:
    """One sentence for each saved output that is an error; Jupyter Book itself builds such pages
    without a word."""
    return [
        f"{path.name}: cell {cell.get('id')} raised {output.ename}: {output.evalue}"
        for path in sorted(source.glob("**/*.ipynb"))
        if ".ipynb_checkpoints" not in path.parts
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]


def lighten(html: Path):
    """Remove what no page ever loads, about 20 of 40 MB: MathJax for other kinds of sources and of
    output, its speech in other languages, maps of minified scripts, and the icons' fonts, which the
    theme asks for although a script draws the icons."""
    for pattern in UNUSED:
        for path in sorted(html.glob(f"_static/{pattern}")):
            if path.name not in KEPT:
                path.unlink()
    for page in html.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(ICON_FONTS, "", text), encoding="utf-8")


def build(source: Path, config: Path, toc: Path, build_folder: Path) -> Path:
    """Build the book in ``source`` and return its first page; exits when a cell raised or Sphinx
    warned."""
    errors = saved_errors(source)
    if errors:
        sys.exit("\n".join(errors + ["The book is not built from notebooks that failed."]))
    work, html = build_folder / "_build", build_folder / "html"
    shutil.rmtree(work, ignore_errors=True)
    command = [
        *(sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"),
        source,
        "--path-output",
        build_folder,
    ]
    command += ["--config", config, "--toc", toc, "-W", "-n", "--keep-going", "-q"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        sys.exit(result.stdout + "The book was not built; fix what the warnings above name.")
    lighten(work / "html")
    shutil.rmtree(html, ignore_errors=True)
    (work / "html").rename(html)
    shutil.rmtree(work)
    return html / "index.html"


def build_edition(
    language: str,
    source: Path,
    config: Path,
    toc: Path,
    build_folder: Path,
    translations: Path = TRANSLATIONS,
):
    """Build the edition in another language into html/LANGUAGE, and link its pages with the English
    ones."""
    out = build_folder / language
    apply(language, out, source, config, toc, translations)
    build(out / "book", out / "_config.yml", out / "_toc.yml", out)
    html = build_folder / "html"
    words = strings(translations / language / "theme" / "attributes.po")
    translate_attributes(out / "html", words)
    if language.startswith("zh"):
        set_in_chinese(out / "html")
    (out / "html").rename(html / language)
    link_editions(html, language)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder with intro.md and executed notebooks")
    parser.add_argument("--config", type=Path, default=ROOT / "_config.yml")
    parser.add_argument("--toc", type=Path, default=ROOT / "_toc.yml")
    parser.add_argument(
        "--build", type=Path, default=ROOT / "build", help="folder in which html/ appears"
    )
    parser.add_argument("--repository", default="", help="its address, for buttons on each page")
    parser.add_argument("--jupyterhub", default="", help="a hub with nbgitpuller, for a button")
    options = parser.parse_args()
    config = options.config.resolve()
    if options.repository:
        config = with_buttons(config, options.build, options.repository, options.jupyterhub)
    source, build_folder = options.source.resolve(), options.build.resolve()
    page = build(source, config.resolve(), options.toc.resolve(), build_folder)
    for language in languages():
        build_edition(language, source, config.resolve(), options.toc.resolve(), build_folder)
    print(f"The book is built; open this file:\n{page}")


if __name__ == "__main__":
    main()
