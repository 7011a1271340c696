"""Every asset in an account of its own: the market asset by asset, and the runner that goes from sleeve to sleeve.

A sleeve begins with an equal share of the cash and sees its own asset alone: `data` has one bar, whose `asset` is 0,
`broker.count_assets()` is 1, equity and targets are the sleeve's. What holds for the whole market it knows by the
context. A strategy that compares assets needs `account.mode: shared`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.dataset.calendar import BLOCK
from backsweep.engine.codes import NONE
from backsweep.engine.state import Tables, allocate
from backsweep.engine.tables import ACTION, GROUP
from backsweep.trial.benchmark import Benchmark
from backsweep.trial.binding import check_named
from backsweep.trial.layout import NOTHING
from backsweep.trial.market import Market, column, last_of_session, locked, nights, pack_bars, pack_finer_bars
from backsweep.trial.range_sums import make_ranges, width_of
from backsweep.trial.runner import Runner, Settings
from backsweep.trial.session_clock import minutes_of_day, minutes_to_close

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from backsweep.dataset import Shard
    from backsweep.dataset.calendar import Calendar
    from backsweep.dataset.sessions import SessionTable
    from backsweep.errors import BacksweepError
    from backsweep.strategy import Strategy
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.chunk_loop import Job
    from backsweep.trial.segment_plan import SegmentPlan

CASH = "account.cash"


@dataclass(frozen=True, eq=False)
class SleeveMarket(Market):
    """A shard sorted by asset, then time; every bar is a group of its own, of asset 0, in a session of the calendar.

    Attributes
    ----------
    edges : int64[assets, sessions + 1], the group at which an asset's bars of each session begin.

    """

    edges: NDArray[np.int64]

    def sleeves_of(self, block: int) -> range:
        """Return the sleeves of a block, whose number is counted from the shard's first."""
        return range(block * BLOCK, min((block + 1) * BLOCK, len(self.assets)))

    def rows_of(self, sleeve: int) -> slice:
        """Return a sleeve's rows."""
        return slice(int(self.edges[sleeve, 0]), int(self.edges[sleeve, -1]))

    def sleeve(self, number: int) -> Market:
        """Return one asset's market, with the sessions in which it has bars."""
        rows = self.rows_of(number)
        sessions = np.flatnonzero(np.diff(self.edges[number]))
        groups = self.groups[rows].copy()
        groups["first_row"] -= rows.start
        groups["session"] = np.searchsorted(sessions, groups["session"])
        return Market(
            assets=(self.assets[number],),
            bars=self.bars[rows],
            groups=locked(groups),
            signals={name: values[rows] for name, values in self.signals.items()},
            context={name: values[rows] for name, values in self.context.items()},
            sessions=self.sessions.some(sessions),
            actions=locked(_between(self.actions, rows)),
            rows=self.rows[rows].with_columns(asset=pl.lit(0, pl.Int32)),
            pieces=(slice(None),),
            finer_bars=self.finer_bars,
            finer_ranges=None if self.finer_ranges is None else self.finer_ranges[rows],
        )


def pack_sleeves(shard: Shard, calendar: Calendar) -> SleeveMarket:
    """Lay out a shard of whole blocks, sorted by asset, for the engine.

    It goes asset by asset, so that what it needs for a moment is small beside the shard.
    """
    rows = shard.rows
    timestamps = rows["timestamp"].to_numpy()
    offsets = np.searchsorted(rows["asset"].to_numpy(), np.arange(len(shard.assets) + 1))
    groups, bars = np.zeros(rows.height, GROUP), pack_bars(rows)
    edges = np.array(
        [
            first + _pack_sleeve(bars[first:end], groups[first:end], first, timestamps[first:end], calendar.sessions)
            for first, end in itertools.pairwise(offsets.tolist())
        ]
    )
    series = [name for name in shard.context.columns if name != "timestamp"]
    moments = np.searchsorted(shard.context["timestamp"].to_numpy(), timestamps) if series else None
    finer_bars, finer_ranges = pack_finer_bars(shard.finer_bars)
    return SleeveMarket(
        assets=shard.assets,
        bars=locked(bars),
        groups=locked(groups),
        signals={name: column(rows[name]) for name in shard.signals},
        context={name: locked(shard.context[name].to_numpy()[moments]) for name in series},
        sessions=calendar.sessions,
        actions=locked(_pack_actions(shard.actions, offsets, timestamps)),
        rows=rows,
        pieces=tuple(
            slice(int(offsets[first]), int(offsets[min(first + BLOCK, len(shard.assets))]))
            for first in range(0, len(shard.assets), BLOCK)
        ),
        edges=locked(edges),
        notes=shard.notes,
        finer_bars=finer_bars,
        finer_ranges=finer_ranges,
    )


