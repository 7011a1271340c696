"""Costs that the user's own code computes: how the engine calls it, and how it checks the result.

A model is a function of four records and a row: its parameters, the signals' columns, the fill and its bar; it answers
with a number. The engine knows it by its address, which is data of a run as a rate is. So the kernels are compiled and
kept without any model, a run without one pays for a comparison, and no address is ever written to disk. Interpreted,
the same function is found by its number.

An answer that is no cost (not finite, or a slippage in favour) counts as nothing and ends the run: BAD_COST, with the
answer in the model's record and the fill in `state.fill`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.extending import intrinsic, overload

from backsweep.engine.calendar import month_of
from backsweep.engine.codes import BAD_COST, NO_FAILURE, STOP
from backsweep.engine.compile.kernel import ON_DISK, kernel, record_at

ADDRESS = types.int64
SIGNATURE = types.float64(ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS)
"""The signature of a compiled model: addresses of its values, the columns, the fill and the bar, and the row."""


class Source:
    """A model as plain Python: `function(fill, bar, row)`, which is found by its `number` while this lives."""

    _all: ClassVar[WeakValueDictionary[int, Source]] = WeakValueDictionary()
    _numbers = count(1)

    def __init__(self, function: Callable[[Any, Any, int], float]) -> None:
        self.function = function
        self.number = next(self._numbers)
        self._all[self.number] = self

    @classmethod
    def find(cls, number: int) -> Source:
        """Return the model with this number."""
        return cls._all[number]


@kernel
def evaluate_model(
    state: Any, index: int, order: Any, row: int, quantity: float, price: float, filled_before: float
) -> float:
    """Return what model number `index` charges for a fill of `quantity` units at `price`, in units of its kind."""
    fill = state.fill
    account = state.account
    asset = record_at(state.assets, order.asset)
    bar = record_at(state.bars, row)
    fill.asset = order.asset
    fill.quantity = quantity
    fill.price = price
    fill.multiplier = asset.contract
    fill.value = abs(quantity) * price * asset.contract
    fill.share = (filled_before + abs(quantity)) / bar.volume if bar.volume > 0.0 else 1.0
    fill.stop = 1 if order.acts_as == STOP else 0
    fill.order_quantity = order.quantity
    fill.order_filled = order.filled
    fill.order_value = order.value
    fill.order_fees = order.fees
    fill.month_units = 0.0
    fill.month_value = 0.0
    if state.rules.monthly == 1 and account.month == month_of(state.cursor.timestamp):
        fill.month_units = account.month_units
        fill.month_value = account.month_value
    model = record_at(state.models, index)
    return call_model(model, fill, bar, row) * model.times


@kernel
def model_commission(state: Any, index: int, order: Any, row: int, quantity: float, price: float, maker: bool) -> float:
    """Return what a commission model charges for a fill, in the asset's currency; below zero it is a rebate."""
    state.fill.maker = 1 if maker else 0
    found = evaluate_model(state, index, order, row, quantity, price, 0.0)
    return found if np.isfinite(found) else _fail(state, index, found)


@kernel
def model_slippage(
    state: Any, index: int, order: Any, row: int, quantity: float, price: float, filled_before: float
) -> float:
    """Return how far a slippage model moves the price of a fill against the trader."""
    state.fill.maker = 0
    found = evaluate_model(state, index, order, row, quantity, price, filled_before)
    return found if np.isfinite(found) and found >= 0.0 else _fail(state, index, found)


@kernel
def _fail(state: Any, index: int, found: float) -> float:
    if state.cursor.failure == NO_FAILURE:
        state.cursor.failure = BAD_COST
        model = record_at(state.models, index)
        model.failed = 1
        model.answer = found
    return 0.0


def call_model(model: Any, fill: Any, bar: Any, row: int) -> float:
    """Return the number that a model computes."""
    return Source.find(int(model.source)).function(fill, bar, row)


@overload(call_model, strict=False, jit_options=ON_DISK)
def _call_model(model: types.Type, fill: types.Type, bar: types.Type, row: types.Type) -> Any:
    return lambda model, fill, bar, row: _call(model.code, model.values, model.columns, fill, bar, row)


@intrinsic
def _call(
    _context: Any,
    code: types.Type,
    values: types.Type,
    columns: types.Type,
    fill: types.Record,
    bar: types.Record,
    row: types.Type,
) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(64)
        function = ir.FunctionType(ir.DoubleType(), [integer] * len(SIGNATURE.args))
        target = builder.inttoptr(arguments[0], function.as_pointer())
        records = [builder.ptrtoint(pointer, integer) for pointer in arguments[3:5]]
        place = context.cast(builder, arguments[5], signature.args[5], types.int64)
        return builder.call(target, [*arguments[1:3], *records, place])

    return types.float64(code, values, columns, fill, bar, row), generate


def record_reader(dtype: np.dtype[Any]) -> Any:
    """Return a function for compiled code that turns the address of a record of this dtype into the record."""
    record = from_dtype(dtype)

    @intrinsic
    def read(_context: Any, address: types.Type) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(record))

        return record(address), generate

    return read
