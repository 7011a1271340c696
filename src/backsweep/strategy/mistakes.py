"""Mistakes in a user's method, found in its source after compiling or running it has failed.

The compiler and Python name what failed in their own terms. The syntax tree of the failing line often shows the mistake
in the terms of a strategy: a broker call with a wrong argument, `data` used as a list, a module that compiled code
cannot use. `find_mistake` looks for it by the rules of `mistake_rules`; `refuse` raises for the few mistakes that would
otherwise cause no error.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backsweep.errors import StrategyError
from backsweep.strategy.declare import HOOKS, Declared, Strategy
from backsweep.strategy.mistake_rules import ARGUMENTS, COMPILED_RULES, RULES, SILENT, Scope, no_choice

SIGNATURE = "def on_data(self, timestamp, data, context, broker)"
_ELSEWHERE = ("next", "on_bar", "handle_data", "on_tick", "on_event", "run", "execute")  # its name in other libraries
_PLACED = (ast.expr, ast.stmt, ast.ExceptHandler)


@dataclass(frozen=True)
class Mistake:
    """One mistake: the line, what is wrong there, what is expected and what to do."""

    line: int
    problem: str
    expected: str = ""
    remedy: str = ""


def code_line(function: Callable[..., object], line: int) -> str:
    """Return a line of a function's file, without its indentation; "" where there is none."""
    return linecache.getline(inspect.getsourcefile(function) or "", line).strip()


def find_mistake(
    function: Callable[..., object], line: int, *, compiled: bool, cls: type[Declared] = Declared
) -> Mistake | None:
    """Return the mistake on a line of the file that has `function`, the first of the function if the line is its head.

    What Python can do and compiled code cannot is a mistake only where `compiled`. `cls` declares the parameters.
    """
    for scope, tree in _methods(function, _texts_of(cls)):
        nodes = [node for node in ast.walk(tree) if node is not tree and isinstance(node, _PLACED)]
        head = tree.lineno <= line < tree.body[0].lineno
        here = nodes if head else [node for node in nodes if node.lineno <= line <= (node.end_lineno or node.lineno)]
        for rule in (*RULES, *(COMPILED_RULES if compiled else ())):
            for node in here:
                block = isinstance(node, (ast.If, ast.For, ast.While, ast.With, ast.Try)) and node.lineno != line
                if (head or not block) and (found := rule(scope, node)) is not None:
                    return Mistake(node.lineno, *found)
    return None


def refuse(cls: type, function: Callable[..., object]) -> None:
    """Raise StrategyError without `on_data`, or for mistakes that would cause no error: see `SILENT`."""
    if function is Strategy.on_data:
        raise _missing(cls)
    source = inspect.getsourcefile(function) or ""

    def error(line: int, problem: str, expected: str, remedy: str) -> StrategyError:
        found = f"`{code_line(function, line)}`"
        where = f"{source}, line {line}"
        return StrategyError(problem, where=where, expected=expected, found=found, remedy=remedy)

    first = function.__code__.co_firstlineno
    if wrong := wrong_signature(cls, function):
        raise error(first, f"{cls.__name__}.on_data has the wrong arguments", SIGNATURE, wrong)
    for scope, tree in _methods(function):
        if tree.lineno < first or tree.name != function.__name__:
            continue
        for node in ast.walk(tree):
            for rule in SILENT:
                if (found := rule(scope, node)) is not None:
                    raise error(getattr(node, "lineno", first), *found)
        return


def refuse_texts(cls: type[Declared]) -> None:
    """Raise StrategyError where a method compares a parameter among texts with what is none of them.

    Python would call them unequal. A text that goes by another name is refused when it is compiled.
    """
    texts = _texts_of(cls)
    for base in cls.__mro__ if texts else ():
        for function in filter(inspect.isfunction, vars(base).values()):
            source, first = inspect.getsourcefile(function) or "", function.__code__.co_firstlineno
            for scope, tree in _methods(function, texts) if base.__module__ != Declared.__module__ else ():
                if tree.name != function.__name__ or not first <= tree.lineno <= first + len(tree.decorator_list):
                    continue
                for node in ast.walk(tree):
                    if (found := no_choice(scope, node)) is not None:
                        problem, expected, remedy = found
                        line = getattr(node, "lineno", first)
                        code = f"`{code_line(function, line)}`"
                        where = f"{source}, line {line}"
                        raise StrategyError(problem, where=where, expected=expected, found=code, remedy=remedy)


def _texts_of(cls: type[Declared]) -> dict[str, tuple[Any, ...]]:
    """Return the choices of the parameters that are texts."""
    declared = ((name, param.choices or ()) for name, param in cls.declared().items())
    return {name: choices for name, choices in declared if any(isinstance(choice, str) for choice in choices)}


def _missing(cls: type) -> StrategyError:
    """Return the error of a strategy without `on_data`; a method that looks like it is named."""
    own = [name for name, value in vars(cls).items() if inspect.isfunction(value) and name not in HOOKS]
    near = [*difflib.get_close_matches("on_data", own, n=1), *(name for name in own if name in _ELSEWHERE)]
    return StrategyError(
        f"{cls.__name__} does not define on_data",
        where=inspect.getsourcefile(cls) or "",
        expected=SIGNATURE,
        found=f"methods {', '.join(own)}" if own else "no method",
        remedy=f"rename {near[0]} to on_data, with these arguments" if near else "add it",
    )


def wrong_signature(cls: type, function: Callable[..., object]) -> str:
    """Return what to do about the arguments of `on_data`, "" where they are right."""
    static = isinstance(inspect.getattr_static(cls, function.__name__, None), (staticmethod, classmethod))
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters):
        return ""
    names = [each.name for each in parameters]
    if static:
        return "remove the decorator: on_data is a plain method"
    if names != list(ARGUMENTS) and sorted(names) == sorted(ARGUMENTS):
        return "put the arguments in this order"
    needed = [each for each in parameters if each.default is each.empty]
    if len(needed) > len(ARGUMENTS) or len(names) < len(ARGUMENTS):
        missing = [name for name in ARGUMENTS if name not in names]
        return f"add {', '.join(missing)}" if missing else "remove the arguments after broker"
    return ""


def _methods(
    function: Callable[..., object], texts: Mapping[str, tuple[Any, ...]] | None = None
) -> Iterator[tuple[Scope, ast.FunctionDef]]:
    """Yield every function of the file with what its names mean; nothing where the source cannot be read."""
    source = inspect.getsourcefile(function) or ""
    try:
        module = ast.parse("".join(linecache.getlines(source)))
    except SyntaxError:
        return
    known = {**vars(builtins), **getattr(function, "__globals__", {})}
    parents = {child: node for node in ast.walk(module) for child in ast.iter_child_nodes(node)}
    for tree in ast.walk(module):
        if isinstance(tree, ast.FunctionDef):
            names = [each.arg for each in tree.args.args]
            roles = dict(zip(names, ARGUMENTS, strict=False)) if tree.name == "on_data" else {}
            roles = {**{name: name for name in ARGUMENTS if name in names}, **roles}
            used = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
            local = {node.id for node in used if isinstance(node.ctx, ast.Store)}
            local |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
            yield Scope(tree.name, roles, local, known, parents, texts or {}), tree