def _pack_sleeve(
    bars: NDArray[Any], groups: NDArray[Any], first: int, timestamps: NDArray[np.int64], table: SessionTable
) -> NDArray[np.int64]:
    """Write what one asset's bars and groups, from row `first` on, have beside prices; return the sleeve's `edges`."""
    sessions, codes = table.numbers(timestamps), np.zeros(len(bars), np.int32)
    last = last_of_session(codes, sessions)
    groups["timestamp"] = timestamps
    groups["first_row"] = np.arange(first, first + len(bars))
    groups["count"] = 1
    groups["session"] = sessions
    groups["last_of_session"] = last
    groups["minute"] = minutes_of_day(timestamps, table.clock)
    groups["nights"] = nights(table.dates[sessions])
    bars["last_of_session"] = last
    bars["to_close"] = minutes_to_close(timestamps, codes, sessions, last, table)
    return np.searchsorted(sessions, np.arange(len(table.ends) + 1))


def _pack_actions(actions: pl.DataFrame, offsets: NDArray[np.int64], timestamps: NDArray[np.int64]) -> NDArray[Any]:
    """Move actions to the bars of their assets, which follow each other, each a group; all are of asset 0.

    After an asset's last bar there are no splits and dividends, and a delisting takes effect at it.
    """
    packed = np.zeros(actions.height, ACTION)
    for name in ("split", "dividend", "delisting"):
        packed[name] = actions[name].to_numpy()
    for row, (asset, timestamp) in enumerate(actions.select("asset", "timestamp").iter_rows()):
        first, end = offsets[asset], offsets[asset + 1]
        packed[row]["group"] = first + np.searchsorted(timestamps[first:end], timestamp)
        if packed[row]["group"] == end:
            packed[row]["group"], packed[row]["split"], packed[row]["dividend"] = end - 1, 1.0, 0.0
    return packed[np.argsort(packed["group"], kind="stable")]


def _between(actions: NDArray[Any], groups: slice) -> NDArray[Any]:
    """Return the actions of some groups, counted from the first of these."""
    own = actions[slice(*np.searchsorted(actions["group"], (groups.start, groups.stop)))].copy()
    own["group"] -= groups.start
    return own


