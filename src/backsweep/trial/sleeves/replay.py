"""One trial of sleeves again, with full records: each sleeve is an account to read, and the trial is their sum.

A replay may be of a part of the sessions, such as a fold's test. A sleeve knows only the sessions in which its asset
has bars; in the others it keeps what it has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.dataset.shards import Shard
from backsweep.engine.compile.kernel import compiled
from backsweep.engine.tables import SESSION
from backsweep.metrics.summary import ALL_METRICS, METRICS
from backsweep.trial.currencies import balances_of
from backsweep.trial.features import Features
from backsweep.trial.layout import lay_out_one
from backsweep.trial.quotes import describe_quotes
from backsweep.trial.range_sums import add_run, curves_of, width_of
from backsweep.trial.recording import ReplayPlan, record
from backsweep.trial.result import Result, drawdown, named, read_result
from backsweep.trial.session_range import SessionRange
from backsweep.trial.sleeves.runner import pack_sleeves
from backsweep.trial.sleeves.sums import Tree
from backsweep.trial.summaries import new_metrics, summarise_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.calendar import Calendar
    from backsweep.strategy import Strategy
    from backsweep.trial.benchmark import Benchmark
    from backsweep.trial.runner import Runner
    from backsweep.trial.sleeves.runner import Share

Source = Callable[[tuple[str, ...]], Shard]
"""Returns the data of some assets."""

Cash = dict[str, "NDArray[np.float64]"]
"""Cash at the calendar's session ends by the name of its column, float64[sessions]."""

_add_run = compiled(add_run)

BARS = 4_000_000
"""How many bars a replay holds at a time, about, whatever the size of the data."""


def replay_sleeves(
    share: Share, plan: ReplayPlan, cls: type[Strategy], source: Source, values: NDArray[np.float64], *, compiled: bool
) -> Result:
    """Run one trial over all sleeves with full records; `plan` counts the calendar's sessions.

    `values` are float64[p], those of all sleeves, or float64[assets, p], those of each. The metrics are those of the
    trial, bit for bit. Orders are numbered on from sleeve to sleeve, and equity has one row for each session: between
    their ends sleeves have bars at different times.
    """
    calendar = share.calendar
    tree = Tree(calendar.blocks)
    cash: Cash = {}
    records: list[Result] = []
    notes = dict.fromkeys(calendar.notes)

    def replay_shard(blocks: range) -> None:
        market = pack_sleeves(source(calendar.assets_of(blocks)).by_asset(), calendar)
        notes.update(dict.fromkeys(market.notes))
        features = Features(market)
        for block in blocks:
            sums = np.zeros(width_of([plan.sessions]))
            for sleeve in market.sleeves_of(block - blocks.start):
                view = market.sleeve(sleeve)
                options = {**share.options(view.assets), "features": features.part(market.rows_of(sleeve))}
                own_values = values if values.ndim == 1 else values[calendar.assets.index(view.assets[0])]
                mine, settings = own_values[share.kept(view.assets)], share.settings(view.assets)
                own = _own(plan, market.edges[sleeve])
                recorded = record(view, cls, settings, mine, own.recorded, compiled=compiled, **options)
                if own.ran:
                    result = read_result(recorded)
                    records.append(replace(result, equity=result.equity.clear()))  # a row for each bar, and not used
                _add(recorded.runner, own, market.edges[sleeve], plan.sessions, sums, cash)
            tree.push(0, block, sums)

    for blocks in calendar.divide(math.ceil(int(calendar.bars.sum()) / BARS)):
        replay_shard(blocks)  # what it holds is gone before the next one is loaded
    joined = _join(records, tree.sums[0], cash, calendar, plan.sessions, share.benchmark)
    notes |= dict.fromkeys(describe_quotes(calendar.signals, share.spec.execution, share.spec.costs))
    return replace(joined, notes=tuple(notes))


@dataclass(frozen=True, eq=False)
class _Own:
    """A replay in the sessions of one sleeve: `present` are the calendar's in which it has bars."""

    present: NDArray[np.int64]
    plan: ReplayPlan

    @property
    def ran(self) -> bool:
        """Whether it has bars in the sessions to record."""
        return self.plan.sessions.sessions > 0

    @property
    def recorded(self) -> ReplayPlan:
        """What to run: without bars in the sessions to record what comes before, and nothing where nothing does."""
        if self.ran:
            return self.plan
        start, end = self.plan.start, self.plan.sessions.first
        return ReplayPlan(SessionRange(start, end), start) if start < end else ReplayPlan(SessionRange(0, 0), 0)


