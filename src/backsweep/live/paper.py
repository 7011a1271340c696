"""Paper trading: the backtest's engine, one timestamp at a time.

The loop, the ledger and the matching are those of every backtest, over tables that grow as bars arrive. Nothing of a
timestep is known before it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.broker import Broker
from backsweep.dataset import Shard, shard_from_frames
from backsweep.engine.account.logs import log_live_orders
from backsweep.engine.codes import CONTINUED
from backsweep.engine.loop import make_loop
from backsweep.engine.state import State, allocate, reset
from backsweep.engine.tables import BAR, GROUP
from backsweep.errors import BadInput
from backsweep.live.session import Session
from backsweep.live.timestep import Timestep, timesteps
from backsweep.strategy import parts_of, to_row
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.sweepfile.trial import read_section
from backsweep.trial.binding import set_account, set_costs, set_execution, set_funding
from backsweep.trial.currencies import set_rates
from backsweep.trial.market import pack
from backsweep.trial.models import Models
from backsweep.trial.part_market import check_costs, repeat_for_parts
from backsweep.trial.quotes import COLUMNS, check_quotes, set_quotes
from backsweep.trial.recording import Recording
from backsweep.trial.result import Result, read_result
from backsweep.trial.runner import Runner, Settings, check_run
from backsweep.trial.session_range import SessionRange

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from backsweep.live.protocol import StrategyBroker
    from backsweep.strategy import Strategy
    from backsweep.trial.market import Market

ROOM = 1024
"""How many timestamps the tables hold at first; they double when they are full."""


def _decide(state: Any, _market: Any, decide: Any, _memory: Any, _group: Any, _index: int) -> None:
    decide(Broker(state))


class PaperVenue:
    """The engine as a venue.

    Parameters
    ----------
    assets : names; the codes are their positions in ascending order.
    account, execution, costs : the sweep file's mappings.
    parts : how many parts a combination has, whose positions and orders are kept apart.

    """

    def __init__(
        self,
        assets: Sequence[str],
        *,
        account: AccountSpec | Mapping[str, Any] | None = None,
        execution: ExecutionSpec | Mapping[str, Any] | None = None,
        costs: CostsSpec | Mapping[str, Any] | None = None,
        parts: int = 1,
    ) -> None:
        self.assets = tuple(sorted(assets))
        self.parts = parts
        names = tuple(name for name in self.assets for _ in range(parts))
        self.settings = Settings(
            read_section(AccountSpec, "account", account),
            read_section(ExecutionSpec, "execution", execution),
            read_section(CostsSpec, "costs", costs),
        )
        if self.settings.account.mode != "shared":
            raise BadInput(
                "a live session supports one account",
                where="account.mode",
                expected="shared",
                found=self.settings.account.mode,
                remedy="open a session for each asset",
            )
        if self.settings.execution.delay:
            raise BadInput(
                "a live session does not support a delay",
                where="execution.delay",
                expected="0: a delay is a question to a backtest",
                found=str(self.settings.execution.delay),
                remedy="leave `delay` out",
            )
        check_costs(parts, self.settings.costs)
        self._loop = make_loop(_decide)
        self._timestamps = self._rows = 0
        self._session: tuple[int, int] | None = None  # number and date of the latest
        self._tables = allocate(
            np.zeros(ROOM, BAR),
            np.zeros(ROOM, GROUP),
            assets=len(names),
            parts=parts,
            sessions=ROOM,
            currencies=len(self.settings.account.currencies),
            log_capacity=ROOM,
        )
        set_account(self._tables, self.settings.account, names)
        set_execution(self._tables, self.settings.execution)
        set_costs(self._tables, self.settings.costs, names)
        financing = self.settings.costs.financing
        self._signals = {financing.funding: np.zeros(ROOM)} if financing and financing.funding else {}
        if self.settings.execution.quotes:
            self._signals |= {name: np.zeros(ROOM) for name in COLUMNS}
        self._set_columns()
        self._models: Models | None = None  # known with the first timestep, which brings the signals' names
        self._rates = {name: np.zeros(ROOM) for name in self.settings.account.rate_columns}
        self._tables.assets["volume_from"] = np.iinfo(np.int64).max
        reset(State(self._tables.arrays))
        self._tables.call[0].carried = CONTINUED

    def step(self, timestep: Timestep, decide: Callable[[StrategyBroker], None]) -> None:
        """Fill what the bars fill, let the strategy decide, take its requests in."""
        self._append(timestep)
        self._loop(State(self._tables.arrays), None, decide, None, self._timestamps, self._timestamps + 1)
        self._timestamps += 1
        if self._models is not None:
            self._models.check(self._tables)
        check_run(self._tables, "the strategy")

    def result(self, strategy: Strategy, shard: Shard) -> Result:
        """Return the records so far; `shard` holds the timesteps that were seen, `strategy` names the features."""
        state = State(self._tables.arrays)
        logged = int(state.cursor.orders_logged)
        log_live_orders(state)
        names = strategy.values()
        runner = Runner(pack(shard), type(strategy), self.settings, params=tuple(names), compiled=False)
        runner.take(to_row(names, strategy.declared(), names))
        runner.tables = self._tables.trimmed(equity_log=self._timestamps, sessions=len(runner.market.sessions.ends))
        result = read_result(Recording(runner, SessionRange(0, len(runner.market.sessions.ends))))
        state.cursor.orders_logged = logged
        return result

    def _append(self, timestep: Timestep) -> None:
        """Write the timestep's bars behind those that came before."""
        shown = timestep.pack()
        check_quotes(shown, self.settings.execution, level=False)
        market = repeat_for_parts(shown, self.parts)
        first, last = self._rows, self._rows + len(market.bars)
        self._grow("bars", last)
        for name in ("groups", "equity_log"):
            self._grow(name, self._timestamps + 1)
        self._grow("sessions", timestep.session + 1)
        cursor, sizes = self._tables.cursor[0], self._tables.sizes[0]
        logged = (cursor.fills_logged, cursor.trades_logged, cursor.orders_logged, cursor.flows_logged)
        most = max(logged) + 4 * sizes.capacity
        for name in ("fill_log", "trade_log", "flow_log", "order_log"):
            self._grow(name, most)
        sizes.log_capacity = len(self._tables.fill_log)
        self._tables.bars[first:last] = market.bars
        self._append_signals(market, first, last)
        self._append_rates(market)
        group = self._tables.groups[self._timestamps : self._timestamps + 1]
        group[:] = market.groups
        group["first_row"] = first
        number, date = self._session or (timestep.session, timestep.date)
        group["nights"] = timestep.date - date if timestep.session != number else 0
        self._session = (timestep.session, date if timestep.session == number else timestep.date)
        if self.settings.execution.untraded == "wait":
            traded = market.bars["asset"][market.bars["volume"] > 0.0]
            np.minimum.at(self._tables.assets["volume_from"], traded, first)
        self._rows = last
        if len(market.actions):
            self._announce(market.actions)

    def _announce(self, actions: NDArray[Any]) -> None:
        """Apply corporate actions with the timestamp that comes next."""
        sizes = self._tables.sizes[0]
        first, last = int(sizes.actions), int(sizes.actions) + len(actions)
        self._grow("actions", last)
        self._tables.actions[first:last] = actions
        self._tables.actions["group"][first:last] = self._timestamps
        sizes.actions, self._tables.cursor[0].next_action_group = last, self._timestamps

    def _append_signals(self, market: Market, first: int, last: int) -> None:
        """Write the timestep's signals behind those that came before, where costs or quotes use them."""
        if self._models is None:
            if self.settings.costs.custom:
                self._signals |= {name: np.zeros(ROOM) for name in market.signals}
            self._models = Models(self._tables, self.settings.costs, self.assets, self._signals)
        for name, values in self._signals.items():
            if name not in market.signals:
                raise BadInput(
                    "a timestep lacks a column that costs or quotes use", expected=name, found="no such column"
                )
            if last > len(values):
                self._signals[name] = np.append(values, np.zeros(max(last - len(values), len(values))))
            self._signals[name][first:last] = market.signals[name]
        self._set_columns()
        self._models.move(self._signals)

    def _set_columns(self) -> None:
        """Write where the signals are that the engine reads."""
        set_funding(self._tables, self.settings.costs, self._signals)
        set_quotes(self._tables, self.settings.execution, self._signals)

    def _append_rates(self, market: Market) -> None:
        """Write the timestep's rates of currencies behind those that came before."""
        account, now = self.settings.account, self._timestamps
        set_rates(self._tables, account, market.context, market.groups["timestamp"])  # refuses one without a rate
        for name, rates in self._rates.items():
            if now == len(rates):
                self._rates[name] = np.append(rates, np.zeros(len(rates)))
            self._rates[name][now] = market.context[name][0]
        set_rates(self._tables, account, self._rates, self._tables.groups["timestamp"][: now + 1])
        if self._rates:
            self._grow("balance_log", (now + 1) * len(account.currencies))

    def _grow(self, name: str, count: int) -> None:
        """Make room for `count` records of a table."""
        table = self._tables.arrays[name]
        if count > len(table):
            grown = np.zeros(max(count, 2 * len(table)), table.dtype)
            grown[: len(table)] = table
            self._tables.arrays[name] = grown


def replay(
    bars: pl.DataFrame | pl.LazyFrame,
    strategy: Strategy,
    *,
    signals: pl.DataFrame | pl.LazyFrame | None = None,
    context: pl.DataFrame | pl.LazyFrame | None = None,
    actions: pl.DataFrame | pl.LazyFrame | None = None,
    account: AccountSpec | Mapping[str, Any] | None = None,
    execution: ExecutionSpec | Mapping[str, Any] | None = None,
    costs: CostsSpec | Mapping[str, Any] | None = None,
) -> Result:
    """Trade a backtest's data on paper, bar by bar; arguments and result are those of `backsweep.backtest`."""
    account = read_section(AccountSpec, "account", account)
    shard = shard_from_frames(bars, signals, context, actions, account.rate_columns)
    parts = max(1, len(parts_of(type(strategy))))
    venue = PaperVenue(shard.assets, account=account, execution=execution, costs=costs, parts=parts)
    session = Session(strategy, venue)
    for timestep in timesteps(shard):
        session.on_bars(timestep)
    return venue.result(strategy, shard)
