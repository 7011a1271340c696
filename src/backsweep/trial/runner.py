"""One strategy class on one market: give it values, run it, and read what it left behind.

A runner allocates its tables once and uses them for every trial. Its memory does not grow with the number of trials,
and, unless it records, not with the number of bars either.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config

from backsweep.bars import ColumnAddresses
from backsweep.dataset.calendar import NANOSECONDS_PER_CALENDAR_YEAR
from backsweep.engine.codes import CARRIED, FRESH, LOG_FULL, NONE, ORDERS_FULL
from backsweep.engine.state import Tables, allocate
from backsweep.engine.tables import CONDITION
from backsweep.errors import BacksweepError, BrokenInvariant, LimitReached
from backsweep.metrics.summary import METRICS
from backsweep.strategy import Strategy, Value, bind, explain, find_failed, parts_of
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.sweepfile.pruning import PruningSpec
from backsweep.trial.assignment import Assigner, assign, make_resets
from backsweep.trial.binding import (
    check_tiers,
    place_of,
    set_account,
    set_costs,
    set_execution,
    set_funding,
    set_volume,
)
from backsweep.trial.chunk_loop import Job, chunk_loop
from backsweep.trial.currencies import set_rates
from backsweep.trial.features import FeaturePart, Features
from backsweep.trial.lanes import UNBOUNDED, WINDOW, WORTHWHILE, make_lanes, widen
from backsweep.trial.layout import NOTHING, Layout, lay_out_one, make_runs
from backsweep.trial.market import FILLER, columns_record, locked
from backsweep.trial.models import Models
from backsweep.trial.part_features import features_of
from backsweep.trial.part_market import PartAddresses, addresses_of, check_costs, repeat_for_parts
from backsweep.trial.quotes import check_quotes, set_quotes, set_reaches
from backsweep.trial.session_range import SessionRange
from backsweep.trial.summaries import Curves, new_curves, summarise_sums
from backsweep.trial.wake_table import WakeTable, room_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.trial.market import Market


@dataclass(frozen=True)
class Settings:
    """What every trial of a runner shares: account, execution, costs."""

    account: AccountSpec = field(default_factory=AccountSpec)
    execution: ExecutionSpec = field(default_factory=ExecutionSpec)
    costs: CostsSpec = field(default_factory=CostsSpec)


CALL_BARS = 10_000_000
"""Groups of bars of a compiled call, about, which nothing can interrupt; and one trial at least."""


class Runner:
    """Runs one strategy class on one market, interpreted or compiled, recorded or not.

    `params` names the values that `run` takes, in order; `fixed` gives values that hold for every run. A name is a
    parameter of the strategy or a dotted key under costs, account or execution. With `wakes_always` the strategy sees
    every bar, whatever its `wake` and `wake_held` say.
    """

    def __init__(
        self,
        market: Market,
        cls: type[Strategy],
        settings: Settings,
        *,
        params: Sequence[str] = (),
        fixed: Mapping[str, Value] | None = None,
        compiled: bool = True,
        log_capacity: int = 0,
        features: Features | FeaturePart | None = None,
        wakes_always: bool = False,
    ) -> None:
        self.market = market
        self.cls = cls
        self.fills = 0  # of all runs so far
        self.bound = bind(cls)
        self._loop = chunk_loop(self.bound, compiled=compiled)
        self._compiled = compiled
        self._wakes_always = wakes_always
        self.settings = settings
        self._params = tuple(params)
        self._fixed = dict(fixed or {})
        self._features = features or features_of(market, cls)
        self.parts = tuple(parts_of(cls))
        check_costs(len(self.parts), settings.costs)
        self.traded = repeat_for_parts(market, max(1, len(self.parts)))
        self._new_strategy = partial(_new_strategy, cls, self._params, self._fixed)  # not bound: the market would stay
        strategy = self._new_strategy(np.full(len(self._params), np.nan))
        self.tables = self._allocate(strategy, log_capacity)
        self._window = max(1, WINDOW * len(self.traded.groups) // max(1, len(self.traded.bars)))
        wide = widen(self.tables, several=self._can_turn(log_capacity))
        self._handle = self.tables.handle(compiled=compiled)
        self._values = self.bound.new_values(strategy)
        self._memory = self.bound.new_memory(len(self.tables.positions))
        self._wanted = self._features.columns(strategy)  # kept alive: the engine has their addresses
        self._columns, self._addresses = addresses_of(self.parts, market.signals, self._wanted)
        self._context = columns_record(market.context)
        self._assigner = self._make_assigner()
        self._resets = make_resets(self.bound, self.bound.fields(self._values), self._memory)
        self._lanes = make_lanes(wide, self._handle, self._resets)
        self._job: Job | None = None  # of the last run that `go` made
        self._words = np.zeros((1, self._assigner.width), np.int64)
        self._edges = locked(np.append(0, np.flatnonzero(market.groups["last_of_session"]) + 1)[None])
        self._first_rows = np.sort(np.unique(self.traded.bars["asset"], return_index=True)[1])

    def run(self, values: NDArray[np.float64]) -> None:
        """Run one trial over the whole market; the tables hold what became of it.

        Raises StrategyError where the user's code does not compile or raises, LimitReached where a table is full.
        """
        self.take(values)
        self.go(self._everything)

    def take(self, values: NDArray[np.float64]) -> None:
        """Set a trial's values for `go`; raises StrategyError or BadInput if they make no sense."""
        failed: dict[int, BacksweepError] = {}
        for staged in self._assigner.stage(values[None], self._words, failed):
            (self._wanted,) = staged.columns
        for error in failed.values():
            raise error
        assign(self._assigner.table, self._words[0])

    @property
    def _everything(self) -> SessionRange:
        return SessionRange(0, len(self.market.sessions.ends))

    def go(self, sessions: SessionRange, *, carried: bool = False, flat: bool = False) -> None:
        """Run over some sessions with the values taken; see `plan_run`."""
        run = self.plan_run(sessions, carried=carried, flat=flat)
        layout = NOTHING
        if sessions.sessions:
            run["place"], layout = 0, lay_out_one(sessions, self.years(sessions))
        job = self._job = self.make_job([run], layout)
        self._call(job._replace(rows=np.zeros(1, np.int64)))
        self.fills += int(job.progress[2])

    def go_until(self, stop: int) -> None:
        """Run from a fresh account over the timestamps before number `stop`, with the values taken."""
        job = self.make_job([{**self.plan_run(SessionRange(0, 0)), "last": stop}])
        self._call(job._replace(rows=np.zeros(1, np.int64)))

    def plan_run(
        self,
        sessions: SessionRange,
        *,
        carried: bool = False,
        flat: bool = False,
        watch: PruningSpec | None = None,
        account: int = 0,
    ) -> dict[str, float]:
        """Return the fields of RUN of a run over some sessions.

        It begins with a fresh account that knows the closes before it, or, `carried`, with the account, orders and
        memory that the last run left; `flat` closes every position at its end. The strategy is not called before
        the first session; its features, the signals and the context do know the bars before. With `watch` a hopeless
        run ends early.
        """
        start, stop = self._edges[account, sessions.first], self._edges[account, sessions.last]
        actions, groups = self.traded.actions["group"], self.traded.groups
        first_action, next_action = np.searchsorted(actions, (self._edges[account, 0], start))
        known = self._edges[account, :1] if len(self._edges) > 1 else self._first_rows
        before = groups["first_row"][start] if start < len(groups) else len(self.traded.bars)
        earlier = np.searchsorted(known, before)
        run = {
            "first": start,
            "last": stop,
            "account": account,
            "place": NONE,
            "fold": NONE,
            "session": sessions.first,
            "carried": CARRIED if carried else FRESH,
            "earlier_assets": earlier,
            "flat_at": stop - 1 if flat else NONE,
            "first_seen": self._edges[account, 0],
            "first_action": first_action,
            "next_action": next_action,
        }
        if watch is not None:
            run["early_stop"] = 1
            run["drawdown_limit"] = np.inf if watch.max_drawdown is None else watch.max_drawdown
            run["trades_needed"] = watch.min_trades or 0
            run["trades_due"] = sessions.first + math.ceil(watch.checkpoint * sessions.sessions) - 1
        return run

    def make_job(self, runs: Sequence[Mapping[str, float]], layout: Layout = NOTHING) -> Job:
        """Return what a call needs for such runs, but the trials and their figures; `layout`: what becomes of them.

        There are lanes for several trials where it has long runs.
        """
        table = make_runs(runs, layout)
        lanes = self._lanes
        if not len(table) or (table["last"] - table["first"]).max() < WORTHWHILE * self._window:
            lanes = lanes.first
        count, folds = len(lanes.standing), 1 + max((int(run["fold"]) for run in runs), default=0)
        return Job(
            rows=np.zeros(0, np.int64),
            words=self._words,
            places=self._assigner.table,
            varied=self._assigner.table,
            resets=self._resets,
            runs=table,
            slots=layout.slots,
            parts=layout.parts,
            ranges=layout.ranges,
            edges=self._edges,
            assets=self.tables.assets,
            lanes=lanes,
            window=self._window if count > 1 else UNBOUNDED,
            sums=np.zeros((count, layout.width)),
            ended=np.zeros((count, len(layout.ranges), 2), np.int64),
            pruned=np.zeros((count, folds), np.int64),
            curves=new_curves(layout.longest),
            periods_per_year=self.market.sessions.per_year,
            metrics=np.zeros((1, len(layout.slots), len(METRICS))),
            reasons=np.zeros((1, len(layout.slots), len(METRICS)), np.uint8),
            returns=np.zeros((1, 0), np.float32),
            progress=np.zeros(3, np.int64),
        )

    def run_chunk(self, job: Job, values: NDArray[np.float64]) -> dict[int, str]:
        """Run trials with these values, float64[k, params], into the job's figures.

        Returns the texts of the errors of those that fail, by their rows; these leave the figures untouched.
        """
        job.progress[2] = 0
        words = np.zeros((len(values), self._assigner.width), np.int64)
        failed: dict[int, BacksweepError] = {}
        errors: dict[int, str] = {}
        most = max(1, CALL_BARS // max(1, int((job.runs["last"] - job.runs["first"]).sum())))
        most -= most % min(most, len(job.lanes.standing))
        for staged in self._assigner.stage(values, words, failed):
            for first in range(0, len(staged.rows), most):
                errors.update(self._run_rows(job._replace(rows=staged.rows[first : first + most], words=words)))
        self.fills += int(job.progress[2])
        return errors | {row: str(error) for row, error in failed.items()}

    def _run_rows(self, job: Job) -> Iterator[tuple[int, str]]:
        """Run a job's trials; yield the rows of those that fail, with the texts of their errors."""
        job = job if len(job.rows) > 1 else job.alone
        rows, lanes = job.rows, len(job.lanes.standing)
        differ = (job.words[rows] != job.words[rows[0]]).any(axis=0)
        job = job._replace(varied=job.places[differ[job.places["column"]]])
        while len(rows):
            error: BacksweepError | None = None
            try:
                self._call(job._replace(rows=rows))
            except BacksweepError as raised:
                error = raised
            rows = rows[job.progress[0] :]
            if lanes > 1 and len(rows):
                self._models.forget()  # those of several trials
                yield from self._run_rows(job.alone._replace(rows=rows[:lanes]))
            elif error is not None:
                yield int(rows[0]), self._describe(error, job)
            rows = rows[lanes:]

    def _describe(self, error: BacksweepError, job: Job) -> str:  # noqa: ARG002 - for those who have several accounts
        """Return the text of an error in the run that the job stands at."""
        return str(error)

    def prepare(self) -> None:
        """Compile the strategy without running it; StrategyError says what does not compile, and where."""
        self._call(self.make_job([]))

    def _call(self, job: Job) -> None:
        """Run the job's trials; raise what went wrong in the one that it ends at, which `progress` has."""
        job.progress[:2] = 0
        if self._compiled:
            self._models.compile()
        market: Any = ColumnAddresses(self._columns[0], self._context[0])
        if self.parts:
            market = PartAddresses(market.columns, market.context, self.market.bars[0], self.market.groups[0])
        try:
            self._loop(self._handle, market, *self.bound.arguments(self._values, self._memory), job)
        except (MemoryError, BacksweepError):
            raise  # the machine's trouble or a cost model's, not the strategy's
        except Exception as error:
            cls, part = find_failed(self.cls, error)
            columns = self._columns[part] if part else self._columns
            names = [name for name in columns.dtype.names or () if name != FILLER]
            raise explain(cls, error, names, tuple(self.market.context)) from error
        if job.progress[0] < len(job.rows) and len(job.lanes.standing) == 1:
            self._models.check(self.tables)
            check_run(self.tables, self.cls.__name__)

    def summarise(self, values: NDArray[np.float64], reasons: NDArray[np.uint8], sessions: SessionRange) -> Curves:
        """Write metrics (float64[metrics]) and reason codes (uint8) of the run that `go` made; return its curves.

        `sessions` are those that it ran over; where nothing has run, those that the tables are of. A trade counts where
        it closes.
        """
        if self._job is None:
            ends = self.tables.sessions[slice(*sessions)]
            sums = np.concatenate([self.tables.counters.view(np.float64), ends["equity"], ends["gross"]])
            layout = lay_out_one(sessions, self.years(sessions))
            left = summarise_sums(sums, layout, 0, self.market.sessions.per_year, values, reasons)
        else:
            left = self._job.curves
            values[: len(METRICS)], reasons[: len(METRICS)] = self._job.metrics[0, 0], self._job.reasons[0, 0]
        if self.market.benchmark is not None:
            self.market.benchmark.write([sessions], left.returns, values, reasons)
        return left

    def years(self, sessions: SessionRange) -> float:
        """Return how long some sessions take, in years of 365.25 days."""
        times = self.market.groups["timestamp"][self.groups(sessions)]
        return float(times[-1] - times[0]) / NANOSECONDS_PER_CALENDAR_YEAR

    def groups(self, sessions: SessionRange) -> slice:
        """Return the timestamps of some sessions."""
        return slice(int(self._edges[0, sessions.first]), int(self._edges[0, sessions.last]))

    def feature_columns(self) -> dict[str, NDArray[np.float64]]:
        """Return the feature columns of the values taken, by name."""
        return self._wanted

    def _make_assigner(self) -> Assigner:
        """Write the fixed numbers under dotted keys, and return what stages those of the trials."""
        spec, assets = self.settings, self.traded.assets
        places = {
            name: self._models.place_of(name) or place_of(name, self.tables, spec.account, spec.costs, assets)
            for name in (*self._fixed, *self._params)
            if _is_key(self.cls, name)
        }
        for name in places.keys() & self._fixed.keys():
            places.pop(name).put(float(self._fixed[name]))  # type: ignore[arg-type] # `check_value` has refused texts
        moves_tiers = any(name.endswith(".above") for name in (*self._fixed, *self._params))
        return Assigner(
            self.cls,
            self._params,
            self._new_strategy,
            self.bound.fields(self._values),
            self._addresses,
            places,
            self._features,
            WakeTable(self.tables, self._room, self.market.signals, tuple(self._wanted)),
            partial(check_tiers, self.tables) if moves_tiers else None,
        )

    def _can_turn(self, log_capacity: int) -> bool:
        """Return whether trials can go side by side, and there are bars enough for it to pay.

        With several currencies a run also changes its assets' rates.
        """
        plain = len(self.settings.account.currencies) == 1 and log_capacity == 0
        long = len(self.traded.groups) >= WORTHWHILE * self._window
        return self._compiled and not config.DISABLE_JIT and plain and long

    def _allocate(self, strategy: Strategy, log_capacity: int) -> Tables:
        self._room = 0 if self._wakes_always else room_of(strategy)
        tables = self._new_tables(log_capacity)
        if self._room:
            tables.arrays["conditions"] = np.zeros(self._room, CONDITION)
        market = self.traded
        set_account(tables, self.settings.account, market.assets)
        set_rates(tables, self.settings.account, market.context, market.groups["timestamp"])
        set_execution(tables, self.settings.execution)
        set_quotes(tables, self.settings.execution, market.signals)
        set_reaches(tables, self.settings.execution, market.signals)
        check_quotes(self.market, self.settings.execution)
        set_volume(tables, self.settings.execution, market.codes)
        set_costs(tables, self.settings.costs, market.assets)
        set_funding(tables, self.settings.costs, market.signals)
        self._models = Models(tables, self.settings.costs, market.assets, market.signals)
        return tables

    def _new_tables(self, log_capacity: int) -> Tables:
        market = self.traded
        return allocate(
            market.bars,
            market.groups,
            assets=len(market.assets),
            sessions=len(market.sessions.ends),
            actions=market.actions,
            finer_bars=market.finer_bars,
            finer_ranges=market.finer_ranges,
            parts=max(1, len(self.parts)),
            currencies=len(self.settings.account.currencies),
            log_capacity=log_capacity,
        )


def _new_strategy(
    cls: type[Strategy], params: Sequence[str], fixed: Mapping[str, Value], values: NDArray[np.float64]
) -> Strategy:
    """Make a strategy with the values that are its own; NaN stands for a parameter's default."""
    declared = cls.declared()
    own: dict[str, Any] = {name: value for name, value in fixed.items() if not _is_key(cls, name)}
    own |= {
        name: declared[name].value(float(value)) if name in declared else float(value)
        for name, value in zip(params, values, strict=True)
        if not _is_key(cls, name) and not np.isnan(value)
    }
    return cls(**own)


def _is_key(cls: type[Strategy], name: str) -> bool:
    """Return whether a name is a dotted key of the sweep file, and not a parameter of a part."""
    return "." in name and name not in cls.declared()


def check_run(tables: Tables, strategy: str) -> None:
    """Raise what went wrong in a run, LimitReached or BrokenInvariant; `strategy` names whose it was."""
    account, cursor, sizes = tables.account[0], tables.cursor[0], tables.sizes[0]
    if cursor.failure == ORDERS_FULL:
        raise LimitReached(
            f"{strategy} has too many live orders",
            expected=f"at most {sizes.capacity // 2} at once",
            remedy="cancel orders that are no longer wanted, or ask with order_target methods",
        )
    if cursor.failure == LOG_FULL:
        raise LogFull("the logs of a recorded run are full", expected=f"at most {sizes.log_capacity} entries")
    if not np.isfinite(account.equity) or not np.isfinite(account.cash):
        raise BrokenInvariant(
            "the account is not a number any more",
            expected="finite cash and equity",
            found=f"cash {account.cash}, equity {account.equity}",
            remedy="check the sizes that the strategy asks for: they may have grown beyond all bounds",
        )


class LogFull(LimitReached):
    """A recorded run needs larger logs; `recording.record` catches it and tries again with larger ones."""