def _own(plan: ReplayPlan, edges: NDArray[np.int64]) -> _Own:
    present = np.flatnonzero(np.diff(edges))
    start, first, last = np.searchsorted(present, (plan.start, *plan.sessions)).tolist()
    return _Own(present, ReplayPlan(SessionRange(first, last), start, plan.flat))


def _add(
    runner: Runner,
    own: _Own,
    edges: NDArray[np.int64],
    recorded: SessionRange,
    sums: NDArray[np.float64],
    cash: Cash,
) -> None:
    """Add a recorded sleeve to the sums of its block, and its cash to that at the calendar's session ends."""
    tables, (first, last) = runner.tables, own.plan.sessions
    present = own.present[first:last]
    sessions = np.zeros(len(edges) - 1, SESSION)
    sessions[present] = tables.sessions[first:last]
    begun = initial = float(tables.rules[0].cash)
    gross = 0.0
    carried = own.plan.start < first
    if carried:  # positions, into the sessions that are recorded
        before = tables.sessions[first - 1]
        initial, gross = float(before["equity"]), float(before["gross"])
    counters, count = tables.counters.view(np.float64), recorded.sessions
    _add_run(sessions[0], edges, recorded.first, count, initial, gross, int(own.ran), sums, counters)
    latest = np.searchsorted(present, np.arange(*recorded), side="right")
    account, everything = runner.settings.account, slice(0, len(runner.market.groups))
    ends = runner.market.groups["last_of_session"] == 1
    logged = {"cash": tables.equity_log["cash"], **balances_of(tables.balance_log, account, everything)}
    for name, amounts in logged.items():
        at_ends = amounts[ends]
        held = begun if name in {"cash", f"cash_{account.currency}"} else 0.0
        held = at_ends[first - 1] if carried else held
        cash[name] = cash.get(name, 0.0) + np.append(held, at_ends[first:last])[latest]


def _join(
    records: list[Result],
    sums: NDArray[np.float64],
    cash: Cash,
    calendar: Calendar,
    sessions: SessionRange,
    benchmark: Benchmark | None,
) -> Result:
    """Return the result of all sleeves from theirs, in the order of assets."""
    values, reasons = new_metrics(1, len(METRICS if benchmark is None else ALL_METRICS))
    layout = lay_out_one(sessions, calendar.years(*sessions))
    left = summarise_sums(sums, layout, 0, calendar.sessions.per_year, values[0], reasons[0])
    equity, exposure = curves_of(sums)
    if benchmark is not None:
        benchmark.write([sessions], left.returns, values[0], reasons[0])
    ends = calendar.sessions.ends[slice(*sessions)]
    frame = pl.DataFrame({"timestamp": ends, "cash": cash.pop("cash"), "equity": equity})
    frame = frame.with_columns(pl.from_epoch("timestamp", time_unit="ns"), drawdown(float(sums[0])))
    frame = frame.with_columns(exposure=exposure, **cash)
    issued = np.cumsum([0, *(len(each.orders) for each in records)])
    alive = [_numbered(each.live_orders, first) for each, first in zip(records, issued, strict=False)]
    return Result(
        *named(values[0], reasons[0]),
        fills=pl.concat([_numbered(each.fills, first) for each, first in zip(records, issued, strict=False)]).sort(
            "timestamp", maintain_order=True
        ),
        trades=pl.concat([each.trades for each in records]).sort("exit_timestamp", maintain_order=True),
        equity=frame,
        orders=pl.concat([_numbered(each.orders, first) for each, first in zip(records, issued, strict=False)]),
        cash_flows=pl.concat([each.cash_flows for each in records]).sort("timestamp", maintain_order=True),
        returns=left.returns,
        left=left,
        positions=pl.concat([each.positions for each in records]),
        live_orders=pl.concat(alive),
        last_bars=pl.concat([each.last_bars for each in records]),
    )


def _numbered(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    """Add `first` to the numbers of a sleeve's orders."""
    return frame.with_columns(pl.col("^(order|parent)_id$") + int(first))
