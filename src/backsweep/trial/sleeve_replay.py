"""One trial of sleeves again, with full records: each sleeve is an account to read, and the trial is their sum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.dataset.shards import Shard
from backsweep.engine.tables import SESSION
from backsweep.trial.features import Features
from backsweep.trial.recording import record
from backsweep.trial.result import Result, drawdown, named, read_result
from backsweep.trial.sleeves import pack_sleeves
from backsweep.trial.summaries import new_metrics
from backsweep.trial.sums import Tree, add_sleeve, summarise_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.calendar import Calendar
    from backsweep.strategy import Strategy
    from backsweep.trial.runner import Runner
    from backsweep.trial.sleeves import Share, SleeveMarket
    from backsweep.trial.sums import Course

Source = Callable[[tuple[str, ...]], Shard]
"""Gives the data of some assets."""

Cash = dict[str, "NDArray[np.float64]"]
"""Cash at the calendar's session ends by the name of its column, float64[sessions]."""

BARS = 4_000_000
"""How many bars a replay holds at a time, about, whatever the size of the data."""


def replay_sleeves(
    share: Share, course: Course, cls: type[Strategy], source: Source, values: NDArray[np.float64], *, compiled: bool
) -> Result:
    """Run one trial over all sleeves with full records; `course` has one span, all sessions.

    The metrics are those of the trial, bit for bit. Orders are numbered on from sleeve to sleeve, and equity has one
    row for each session: between their ends sleeves have bars at different times.
    """
    calendar = share.calendar
    tree = Tree(calendar.blocks)
    cash: Cash = {}
    records: list[Result] = []
    for blocks in calendar.divide(math.ceil(int(calendar.bars.sum()) / BARS)):
        market = pack_sleeves(source(calendar.assets_of(blocks)), calendar)
        features = Features(market)
        for block in blocks:
            sums = np.zeros(course.width)
            for sleeve in market.sleeves_of(block - blocks.start):
                view = market.sleeve(sleeve)
                options = {**share.options(view.assets), "features": features.part(market.rows_of(sleeve))}
                own = values[share.kept(view.assets)]
                recorded = record(view, cls, share.settings(view.assets), own, compiled=compiled, **options)
                records.append(read_result(recorded))
                _add(records[-1], recorded.runner, market, sleeve, sums, cash)
            tree.push(0, block, sums)
    return _join(records, tree.sums[0], cash, calendar)


def _add(
    record: Result, runner: Runner, market: SleeveMarket, sleeve: int, sums: NDArray[np.float64], cash: Cash
) -> None:
    """Add a recorded sleeve to the sums of its block, and its cash to that at the calendar's session ends."""
    edges, tables = market.edges[sleeve], runner.tables
    present = np.flatnonzero(np.diff(edges))
    sessions = np.zeros(len(edges) - 1, SESSION)
    sessions[present] = tables.sessions[: len(present)]
    initial = tables.rules[0].cash
    add_sleeve(tables.account[0], sessions[0], edges, 0, initial, 0.0, 1, sums)
    at_ends = record.equity.filter(runner.market.groups["last_of_session"] == 1)
    latest = np.searchsorted(present, np.arange(len(sessions)), side="right")
    own = f"cash_{runner.settings.account.currency}"
    for name in (name for name in at_ends.columns if name.startswith("cash")):
        before = initial if name in {"cash", own} else 0.0
        cash[name] = cash.get(name, 0.0) + np.append(before, at_ends[name])[latest]


def _join(records: list[Result], sums: NDArray[np.float64], cash: Cash, calendar: Calendar) -> Result:
    """Give the result of all sleeves from theirs, in the order of assets."""
    values, reasons = new_metrics(1)
    sessions = len(calendar.ends)
    returns = np.zeros(sessions)
    summarise_sums(sums, calendar.years(0, sessions), values[0], reasons[0], returns)
    equity, gross = np.split(sums[-2 * sessions :], 2)
    frame = pl.DataFrame({"timestamp": calendar.ends, "cash": cash.pop("cash"), "equity": equity})
    exposure = np.divide(gross, equity, out=np.zeros(sessions), where=equity > 0.0)
    frame = frame.with_columns(pl.from_epoch("timestamp", time_unit="ns"), drawdown(float(sums[0])), exposure=exposure)
    frame = frame.with_columns(**cash)
    issued = np.cumsum([0, *(len(each.orders) for each in records)])
    return Result(
        *named(values[0], reasons[0]),
        fills=pl.concat([_numbered(each.fills, first) for each, first in zip(records, issued, strict=False)]).sort(
            "timestamp", maintain_order=True
        ),
        trades=pl.concat([each.trades for each in records]).sort("exit_timestamp", maintain_order=True),
        equity=frame,
        orders=pl.concat([_numbered(each.orders, first) for each, first in zip(records, issued, strict=False)]),
        cash_flows=pl.concat([each.cash_flows for each in records]).sort("timestamp", maintain_order=True),
        returns=returns,
    )


def _numbered(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    """Give a sleeve's orders the numbers after `first`."""
    return frame.with_columns(pl.col("^(order|parent)_id$") + int(first))
