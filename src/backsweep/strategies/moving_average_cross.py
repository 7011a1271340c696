"""Trend following: long while a fast moving average is above a slow one, else flat, or short.

The windows are parameters. `features` describes the averages as Polars expressions; they are computed for each asset,
once for each window, and kept on the worker, so that trials which share a window share the column.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

import backsweep as bs


class Bar(bs.Bar):
    """A bar with its features."""

    fast_average: float
    slow_average: float


class MovingAverageCross(bs.Strategy):
    """Hold a fraction of equity in each asset whose fast average is above its slow one.

    Parameters
    ----------
    fast, slow : bars in the two averages.
    band : fraction of the slow average by which the fast one must be beyond it; in between, the position is closed.
    weight : fraction of equity in each position when it opens.
    short : whether to be short, not flat, while the fast average is below.

    """

    fast: int = bs.param(3, 50, log=True, default=10)
    slow: int = bs.param(20, 250, log=True, default=100)
    band: float = bs.param(0.0, 0.05, default=0.0)
    weight: float = bs.param(0.05, 1.0, default=0.2)
    short: bool = bs.choice([False, True])

    def features(self) -> Mapping[str, pl.Expr]:
        """Return the two averages; they are missing until a window is full."""
        close = pl.col("close")
        return {"fast_average": close.rolling_mean(self.fast), "slow_average": close.rolling_mean(self.slow)}

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: bs.Context, broker: bs.Broker) -> None:
        """Trade only when the side changes: a position is left alone while its trend lasts."""
        for i in range(data.count):
            bar = data[i]
            side = 0.0
            if bar.fast_average > bar.slow_average * (1.0 + self.band):
                side = 1.0
            elif bar.fast_average < bar.slow_average * (1.0 - self.band):
                side = -1.0 if self.short else 0.0
            quantity = broker.get_position(bar.asset).quantity
            if side == 0.0 and quantity != 0.0:
                broker.close_position(bar.asset)
            elif side * quantity < 0.0 or (side != 0.0 and quantity == 0.0):
                broker.order_target_percent(bar.asset, side * self.weight)
