"""The backtest that every engine runs: prices, a signal, thresholds, and the fills that it must leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEE = 0.0005
CASH, SHARES = 1e6, 100.0
START = datetime(2020, 1, 1)  # noqa: DTZ001 - exchange time, as written


@dataclass(frozen=True, eq=False)
class Prices:
    """Minute bars of one asset, float64[bars] each, and a signal `pred` of unit variance."""

    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    pred: NDArray[np.float64]

    @property
    def volume(self) -> NDArray[np.float64]:
        """The volume of each bar."""
        return np.full(len(self.close), 1000.0)

    @property
    def timestamps(self) -> NDArray[np.datetime64]:
        """When each bar is."""
        return np.datetime64(START, "us") + np.arange(len(self.close)) * np.timedelta64(60, "s")

    def frame(self) -> pl.DataFrame:
        """Return the bars as a frame, one row a bar."""
        columns = {name: getattr(self, name) for name in ("open", "high", "low", "close", "volume", "pred")}
        return pl.DataFrame({"timestamp": self.timestamps, "asset": ["A"] * len(self.close), **columns})

    def first(self, bars: int) -> Prices:
        """Return the first bars, of which the last closes what is held."""
        return Prices(*(each[:bars] for each in (self.open, self.high, self.low, self.close)), closed(self.pred[:bars]))


def make_prices(bars: int, seed: int = 0) -> Prices:
    """Make prices around 100, between 75 and 150, in ticks of 1e-4."""
    rng = np.random.default_rng(seed)
    level = np.zeros(bars)
    shocks = rng.normal(0.0, 0.001, bars)
    for row in range(1, bars):
        level[row] = 0.999 * level[row - 1] + shocks[row]
    close = np.round(100.0 * np.exp(level), 4)
    open_ = np.append(100.0, close[:-1])
    above, below = np.abs(rng.normal(0.0, 0.04, (2, bars)))
    high, low = np.round(np.maximum(open_, close) + above, 4), np.round(np.minimum(open_, close) - below, 4)
    return Prices(open_, high, low, close, closed(rng.normal(0.0, 1.0, bars)))


def closed(pred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a signal that sells what is held before the end: what stays open, engines report differently."""
    pred = pred.copy()
    pred[-5:] = -99.0
    return pred


@dataclass(frozen=True)
class Trade:
    """One purchase and its sale: bars of the fills, prices, quantity and both commissions."""

    bought: int
    sold: int
    entry: float
    exit: float
    quantity: float
    fees: float

    def near(self, other: Trade) -> bool:
        """Return whether two trades are the same to nine digits."""
        mine, theirs = (np.array([each.entry, each.exit, each.quantity, each.fees]) for each in (self, other))
        bars = (self.bought, self.sold) == (other.bought, other.sold)
        return bars and bool(np.allclose(mine, theirs, rtol=1e-9, atol=0.0))


STEP = timedelta(minutes=1)


def bar_of(timestamp: datetime) -> int:
    """Return the number of the bar at a time."""
    return round((timestamp.replace(tzinfo=None) - START) / STEP)
