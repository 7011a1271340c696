"""`backsweep check`: validate a sweep file, its data and its strategy, run one trial, and look for look-ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backsweep.cli.console import echo, make_console, make_listing, print_warnings
from backsweep.cli.forms import Form, Format, write_json, write_values
from backsweep.cli.options import Overrides, SweepFile
from backsweep.report.formats import format_metric, format_number, format_param

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backsweep.api.sweeps import Findings
    from backsweep.dataset import Shard
    from backsweep.study.search.dimension import Dimension

POOR_COVER = 0.5
"""A signal that fewer bars have is probably spelled or stamped in another way."""


def check(sweep: SweepFile, form: Form = Format.table, overrides: Overrides = None) -> None:
    """Validate the file, the data and the strategy, run one trial and test for look-ahead; write no file of yours.

    The trial has the parameters in the middle of the search space. The look-ahead test truncates and alters the data
    after random timestamps: requests before them must not change. A study that is run from then on notes the test.

    For example:

    - backsweep check sweeps/demo.yaml

    - backsweep check sweeps/demo.yaml --set data.end=2010-12-31
    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without

    found = backsweep.check(sweep, overrides=overrides or ())
    params = {axis.name: _describe_axis(axis) for axis in found.space.dimensions}
    params |= {name: f"{params[name]}, when {each.text}" for name, each in found.space.when.items()}
    params |= {name: f"{format_param(value)}, fixed" for name, value in found.space.fixed.items()}
    if found.space.given:
        params["first trials"] = f"{len(found.space.given)} of the file"
    if found.space.relations:
        texts = "; ".join(relation.text for relation in found.space.relations)
        params["relations"] = f"{texts}: {found.space.region.share:.2%} of the space"
    shown = ("total_return", "sharpe", "max_drawdown", "trades")
    metrics = {name: format_metric(name, found.result.metrics[name]) for name in shown}
    if form is not Format.table:
        content: dict[str, Mapping[str, Any]] = {
            "check": describe_check(found),
            "parameters": params,
            "trial": dict(found.result.metrics),
        }
        if form is Format.json:
            write_json({**content, "files": [*found.files], "warnings": [*found.warnings]})
        else:
            write_values(content)
            print_warnings(found.warnings)
        return
    console = make_console()
    console.print(make_listing(describe_check(found)))
    console.print()
    parts = {
        "Strategy": {"files": ", ".join(found.files)},
        "Parameters": params or {"none": "the strategy declares no parameters"},
        "One trial, in the middle of the search space": metrics,
    }
    for title, entries in parts.items():
        console.print(title, style="underline")
        console.print(make_listing(entries))
        console.print()
    print_warnings(found.warnings)
    warned = f" with {len(found.warnings)} warning{'s'[: len(found.warnings) != 1]}" if found.warnings else ""
    echo(f"{sweep} can run{warned}: backsweep run {sweep}" if warned else f"{sweep} is valid: backsweep run {sweep}")


def describe_check(found: Findings) -> dict[str, str]:
    """Return the eleven lines of a check: what was found and, where something is off, what to do about it."""
    zone = found.shard.zone
    odd = {
        name: "; ".join(each.describe(zone) for each in anomalies) or "none"
        for name, anomalies in (("gaps", found.gaps), ("suspicious rows", found.anomalies))
    }
    tested = f"tested at {found.lookahead.moments} times, {found.lookahead.requests} of them just after an order"
    if found.sweep.account.mode == "sleeves":
        tested += f", in {found.accounts} of {len(found.shard.assets)} sleeves"
    return {
        **describe_data(found.shard, found.sweep.data.sessions_per_year),
        **odd,
        "signals": _describe_cover(found.shard),
        "warm-up": _describe_warmup(found.lookahead.warmup),
        "look-ahead": f"none found, {tested}",
        "sleep": found.sleep,
    }


def describe_data(shard: Shard, declared: float | None = None) -> dict[str, str]:
    """Return the assets, span, interval, sessions in a year (`declared`, if they are) and zone of data, by name."""
    from backsweep.dataset.anomalies import describe_time  # noqa: PLC0415 - loads Polars
    from backsweep.dataset.gaps import describe_interval, find_interval  # noqa: PLC0415 - the same
    from backsweep.dataset.sessions import describe_clock, describe_year  # noqa: PLC0415 - the same

    first, last = (describe_time(shard.rows["timestamp"][i], shard.zone) for i in (0, -1))
    sessions = int(shard.sessions[-1]) + 1
    return {
        "assets": f"{len(shard.assets):,}: {_join(shard.assets)}",
        "span": f"{first} to {last}: {shard.rows.height:,} bars, {sessions:,} sessions",
        "interval": describe_interval(find_interval(shard)),
        "sessions per year": describe_year(shard.session_table, declared),
        "zone": describe_clock(shard.session_table.clock),
    }


def _describe_cover(shard: Shard) -> str:
    """Return each signal and series of the context with the share of bars, or of timestamps, that have a value."""
    lines = []
    for frame, names, rows in (
        (shard.rows, shard.signals, "bars"),
        (shard.context, shard.context.columns[1:], "timestamps"),
    ):
        shares = {name: float(frame[name].is_not_nan().sum()) / frame.height for name in names}
        if shares:
            lines.append(_join([f"{name} {share:.1%}" for name, share in shares.items()], 20) + f" of {rows}")
        poor = [name for name, share in shares.items() if share < POOR_COVER]
        if poor:
            lines[-1] += f"; {_join(poor)} {'is' if len(poor) == 1 else 'are'} mostly missing: compare the file's "
            lines[-1] += "timestamps and assets with those of the bars, or begin with data.start"
    return "; ".join(lines) or "none"


def _describe_warmup(warmup: Mapping[str, int | None] | None) -> str:
    """Return how many bars each feature needs, and what to do about those that never settle."""
    if warmup is None:
        return "not looked for: models are trained in each fold"
    texts = [f"{name} {bars:,} bar{'s'[: bars != 1]}" for name, bars in warmup.items() if bars is not None]
    endless = [name for name, bars in warmup.items() if bars is None]
    if endless:
        verb = "depends" if len(endless) == 1 else "depend"
        texts.append(
            f"{_join(endless)} unlimited: {verb} on the first bar of the data, and in a fold on all before it; "
            "use a window or an exponential mean"
        )
    return ", ".join(texts) or "none: no features"


def _join(names: Sequence[str], most: int = 10) -> str:
    """List names, the first of them if there are many."""
    return ", ".join([*names[:most], *(["..."] if len(names) > most else [])])


def _describe_axis(axis: Dimension) -> str:
    if axis.choices is not None:
        return "one of " + ", ".join(format_param(choice) for choice in axis.choices)
    text = f"{format_number(axis.low)} to {format_number(axis.high)}"
    if axis.integer and axis.step in {None, 1.0}:
        text += ", whole"
    elif axis.step is not None:
        text += f", step {format_number(axis.step)}"
    return text + (", logarithmic" if axis.log else "")
