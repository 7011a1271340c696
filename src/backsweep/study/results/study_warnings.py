"""Warnings about a sweep file before anything runs, and about the trials of a study; see `trial.run_warnings`."""

from __future__ import annotations

import ast
import inspect
import linecache
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.storage.open import open_files
from backsweep.study.results.findings import WARM_FOLDS, begins_warm
from backsweep.study.store.documents import malformed
from backsweep.study.store.stored_tables import decoded
from backsweep.study.table.columns import USER_ATTRS
from backsweep.trial.run_warnings import ORDER_COLUMNS, RunWarning, warnings_of_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backsweep.strategy import Param, Strategy
    from backsweep.study.results.study import Study
    from backsweep.study.search.dimension import Dimension
    from backsweep.sweepfile.sweep import Sweep

HIGHEST_RATE = 0.05
"""Above this fraction of the value, a commission or slippage was probably meant in per cent or basis points."""


def warnings_of_sweep(sweep: Sweep, cls: type[Strategy]) -> list[RunWarning]:
    """Return what a sweep file and its strategy show: no costs, high rates, wider ranges, print in `on_data`.

    Also where trials of an earlier study begin one with folds.
    """
    return [*_costs(sweep), *_ranges(sweep, cls), *_prints(cls), *_warm_start(sweep)]


def warnings_of_value(
    name: str, value: float | bool | str | None, ranges: Param | Dimension | None
) -> list[RunWarning]:
    """Return that a number is outside its declared range, if it is; of choices, other values are refused."""
    if ranges is None or value is None or isinstance(value, bool | str):
        return []
    if ranges.choices is not None:
        inside, range_text = value in ranges.choices, "one of " + ", ".join(map(str, ranges.choices))
    elif ranges.low is not None and ranges.high is not None:
        inside, range_text = ranges.low <= value <= ranges.high, f"{ranges.low:g} to {ranges.high:g}"
    else:
        return []
    if inside:
        return []
    remedy = "it runs as given; no study that keeps the range tries it"
    return [RunWarning(f"{value:g} is outside its declared range, {range_text}", f"parameter {name}", remedy)]


def warnings_of_study(study: Study, replay: Callable[[int], pl.DataFrame | None]) -> list[RunWarning]:
    """Return what the trials of a study show: none traded, or the selected one had orders rejected, and why.

    The reason is read from the records of what was selected, or else, where orders were rejected, from those of the
    first such trial: `replay` returns its orders, or None where it cannot run again.
    """
    trials = study.trials  # without columns before the first commit
    rows = trials.filter(pl.col("state") == "COMPLETE") if trials.height else trials
    if not rows.height:
        return []
    rejected = f"{USER_ATTRS}rejected_orders"
    rejecting = rows.filter(pl.col(rejected) > 0)
    idle = rows.filter(pl.col(f"{USER_ATTRS}trades").fill_null(0) == 0).height
    found = []
    if idle == rows.height:
        what = f"none of {rows.height:,} trials closed a trade"
        found.append(RunWarning(what, remedy="backsweep backtest shows the orders of one trial"))
    if idle_groups := [name for name in study.groups if name not in study.selected_by_group]:
        what = f"nothing was selected in {', '.join(idle_groups)}: the cash of these groups stays cash"
        found.append(RunWarning(what, "search.asset_groups", "loosen the constraints, or run more trials"))
    files = open_files(f"{study.path}/selected")
    if files.exists("orders.parquet"):
        orders = decoded(files, "orders.parquet", files.get("orders.parquet"))
        if missing := [name for name in ORDER_COLUMNS if name not in orders.columns]:
            raise malformed(files, "orders.parquet", "missing columns", ", ".join(ORDER_COLUMNS), f"no {missing[0]}")
        found += [replace(each, where="the selected trial") for each in warnings_of_records(orders, trades=1)]
    elif rejecting.height:
        number, count = rejecting.select("number", rejected).row(0)
        what = f"{rejecting.height:,} of {rows.height:,} trials had orders rejected, {count:,.0f} in trial {number}"
        again = replay(number)
        remedy = (
            f"backsweep backtest SWEEP.yaml --trial {number} --study {study.path} says why" if again is None else ""
        )
        found.append(RunWarning(what, remedy=remedy))
        if again is not None:
            found += [replace(each, where=f"trial {number}") for each in warnings_of_records(again, trades=1)]
    return found


def _warm_start(sweep: Sweep) -> Iterator[RunWarning]:
    if begins_warm(sweep):
        yield RunWarning(WARM_FOLDS, "search.warm_start", "name a study whose data end before the first test")


def _costs(sweep: Sweep) -> Iterator[RunWarning]:
    searched = {name: axis.high for name, axis in sweep.search.params.items() if name.startswith("costs.")}
    if "costs" not in sweep.model_fields_set and not searched:
        remedy = "add costs, such as {commission: {kind: percentage, rate: 0.0005}}"
        what = "costs no more than the spread" if sweep.execution.quotes else "is free"
        yield RunWarning(f"there is no costs section: trading {what}", remedy=remedy)
    owners: dict[str, Any] = {"costs": sweep.costs}
    owners |= {f"costs.per_asset.{asset}": own for asset, own in sweep.costs.per_asset.items()}
    rates = {
        f"{place}.{part}.rate": getattr(model, "rate", 0.0)
        for place, own in owners.items()
        for part, kinds in (("commission", ("percentage", "combined")), ("slippage", ("percentage",)))
        if (model := getattr(own, part)) is not None and model.kind in kinds
    }
    high = {name: top for name, top in searched.items() if name in rates and top is not None}
    for name, rate in {**rates, "costs.stop_slippage": sweep.costs.stop_slippage, **high}.items():
        if rate > HIGHEST_RATE:
            remedy = f"rates are fractions: {rate:g} basis points are {rate / 1e4:g}, {rate:g} % are {rate / 100:g}"
            yield RunWarning(f"{rate:g} is {100 * rate:g} % of the value of every fill", where=name, remedy=remedy)


def _ranges(sweep: Sweep, cls: type[Strategy]) -> Iterator[RunWarning]:
    declared = cls.declared()
    for name, axis in sweep.search.params.items():
        limits = declared.get(name)
        if limits is None or limits.low is None or limits.high is None:
            continue
        given = [each for each in (axis.low, axis.high, *(axis.choices or ())) if isinstance(each, int | float)]
        if given and (min(given) < limits.low or max(given) > limits.high):
            what = (
                f"{min(given):g} to {max(given):g} goes beyond the {limits.low:g} to {limits.high:g} of {cls.__name__}"
            )
            yield RunWarning(what, where=f"search.params.{name}", remedy="narrow it, or widen bs.param if it is meant")


def _prints(cls: type[Strategy]) -> Iterator[RunWarning]:
    """Find print in `on_data`."""
    function = cls.on_data
    source, first = inspect.getsourcefile(function) or "", function.__code__.co_firstlineno
    last = max((line for *_, line in function.__code__.co_lines() if line is not None), default=first)
    try:
        tree = ast.parse("".join(linecache.getlines(source)))
    except SyntaxError:
        return
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"]
    lines = sorted(call.lineno for call in calls if first <= call.lineno <= last)
    if lines:
        remedy = "remove it before a search; backsweep backtest shows what one parameter set prints"
        yield RunWarning(
            "on_data prints at every call of every trial", where=f"{source}, line {lines[0]}", remedy=remedy
        )
