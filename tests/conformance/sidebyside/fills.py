"""What every engine reports, and how two reports are compared: fill by fill, with no tolerance for a missing one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

TOLERANCE = 1e-9  # relative to the size of the number, absolute below one


class Fill(NamedTuple):
    """One fill: index of the bar, index of the asset, signed units, price, commission in account currency."""

    bar: int
    asset: int
    quantity: float
    price: float
    commission: float


def merged(fills: Iterable[Fill]) -> list[Fill]:
    """Return the fills in one order, those of one bar, asset, direction and price added up.

    A peer that keeps several trades in one position reports an order that closes them as several fills.
    """
    sums: dict[tuple[int, int, bool, float], tuple[float, float]] = {}
    for fill in fills:
        key = (fill.bar, fill.asset, fill.quantity > 0.0, round(fill.price, 7))
        quantity, commission = sums.get(key, (0.0, 0.0))
        sums[key] = (quantity + fill.quantity, commission + fill.commission)
    prices = {(f.bar, f.asset, f.quantity > 0.0, round(f.price, 7)): f.price for f in fills}
    return sorted(
        Fill(key[0], key[1], quantity, prices[key], commission) for key, (quantity, commission) in sums.items()
    )


def is_close(one: float, other: float) -> bool:
    """Return whether two figures agree to 1e-9."""
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))


def agree(one: Fill, other: Fill) -> bool:
    """Return whether two fills agree on bar, asset, quantity, price and commission."""
    return one[:2] == other[:2] and all(is_close(a, b) for a, b in zip(one[2:], other[2:], strict=True))


class Comparison(NamedTuple):
    """How many fills were compared, how many agreed, and the first that did not: ours and theirs, None if missing."""

    compared: int
    agreed: int
    first: tuple[Fill | None, Fill | None] | None


def compare(ours: Iterable[Fill], theirs: Iterable[Fill]) -> Comparison:
    """Compare two reports; a fill that only one of them has is compared and does not agree."""
    mine, yours = merged(list(ours)), merged(list(theirs))
    compared = agreed = 0
    first: tuple[Fill | None, Fill | None] | None = None
    left = right = 0
    while left < len(mine) or right < len(yours):
        compared += 1
        a = mine[left] if left < len(mine) else None
        b = yours[right] if right < len(yours) else None
        if a is not None and b is not None and agree(a, b):
            agreed += 1
            left, right = left + 1, right + 1
            continue
        if first is None:
            first = (a, b)
        if b is None or (a is not None and a[:2] < b[:2]):
            left += 1
        elif a is None or b[:2] < a[:2]:
            right += 1
        else:
            left, right = left + 1, right + 1
    return Comparison(compared, agreed, first)


def count_trades(fills: Iterable[Fill]) -> int:
    """Count round trips from flat to flat; a fill that crosses zero ends one and begins the next."""
    held: dict[int, float] = {}
    trades = 0
    for fill in fills:
        before = held.get(fill.asset, 0.0)
        after = before + fill.quantity
        if abs(after) <= TOLERANCE * abs(before):
            after = 0.0
        if before != 0.0 and before * after <= 0.0:
            trades += 1
        held[fill.asset] = after
    return trades
