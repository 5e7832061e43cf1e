"""Small changes of a piece of code, one at a time: what an unknown but wrong answer looks like."""

import ast
import copy

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def mutants(code: str, given: tuple[str, ...] = ()) -> list[str]:
    """Every version of ``code`` with one change; signatures, docstrings, imports, and the
    functions in ``given`` stay."""
    tree = ast.parse(code)
    found = []
    for path in places(tree, given):
        for change in changes(follow(tree, path)):
            other = copy.deepcopy(tree)
            parent, (field, index) = follow(other, path[:-1]), path[-1]
            new = change(copy.deepcopy(follow(other, path)))
            if index is None:
                setattr(parent, field, new)
            else:
                getattr(parent, field)[index] = new
            found.append(ast.unparse(ast.fix_missing_locations(other)))
    return [mutant for mutant in dict.fromkeys(found) if mutant != ast.unparse(tree)]


def places(node: ast.AST, given: tuple[str, ...], path: tuple = ()) -> list[tuple]:
    """The paths of all nodes that may be changed, each of (field, index) pairs."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.arguments)):
        return []
    if isinstance(node, ast.FunctionDef) and node.name in given:
        return []
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return []
    found = [path] if path else []
    for field, value in ast.iter_fields(node):
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    found += places(item, given, (*path, (field, index)))
        elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
            found += places(value, given, (*path, (field, None)))
    return found


def follow(node: ast.AST, path: tuple) -> ast.AST:
    for field, index in path:
        node = getattr(node, field) if index is None else getattr(node, field)[index]
    return node


def changes(node: ast.AST) -> list:
    """The functions that change this node, each into something of the same kind."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return [lambda n: ast.Constant(not n.value)]
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return [lambda n: ast.Constant(n.value + 1), lambda n: ast.Constant(n.value - 1)]
    if type(node) in SWAPS:
        return [lambda n: SWAPS[type(n)]()]
    if isinstance(node, ast.UnaryOp):
        return [lambda n: n.operand]
    if isinstance(node, (ast.AugAssign, ast.For)):
        return [lambda n: ast.Pass()]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return [lambda n: ast.Pass()]
    if isinstance(node, ast.Call):
        found = [swap_arguments] if len(node.args) > 1 else []
        return found + ([drop_keyword] if node.keywords else [])
    if isinstance(node, ast.IfExp):
        return [lambda n: n.body, lambda n: n.orelse]
    return []


def swap_arguments(node: ast.Call) -> ast.Call:
    node.args[0], node.args[1] = node.args[1], node.args[0]
    return node


def drop_keyword(node: ast.Call) -> ast.Call:
    node.keywords.pop()
    return node
