"""The reference of what `backsweep` offers to programs: functions, results, metrics, statistics and errors."""

from __future__ import annotations

import inspect
from functools import cached_property
from types import ModuleType
from typing import Any

import backsweep as bs
from generate.docstrings import describe, describe_function, in_one_line, lower

INTRODUCTION = """\
The functions that do what the commands do, and what they return; [Python](../python.md) lists every name of
`backsweep`, and [Strategy and broker](strategy.md) has those that a strategy uses."""

FUNCTIONS = ("run", "open_study", "check", "null_study", "open_holdout", "backtest", "replay", "write_report")
MODULES = {
    "metrics": "Per-session returns in, numbers out; NaN is dropped. All metrics in a table: [Metrics](metrics.md).",
    "statistics": "Arrays in, numbers out. [Statistics](../statistics.md) says what they are good for.",
}


def write() -> str:
    """Return the page."""
    lines = ["# Functions and results", "", INTRODUCTION, "", "## Functions", ""]
    for name in FUNCTIONS:
        lines += describe_function(f"bs.{name}", getattr(bs, name))
    for cls in (bs.Study, bs.Result):
        lines += [f"## {cls.__name__}", "", *describe(cls), *_attributes(cls)]
    for name, about in MODULES.items():
        lines += [f"## bs.{name}", "", about, "", *_module(getattr(bs, name))]
    lines += ["## bs.errors", ""]
    lines += [f"- `{name}`: {lower(describe(error)[0])}" for name, error in errors().items()]
    return "\n".join([*lines, ""])


def errors() -> dict[str, type[Exception]]:
    """Return the exceptions by name."""
    found = {name: each for name, each in vars(bs.errors).items() if inspect.isclass(each)}
    return {name: each for name, each in found.items() if issubclass(each, Exception)}


def attributes(cls: type) -> dict[str, Any]:
    """Return the public properties and methods of a class by name, its bases' first, as they are defined."""
    kinds = (property, cached_property)
    bases = [base for base in reversed(cls.__mro__) if base.__module__.startswith("backsweep.")]
    public = {name: each for base in bases for name, each in vars(base).items() if not name.startswith("_")}
    return {name: each for name, each in public.items() if isinstance(each, kinds) or inspect.isfunction(each)}


def _attributes(cls: type) -> list[str]:
    lines = []
    for name, each in attributes(cls).items():
        arguments = [*inspect.signature(each).parameters][1:] if inspect.isfunction(each) else None
        shown = name if arguments is None else f"{name}({', '.join(arguments)})"
        lines += [f"- `{shown}`: {lower(in_one_line(each).removeprefix('Return '))}"]
    return [*lines, ""]


def _module(module: ModuleType) -> list[str]:
    lines = []
    for name in module.__all__:
        each = getattr(module, name)
        if inspect.isfunction(each):
            lines += describe_function(f"{module.__name__.replace('backsweep', 'bs')}.{name}", each)
    return lines
