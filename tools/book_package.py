"""A Sphinx extension for the book's appendix: the package's public names, module by module.

What stands on the page comes from docstrings; which names there are, and their order, from the
package's face.
"""

import inspect
import re
from pathlib import Path

import cyclegan_lessons

PLACE = "(the public names)"  # in the page's source
PART = """### `{name}`

```{{eval-rst}}
.. automodule:: cyclegan_lessons.{name}
   :members: {members}
   :no-value:
```
"""


def public_names() -> dict[str, tuple[str, ...]]:
    """The public names by the module that they come from, in the order of the map."""
    order = re.findall(r"^- `(\w+)`", cyclegan_lessons.__doc__, flags=re.MULTILINE)
    public = cyclegan_lessons.PUBLIC
    return {module: public[module] for module in order if module in public}


def fill(app, page: str, source: list[str]):
    """Put the public names in their place."""
    if page == "package":
        parts = public_names().items()
        texts = [PART.format(name=name, members=", ".join(members)) for name, members in parts]
        text = source[0].replace(PLACE, "\n".join(texts))
        source[0] = linked(text, Path(app.srcdir), "[{0}]({1}.ipynb)")


def linked(text: str, book: Path, link: str) -> str:
    """The text with a link where it names a chapter; ``link`` holds places for words and target."""
    pages = {int(path.name[:2]): path.stem for path in book.glob("[0-9][0-9]_*.ipynb")}

    def to_page(mention: re.Match) -> str:
        return link.format(mention[0], pages[int(mention[1])])

    return re.sub(r"\bchapter (\d+)", to_page, text, flags=re.IGNORECASE)


def link_chapters(app, what, name, thing, options, lines: list[str]):
    """Chapters that a docstring names become links."""
    lines[:] = linked("\n".join(lines), Path(app.srcdir), ":doc:`{0} <{1}>`").split("\n")


def signature(app, what, name, thing, options, arguments, returns):
    """The arguments of a network, which MindSpore's own constructor hides from Sphinx."""
    if what == "class" and arguments == "(*args, **kwargs)":
        parameters = list(inspect.signature(thing.__init__).parameters.values())[1:]
        return str(inspect.Signature(parameters)), returns
    return None


def is_empty_word(app, what, name, thing, skip, options):
    """Whether Sphinx should leave out a member: Python's own words about a tuple's field."""
    return True if (thing.__doc__ or "").startswith("Alias for field number") else None


def setup(app) -> dict:
    """What Sphinx calls."""
    app.connect("autodoc-skip-member", is_empty_word)
    app.connect("source-read", fill)
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-process-docstring", link_chapters)
    return {"parallel_read_safe": True}
