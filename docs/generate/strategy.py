"""The reference of what a strategy sees and declares, from docstrings."""

from __future__ import annotations

import inspect

import backsweep as bs
from backsweep.engine import codes
from backsweep.strategy import models
from backsweep.strategy.declare import HOOKS
from generate.docstrings import describe, describe_function, describe_own_fields, in_one_line, lower, methods

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


def write() -> str:
    """Return the page."""
    lines = ["# Strategy and broker", "", INTRODUCTION, "", "## Declarations", ""]
    for name in ("param", "choice", "state", "above", "below", "held_for", "never", "higher"):
        lines += describe_function(f"bs.{name}", getattr(bs, name))
    lines += [f"`bs.PerAsset`: {lower(in_one_line(bs.PerAsset))}", ""]
    lines += [f"`bs.Condition`: {lower(in_one_line(bs.Condition))} They are joined with `|` and `&`.", ""]
    lines += [f"`bs.Higher`: {lower(in_one_line(bs.Higher))}", ""]
    lines += ["## Strategy", "", *describe(bs.Strategy)]
    for name in (*HOOKS, "on_data"):
        lines += describe_function(name, getattr(bs.Strategy, name))
    lines += ["## Combinations", "", *describe(bs.Combination)]
    for name, function in (("bs.part", bs.part), ("parts", bs.Combination.parts)):
        lines += describe_function(name, function)
    for view in (bs.Data, bs.Bar, bs.Context, bs.Position, bs.Order):
        lines += [f"## {view.__name__}", "", *describe(view), *_fields(view)]
    lines += ["## Broker", "", *describe(bs.Broker)]
    for name, method in methods(bs.Broker).items():
        lines += describe_function(f"broker.{name}", method)
    return "\n".join([*lines, *_cost_models(), *_codes()])


def fields(view: type) -> dict[str, str]:
    """Return the public fields of a view by name, with what is said of them."""
    said = describe_own_fields(view)
    annotated = {name: said.get(name, "") for name in inspect.get_annotations(view) if not name.startswith("_")}
    own = {name: each for name, each in vars(view).items() if isinstance(each, property)}
    return annotated | {name: in_one_line(each.fget) for name, each in own.items()}


def _fields(view: type) -> list[str]:
    said = {name: text.removeprefix("Return ") for name, text in fields(view).items()}
    lines = [f"- `{name}`: {lower(text)}" if text else f"- `{name}`" for name, text in said.items()]
    return [*lines, ""] if lines else []


def _cost_models() -> list[str]:
    about = (models.__doc__ or "").partition("What `fill` has")
    lines = ["## Cost models", ""]
    for kind in (bs.CommissionModel, bs.SlippageModel):
        lines += [
            f"`bs.{kind.__name__}`: {lower(in_one_line(kind))}",
            "",
            *describe_function(kind.method, getattr(kind, kind.method)),
        ]
    return [*lines, f"`bs.Fill`: {lower(in_one_line(bs.Fill))}", "", about[1] + about[2].strip(), ""]


def _codes() -> list[str]:
    lines = ["## Codes", ""]
    for title, names in CODES:
        lines += [f"{title}: " + ", ".join(f"`{name.upper()}`" for name in names) + ".", ""]
    for title, texts in TEXTS:
        lines += [f"{title}:", "", *(f"- {text}" for text in texts if text), ""]
    return lines
