"""A strategy of one's own, in a file beside the sweep: `strategy: strategies/ma_trend.py:MaTrend`.

Own an asset while it closes above its moving average; give each the same risk, not the
same money. Copy this file, rename the class, and change what it declares:

- `bs.param` and `bs.choice` are what a sweep varies; `bs.state` is what a run remembers.
- `features` are Polars expressions of the parameters, computed for each asset before the run. They may look at the
  present bar and back, never forward.
- `on_data` sees the close of one timestamp and asks the broker for orders, which fill from the next open on. It is
  compiled, so it is made of numbers, loops and `if`. `backsweep backtest ... --interpreted` steps through it.
"""

from __future__ import annotations

import polars as pl

import backsweep as bs


class Bar(bs.Bar):
    """A bar with its features, for editors and type checkers: they mark `bar.distanse` as a mistake."""

    distance: float
    deviation: float


class MaTrend(bs.Strategy):
    """Long above the average, flat below it, sized by volatility.

    Parameters
    ----------
    window : bars in the moving average and in the volatility.
    band : fraction by which the close must be above the average to buy, and below it to sell.
    target : volatility that one position adds to the account, a fraction a year.
    largest : most of equity that one position may be.

    """

    window: int = bs.param(20, 250, log=True, default=100)
    band: float = bs.param(0.0, 0.05, default=0.01)
    target: float = bs.param(0.02, 0.2, default=0.06)
    largest: float = bs.param(0.1, 0.4, default=0.25)

    def features(self) -> dict[str, pl.Expr]:
        """Return the distance from the moving average, and the volatility of daily returns, both fractions."""
        close = pl.col("close")
        return {
            "distance": close / close.rolling_mean(self.window) - 1.0,
            "deviation": close.pct_change().rolling_std(self.window) * 252**0.5,
        }

    def wake(self) -> bs.Condition:
        """Without a position there is nothing to do below the average; this only saves time."""
        return bs.above("distance", "band")

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: bs.Context, broker: bs.Broker) -> None:
        """Buy above the band, sell below it, and wait in between."""
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if held > 0.0 and bar.distance < -self.band:
                broker.close_position(bar.asset)
            elif held == 0.0 and bar.distance > self.band and bar.deviation > 0.0:  # never true of a missing value
                broker.order_target_percent(bar.asset, min(self.target / bar.deviation, self.largest))
