"""Mutants: small wrong changes of a module's text, found in its syntax tree.

A mutant replaces one span of the source and leaves every other character as it is, so that its diff is what a reader
of the code would have got wrong. What cannot change a result is left alone: annotations, decorators, docstrings,
messages of errors, assertions for the type checker.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

_COMPARED = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_COMPUTED = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
_PAIRS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("fmin", "fmax"),
    ("floor", "ceil"),
    ("any", "all"),
    ("argmin", "argmax"),
    ("nanargmin", "nanargmax"),
    ("first", "last"),
)
_RENAMED = {name: other for pair in _PAIRS for name, other in (pair, pair[::-1])}
_SWAPPED = {"copysign": 0, "divmod": 0, "range": 0, "subtract": 0, "where": 1, "searchsorted": 0, "atan2": 0, "pow": 0}
"""Functions of two arguments that can be mistaken for each other, and the position of the first of them."""


@dataclass(frozen=True)
class Mutant:
    """One change: `new` in place of the bytes from `start` to `end` of a module; `kind` says what sort of change."""

    path: str
    source: bytes
    start: int
    end: int
    new: str
    kind: str

    @property
    def text(self) -> bytes:
        """The module's text with the change."""
        return self.source[: self.start] + self.new.encode() + self.source[self.end :]

    @property
    def line(self) -> int:
        """The first line that is changed, from 1."""
        return self.source.count(b"\n", 0, self.start) + 1

    @property
    def key(self) -> tuple[str, str, str]:
        """The module's name, and the changed lines as they were and as they are: what outlives that they move."""
        first = self.source.rfind(b"\n", 0, self.start) + 1
        last = self.source.find(b"\n", self.end)
        behind = self.source[self.end : last].decode()
        before = self.source[first : self.start].decode()
        old = self.source[self.start : self.end].decode()
        changed = (" ".join(f"{before}{text}{behind}".split()) for text in (old, self.new))
        return Path(self.path).stem, *changed

    @property
    def diff(self) -> str:
        """The change as a unified diff without context."""
        old, new = (text.decode().splitlines() for text in (self.source, self.text))
        return "\n".join(line for line in list(unified_diff(old, new, lineterm="", n=0))[2:] if line[:2] != "@@")


def find_mutants(path: str, source: bytes) -> list[Mutant]:
    """Return every mutant of a module, in the order of the text."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    return [Mutant(path, source, *edit) for edit in sorted(set(finder.edits))]


class _Finder(ast.NodeVisitor):
    """Collects edits (start, end, new, kind) of a module."""

    def __init__(self, source: bytes) -> None:
        self.edits: list[tuple[int, int, str, str]] = []
        self._source = source
        self._lines = [0, *(match.end() for match in re.finditer(rb"\n", source))]

    def _span(self, node: ast.AST) -> tuple[int, int]:
        return (
            self._lines[node.lineno - 1] + node.col_offset,
            self._lines[node.end_lineno - 1] + node.end_col_offset,
        )

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _replace(self, node: ast.AST, new: str, kind: str) -> None:
        self.edits.append((*self._span(node), new, kind))

    def _between(self, left: ast.AST, right: ast.AST, old: str, new: str, kind: str) -> None:
        """Replace the operator that stands between two operands."""
        start, end = self._span(left)[1], self._span(right)[0]
        pattern = r"\s+".join(re.escape(word) for word in old.split())
        if old[0].isalpha():
            pattern = rf"\b{pattern}\b"
        match = re.search(pattern, self._source[start:end].decode())
        if match:
            self.edits.append((start + match.start(), start + match.end(), new, kind))

    # What is left alone.

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        self._visit_body(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_body(node)

    def _visit_body(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Skip: texts are for people."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Skip: assertions are for the type checker."""

    # What is changed.

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "pass", "dropped raise")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace(node, "pass", "dropped continue")

    def visit_Break(self, node: ast.Break) -> None:
        self._replace(node, "pass", "dropped break")

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self._replace(node, "pass", "dropped call")
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            self._replace(node, "pass", "dropped assignment")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, "pass", "dropped assignment")
        if type(node.op) in _COMPUTED:
            old, new = _COMPUTED[type(node.op)]
            self._between(node.target, node.value, f"{old}=", f"{new}=", "arithmetic")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if self._text(node.test) != "TYPE_CHECKING":
            self._negate(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self._negate(node.test)
            self.generic_visit(node)
        else:
            self._visit_body(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        if not isinstance(test, ast.UnaryOp):  # `not x` loses its `not` below
            self._replace(test, f"(not ({self._text(test)}))", "negated condition")

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            self._between(left, right, *_COMPARED[type(operator)], "comparison")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right, old, new, "boolean")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in _COMPUTED:
            self._between(node.left, node.right, *_COMPUTED[type(node.op)], "arithmetic")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if not isinstance(node.op, ast.UAdd):
            kind = "sign" if isinstance(node.op, ast.USub) else "negated condition"
            self._replace(node, f"({self._text(node.operand)})", kind)
        if not isinstance(node.operand, ast.Constant):
            self.visit(node.operand)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(node, str(not node.value), "constant")
        elif isinstance(node.value, int | float):
            for changed, text in ((node.value + 1, "{!r}"), (node.value - 1, "({!r})")):
                if changed != node.value:  # a number beyond 2**53 stays what it is
                    self._replace(node, text.format(changed), "constant")

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = _SWAPPED.get(name, len(node.args))
        if first + 1 < len(node.args):
            one, other = node.args[first : first + 2]
            swapped = f"{self._text(other)}, {self._text(one)}"
            self.edits.append((self._span(one)[0], self._span(other)[1], swapped, "swapped arguments"))
        if name == "zip":  # `strict` guards; nothing follows from it
            node.keywords = []
        self._rename(node.func)
        self.generic_visit(node)

    def _rename(self, function: ast.expr) -> None:
        """Replace the last name of a function, or np.maximum in np.maximum.accumulate."""
        if isinstance(function, ast.Attribute):
            end = self._span(function)[1]
            if function.attr in _RENAMED:
                self.edits.append((end - len(function.attr), end, _RENAMED[function.attr], "renamed function"))
            elif isinstance(function.value, ast.Attribute):
                self._rename(function.value)
        elif isinstance(function, ast.Name) and function.id in _RENAMED:
            self._replace(function, _RENAMED[function.id], "renamed function")
