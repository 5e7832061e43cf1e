"""A Sphinx extension for the book's appendix: the package's public names, module by module.

What stands on the page comes from docstrings; which names there are, and their order, from the
package's face.
"""

import ast
import inspect
import re
from pathlib import Path

FACE = Path(__file__).resolve().parent.parent / "cyclegan_lessons" / "__init__.py"
PLACE = "(the public names)"  # in the page's source
PART = """### `{name}`

```{{eval-rst}}
.. automodule:: cyclegan_lessons.{name}
   :members: {members}
   :no-value:
```
"""


def public_names(face: str) -> dict[str, list[str]]:
    """The names in ``__all__``, by the module that they come from, in the order of the map."""
    tree, names = ast.parse(face), {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module.startswith("cyclegan_lessons."):
            names[node.module.split(".")[1]] = [alias.name for alias in node.names]
        elif isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            listed = set(ast.literal_eval(node.value))
    order = re.findall(r"^- `(\w+)`", ast.get_docstring(tree), flags=re.MULTILINE)
    chosen = {module: [n for n in names.get(module, ()) if n in listed] for module in order}
    return {module: members for module, members in chosen.items() if members}


def fill(app, page: str, source: list[str]):
    """Put the public names in their place."""
    if page == "package":
        parts = public_names(FACE.read_text(encoding="utf-8")).items()
        texts = [PART.format(name=name, members=", ".join(members)) for name, members in parts]
        source[0] = source[0].replace(PLACE, "\n".join(texts))


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
    return {"parallel_read_safe": True}
