"""Quotes: orders to buy meet the asks of a bar, orders to sell its bids (`execution.quotes`).

Every rule of a bar holds for the side of the order, which has an open, a high, a low and a close of its own: market
orders fill at the open of their side, limits and stops are reached by its range, trailing stops follow it, and what
fills at a close fills at its close. The bar's own prices are marks: positions are valued at them, sizes and buying
power go by them, and so does what an account is paid for units (`cash_in_lieu`, `delisting`).

The children of an order are on the other side. Where they begin when it fills:

    at the open, at a close    at the open, or the close, of their side
    inside the range           at its price, or the end of their side's range that is nearest to it: at that moment
                               the bid was not above the ask, nor outside its own range

The columns are signals, of which the engine knows the addresses.
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.codes import AT_CLOSE, AT_OPEN
from backsweep.engine.compile.kernel import kernel, load, record_at
from backsweep.engine.state import State


@kernel
def range_met(state: State, bar: Any, row: int) -> tuple[float, float]:
    """Return the lowest and the highest price that any order meets at the bar at `row`."""
    if state.rules.quotes == 1:
        return load(state.quotes.bid_low, row), load(state.quotes.ask_high, row)
    return bar.low, bar.high


@kernel
def side_prices(state: State, buys: bool, row: int) -> tuple[float, float, float]:
    """Return open, high and low of the asks at the bar at `row`, which orders to buy meet, or of the bids."""
    quotes = state.quotes
    if buys:
        return load(quotes.ask_open, row), load(quotes.ask_high, row), load(quotes.ask_low, row)
    return load(quotes.bid_open, row), load(quotes.bid_high, row), load(quotes.bid_low, row)


@kernel
def side_close(state: State, buys: bool, row: int) -> float:
    """Return the last ask of the bar at `row`, which orders to buy meet, or the last bid."""
    return load(state.quotes.ask_close, row) if buys else load(state.quotes.bid_close, row)


@kernel
def last_side_close(state: State, group: Any, asset: int, buys: bool) -> float:
    """Return the last ask or bid of an asset that has had a bar, in the units of its last price."""
    row = last_row(state, group, asset)
    close, last = record_at(state.bars, row).close, record_at(state.positions, asset).last_price
    price = side_close(state, buys, row)
    return price if close == last else price * (last / close)  # a split has come since


@kernel
def last_row(state: State, group: Any, asset: int) -> int:
    """Return the row of the last bar, up to this group, of an asset that has had one."""
    row = group.first_row + group.count - 1
    while record_at(state.bars, row).asset != asset:
        row -= 1
    return row


@kernel
def price_for_children(state: State, order: Any, row: int, phase: int, price: float) -> float:
    """Return where the other side stands when an order fills in this phase, at market price `price`."""
    sells = order.quantity > 0.0  # what the children do
    if phase == AT_CLOSE:
        return side_close(state, not sells, row)
    opened, high, low = side_prices(state, not sells, row)
    if phase == AT_OPEN:
        return opened
    return min(price, high) if sells else max(price, low)
