"""What a trap is, how to fall into one, and how to see whether a test notices."""

import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest

from cyclegan_lessons.errors import LessonError

TESTS = str(Path(__file__).resolve().parents[1])
# the last one: where pytest.raises saw none
FAILURES = (AssertionError, LessonError, pytest.fail.Exception)


class Check:
    """One call of an ordinary test: its name, such as ``"test_losses.test_log_loss"``, its
    arguments and fixtures.

    ``fixtures`` are functions without arguments, called when the check is; a ``tmp_path`` is made
    by itself. With ``arguments``, a hypothesis test is called for that one example, which should be
    an explicit one of the test.
    """

    def __init__(self, name: str, fixtures: dict[str, Callable] | None = None, **arguments):
        self.name, self.fixtures, self.arguments = name, fixtures or {}, arguments

    def load(self):
        """Import the test, outside of every trap: a module that is imported inside keeps what it
        finds there."""
        import_module(self.name.split(".")[0])

    def failure(self) -> Exception | None:
        """Call the test; return what it fails with, or None when it passes. Any other error is
        raised."""
        module, function = self.name.split(".")
        test = getattr(sys.modules[module], function)
        if self.arguments and hasattr(test, "hypothesis"):
            test = test.hypothesis.inner_test
        made = {name: make() for name, make in self.fixtures.items()}
        with tempfile.TemporaryDirectory() as folder:
            if "tmp_path" in inspect.signature(test).parameters:
                made["tmp_path"] = Path(folder)
            try:
                test(**self.arguments, **made)
            except FAILURES as failure:
                return failure
        return None


@dataclass(frozen=True)
class Trap:
    """One departure from the paper: what it looks like, what it does, and who notices."""

    title: str
    seen_in: str  # "tutorial", "public code", "MindSpore" or "own find"
    replacements: dict[str, Any]  # "module.attribute" in the package: what stands in for it
    does: str  # a sentence with the numbers {bad} and {right}
    effect: Callable[[], float]  # measures that number, inside the trap or outside
    bad: float  # what it is inside
    right: float  # and outside
    checks: tuple[Check, ...]  # each of these ordinary tests fails inside and passes outside


@contextmanager
def replaced(replacements: dict[str, Any]) -> Iterator[None]:
    """Inside, every name for an original in the package and in the tests means what stands in for
    it.

    The package's compiled functions look their names up when they are compiled: build *and* call
    them inside.
    """
    with ExitStack() as stack:
        modules = [m for m in list(sys.modules.values()) if belongs_to_us(m)]
        for path, replacement in replacements.items():
            owner, attribute = find(path)
            original = getattr(owner, attribute)
            stack.enter_context(patch.object(owner, attribute, replacement))
            if isinstance(owner, ModuleType):  # a function or class may have been imported by name
                for module in modules:
                    for name in [name for name, value in vars(module).items() if value is original]:
                        stack.enter_context(patch.object(module, name, replacement))
        for module in filter(is_test_module, modules):  # what a test module keeps was made outside
            for name, value in list(vars(module).items()):
                if hasattr(value, "cache_clear") and value.__module__ == module.__name__:
                    stack.enter_context(patch.object(module, name, cache(value.__wrapped__)))
        yield


def find(path: str) -> tuple[Any, str]:
    """The owner, a module of the package or a class in it, and the name of the attribute there."""
    module, *inner, attribute = path.split(".")
    owner = import_module(f"cyclegan_lessons.{module}")
    for name in inner:
        owner = getattr(owner, name)
    return owner, attribute


def belongs_to_us(module: ModuleType) -> bool:
    """Whether it is a module of the package or a test module; the trapped code itself keeps the
    right originals."""
    return module.__name__.startswith("cyclegan_lessons") or is_test_module(module)


def is_test_module(module: ModuleType) -> bool:
    return os.path.dirname(getattr(module, "__file__", None) or "") == TESTS