class Share:
    """The settings and values of a sleeve: those of the trial, with an equal part of the cash.

    Numbers under `per_asset` of assets that are not at hand, because they are another shard's, are left out. Raises
    BadInput where the settings name an asset that the data does not have.
    """

    def __init__(self, spec: TrialSpec, calendar: Calendar) -> None:
        check_named("account", spec.account.per_asset, calendar.assets)
        check_named("costs", spec.costs.per_asset, calendar.assets)
        self.calendar = calendar
        self.benchmark = (
            None if calendar.benchmark is None else Benchmark(calendar.benchmark, calendar.sessions.per_year)
        )
        self.spec = spec
        self._cash = list(spec.params).index(CASH) if CASH in spec.params else None

    def settings(self, assets: tuple[str, ...]) -> Settings:
        """Return the settings of some assets' sleeves."""
        account, costs = self.spec.account, self.spec.costs
        cash = self.calendar.part_of_cash(account.cash)
        own, dues = (
            {asset: given for asset, given in section.per_asset.items() if asset in assets}
            for section in (account, costs)
        )
        return Settings(
            account.model_copy(update={"cash": cash, "per_asset": own}),
            self.spec.execution,
            costs.model_copy(update={"per_asset": dues}),
        )

    def options(self, assets: tuple[str, ...]) -> dict[str, Any]:
        """Return what else a runner of some assets' sleeves takes."""
        params = tuple(self.spec.params[column] for column in self.kept(assets))
        fixed = {name: value for name, value in self.spec.fixed.items() if _concerns(name, assets)}
        if CASH in fixed:
            fixed[CASH] = self.calendar.part_of_cash(float(fixed[CASH] or 0.0))
        return {"params": params, "fixed": fixed}

    def kept(self, assets: tuple[str, ...]) -> list[int]:
        """Return the columns of the trial's values that concern some assets."""
        return [column for column, name in enumerate(self.spec.params) if _concerns(name, assets)]

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return trials' values, float64[..., p], as a sleeve takes them."""
        if self._cash is not None:
            values = values.copy()
            values[..., self._cash] = self.calendar.part_of_cash(values[..., self._cash])
        return values


def _concerns(name: str, assets: tuple[str, ...]) -> bool:
    """Return whether a swept number is one of these assets, or of all."""
    _, named, rest = name.partition(".per_asset.")
    return not named or any(rest.startswith(f"{asset}.") for asset in assets)


class SleeveRunner(Runner):
    """Runs trials sleeve by sleeve, each as planned.

    There is one account, with one position, that every sleeve uses in turn; what differs between assets is looked up.
    """

    market: SleeveMarket

    def __init__(self, market: SleeveMarket, cls: type[Strategy], settings: Settings, **options: Any) -> None:
        super().__init__(market, cls, settings, **options)
        self._edges = market.edges

    def make_sleeves_job(self, plan: SegmentPlan, blocks: int) -> Job:
        """Return the job of every sleeve; a trial leaves the sums over the plan's ranges for each block in turn."""
        width, ranges = width_of(plan.ranges), make_ranges(plan.ranges, np.zeros(len(plan.ranges)))
        layout = replace(NOTHING, ranges=ranges, width=width * blocks)
        job = self.make_job(
            [run for each in range(len(self.market.assets)) for run in self._plan_sleeve(each, plan)], layout
        )
        job.runs["start"] += job.runs["account"] // BLOCK * width
        return job

    def _plan_sleeve(self, sleeve: int, plan: SegmentPlan) -> Iterator[dict[str, float]]:
        """Yield the runs of a sleeve; those without a bar of its asset only leave what there was before."""
        edges = self._edges[sleeve]
        begun = False  # whether there is an account to carry on: the asset has had a bar
        for run in plan.runs:
            carried = run.carried and begun
            ran = bool(edges[run.sessions.last] > edges[run.sessions.first])
            if ran or run.place is not None:
                planned = self.plan_run(run.sessions, carried=carried, flat=plan.flat, account=sleeve)
                yield planned | {"place": NONE if run.place is None else run.place}
            begun = ran or carried

    def _describe(self, error: BacksweepError, job: Job) -> str:
        return f"sleeve {self.market.assets[job.runs[job.progress[1]]['account']]}: {error}"

    def _new_tables(self, log_capacity: int) -> Tables:
        """Allocate the tables of one asset's account, but the settings of every asset."""
        market = self.market
        tables = allocate(
            market.bars,
            market.groups,
            assets=1,
            sessions=len(market.sessions.ends),
            actions=market.actions,
            finer_bars=market.finer_bars,
            finer_ranges=market.finer_ranges,
            currencies=len(self.settings.account.currencies),
            log_capacity=log_capacity,
        )
        tables.arrays["assets"] = np.repeat(tables.assets, len(market.assets))
        return tables
