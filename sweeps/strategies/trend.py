"""Trend following over many assets, each with the same volatility: long what rises, short what falls.

T. Moskowitz, Y. Ooi and L. Pedersen, "Time Series Momentum", Journal of Financial Economics 104, 2012.

Rules, at the last bar of every `every`-th session:

- An asset's trend is the mean of the signs of its returns over `slow`, `slow / 2` and `slow / 4` bars: from -1 to 1.
- Its position is the trend times the units that add `target` of volatility to the account, by the deviation of its
  daily returns over `window` bars.
- A position is changed where it is more than `band` of its target away from it.
"""

from __future__ import annotations

import polars as pl

import backsweep as bs


class Bar(bs.Bar):
    """A bar with its features."""

    trend: float
    volatility: float


class Trend(bs.Strategy):
    """Hold every asset in the direction of its trend, at the same volatility.

    Parameters
    ----------
    slow : bars of the longest return.
    window : bars of the volatility.
    every : sessions from one adjustment to the next.
    target : volatility a year that each asset adds to the account, a fraction of equity.
    band : distance from the target that is left as it is, a fraction of the target.

    """

    slow: int = bs.param(40, 260, log=True, default=120)
    window: int = bs.param(20, 60, default=40)
    every: int = bs.param(1, 20, default=5)
    target: float = bs.param(0.005, 0.03, default=0.015)
    band: float = bs.param(0.0, 0.5, default=0.2)

    def features(self) -> dict[str, pl.Expr]:
        """Return the trend, from -1 to 1, and the volatility a year, a fraction."""
        close = pl.col("close")
        signs = [close.pct_change(self.slow // part).sign() for part in (1, 2, 4)]
        return {
            "trend": sum(signs[1:], signs[0]) / 3.0,
            "volatility": close.pct_change().rolling_std(self.window) * 252**0.5,
        }

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: bs.Context, broker: bs.Broker) -> None:
        """Bring every position to its target."""
        if not data.last_of_session or data.session % self.every != 0:
            return
        for i in range(data.count):
            bar = data[i]
            if bar.volatility > 0.0:  # false while it is missing
                units = bar.trend * broker.size_by_volatility(bar.asset, bar.volatility, self.target)
                if abs(units - broker.get_position(bar.asset).quantity) > self.band * abs(units):
                    broker.order_target_quantity(bar.asset, units)
