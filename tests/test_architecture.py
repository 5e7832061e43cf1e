"""The shape of the package: the map of its face is complete, imports run one way, and everything
that a chapter may show fits on a few screens. The sources are read, not imported."""

import ast
import json
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cyclegan_lessons"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
FACE = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")))
SHELVES = ["tools", "lessons", "what runs them"]  # each imports from itself and from those before
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try)


def module_name(path: Path) -> str:
    """The module of the package, or the subpackage, that a file belongs to; the face is ''."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").removesuffix("__init__")


def read_map(text: str) -> dict[str, str]:
    """The shelf of every module, by its name, from the three lists of the map."""
    lists = re.findall(r"(?:^- `.*`.*\n?)+", text, flags=re.MULTILINE)
    names = [re.findall(r"^- `(\w+)`: \w", block, flags=re.MULTILINE) for block in lists]
    lessons, tools, runners = names
    shelves = dict(zip(SHELVES, (tools, lessons, runners)))
    assert len(lessons + tools + runners) == len({*lessons, *tools, *runners}), "named twice"
    return {name: shelf for shelf, members in shelves.items() for name in members}


def imported(source: str) -> set[str]:
    """The modules of the package that a source imports, anywhere in it; '' for the face."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "cyclegan_lessons":
            modules = {path.stem for path in PACKAGE.glob("*")}
            names |= {a.name if a.name in modules else "" for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError("relative imports are not used here")
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module.split(".")[1]} if of_the_package(node.module) else set()
        elif isinstance(node, ast.Import):
            names |= {f"{a.name}.".split(".")[1] for a in node.names if of_the_package(a.name)}
    return names


def of_the_package(module: str) -> bool:
    return module.split(".")[0] == "cyclegan_lessons"


def import_graph(sources: dict[str, list[str]]) -> dict[str, set[str]]:
    """For every module, given with its sources, the other modules that it imports."""
    return {
        name: set().union(*map(imported, texts)) - {name} for name, texts in sources.items() if name
    }


def wrong_arrows(graph: dict[str, set[str]], shelf: dict[str, str]) -> list[str]:
    """The imports that run the wrong way: to a higher shelf, to the commands, or to the face."""
    found = []
    for name, others in graph.items():
        for other in others:
            if other in ("", "__main__"):
                found.append(f"{name} imports {other or 'the face'}")
            elif SHELVES.index(shelf[other]) > SHELVES.index(shelf[name]):
                found.append(f"{name} ({shelf[name]}) imports {other} ({shelf[other]})")
    return found


def package_sources() -> dict[str, list[str]]:
    sources = {}
    for path in SOURCES:
        sources.setdefault(module_name(path), []).append(path.read_text(encoding="utf-8"))
    return sources


GRAPH = import_graph(package_sources())


def test_the_map_names_every_module_once():
    assert set(read_map(FACE)) == set(GRAPH), "a new module goes into the map of __init__.py"


def test_the_readme_shows_the_same_map():
    begin, end = FACE.index("- `"), FACE.index("\n\nA tool imports")
    shown = FACE[begin:end] in (ROOT / "README.md").read_text(encoding="utf-8")
    assert shown, "copy the three lists of __init__.py into the README"


def test_imports_run_one_way():
    assert wrong_arrows(GRAPH, read_map(FACE)) == []


def test_no_module_imports_itself_through_others():
    try:
        list(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        raise AssertionError(" → ".join(reversed(error.args[1]))) from None


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import cyclegan_lessons", {""}),
        ("import cyclegan_lessons.runs", {"runs"}),
        ("from cyclegan_lessons import translate", {""}),
        ("from cyclegan_lessons import runs as r, LessonError", {"runs", ""}),
        ("def f():\n    from cyclegan_lessons.runs import RunFolder", {"runs"}),
        ("from cyclegan_lessons.losses import a\nimport numpy.runs", {"losses"}),
    ],
)
def test_every_way_of_importing_is_seen(source, modules):
    assert imported(source) == modules


def test_arrows_that_run_the_wrong_way_are_noticed():
    shelf = {"errors": "tools", "losses": "lessons", "runs": "what runs them"}
    graph = {"errors": {"losses"}, "losses": {"errors", "runs", ""}, "runs": {"losses", "__main__"}}
    assert sorted(wrong_arrows(graph, shelf)) == [
        "errors (tools) imports losses (lessons)",
        "losses (lessons) imports runs (what runs them)",
        "losses imports the face",
        "runs imports __main__",
    ]


def nesting(node: ast.AST) -> int:
    """How deep blocks stand in each other; an ``elif`` is no deeper than its ``if``, and a function
    inside starts anew."""
    if isinstance(node, (ast.FunctionDef, ast.Lambda)):
        return 0
    inner = 0
    for child in ast.iter_child_nodes(node):
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        inner = max(inner, nesting(child) - is_elif)
    return inner + isinstance(node, BLOCKS)


def size_findings(name: str, text: str) -> list[str]:
    """Where a module is longer, wider or deeper than the house allows."""
    lines = text.splitlines()
    found = [f"{name} has {len(lines)} lines"] if len(lines) > 250 else []
    for i, line in enumerate(lines, start=1):
        wide = len(re.sub(r"https?://[^\s\"]+", "", line)) > 100  # an address cannot be broken
        found += [f"{name}:{i} has {len(line)} columns"] if wide else []
        found += [f"{name}:{i} holds an order to the formatter"] if "fmt: skip" in line else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length, depth = node.end_lineno - node.lineno + 1, max(map(nesting, node.body))
            found += [f"{name}: {node.name} has {length} lines"] if length > 40 else []
            found += [f"{name}: {node.name} is nested {depth} deep"] if depth > 3 else []
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_fits_on_a_few_screens(path):
    assert size_findings(path.name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_code_in_a_notebook_needs_no_sideways_scrolling(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            for line in "".join(cell["source"]).splitlines():
                assert len(line) <= 100, f"{cell['id']}: {line}"
                assert "fmt: skip" not in line, f"{cell['id']}: {line}"


DEEP = """
def deep(a):
    for b in a:
        if b:
            pass
        elif a:
            with a:
                while a:
                    pass

def flat(a):
    for b in a:
        if b == 1:
            pass
        elif b == 2:
            pass
        elif b == 3:
            def inner():
                with a:
                    pass
"""


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("\n" * 251, "m has 251 lines"),
        (f"a = 1\nb = '{'x' * 95}'", "m:2 has 101 columns"),
        ("a = 1  # fmt: skip", "m:1 holds an order to the formatter"),
        ("def f():\n" + "    a = 1\n" * 40, "m: f has 41 lines"),
        (DEEP, "m: deep is nested 4 deep"),
    ],
)
def test_what_is_too_large_is_noticed(text, finding):
    assert size_findings("m", text) == [finding]
