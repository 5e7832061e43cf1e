"""A Sphinx extension: the directive ``widget``, a place for one of the book's small programs.

    ```{widget} translate
    :code: cyclegan.js
    What is shown without JavaScript: a figure, or a sentence.
    ```

With ``code``, the text of that program follows, folded. The programs and their words are in
cyclegan_lessons/web; words.zh_CN.json beside words.json would hold those of a book whose `language`
is zh_CN. A page with a widget loads its script and what all share; the model and the scenes are
loaded only when a reader asks for them.
"""

import base64
import io
import json
import shutil
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from PIL import Image
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

from cyclegan_lessons.export import WEB, web_model, web_words
from cyclegan_lessons.inference import SHIPPED_MODEL
from cyclegan_lessons.orchard import render_orchard

NAMES = sorted(path.stem for path in WEB.glob("*.js") if path.stem not in ("widgets", "cyclegan"))
SCENES, SCENE_SIZE, QUALITY = 6, 256, 90  # of each domain, pixels, of 100
TEST_SEEDS = {"x": 2, "y": 3}  # of `prepare_orchard`: scenes that training never saw
HISTORY = "training.json"  # in the book's folder, written by tools/training_history.py


class Widget(SphinxDirective):
    """A div that holds the directive's content and names the program that takes its place."""

    required_arguments, has_content = 1, True
    option_spec = {"code": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        name, code = self.arguments[0], self.options.get("code")
        if name not in NAMES:
            raise self.error(f"there is no widget {name!r}, but {', '.join(NAMES)}")
        if name == "training" and not read_history(self.env.srcdir):
            return []  # nothing to show yet
        self.env.metadata[self.env.docname].setdefault("widgets", []).append(name)
        content = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, content)
        start = f'<div class="widget" data-widget="{name}">'
        return [
            nodes.raw("", start, format="html"),
            *content.children,
            nodes.raw("", "</div>", format="html"),
            *([self.program(code)] if code else []),
        ]

    def program(self, code: str) -> nodes.Node:
        text = (WEB / code).read_text(encoding="utf-8")
        block = nodes.literal_block(text, text, language="javascript")
        return nodes.container("", block, classes=["toggle"])


def add_scripts(app: Sphinx, page: str, template: str, context: dict, doctree):
    """Let a page load the scripts of the widgets that it has, and no other page."""
    names = app.env.metadata.get(page, {}).get("widgets", [])
    if names:
        app.add_css_file("widgets/widgets.css")
        extra = ["patch"] if "receptive_field" in names else []
        for script in ("words", "widgets", *extra, *dict.fromkeys(names)):
            app.add_js_file(f"widgets/{script}.js", loading_method="defer")


def write_files(app: Sphinx, error: Exception | None):
    """Put the programs and what they load beside the pages."""
    if error or app.builder.name != "html":
        return
    folder = Path(app.outdir) / "_static" / "widgets"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (*WEB.glob("*.js"), *WEB.glob("*.css")):
        shutil.copy(path, folder)
    scripts = {
        "words": web_words(app.config.language),
        "model": web_model(SHIPPED_MODEL),
        "scenes": f"window.cycleganScenes = {json.dumps(scenes())};\n",
    }
    history = read_history(app.srcdir)
    patch = history.pop("patch", None) or {"source": data_uri(a_scene()), "map": None}
    history.pop("maps", None)  # chapter 3 shows them, and no program
    scripts["patch"] = f"window.cycleganPatch = {json.dumps(patch)};\n"
    if history:
        scripts["history"] = f"window.cycleganHistory = {json.dumps(history)};\n"
    for name, script in scripts.items():
        (folder / f"{name}.js").write_text(script, encoding="utf-8")


def read_history(folder: str | Path) -> dict:
    """The stored history of the model in the package, or nothing where there is none yet; raises
    `SphinxError` when it is no JSON."""
    path = Path(folder) / HISTORY
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise SphinxError(
            f"{path} should be JSON, but it is damaged ({error}); get it from version control."
        ) from error


def a_scene():
    """An orange for the receptive field, where the history has no map of a trained D_Y."""
    return render_orchard(1, 128, "y", TEST_SEEDS["y"]).images[0]


def scenes() -> list[dict]:
    """Test scenes as the page takes them: first apples, then oranges."""
    rendered = [
        (domain, image)
        for domain, seed in TEST_SEEDS.items()
        for image in render_orchard(SCENES, SCENE_SIZE, domain, seed).images
    ]
    return [{"domain": domain, "source": data_uri(image)} for domain, image in rendered]


def data_uri(image, quality: int = QUALITY) -> str:
    """A picture, uint8 H×W×3, as an address that holds it, in half the bytes of a JPEG."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "WEBP", quality=quality)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def setup(app: Sphinx) -> dict:
    app.add_directive("widget", Widget)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
