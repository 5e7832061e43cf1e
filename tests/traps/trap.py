"""What a trap is, and how to fall into one."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

TESTS = Path(__file__).resolve().parents[1]


class Check:
    """One call of an ordinary test: its name, such as ``"test_losses.test_log_loss"``, and its arguments."""

    def __init__(self, name: str, **arguments):
        self.name, self.arguments = name, arguments

    def __call__(self):
        module, function = self.name.split(".")
        getattr(import_module(module), function)(**self.arguments)


@dataclass(frozen=True)
class Trap:
    """One departure from the paper: what it looks like, what it does, and who notices."""

    title: str
    seen_in: str  # "tutorial", "public code" or "MindSpore"
    replacements: dict[str, Any]  # "module.attribute" in the package: what stands in for it
    effect: Callable[[], tuple[float, str]] | None = None  # called inside the trap: a number, and a sentence that has it
    checks: tuple[Check, ...] = ()  # each of these ordinary tests fails in the trap and passes outside
    harmless: bool = False


@contextmanager
def replaced(replacements: dict[str, Any]) -> Iterator[None]:
    """Inside, every name for an original in the package and in the tests means what stands in for it.

    The package's compiled functions look their names up when they are compiled: build *and* call them inside.
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
        for module in modules:  # what a test module keeps was made outside
            for name, value in list(vars(module).items()):
                if module.__name__.startswith("test_") and hasattr(value, "cache_clear") and value.__module__ == module.__name__:
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
    """Whether it is a module of the package or a test module; the trapped code itself keeps the right originals."""
    file = getattr(module, "__file__", None)
    return module.__name__.startswith("cyclegan_lessons") or (file is not None and Path(file).parent == TESTS)
