"""Quotes beside the bars (`execution.quotes`): their columns, what is checked, and where the engine finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.blocks import block_extremes
from backsweep.engine.profiles import OWN_PROFILES
from backsweep.engine.tables import QUOTES
from backsweep.errors import BadData, BadInput

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from backsweep.engine.state import Tables
    from backsweep.sweepfile.costs import CostsSpec
    from backsweep.sweepfile.execution import ExecutionSpec
    from backsweep.trial.market import Market

COLUMNS: tuple[str, ...] = QUOTES.names or ()
"""Open, high, low and close of the bids, then of the asks."""

_KEY = "execution.quotes"
_SPREADS = ("fixed", "percentage")
"""The kinds of slippage that often stand for half a spread."""


def set_quotes(tables: Tables, execution: ExecutionSpec, columns: Mapping[str, NDArray[np.float64]]) -> None:
    """Write where the quotes are, float64[bars] each; the caller keeps the columns alive.

    Raises BadInput where there are none, and where the other settings do not know any.
    """
    if not execution.quotes:
        return
    if execution.profile not in OWN_PROFILES:
        raise BadInput(
            f"the profile {execution.profile} reproduces an engine that knows no quotes",
            where="execution.profile",
            expected=f"one of {', '.join(OWN_PROFILES)}, with {_KEY}",
            found=execution.profile,
            remedy=f"take {_KEY} out, or choose one of these profiles",
        )
    if tables.sizes[0].finer_bars:
        raise BadInput(
            "finer bars have no quotes",
            where=_KEY,
            expected="quotes or data.detail, not both",
            found="both",
            remedy=f"take data.detail out, or {_KEY}",
        )
    lacking = [name for name in COLUMNS if name not in columns]
    if lacking:
        raise BadInput(
            f"the bars have no column {', '.join(lacking)}",
            where=_KEY,
            expected=f"the columns {', '.join(COLUMNS)} beside the bars, or in data.signals",
            found=", ".join(name for name in columns if name not in lacking) or "no further columns",
            remedy=f"add them, or name them: data.columns: {{{lacking[0]}: NAME_IN_THE_FILE}}; or leave {_KEY} out",
        )
    for name in COLUMNS:
        tables.quotes[name] = columns[name].ctypes.data
    tables.rules[0].quotes = 1


def set_reaches(tables: Tables, execution: ExecutionSpec, columns: Mapping[str, NDArray[np.float64]]) -> None:
    """Write what the quotes of each block of bars reach, where a run may pass blocks asleep."""
    if execution.quotes and tables.sizes[0].reaches:
        tables.reaches["low"] = block_extremes(columns["bid_low"], np.fmin)
        tables.reaches["high"] = block_extremes(columns["ask_high"], np.fmax)


def check_quotes(market: Market, execution: ExecutionSpec, *, level: bool = True) -> None:
    """Raise BadData for the first bar whose quotes cannot be; with `level`, for an asset that is not where they are.

    Columns that are absent are not checked: `set_quotes` refuses them.
    """
    quotes = {name: market.signals[name] for name in COLUMNS if name in market.signals}
    if not execution.quotes or len(quotes) < len(COLUMNS):
        return
    positive = market.bars["low"] > 0.0
    for name, values in quotes.items():
        broken = ~np.isfinite(values) | ((values <= 0.0) & positive)
        _refuse(market, broken, (name,), "is not a price", "a finite number, above zero where the bar is: in every bar")
    for side in ("bid", "ask"):
        opened, high, low, close = (f"{side}_{name}" for name in ("open", "high", "low", "close"))
        for least, most in ((low, high), (low, opened), (low, close), (opened, high), (close, high)):
            broken = quotes[least] > quotes[most]
            _refuse(market, broken, (least, most), f"is above {most}", f"{least} <= {most}")
    for name in ("open", "high", "low", "close"):
        bid, ask = f"bid_{name}", f"ask_{name}"
        _refuse(market, quotes[bid] > quotes[ask], (bid, ask), f"is above {ask}", "no bid above the ask")
    if level:
        _check_level(market, quotes)


def _refuse(market: Market, broken: NDArray[np.bool_], names: tuple[str, ...], problem: str, expected: str) -> None:
    """Raise BadData for the first of the bars that are broken."""
    if not broken.any():
        return
    row = int(broken.argmax())
    values = ", ".join(f"{name} {market.signals[name][row]:g}" for name in names)
    count = int(broken.sum())
    raise BadData(
        f"{names[0]} {problem}",
        where=f"{_KEY}, {_describe(market, row)}",
        expected=expected,
        found=values + (f"; {count:,} such bars in all" if count > 1 else ""),
        remedy="correct the quotes, or leave out the bars without any: orders wait for the next bar",
    )


def _check_level(market: Market, quotes: Mapping[str, NDArray[np.float64]]) -> None:
    """Raise BadData for an asset most of whose bars lie outside of their quotes, as of prices that are adjusted."""
    outside = (market.bars["low"] > quotes["ask_high"]) | (market.bars["high"] < quotes["bid_low"])
    if not outside.any():
        return
    codes = market.codes
    found, bars = (np.bincount(codes[which], minlength=len(market.assets)) for which in (outside, slice(None)))
    wrong = np.flatnonzero(2 * found > bars)
    if len(wrong):
        row = int((outside & (codes == wrong[0])).argmax())
        bar = market.bars[row]
        raise BadData(
            "the bars of an asset lie outside of their quotes",
            where=f"{_KEY}, {market.assets[wrong[0]]}",
            expected="bars whose range meets that of bid and ask",
            found=f"{found[wrong[0]]:,} of {bars[wrong[0]]:,} bars outside, the first {_describe(market, row)}: "
            f"{bar['low']:g} to {bar['high']:g}, quotes {quotes['bid_low'][row]:g} to {quotes['ask_high'][row]:g}",
            remedy="take bars and quotes in the same unit, both adjusted in the same way or both not",
        )


def _describe(market: Market, row: int) -> str:
    group = int(np.searchsorted(market.groups["first_row"], row, side="right")) - 1
    moment = np.datetime64(int(market.groups["timestamp"][group]), "ns").astype("datetime64[s]")
    return f"{market.assets[market.codes[row]]} at {str(moment).replace('T', ' ')} (UTC, or as written)"


def describe_quotes(columns: Collection[str], execution: ExecutionSpec, costs: CostsSpec) -> list[str]:
    """Return notes on quotes that no order meets, and on slippage that may count the spread again."""
    if not execution.quotes:
        given = all(name in columns for name in COLUMNS)
        return [f"orders fill at open, high, low and close, not at the quotes: {_KEY} is false"] if given else []
    each = (costs.slippage, *(own.slippage for own in costs.per_asset.values()))
    if {getattr(slippage, "kind", "none") for slippage in each}.isdisjoint(_SPREADS):
        return []
    return ["orders fill at the quotes, and slippage comes on top: it must not stand for the spread once more"]
