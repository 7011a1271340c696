"""From what runs leave behind to their metrics: one run, or several put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.engine.compile.kernel import compiled
from backsweep.metrics.summary import METRICS, summarise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.engine.state import Table

SESSIONS_PER_YEAR = 252.0

COUNTERS = (
    "trades",
    "wins",
    "gross_profit",
    "gross_loss",
    "commission",
    "slippage",
    "financing",
    "currency_pnl",
    "traded_notional",
    "ambiguous_fills",
    "ambiguous_pnl",
    "rejected_orders",
)
"""What an account counts over a run; of several runs it is added up."""


@dataclass(frozen=True, eq=False)
class RunSummary:
    """What a run left behind: the account, equity and exposure at session ends, and the years that it took."""

    account: Table
    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]
    years: float


def summarise_runs(
    pieces: Sequence[RunSummary], values: NDArray[np.float64], reasons: NDArray[np.uint8], returns: NDArray[np.float64]
) -> None:
    """Write metrics, reasons and returns of runs that each began with the same cash, as `Runner.summarise` does of one.

    The equity of each goes on where the one before it ended; after ruin nothing more is earned. Returns are those of
    the pieces, bit for bit. Counts and amounts are added up.
    """
    account = pieces[0].account.copy()
    for name in COUNTERS:
        account[name] = sum(piece.account[name] for piece in pieces[1:]) + account[name]
    cash = float(account["initial_cash"][0])
    scale = 1.0
    curves: list[NDArray[np.float64]] = []
    own: list[NDArray[np.float64]] = []
    for piece in pieces:
        curves.append(piece.equity * scale)
        scale = max(float(curves[-1][-1]), 0.0) / cash
        before = np.append(cash, piece.equity[:-1])
        own.append(np.divide(piece.equity, before, out=np.ones_like(before), where=before > 0.0) - 1.0)
    summarise_account(
        account[0],
        np.concatenate(curves),
        np.concatenate([piece.exposure for piece in pieces]),
        sum(piece.years for piece in pieces),
        values,
        reasons,
        returns,
    )
    np.copyto(returns, np.concatenate(own), where=~np.isnan(returns))


def mean_of_trainings(
    metrics: NDArray[np.float64], reasons: NDArray[np.uint8], trains: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return a trial's own metrics, float64[metrics], and reason codes: the means over its trainings, not its tests.

    `metrics` and `reasons` have a row for each segment; a metric that is undefined in one training is undefined, for
    that training's reason.
    """
    reason = reasons[trains].max(axis=0)
    total = np.zeros(metrics.shape[1])
    for row in metrics[trains]:
        total += row
    return total / trains.sum(), reason


def new_metrics(count: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return empty arrays for the metrics of `count` trials and their reason codes."""
    return np.full((count, len(METRICS)), np.nan), np.zeros((count, len(METRICS)), np.uint8)


@compiled
def summarise_account(
    account: Any,
    equity: NDArray[np.float64],
    exposure: NDArray[np.float64],
    years: float,
    values: NDArray[np.float64],
    reasons: NDArray[np.uint8],
    returns: NDArray[np.float64],
) -> None:
    """Write metrics, reason codes and returns of a run from its account, and equity and exposure at session ends."""
    summarise(
        equity,
        account.initial_cash,
        exposure,
        years,
        SESSIONS_PER_YEAR,
        account.trades,
        account.wins,
        account.gross_profit,
        account.gross_loss,
        account.commission,
        account.slippage,
        account.financing,
        account.currency_pnl,
        account.traded_notional,
        account.ambiguous_fills,
        account.ambiguous_pnl,
        account.rejected_orders,
        values,
        reasons,
        returns,
    )
