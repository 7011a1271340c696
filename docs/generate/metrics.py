"""The reference of metrics: what each is, its unit, its formula, and when it is null."""

from __future__ import annotations

import inspect

from backsweep.metrics import table
from backsweep.metrics.reasons import FIRST_PRUNED, NO_NUMBER, NOT_FINITE, REASONS

INTRODUCTION = """\
Every trial, fold and backtest has these. In the study table a metric is the column `user_attrs_NAME`; it can be an
objective (`search.objective`) and a bound (`search.constraints`). A metric that is undefined is null, never 0 and never
infinite, with a reason: one of the last column, or

{everywhere}

[The guide](../guide.md#metrics-of-your-own) says how to add metrics of your own; one without a value is null because
{own}."""


def write() -> str:
    """Return the page."""
    everywhere = [f"- {reason}" for reason in (REASONS[NOT_FINITE], *REASONS[FIRST_PRUNED:])]
    lines = ["# Metrics", "", INTRODUCTION.format(everywhere="\n".join(everywhere), own=REASONS[NO_NUMBER]), ""]
    lines += [(table.__doc__ or "").split("\n\n")[1].strip(), ""]
    lines += ["| metric | unit | what it is | formula | null if |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(_row(name, metric) for name, metric in table.TABLE.items()), ""])


def _row(name: str, metric: table.Metric) -> str:
    about = metric.of if isinstance(metric.of, str) else inspect.getdoc(metric.of) or ""
    about = " ".join(about.split()).removeprefix("Return ")
    formula = f"`{metric.formula}`" if metric.formula else ""
    reasons = ", ".join(REASONS[code] for code in metric.undefined) or "never"
    return f"| `{name}` | {metric.unit} | {about[0].upper()}{about[1:]} | {formula} | {reasons} |"
