"""Metrics of closed trades, from their net P&L in currency. A trade that breaks even is no win and no loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backsweep.engine.compile.kernel import kernel
from backsweep.metrics.reasons import DEFINED, NEGLIGIBLE, NO_LOSS, NO_TRADE, Measure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Tally(NamedTuple):
    """Closed trades, how many of them won, and the sums of what winners won and losers lost, both non-negative."""

    trades: int
    wins: int
    gross_profit: float
    gross_loss: float


@kernel
def tally(pnl: NDArray[np.float64]) -> Tally:
    """Count and sum the P&L float64[n] of closed trades, without NaN."""
    wins = 0
    gross_profit = 0.0
    gross_loss = 0.0
    for i in range(pnl.size):
        value = float(pnl[i])
        if value > 0.0:
            wins += 1
            gross_profit += value
        else:
            gross_loss -= value
    return Tally(pnl.size, wins, gross_profit, gross_loss)


@kernel
def win_rate_of(t: Tally) -> Measure:
    """Return the share of closed trades that won."""
    if t.trades == 0:
        return math.nan, NO_TRADE
    return t.wins / t.trades, DEFINED


@kernel
def profit_factor_of(t: Tally) -> Measure:
    """Return what winners won over what losers lost."""
    if t.trades == 0:
        return math.nan, NO_TRADE
    if t.gross_loss <= NEGLIGIBLE * t.gross_profit:
        return math.nan, NO_LOSS
    return t.gross_profit / t.gross_loss, DEFINED


@kernel
def expectancy_of(t: Tally) -> Measure:
    """Return the mean net P&L of a closed trade, in currency."""
    if t.trades == 0:
        return math.nan, NO_TRADE
    return (t.gross_profit - t.gross_loss) / t.trades, DEFINED
