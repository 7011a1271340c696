"""The engine's state: how its tables are allocated, reset, and passed to kernels.

A state is what every kernel receives: record 0 of each table. `Tables` owns the arrays behind it; `tables` says what
their records hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, from_dtype, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, overload, register_model
from numpy.typing import NDArray

from backsweep.engine.codes import FREE, NONE
from backsweep.engine.compile.kernel import ON_DISK, kernel, record_at
from backsweep.engine.tables import (
    ACCOUNT,
    ACTION,
    ADDRESSES,
    ASSET,
    BALANCE,
    BALANCE_LOG,
    BOOK,
    CANDIDATE,
    CONDITION,
    EQUITY_LOG,
    FILL,
    FILL_LOG,
    FLOW_LOG,
    MODEL,
    ORDER,
    ORDER_LOG,
    POSITION,
    RULES,
    SESSION,
    SETTLEMENT,
    SETTLEMENTS,
    SLOT,
    TABLES,
    TIER,
    TRADE_LOG,
)

Table = NDArray[Any]


class State:
    """Record 0 of every table, by the table's name: what kernels receive when they run as plain Python.

    Compiled kernels receive a `StateType` instead: one pointer to a record of the tables' addresses. Passing sixteen
    pointers from call to call costs 20 ns a call; one pointer costs nothing.
    """

    bars: Any
    groups: Any
    conditions: Any
    actions: Any
    rules: Any
    assets: Any
    tiers: Any
    models: Any
    fill: Any
    account: Any
    positions: Any
    balances: Any
    settlements: Any
    books: Any
    orders: Any
    requests: Any
    candidates: Any
    sessions: Any
    equity_log: Any
    fill_log: Any
    trade_log: Any
    flow_log: Any
    balance_log: Any
    order_log: Any

    def __init__(self, tables: dict[str, Table]) -> None:
        self.__dict__.update({name: tables[name][0] for name in TABLES})


class StateType(types.Type):
    """The compiled state: a pointer to a record of addresses, whose attributes are the records at them."""

    def __init__(self) -> None:
        super().__init__(name="backsweep.State")


_RECORDS = {name: from_dtype(dtype) for name, dtype in TABLES.items()}


@register_model(StateType)
class _StateModel(models.PrimitiveModel):
    def __init__(self, manager: Any, typ: StateType) -> None:
        super().__init__(manager, typ, ir.IntType(64).as_pointer())


@infer_getattr
class _StateAttributes(AttributeTemplate):
    key = StateType

    def generic_resolve(self, _typ: StateType, name: str) -> Any:
        return _RECORDS.get(name)


@lower_getattr_generic(StateType)
def _lower_table(context: Any, builder: Any, _typ: StateType, value: Any, name: str) -> Any:
    field = builder.gep(value, [context.get_constant(types.intp, list(TABLES).index(name))])
    return builder.inttoptr(builder.load(field), context.get_value_type(_RECORDS[name]))


def open_state(handle: Any) -> Any:
    """Give the state behind what the loop was called with: a `State` interpreted, a record of addresses compiled."""
    return handle


@overload(open_state, strict=False, jit_options=ON_DISK)
def _open_state(handle: types.Type) -> Any:
    return lambda handle: _as_state(handle)


@intrinsic
def _as_state(_context: Any, handle: types.Record) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64).as_pointer())

    return StateType()(handle), generate


@dataclass(frozen=True)
class Tables:
    """The arrays behind a state, by table name; see `allocate`."""

    arrays: dict[str, Table]

    def __getattr__(self, name: str) -> Table:
        """Give a table by its name."""
        try:
            return self.__dict__["arrays"][name]
        except KeyError:
            raise AttributeError(name) from None

    def trimmed(self, **lengths: int) -> Tables:
        """Give the same tables, those that are named cut to a length."""
        return Tables({name: table[: lengths.get(name, len(table))] for name, table in self.arrays.items()})

    def handle(self, *, compiled: bool) -> Any:
        """Give what the loop takes; valid as long as these tables live. NUMBA_DISABLE_JIT=1 compiles nothing."""
        if not compiled or config.DISABLE_JIT:
            return State(self.arrays)
        addresses = np.zeros(1, ADDRESSES)
        for name, table in self.arrays.items():
            addresses[0][name] = table.ctypes.data
        return addresses[0]

    def point(self, handle: Any, name: str, record: int) -> None:
        """Let a handle's state begin its table `name` with another record than the first."""
        table = self.arrays[name][record:]
        if isinstance(handle, State):
            setattr(handle, name, table[0])
        else:
            handle[name] = table.ctypes.data


