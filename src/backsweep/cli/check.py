"""`backsweep check`: validate a sweep file, its data and its strategy, run one trial, and look for look-ahead."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from backsweep.cli.console import echo, format_metric, format_number, make_console, make_listing, print_warnings
from backsweep.cli.options import Overrides, SweepFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from backsweep.dataset import Shard
    from backsweep.study.search.dimension import Dimension
    from backsweep.trial.lookahead import Lookahead


def check(sweep: SweepFile, overrides: Overrides = None) -> None:
    """Validate the file, the data and the strategy, run one trial and test for look-ahead; write nothing.

    The trial has the parameters in the middle of the search space. The look-ahead test truncates and alters the data
    after random timestamps: requests before them must not change.

    For example:

    - backsweep check sweeps/demo.yaml

    - backsweep check sweeps/demo.yaml --set data.end=2010-12-31
    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without

    found = backsweep.check(sweep, overrides=overrides or ())
    params = {axis.name: _describe_axis(axis) for axis in found.space.dimensions}
    params |= {name: f"{format_number(value)}, fixed" for name, value in found.space.fixed.items()}
    shown = ("total_return", "sharpe", "max_drawdown", "trades")
    metrics = {name: format_metric(name, found.result.metrics[name]) for name in shown}
    console = make_console()
    parts = {
        "Strategy": {"files": ", ".join(found.files)},
        "Data": describe_data(found.shard),
        "Parameters": params or {"none": "the strategy declares no parameters"},
        "One trial, in the middle of the search space": metrics,
        "Look-ahead": _describe_lookahead(found.lookahead),
    }
    for title, entries in parts.items():
        console.print(title, style="underline")
        console.print(make_listing(entries))
        console.print()
    print_warnings(found.warnings)
    warned = f" with {len(found.warnings)} warning{'s'[: len(found.warnings) != 1]}" if found.warnings else ""
    echo(f"{sweep} can run{warned}: backsweep run {sweep}" if warned else f"{sweep} is valid: backsweep run {sweep}")


def describe_data(shard: Shard) -> dict[str, str]:
    """Return the size, span, assets, signals and context of data, by name."""
    first, last = (datetime.fromtimestamp(shard.rows["timestamp"][i] / 1e9, UTC) for i in (0, -1))
    return {
        "size": f"{shard.rows.height:,} rows, {len(shard.assets):,} assets, {shard.sessions[-1] + 1:,} sessions",
        "period": f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}",
        "assets": _join(shard.assets),
        "signals": _join(_covered(shard.rows, shard.signals, "bars")),
        "context": _join(_covered(shard.context, shard.context.columns[1:], "timestamps")),
    }


def _covered(frame: pl.DataFrame, names: Sequence[str], rows: str) -> list[str]:
    """Return the columns' names, each with the share of rows in which it has a value."""
    return [f"{name} ({frame[name].is_not_nan().sum() / frame.height:.1%} of {rows})" for name in names]


def _describe_lookahead(found: Lookahead) -> dict[str, str]:
    entries = {"found": "none", "tested at": f"{found.moments} times, {found.requests} of them just after an order"}
    for name, bars in found.warmup.items():
        text = (
            "unlimited: it depends on the first bar of the data"
            if bars is None
            else f"{bars:,} bar{'s' if bars != 1 else ''}"
        )
        entries[f"warm-up of {name}"] = text
    return entries


def _join(names: Sequence[str]) -> str:
    """List names, the first ten if there are many."""
    return ", ".join([*names[:10], *(["..."] if len(names) > 10 else [])]) or "none"


def _describe_axis(axis: Dimension) -> str:
    if axis.choices is not None:
        return "one of " + ", ".join(format_number(choice) for choice in axis.choices)
    text = f"{format_number(axis.low)} to {format_number(axis.high)}"
    if axis.integer and axis.step in {None, 1.0}:
        text += ", whole"
    elif axis.step is not None:
        text += f", step {format_number(axis.step)}"
    return text + (", logarithmic" if axis.log else "")
