"""One strategy class on one market: give it values, run it, and read what it left behind.

A runner allocates its tables once and uses them for every trial. Its memory does not grow with the number of trials,
and, unless it records, not with the number of bars either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.bars import ColumnAddresses
from backsweep.dataset.calendar import NANOSECONDS_PER_CALENDAR_YEAR
from backsweep.engine.codes import (
    CARRIED,
    FRESH,
    LOG_FULL,
    NONE,
    ORDERS_FULL,
    PRUNED_DRAWDOWN,
    PRUNED_RUIN,
    PRUNED_TRADES,
)
from backsweep.engine.state import Tables, allocate
from backsweep.engine.tables import CONDITION
from backsweep.errors import BacksweepError, BadInput, BrokenInvariant, LimitReached
from backsweep.metrics.reasons import PRUNED_BY_DRAWDOWN, PRUNED_BY_RUIN, PRUNED_BY_TRADES, REASONS
from backsweep.metrics.summary import METRICS
from backsweep.strategy import Condition, Strategy, ask, bind, explain, head_of
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.sweepfile.pruning import PruningSpec
from backsweep.trial.binding import (
    check_tiers,
    place_of,
    set_account,
    set_costs,
    set_execution,
    set_funding,
    set_volume,
)
from backsweep.trial.currencies import set_rates
from backsweep.trial.features import FeaturePart, Features
from backsweep.trial.market import FILLER, columns_record
from backsweep.trial.models import Models
from backsweep.trial.session_range import SessionRange
from backsweep.trial.summaries import Curves, RunSummary, summarise_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.trial.market import Market

_PRUNED = {
    PRUNED_DRAWDOWN: PRUNED_BY_DRAWDOWN,
    PRUNED_TRADES: PRUNED_BY_TRADES,
    PRUNED_RUIN: PRUNED_BY_RUIN,
}
_SESSIONS = METRICS.index("sessions")


@dataclass(frozen=True)
class Settings:
    """What every trial of a runner shares: account, execution, costs."""

    account: AccountSpec = field(default_factory=AccountSpec)
    execution: ExecutionSpec = field(default_factory=ExecutionSpec)
    costs: CostsSpec = field(default_factory=CostsSpec)


class Runner:
    """Runs one strategy class on one market, interpreted or compiled, recorded or not.

    `params` names the values that `run` takes, in order; `fixed` gives values that hold for every run. A name is a
    parameter of the strategy or a dotted key under costs, account or execution.
    """

    def __init__(
        self,
        market: Market,
        cls: type[Strategy],
        settings: Settings,
        *,
        params: Sequence[str] = (),
        fixed: dict[str, float | int | bool] | None = None,
        compiled: bool = True,
        log_capacity: int = 0,
        features: Features | FeaturePart | None = None,
    ) -> None:
        self.market = market
        self.cls = cls
        self.fills = 0  # of all runs so far
        self.bound = bind(cls)
        self._loop = self.bound.compiled if compiled else self.bound.interpreted
        self._compiled = compiled
        self.settings = settings
        self._params = tuple(params)
        self._fixed = dict(fixed or {})
        self._features = features or Features(market)
        self._strategy = self._instance(np.full(len(self._params), np.nan))
        self.tables = self._allocate(log_capacity)
        self._handle = self.tables.handle(compiled=compiled)
        self._places = [
            self._models.place_of(name) or place_of(name, self.tables, settings.account, settings.costs, market.assets)
            for name in self._dotted()
        ]
        self._moves_tiers = any(name.endswith(".above") for name in self._dotted())
        self._values = self.bound.new_values(self._strategy)
        self._memory = self.bound.new_memory(len(self.tables.positions))
        self._wanted = self._features.columns(self._strategy)  # kept alive: the engine has their addresses
        self._columns = columns_record({**market.signals, **self._wanted})
        self._context = columns_record(market.context)
        self._edges = np.append(0, np.flatnonzero(market.groups["last_of_session"]) + 1)  # where each session begins
        self._first_rows = np.sort(np.unique(market.bars["asset"], return_index=True)[1])
        self._set_conditions(self._strategy)

    def run(self, values: NDArray[np.float64]) -> None:
        """Run one trial over the whole market; the tables hold what became of it.

        Raises StrategyError where the user's code does not compile or raises, LimitReached where a table is full.
        """
        self.take(values)
        self.go(self._everything)

    def take(self, values: NDArray[np.float64]) -> None:
        """Set a trial's values for the runs that follow; raises StrategyError or BadInput if they make no sense."""
        strategy = self._strategy = self._instance(values)
        for place, name in zip(self._places, self._dotted(), strict=True):
            place.put(self._value_of(name, values))
        if self._moves_tiers:
            check_tiers(self.tables)
        record = self._values[0]
        for name, value in strategy.values().items():
            record[name] = value
        self._wanted = self._features.columns(strategy)
        for name, column in self._wanted.items():
            self._columns[0][name] = column.ctypes.data
        self._set_conditions(strategy)

    @property
    def _everything(self) -> SessionRange:
        return SessionRange(0, len(self.market.sessions.ends))

    def go(
        self, sessions: SessionRange, *, carried: bool = False, flat: bool = False, watch: PruningSpec | None = None
    ) -> None:
        """Run over some sessions with the values taken.

        The run begins with a fresh account that knows the closes before it, or, `carried`, with the account, orders and
        memory that the last run left; `flat` closes every position at its end. The strategy is not called before
        the first session; its features, the signals and the context do know the bars before. With `watch` a hopeless
        run ends early and raises PrunedRun.
        """
        groups = self.groups(sessions)
        start, stop = groups.start, groups.stop
        call = self.tables.call[0]
        call.carried = CARRIED if carried else FRESH
        call.early_stop = int(watch is not None)
        if watch is not None:
            call.drawdown_limit = np.inf if watch.max_drawdown is None else watch.max_drawdown
            call.trades_needed = watch.min_trades or 0
            call.trades_due = sessions.first + math.ceil(watch.checkpoint * sessions.sessions) - 1
        call.flat_at = stop - 1 if flat else NONE
        if len(self.market.actions):
            known = self.market.actions["group"]
            call.first_action, call.next_action = np.searchsorted(known, (self._edges[0], start))
        call.earlier_assets = np.searchsorted(self._first_rows, self.market.groups["first_row"][start])
        if not carried:
            self.bound.reset_variables(self._values, self._memory)
        self._call(start, stop)
        self.fills += int(self.tables.counters[0].fills)
        self._check()

    def go_until(self, stop: int) -> None:
        """Run from a fresh account over the timestamps before number `stop`, with the values taken."""
        call = self.tables.call[0]
        call.carried, call.flat_at, call.earlier_assets, call.next_action, call.early_stop = FRESH, NONE, 0, 0, 0
        self.bound.reset_variables(self._values, self._memory)
        self._call(0, stop)
        self._check()

    def prepare(self) -> None:
        """Compile the strategy without running it; StrategyError says what does not compile, and where."""
        self._call(0, 0)

    def _call(self, first: int, last: int) -> None:
        if self._compiled:
            self._models.compile()
        try:
            self._loop(
                self._handle,
                ColumnAddresses(self._columns[0], self._context[0]),
                self._values[0],
                tuple(table[0] for table in self._memory),
                first,
                last,
            )
        except (MemoryError, BacksweepError):
            raise  # the machine's trouble or a cost model's, not the strategy's
        except Exception as error:
            columns = [name for name in self._columns.dtype.names or () if name != FILLER]
            raise explain(self.cls, error, columns, tuple(self.market.context)) from error

    def _check(self) -> None:
        """Raise what went wrong in the last run."""
        self._models.check(self.tables)
        check_run(self.tables, self.cls.__name__)

    def summarise(
        self,
        values: NDArray[np.float64],
        reasons: NDArray[np.uint8],
        returns: NDArray[np.float64],
        sessions: SessionRange | None = None,
    ) -> Curves:
        """Write the last run's metrics (float64[metrics]), reason codes (uint8) and session returns (float64).

        `sessions` are those that it ran over, None for all. A trade counts where it closes.
        """
        sessions = sessions or self._everything
        ends = self.tables.sessions[slice(*sessions)]
        years, per_year = self._years(sessions), self.market.sessions.per_year
        run = RunSummary(self.tables.counters, ends["equity"], ends["exposure"], years, per_year)
        left = summarise_run(run, values, reasons, returns)
        if self.market.benchmark is not None:
            self.market.benchmark.write([sessions], returns, values, reasons)
        return left

    def summary(self, sessions: SessionRange) -> RunSummary:
        """Return what the last run, over these sessions, left behind."""
        ends = self.tables.sessions[slice(*sessions)]
        counters = self.tables.counters.copy()
        years, per_year = self._years(sessions), self.market.sessions.per_year
        return RunSummary(counters, ends["equity"].copy(), ends["exposure"].copy(), years, per_year)

    def _years(self, sessions: SessionRange) -> float:
        times = self.market.groups["timestamp"][self.groups(sessions)]
        return float(times[-1] - times[0]) / NANOSECONDS_PER_CALENDAR_YEAR

    def groups(self, sessions: SessionRange) -> slice:
        """Return the timestamps of some sessions."""
        return slice(int(self._edges[sessions.first]), int(self._edges[sessions.last]))

    def feature_columns(self) -> dict[str, NDArray[np.float64]]:
        """Return the last run's feature columns by name."""
        return self._wanted

    def _instance(self, values: NDArray[np.float64]) -> Strategy:
        """Make the strategy with the values that are its own; NaN stands for a parameter's default."""
        own: dict[str, Any] = {name: value for name, value in self._fixed.items() if "." not in name}
        own |= {
            name: float(value)
            for name, value in zip(self._params, values, strict=True)
            if "." not in name and not np.isnan(value)
        }
        return self.cls(**own)

    def _dotted(self) -> list[str]:
        return [name for name in (*self._fixed, *self._params) if "." in name]

    def _value_of(self, name: str, values: NDArray[np.float64]) -> float:
        if name in self._params:
            return float(values[self._params.index(name)])
        return float(self._fixed[name])

    def _allocate(self, log_capacity: int) -> Tables:
        tables = self._new_tables(log_capacity)
        set_account(tables, self.settings.account, self.market.assets)
        set_rates(tables, self.settings.account, self.market.context, self.market.groups["timestamp"])
        set_execution(tables, self.settings.execution)
        set_volume(tables, self.settings.execution, self.market.codes)
        set_costs(tables, self.settings.costs, self.market.assets)
        set_funding(tables, self.settings.costs, self.market.signals)
        self._models = Models(tables, self.settings.costs, self.market.assets, self.market.signals)
        return tables

    def _new_tables(self, log_capacity: int) -> Tables:
        return allocate(
            self.market.bars,
            self.market.groups,
            assets=len(self.market.assets),
            sessions=len(self.market.sessions.ends),
            actions=self.market.actions,
            currencies=len(self.settings.account.currencies),
            log_capacity=log_capacity,
        )

    def _set_conditions(self, strategy: Strategy) -> None:
        """Write the wake conditions under this trial's parameters, which may have others than those before."""
        wake: Condition | None = ask(strategy, "wake")
        clauses = () if wake is None else wake.clauses
        comparisons = [(number, each) for number, clause in enumerate(clauses) for each in clause]
        if len(comparisons) > len(self.tables.conditions):
            self.tables.arrays["conditions"] = np.zeros(len(comparisons), CONDITION)
            self.tables.point(self._handle, "conditions", 0)
        self.tables.sizes[0].conditions = len(comparisons)
        for row, (number, comparison) in enumerate(comparisons):
            record = self.tables.conditions[row]
            names = [name for name in self._columns.dtype.names or () if name != FILLER]
            if comparison.column not in names:
                raise BadInput(
                    f"{self.cls.__name__}.wake names an unknown signal or feature {comparison.column!r}",
                    where=head_of(self.cls, "wake"),
                    expected=f"one of {', '.join(names) or 'none: there are neither signals nor features'}",
                    found=comparison.column,
                    remedy='a price must be a feature to be compared: {"price": pl.col("close")}',
                )
            record.column = self._columns[0][comparison.column]
            record.threshold = comparison.value(strategy.values(), type(strategy).__name__)
            record.above = int(comparison.above)
            record.clause = number


def check_run(tables: Tables, strategy: str) -> None:
    """Raise what went wrong in a run, LimitReached or BrokenInvariant; `strategy` names whose it was.

    Raises PrunedRun where the run was watched and ended early.
    """
    account, cursor, sizes = tables.account[0], tables.cursor[0], tables.sizes[0]
    if cursor.failure in _PRUNED:
        raise PrunedRun(_PRUNED[cursor.failure], int(cursor.sessions))
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


class PrunedRun(Exception):  # noqa: N818 - nothing went wrong
    """A run ended early: for the reason with this code, after so many sessions."""

    def __init__(self, reason: int, sessions: int) -> None:
        self.reason, self.sessions = reason, sessions
        super().__init__(REASONS[reason])

    def write(self, metrics: NDArray[np.float64], reasons: NDArray[np.uint8]) -> None:
        """Write what is known of the run: how many sessions it had, and why nothing else."""
        metrics[:], reasons[:] = np.nan, self.reason
        metrics[_SESSIONS], reasons[_SESSIONS] = self.sessions, 0


class LogFull(LimitReached):
    """A recorded run needs larger logs; `recording.record` catches it and tries again with larger ones."""