def allocate(
    bars: Table,
    groups: Table,
    *,
    assets: int,
    sessions: int,
    conditions: Table | None = None,
    actions: Table | None = None,
    currencies: int = 1,
    capacity: int = 0,
    log_capacity: int = 0,
) -> Tables:
    """Allocate the state of one run over `bars` and `groups`; a table never has fewer than one record.

    `capacity` bounds the orders that can be alive at once (0: 16 for each asset, at least 64); their table has twice
    as many slots, so that closed orders and the parents of live children find a place. `log_capacity` bounds the
    fills, trades and orders that a recorded run can log, and 0 switches recording off.
    """
    capacity = 2 * (capacity or max(64, 16 * assets))
    recording = log_capacity > 0
    log = max(log_capacity, 1)
    conditions = np.zeros(0, CONDITION) if conditions is None else conditions
    actions = np.zeros(0, ACTION) if actions is None else actions
    arrays = {
        "bars": bars,
        "groups": groups,
        "conditions": conditions if len(conditions) else np.zeros(1, CONDITION),
        "actions": actions if len(actions) else np.zeros(1, ACTION),
        "rules": np.zeros(1, RULES),
        "assets": np.zeros(assets, ASSET),
        "tiers": np.zeros(1, TIER),
        "models": np.zeros(1, MODEL),
        "fill": np.zeros(1, FILL),
        "account": np.zeros(1, ACCOUNT),
        "positions": np.zeros(assets, POSITION),
        "balances": np.zeros(currencies, BALANCE),
        "settlements": np.zeros(SETTLEMENTS, SETTLEMENT),
        "books": np.zeros(assets, BOOK),
        "orders": np.zeros(capacity, ORDER),
        "requests": np.zeros(capacity, SLOT),
        "candidates": np.zeros(capacity, CANDIDATE),
        "sessions": np.zeros(sessions, SESSION),
        "equity_log": np.zeros(len(groups) if recording else 1, EQUITY_LOG),
        "fill_log": np.zeros(log, FILL_LOG),
        "trade_log": np.zeros(log, TRADE_LOG),
        "flow_log": np.zeros(log, FLOW_LOG),
        "balance_log": np.zeros(len(groups) * currencies if recording and currencies > 1 else 1, BALANCE_LOG),
        "order_log": np.zeros(log, ORDER_LOG),
    }
    tables = Tables(arrays)
    tables.assets["contract"] = 1.0
    tables.assets["rate"] = 1.0
    tables.assets["shortable"] = 1
    tables.assets["volume_from"] = len(bars)
    account = tables.account[0]
    account.assets = assets
    account.currencies = currencies
    account.capacity = capacity
    account.conditions = len(conditions)
    account.actions = len(actions)
    account.recording = int(recording)
    account.log_capacity = log_capacity
    account.flat_at = NONE
    account.closing_at = NONE
    account.next_action_group = NONE
    return tables


@kernel
def reset(state: State) -> None:
    """Make the state that of a fresh account before the first bar; settings and market data stay."""
    account = state.account
    cash = state.rules.cash
    for slot in range(min(account.next_id, account.capacity)):
        record_at(state.orders, slot).status = FREE
    account.initial_cash = cash
    account.peak = cash
    account.cash = cash
    account.currency_pnl = 0.0
    account.unsettled = 0.0
    account.equity = cash
    account.gross = 0.0
    account.used = 0.0
    account.valued = 1
    account.reserved = 0.0
    account.group = 0
    account.timestamp = 0
    account.live_orders = 0
    account.at_close = 0
    account.expiring = 0
    account.next_expiry = 0
    account.open_positions = 0
    account.checks_positions = 1 if state.rules.margin_calls == 1 or state.rules.funding != 0 else 0
    account.next_id = 1
    account.requests = 0
    account.candidates = 0
    account.failure = 0
    account.fills_logged = 0
    account.trades_logged = 0
    account.orders_logged = 0
    account.flows_logged = 0
    account.sessions = 0
    account.trades = 0
    account.wins = 0
    account.gross_profit = 0.0
    account.gross_loss = 0.0
    account.commission = 0.0
    account.slippage = 0.0
    account.financing = 0.0
    account.dividends = 0.0
    account.overnight = 0
    account.traded_notional = 0.0
    account.month = 0
    account.fills = 0
    account.ambiguous_fills = 0
    account.ambiguous_pnl = 0.0
    account.rejected_orders = 0
    for currency in range(account.currencies):
        balance = record_at(state.balances, currency)
        balance.amount = 0.0 if currency > 0 else cash
        balance.rate = np.nan if currency > 0 else 1.0
    for session in range(SETTLEMENTS):
        record_at(state.settlements, session).amount = 0.0
    for asset in range(account.assets):
        rates = record_at(state.assets, asset)
        rates.multiplier = rates.contract * rates.rate
        position = record_at(state.positions, asset)
        position.quantity = 0.0
        position.summed = 0.0
        position.last_price = np.nan
        position.bars_held = 0
        position.entry_price = 0.0
        position.delisted = 0
        book = record_at(state.books, asset)
        book.first_order = NONE
        book.last_order = NONE
        book.reach_low = -np.inf
        book.reach_high = np.inf
        book.filled_row = NONE
        book.ended = NONE
