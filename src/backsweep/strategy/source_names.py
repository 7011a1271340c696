"""The names in the source of a module: modules that it may import, and files that it may read."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a module, except what runs only when it is the main program."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "__main__" in {getattr(each, "value", None) for each in ast.walk(node.test)}:
            continue
        yield node
        yield from statements(node)


def imported_modules(node: ast.AST, package: str) -> Iterator[str]:
    """Yield the names of the modules that a statement may import."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute("." * node.level + (node.module or ""), package)
        if base:
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        name = node.args[0].value
        if called in {"import_module", "__import__"} and isinstance(name, str) and (full := _absolute(name, package)):
            yield full


def _absolute(name: str, package: str) -> str:
    level = len(name) - len(name.lstrip("."))
    if level == 0:
        return name
    parts = package.split(".") if package else []
    if len(parts) < level:
        return ""
    return ".".join([*parts[: len(parts) - level + 1], *([name[level:]] if name[level:] else [])])


def named_files(node: ast.AST) -> Iterator[str]:
    """Yield the files that an expression may name: a text, `place / "tables" / "x.csv"`, `join(place, "x.csv")`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        parts: list[ast.expr] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Div):
            parts.insert(0, left.right)
            left = left.left
        yield _joined([left, *parts])
    elif isinstance(node, ast.Call):
        yield _joined(node.args)


def _joined(parts: list[ast.expr]) -> str:
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return "/".join(texts)
