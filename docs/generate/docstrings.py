"""Docstrings, signatures and the texts below fields, as Markdown."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable
from typing import Any

from backsweep.engine import codes

DEFAULTS = {"order_type": codes.ORDER_TYPES[codes.MARKET].upper(), "tif": codes.TIFS[codes.GTC].upper()}


def describe_own_fields(cls: type) -> dict[str, str]:
    """Return the text below each annotated field of a class, without those that it inherits."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body
    return {
        field.target.id: " ".join(str(text.value.value).split())
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def methods(cls: type) -> dict[str, Callable[..., Any]]:
    """Return the public methods of a class by name, in the order in which they are defined."""
    return {name: each for name, each in vars(cls).items() if inspect.isfunction(each) and not name.startswith("_")}


def describe_function(name: str, function: Callable[..., Any]) -> list[str]:
    """Return a heading with the arguments, and the docstring."""
    parameters = list(inspect.signature(function).parameters.values())
    shown = ", ".join(_parameter(each) for each in parameters if each.name != "self")
    star = any(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters)
    first = next((each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY), "")
    shown = re.sub(rf"\b{first}\b", f"*, {first}", shown, count=1) if star else shown
    return [f"### {name}({shown})", "", *describe(function)]


def _parameter(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    shown = getattr(parameter.default, "__name__", repr(parameter.default))
    return f"{parameter.name}={DEFAULTS.get(parameter.name, shown)}"


def describe(documented: Any) -> list[str]:
    """Return a docstring as Markdown: paragraphs as they are, parameters and attributes as a list."""
    about, *parts = re.split(r"(?:Parameters|Attributes)\n-+\n", inspect.getdoc(documented) or "")
    lines = [about.strip(), ""]
    for head, below in re.findall(r"(?m)^(\S.*)\n?((?:    .*\n?)*)", "\n".join(parts)):
        names, _, text = head.partition(" : ")
        item = f"- `{names.replace(', ', '`, `')}`: {lower(' '.join(f'{text} {below}'.split()))}"
        lines += [item] if text or below else ["", head]  # prose may follow the last item
    return [*lines, ""] if parts else lines


def lower(text: str) -> str:
    """Let a text begin with a small letter, but for a name in capitals."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def in_one_line(function: Any) -> str:
    """Return a docstring as one line."""
    return " ".join((inspect.getdoc(function) or "").split())
