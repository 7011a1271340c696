"""The engine's state: how its tables are allocated, reset, and passed to kernels.

A state is what every kernel receives: record 0 of each table. `Tables` owns the arrays behind it; `tables` says what
their records hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import config, from_dtype, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, overload, register_model
from numpy.typing import NDArray

from backsweep.engine.blocks import BLOCK, block_extremes
from backsweep.engine.codes import FREE, NONE
from backsweep.engine.compile.kernel import ON_DISK, clear, kernel, record_at
from backsweep.engine.tables import ADDRESSES, SETTLEMENTS, TABLES

Table = NDArray[Any]


class State:
    """Record 0 of every table, by the table's name: what kernels receive when they run as plain Python.

    Compiled kernels receive a `StateType` instead: one pointer to a record of the tables' addresses. Passing sixteen
    pointers from call to call costs 20 ns a call; one pointer costs nothing.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, tables: dict[str, Table]) -> None:
        self.__dict__.update({name: tables[name][0] for name in TABLES})


class StateType(types.Type):
    """The compiled state: a pointer to a record of addresses, whose attributes are the records at them."""

    def __init__(self) -> None:
        super().__init__(name="backsweep.State")


_RECORDS = {name: from_dtype(table.dtype) for name, table in TABLES.items()}


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
    """Return the state behind the loop's handle: a `State` interpreted, a record of addresses compiled."""
    return handle


@overload(open_state, strict=False, jit_options=ON_DISK)
def _open_state(handle: types.Type) -> Any:
    return lambda handle: _as_state(handle)


@intrinsic
def _as_state(_context: Any, handle: types.Record) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64).as_pointer())

    return StateType()(handle), generate


def point_assets(handle: Any, assets: Any, number: int) -> None:
    """Point a handle's state to another first record of the table of assets."""
    handle.assets = assets[number:][0]


@overload(point_assets, strict=False, jit_options=ON_DISK)
def _point_assets(handle: types.Type, assets: types.Type, number: types.Type) -> Any:
    def point(handle: Any, assets: Any, number: int) -> None:
        handle.assets = assets.ctypes.data + number * assets.itemsize

    return point


@dataclass(frozen=True)
class Tables:
    """The arrays behind a state, by table name; see `allocate`."""

    arrays: dict[str, Table]

    def __getattr__(self, name: str) -> Table:
        """Return a table by its name."""
        try:
            return self.__dict__["arrays"][name]
        except KeyError:
            raise AttributeError(name) from None

    def trimmed(self, **lengths: int) -> Tables:
        """Return the same tables, cut to the lengths given by name."""
        return Tables({name: table[: lengths.get(name, len(table))] for name, table in self.arrays.items()})

    def handle(self, *, compiled: bool) -> Any:
        """Return the loop's handle, valid as long as these tables live. NUMBA_DISABLE_JIT=1 compiles nothing."""
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
    actions: Table | None = None,
    finer_bars: Table | None = None,
    finer_ranges: Table | None = None,
    currencies: int = 1,
    parts: int = 1,
    capacity: int = 0,
    log_capacity: int = 0,
) -> Tables:
    """Allocate the state of one run over `bars` and `groups`; a table never has fewer than one record.

    `capacity` bounds the orders that can be alive at once (0: 16 for each asset, at least 64); their table has twice
    as many slots, so that closed orders and the parents of live children find a place. `log_capacity` bounds the
    fills, trades and orders that a recorded run can log, and 0 switches recording off. `finer_ranges` has a record for
    each bar, where there are `finer_bars`.
    """
    capacity = 2 * (capacity or max(64, 16 * assets))
    recording = log_capacity > 0
    single = assets == 1 and len(bars) == len(groups) > 0
    ends = np.flatnonzero(groups["last_of_session"])
    counts = {
        "one": 1,
        "assets": assets,
        "currencies": currencies,
        "settlements": SETTLEMENTS,
        "capacity": capacity,
        "sessions": sessions,
        "log": max(log_capacity, 1),
        "reaches": -(-len(bars) // BLOCK) if single else 1,
        "session_ends": max(len(ends), 1),
        "logged_groups": len(groups) if recording else 1,
        "logged_balances": len(groups) * currencies if recording and currencies > 1 else 1,
    }
    arrays = {name: np.zeros(counts[table.records], table.dtype) for name, table in TABLES.items()}
    given = {"bars": bars, "groups": groups, "actions": actions}
    given |= {"finer_bars": finer_bars, "finer_ranges": finer_ranges}
    arrays |= {name: table for name, table in given.items() if table is not None and len(table)}
    tables = Tables(arrays)
    tables.assets["contract"] = 1.0
    tables.assets["rate"] = 1.0
    tables.assets["shortable"] = 1
    tables.assets["volume_from"] = len(bars)
    tables.call["flat_at"] = NONE
    sizes = tables.sizes[0]
    sizes.assets, sizes.parts, sizes.currencies = assets, parts, currencies
    sizes.conditions = sizes.held_conditions = NONE
    if single:
        tables.reaches["low"] = block_extremes(bars["low"], np.fmin)
        tables.reaches["high"] = block_extremes(bars["high"], np.fmax)
        sizes.reaches = len(tables.reaches)
    tables.session_ends["group"][: len(ends)] = ends
    tables.session_ends["session"][: len(ends)] = groups["session"][ends]
    sizes.session_ends, sizes.sleeps = len(ends), int(currencies == 1)
    sizes.actions = 0 if actions is None else len(actions)
    sizes.finer_bars = 0 if finer_bars is None else len(finer_bars)
    sizes.capacity, sizes.log_capacity = capacity, log_capacity
    return tables


@kernel
def set_multipliers(state: State) -> None:
    """Work out what a unit of each asset is worth at a price of 1, from what the trial and its rates say."""
    for asset in range(state.sizes.assets):
        rates = record_at(state.assets, asset)
        rates.multiplier = rates.contract * rates.rate


@kernel
def reset(state: State) -> None:
    """Reset the state to a fresh account before the first bar; settings and market data stay."""
    account, cursor, sizes = state.account, state.cursor, state.sizes
    cash = state.rules.cash
    for slot in range(min(cursor.next_id, sizes.capacity)):
        record_at(state.orders, slot).status = FREE
    clear(account)
    account.cash = cash
    account.equity = cash
    account.peak = cash
    account.session_equity = cash
    account.best_equity = cash
    account.valued = 1
    clear(state.counters)
    state.counters.initial_equity = cash
    clear(cursor)
    cursor.next_id = 1
    cursor.closing_at = NONE
    cursor.next_action_group = NONE
    for currency in range(sizes.currencies):
        balance = record_at(state.balances, currency)
        balance.amount = 0.0 if currency > 0 else cash
        balance.rate = np.nan if currency > 0 else 1.0
    for session in range(SETTLEMENTS):
        record_at(state.settlements, session).amount = 0.0
    set_multipliers(state)
    for asset in range(sizes.assets):
        position = record_at(state.positions, asset)
        clear(position)
        position.last_price = np.nan
        book = record_at(state.books, asset)
        clear(book)
        book.first_order = NONE
        book.last_order = NONE
        book.reach_low = -np.inf
        book.reach_high = np.inf
        book.filled_row = NONE
        book.finer = NONE
        book.ended = NONE
