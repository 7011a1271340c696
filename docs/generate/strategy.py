"""The reference of what a strategy sees and declares, from docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import backsweep as bs
from backsweep.engine import codes
from backsweep.strategy import models
from generate.docstrings import describe_own_fields

INTRODUCTION = """\
What a strategy declares, what `on_data` is given, and what it may ask; [Strategies](../strategy.md) says how it works
together. Sizes are signed units (positive buys), prices in the asset's currency, money in the account's, times int64
nanoseconds UTC. Arguments that stand at NaN are not given."""

CODES = (
    ("Order types, as `bs.MARKET`", codes.ORDER_TYPES),
    ("Times in force, as `bs.GTC`", codes.TIFS),
    ("Statuses, as `from backsweep.engine.codes import FILLED`", codes.STATUSES[1:]),  # the first is no order's
)
TEXTS = (
    ("Why an order was rejected or cancelled, as tables show it", codes.REJECT_REASONS),
    ("Why a fill happened, as tables show it", codes.FILL_REASONS),
    ("Why cash came or went without a fill, as tables show it", codes.FLOW_KINDS),
)

DEFAULTS = {"order_type": codes.ORDER_TYPES[codes.MARKET].upper(), "tif": codes.TIFS[codes.GTC].upper()}


def write() -> str:
    """Return the page."""
    lines = ["# Strategy and broker", "", INTRODUCTION, "", "## Declarations", ""]
    for name in ("param", "choice", "state", "above", "below"):
        lines += _function(f"bs.{name}", getattr(bs, name))
    lines += [f"`bs.PerAsset`: {_lower(_first(bs.PerAsset))}", ""]
    lines += [f"`bs.Condition`: {_lower(_first(bs.Condition))} They are joined with `|` and `&`.", ""]
    lines += ["## Strategy", "", *_text(bs.Strategy)]
    for name in ("features", "wake", "on_data"):
        lines += _function(name, getattr(bs.Strategy, name))
    for view in (bs.Data, bs.Bar, bs.Context, bs.Position, bs.Order):
        lines += [f"## {view.__name__}", "", *_text(view), *_fields(view)]
    lines += ["## Broker", "", *_text(bs.Broker)]
    for name, method in methods(bs.Broker).items():
        lines += _function(f"broker.{name}", method)
    return "\n".join([*lines, *_cost_models(), *_codes()])


def methods(cls: type) -> dict[str, Callable[..., Any]]:
    """Return the public methods of a class by name, in the order in which they are defined."""
    return {name: each for name, each in vars(cls).items() if inspect.isfunction(each) and not name.startswith("_")}


def fields(view: type) -> dict[str, str]:
    """Return the public fields of a view by name, with what is said of them."""
    said = describe_own_fields(view)
    annotated = {name: said.get(name, "") for name in inspect.get_annotations(view) if not name.startswith("_")}
    own = {name: each for name, each in vars(view).items() if isinstance(each, property)}
    return annotated | {name: _first(each.fget) for name, each in own.items()}


def _fields(view: type) -> list[str]:
    said = {name: text.removeprefix("Return ") for name, text in fields(view).items()}
    lines = [f"- `{name}`: {_lower(text)}" if text else f"- `{name}`" for name, text in said.items()]
    return [*lines, ""] if lines else []


def _function(name: str, function: Callable[..., Any]) -> list[str]:
    parameters = list(inspect.signature(function).parameters.values())
    shown = ", ".join(_parameter(each) for each in parameters if each.name != "self")
    star = any(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters)
    first = next((each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY), "")
    shown = re.sub(rf"\b{first}\b", f"*, {first}", shown, count=1) if star else shown
    return [f"### {name}({shown})", "", *_text(function)]


def _parameter(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    return f"{parameter.name}={DEFAULTS.get(parameter.name, parameter.default)}"


def _text(documented: Any) -> list[str]:
    """Return a docstring as Markdown: paragraphs as they are, parameters as a list."""
    about, _, parameters = (inspect.getdoc(documented) or "").partition("Parameters\n----------\n")
    lines = [about.strip(), ""]
    for name, text in re.findall(r"(?m)^(\S.*)\n((?:    .*\n?)+)", parameters):
        lines += [f"- `{name.replace(', ', '`, `')}`: {_lower(' '.join(text.split()))}"]
    return [*lines, ""] if parameters else lines


def _lower(text: str) -> str:
    """Let a text begin with a small letter, but for a name in capitals."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _first(function: Any) -> str:
    return " ".join((inspect.getdoc(function) or "").split())


def _cost_models() -> list[str]:
    about = (models.__doc__ or "").partition("What `fill` has")
    lines = ["## Cost models", ""]
    for kind in (bs.CommissionModel, bs.SlippageModel):
        lines += [
            f"`bs.{kind.__name__}`: {_lower(_first(kind))}",
            "",
            *_function(kind.method, getattr(kind, kind.method)),
        ]
    return [*lines, f"`bs.Fill`: {_lower(_first(bs.Fill))}", "", about[1] + about[2].strip(), ""]


def _codes() -> list[str]:
    lines = ["## Codes", ""]
    for title, names in CODES:
        lines += [f"{title}: " + ", ".join(f"`{name.upper()}`" for name in names) + ".", ""]
    for title, texts in TEXTS:
        lines += [f"{title}:", "", *(f"- {text}" for text in texts if text), ""]
    return lines
