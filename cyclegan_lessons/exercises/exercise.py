"""What an exercise is: one source for the stub, the solution, the hints and the wrong answers."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature

BLANK = "...  # your code"


@dataclass(frozen=True)
class Wrong:
    """A mistake that learners make: the solution with ``new`` for each ``old``, and the answer.

    ``sentence`` is the beginning of the sentence that the check must give to it; the tests see to
    that.
    """

    old: str
    new: str
    sentence: str

    def code(self, solution: str) -> str:
        """The wrong answer as Python code."""
        return solution.replace(self.old, self.new)


@dataclass(frozen=True)
class Exercise:
    """One task. ``check`` takes what the learner made, in parameters that have its names.

    The stub is made of the solution: functions keep their signature and docstring, but those in
    ``given`` stay as they are, and the numbers that are asked for become three dots.
    """

    name: str  # what the learner types: check("pool")
    subject: str  # see `registry.CHAPTERS`
    title: str
    task: str  # Markdown, what to do
    solution: str  # Python code that needs nothing but its own imports
    check: Callable  # raises `Finding` when something is wrong
    hints: tuple[str, ...]
    wrong: tuple[Wrong, ...]
    right: str  # what is said when the answer is right
    given: tuple[str, ...] = ()
    after: str = ""  # the id of the notebook's cell that states the task already, if there is one

    @property
    def names(self) -> tuple[str, ...]:
        """What the learner has to define."""
        return tuple(signature(self.check).parameters)

    @property
    def stub(self) -> str:
        """The code that the learner starts with."""
        lines = self.solution.splitlines()
        for node in reversed(ast.parse(self.solution).body):
            if isinstance(node, ast.ClassDef):
                for part in reversed(node.body):
                    cut(part, lines, self.given)
            elif isinstance(node, ast.FunctionDef):
                cut(node, lines, self.given)
            elif isinstance(node, ast.Assign) and node.targets[0].id in self.names:
                lines[node.lineno - 1 : node.end_lineno] = [f"{node.targets[0].id} = {BLANK}"]
        return "\n".join(lines) + "\n"


def cut(node: ast.AST, lines: list[str], given: tuple[str, ...]):
    """Put three dots in the place of a function's body; its docstring and super().__init__()
    stay."""
    if not isinstance(node, ast.FunctionDef) or node.name in given:
        return
    body = [part for part in node.body if not is_kept(part)]
    start = body[0].lineno - 1
    while lines[start - 1].lstrip().startswith("#"):  # a comment on the first line of the body
        start -= 1
    indent = " " * body[0].col_offset
    dots = "pass  # your code" if node.name == "__init__" else f"return {BLANK}"
    lines[start : node.end_lineno] = [indent + dots]


def is_kept(part: ast.stmt) -> bool:
    """Whether a statement of a solution's function is in the stub, too."""
    if not isinstance(part, ast.Expr):
        return False
    return isinstance(part.value, ast.Constant) or ast.unparse(part) == "super().__init__()"
