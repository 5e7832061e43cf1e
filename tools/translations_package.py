"""What the package says to a learner, collected for translation: exercises, cards, errors, help.

A message is found where the code says it. An f-string becomes a sentence with numbered places,
"there is no preset {0}", and `language.in_language` finds the values in it again.
"""

import ast
import errno
import inspect
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from translations_files import Text

from cyclegan_lessons.arguments import make_parser
from cyclegan_lessons.exercises.registry import CHAPTERS, EXERCISES
from cyclegan_lessons.plotting import CURVES

ERRORS = ("LessonError", "DamagedFile", "Problem", "ArgumentTypeError")
WORDS = re.compile(r"[^\W\d_] [^\W\d_]")  # of a text with more than one of them
OF_ARGPARSE = (  # what it says by itself
    "usage: ",
    "options",
    "positional arguments",
    "argument {option}: {what}",
    "invalid choice: {0} (choose from {1})",
    "invalid {0} value: {1}",
    "not allowed with argument {0}",
    "expected one argument",
    "expected at least one argument",
    "ignored explicit argument {0}",
    "ambiguous option: {0} could match {1}",
    "unrecognized arguments: {0}",
    "the following arguments are required: {0}",
)
SYSTEM = ("ENOENT", "EACCES", "EPERM", "ENOSPC", "EISDIR", "ENOTDIR", "EEXIST", "EROFS")
SYSTEM += (
    "ENAMETOOLONG",
    "ENOTEMPTY",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "EDQUOT",
    "EIO",
    "ELOOP",
)  # why a file cannot be opened
NOT_SAID = ("Exercise", "Wrong")  # their texts come from the registry, and code is no text


def word_texts(root: Path) -> list[Text]:
    """The words of the programs in the pages, by their names in words.json."""
    path = root / "cyclegan_lessons" / "web" / "words.json"
    words = json.loads(path.read_text(encoding="utf-8"))
    return [Text(name, english) for name, english in words.items()]


def template(node: ast.AST) -> str | None:
    """A string or an f-string as a text with numbered places; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    text, place = "", 0
    for part in node.values:
        text += part.value if isinstance(part, ast.Constant) else f"{{{place}}}"
        place += not isinstance(part, ast.Constant)
    return text


def called(node: ast.AST) -> str:
    """The name of the function that a node calls, or ''."""
    function = getattr(node, "func", None) if isinstance(node, ast.Call) else None
    return getattr(function, "id", getattr(function, "attr", ""))


def values_of(tree: ast.Module) -> dict[str, str]:
    """The texts that a module keeps under names."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = template(node.value)
    return {name: text for name, text in found.items() if text is not None}


def arguments_of(tree: ast.Module, is_meant: Callable[[str], bool]) -> Iterator[str]:
    """The first arguments of calls: texts, or names of texts that the module keeps."""
    names = values_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_meant(called(node)) and node.args:
            first = node.args[0]
            text = names.get(first.id) if isinstance(first, ast.Name) else template(first)
            if text:
                yield text


def values_in(tree: ast.Module) -> Iterator[str]:
    """The texts that stand for a value in an error: under the name that the error gives them, or
    returned by the function that it calls."""
    named = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                named.setdefault(ast.unparse(target), []).append(node.value)
        elif isinstance(node, ast.FunctionDef):
            returns = [part for part in ast.walk(node) if isinstance(part, ast.Return)]
            named.setdefault(node.name, []).extend(returns)
    for node in ast.walk(tree):
        if called(node) in ERRORS and node.args and isinstance(node.args[0], ast.JoinedStr):
            for value in ast.walk(node.args[0]):
                if isinstance(value, ast.FormattedValue):
                    yield from sentences(ast.List([value.value]))
                name = value.id if isinstance(value, ast.Name) else called(value)
                for source in named.get(name, ()):
                    yield from sentences(ast.List([source]))


def sentences(tree: ast.AST) -> Iterator[str]:
    """The texts with more than a word that the code of a check says: not docstrings, not code."""
    for node in ast.iter_child_nodes(tree):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or called(node) in NOT_SAID or isinstance(node, ast.FormattedValue):
            continue
        text = template(node)
        if text is None:
            yield from sentences(node)
        elif WORDS.search(text) and "\n" not in text:
            yield text


def exercise_texts(root: Path) -> Iterator[str]:
    """Titles, hints, what is said to answers, and the titles of chapters."""
    yield from (title for _, title, _ in CHAPTERS.values())
    for exercise in EXERCISES.values():
        yield from (exercise.title, *exercise.hints, exercise.right)
    tasks = {exercise.task for exercise in EXERCISES.values()}  # these stand in the notebooks
    for path in sorted((root / "cyclegan_lessons" / "exercises").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from (text for text in sentences(tree) if text not in tasks)


def help_texts() -> Iterator[str]:
    """What ``--help`` says: of all commands, and of each with its options."""
    from cyclegan_lessons.__main__ import COMMANDS

    parser = make_parser(COMMANDS)
    yield parser.description
    for name, command in parser._subparsers._group_actions[0].choices.items():
        does = inspect.getdoc(COMMANDS[name])
        yield from (does.splitlines()[0], does)
        yield from (option.help for option in command._actions if option.help)


def package_texts(root: Path) -> list[Text]:
    """Every message, once, in a stable order; the English itself is its context."""
    found = list(exercise_texts(root))
    package = root / "cyclegan_lessons"
    for path in [*sorted(package.rglob("*.py")), root / "tools" / "book_pages.py"]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += arguments_of(tree, lambda name: name in ("in_language", *ERRORS))
        found += values_in(tree)
    found += [*help_texts(), *OF_ARGPARSE, *CURVES, "step"]
    found += [os.strerror(getattr(errno, name)) for name in SYSTEM]
    return [Text("", text) for text in dict.fromkeys(found) if text.strip()]
