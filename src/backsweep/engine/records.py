"""The engine's state: which tables there are, what a record of each holds, and how they are allocated.

A state is what every kernel receives: record 0 of each table. `Tables` owns the arrays behind it. Times are int64
nanoseconds UTC, quantities signed units, prices in quote currency, everything else in account currency.
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
from backsweep.engine.jit import kernel, record_at, record_dtype

Table = NDArray[Any]

# Market data, read only.
BAR = record_dtype([("asset", "i8"), ("open", "f8"), ("high", "f8"), ("low", "f8"), ("close", "f8"), ("volume", "f8")])
GROUP = record_dtype(  # the bars of one timestamp
    [("timestamp", "i8"), ("first_row", "i4"), ("count", "i4"), ("session", "i4"), ("last_of_session", "i4")]
)
CONDITION = record_dtype(  # one comparison of a wake expression; `clause` numbers the conjunction that it belongs to
    [("column", "i8"), ("threshold", "f8"), ("above", "i8"), ("clause", "i8")]
)

# Settings of one trial, read only.
RULES = record_dtype([("cash", "f8"), ("kind", "i8"), ("leverage", "f8"), ("lot", "f8")])
ASSET = record_dtype(
    [
        ("multiplier", "f8"),
        ("commission_kind", "i8"),
        ("commission_rate", "f8"),
        ("commission_minimum", "f8"),
        ("slippage_kind", "i8"),
        ("slippage_rate", "f8"),
    ]
)

# What a run changes. Only the ledger writes cash, equity and positions.
ACCOUNT = record_dtype(
    [
        ("initial_cash", "f8"),
        ("cash", "f8"),
        ("equity", "f8"),
        ("gross", "f8"),
        ("valued", "i8"),  # 1 while equity and gross are those of the latest closes and fills
        ("reserved", "f8"),  # exposure that working orders would add
        ("assets", "i8"),
        ("group", "i8"),
        ("timestamp", "i8"),
        ("live_orders", "i8"),
        ("open_positions", "i8"),
        ("next_id", "i8"),
        ("capacity", "i8"),
        ("requests", "i8"),
        ("candidates", "i8"),
        ("conditions", "i8"),
        ("failure", "i8"),
        ("recording", "i8"),
        ("log_capacity", "i8"),
        ("fills_logged", "i8"),
        ("trades_logged", "i8"),
        ("orders_logged", "i8"),
        ("sessions", "i8"),
        ("trades", "i8"),
        ("wins", "i8"),
        ("gross_profit", "f8"),
        ("gross_loss", "f8"),
        ("commission", "f8"),
        ("slippage", "f8"),
        ("financing", "f8"),
        ("traded_notional", "f8"),
        ("fills", "i8"),
        ("ambiguous_fills", "i8"),
        ("rejected_orders", "i8"),
    ]
)
POSITION = record_dtype(
    [
        ("quantity", "f8"),
        ("last_price", "f8"),
        ("bars_held", "i8"),
        ("entry_price", "f8"),  # average cost of the open quantity
        ("entry_timestamp", "i8"),
        ("entry_row", "i8"),
        ("trade_cash", "f8"),  # every cash flow of the trade so far, costs included
        ("trade_commission", "f8"),
        ("trade_slippage", "f8"),
        ("bought", "f8"),  # units and notional on the entry side, then on the exit side, of the trade so far
        ("bought_notional", "f8"),
        ("sold", "f8"),
        ("sold_notional", "f8"),
        ("high", "f8"),
        ("low", "f8"),
    ]
)
BOOK = record_dtype(  # the working orders of one asset
    [
        ("first_order", "i8"),  # linked in order of activation
        ("last_order", "i8"),
        ("reach_low", "f8"),  # a bar with low > reach_low and high < reach_high touches no order; never too narrow
        ("reach_high", "f8"),
    ]
)
ORDER = record_dtype(
    [
        ("id", "i8"),
        ("status", "i8"),
        ("type", "i8"),
        ("asset", "i8"),
        ("quantity", "f8"),
        ("filled", "f8"),
        ("limit_price", "f8"),
        ("stop_price", "f8"),
        ("next", "i8"),
        ("previous", "i8"),
        ("reserved", "f8"),
        ("reduce_only", "i8"),
        ("fill_reason", "i8"),
        ("reject_reason", "i8"),
        ("parent", "i8"),  # id of the parent order, 0 for none
        ("first_child", "i8"),
        ("next_sibling", "i8"),  # live children of one parent form a ring
        ("planned", "f8"),  # a child's units for a completely filled parent
        ("contested", "i8"),  # the group in whose range this order could fill: two such siblings are ambiguous
        ("submitted", "i8"),
        ("commission", "f8"),
    ]
)
SLOT = record_dtype([("slot", "i8")])
CANDIDATE = record_dtype(
    [("slot", "i8"), ("row", "i8"), ("moment", "i8"), ("rank", "i8"), ("id", "i8"), ("price", "f8")]
)

# What a run leaves behind. The logs are empty unless the run is recorded.
SESSION = record_dtype([("timestamp", "i8"), ("equity", "f8"), ("exposure", "f8")])
EQUITY_LOG = record_dtype([("timestamp", "i8"), ("cash", "f8"), ("equity", "f8"), ("exposure", "f8")])
FILL_LOG = record_dtype(
    [
        ("order_id", "i8"),
        ("timestamp", "i8"),
        ("asset", "i8"),
        ("quantity", "f8"),
        ("price", "f8"),
        ("commission", "f8"),
        ("slippage", "f8"),
        ("reason", "i8"),
    ]
)
TRADE_LOG = record_dtype(
    [
        ("asset", "i8"),
        ("quantity", "f8"),
        ("entry_timestamp", "i8"),
        ("entry_price", "f8"),
        ("exit_timestamp", "i8"),
        ("exit_price", "f8"),
        ("pnl", "f8"),
        ("commission", "f8"),
        ("slippage", "f8"),
        ("bars_held", "i8"),
        ("exit_reason", "i8"),
        ("max_favourable", "f8"),
        ("max_adverse", "f8"),
        ("entry_row", "i8"),
        ("exit_row", "i8"),
    ]
)
ORDER_LOG = record_dtype(
    [
        ("order_id", "i8"),
        ("parent_id", "i8"),
        ("asset", "i8"),
        ("order_type", "i8"),
        ("quantity", "f8"),
        ("status", "i8"),
        ("reject_reason", "i8"),
        ("submitted", "i8"),
        ("closed", "i8"),
    ]
)


TABLES: dict[str, np.dtype[Any]] = {
    "bars": BAR,
    "groups": GROUP,
    "conditions": CONDITION,
    "rules": RULES,
    "assets": ASSET,
    "account": ACCOUNT,
    "positions": POSITION,
    "books": BOOK,
    "orders": ORDER,
    "requests": SLOT,
    "candidates": CANDIDATE,
    "sessions": SESSION,
    "equity_log": EQUITY_LOG,
    "fill_log": FILL_LOG,
    "trade_log": TRADE_LOG,
    "order_log": ORDER_LOG,
}
ADDRESSES = record_dtype([(name, "i8") for name in TABLES])


class State:
    """Record 0 of every table, by the table's name: what kernels receive when they run as plain Python.

    Compiled kernels receive a `StateType` instead: one pointer to a record of the tables' addresses. Passing sixteen
    pointers from call to call costs 20 ns a call; one pointer costs nothing.
    """

    bars: Any
    groups: Any
    conditions: Any
    rules: Any
    assets: Any
    account: Any
    positions: Any
    books: Any
    orders: Any
    requests: Any
    candidates: Any
    sessions: Any
    equity_log: Any
    fill_log: Any
    trade_log: Any
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


@overload(open_state, strict=False, jit_options={"cache": True})
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

    def handle(self, *, compiled: bool) -> Any:
        """Give what the loop takes; valid as long as these tables live. NUMBA_DISABLE_JIT=1 compiles nothing."""
        if not compiled or config.DISABLE_JIT:
            return State(self.arrays)
        addresses = np.zeros(1, ADDRESSES)
        for name, table in self.arrays.items():
            addresses[0][name] = table.ctypes.data
        return addresses[0]


def allocate(
    bars: Table,
    groups: Table,
    *,
    assets: int,
    sessions: int,
    conditions: Table | None = None,
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
    arrays = {
        "bars": bars,
        "groups": groups,
        "conditions": conditions if len(conditions) else np.zeros(1, CONDITION),
        "rules": np.zeros(1, RULES),
        "assets": np.zeros(assets, ASSET),
        "account": np.zeros(1, ACCOUNT),
        "positions": np.zeros(assets, POSITION),
        "books": np.zeros(assets, BOOK),
        "orders": np.zeros(capacity, ORDER),
        "requests": np.zeros(capacity, SLOT),
        "candidates": np.zeros(capacity, CANDIDATE),
        "sessions": np.zeros(sessions, SESSION),
        "equity_log": np.zeros(len(groups) if recording else 1, EQUITY_LOG),
        "fill_log": np.zeros(log, FILL_LOG),
        "trade_log": np.zeros(log, TRADE_LOG),
        "order_log": np.zeros(log, ORDER_LOG),
    }
    tables = Tables(arrays)
    tables.assets["multiplier"] = 1.0
    account = tables.account[0]
    account.assets = assets
    account.capacity = capacity
    account.conditions = len(conditions)
    account.recording = int(recording)
    account.log_capacity = log_capacity
    return tables


@kernel
def reset(state: State) -> None:
    """Make the state that of a fresh account before the first bar; settings and market data stay."""
    account = state.account
    cash = state.rules.cash
    for slot in range(min(account.next_id, account.capacity)):
        record_at(state.orders, slot).status = FREE
    account.initial_cash = cash
    account.cash = cash
    account.equity = cash
    account.gross = 0.0
    account.valued = 1
    account.reserved = 0.0
    account.group = 0
    account.timestamp = 0
    account.live_orders = 0
    account.open_positions = 0
    account.next_id = 1
    account.requests = 0
    account.candidates = 0
    account.failure = 0
    account.fills_logged = 0
    account.trades_logged = 0
    account.orders_logged = 0
    account.sessions = 0
    account.trades = 0
    account.wins = 0
    account.gross_profit = 0.0
    account.gross_loss = 0.0
    account.commission = 0.0
    account.slippage = 0.0
    account.financing = 0.0
    account.traded_notional = 0.0
    account.fills = 0
    account.ambiguous_fills = 0
    account.rejected_orders = 0
    for asset in range(account.assets):
        position = record_at(state.positions, asset)
        position.quantity = 0.0
        position.last_price = np.nan
        position.bars_held = 0
        position.entry_price = 0.0
        book = record_at(state.books, asset)
        book.first_order = NONE
        book.last_order = NONE
        book.reach_low = -np.inf
        book.reach_high = np.inf
