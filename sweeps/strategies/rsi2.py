"""RSI(2): buy what has fallen for a few days in a rising trend, sell the recovery; a few positions at a time.

L. Connors and C. Alvarez, "Short Term Trading Strategies That Work", 2008, chapter 9.

Rules, at the close of every bar:

- RSI is Wilder's, over `window` bars: 100 times the smoothed rises over the smoothed rises and falls.
- A candidate closes above its average of `trend` bars, with an RSI below `entry`.
- Of the candidates the one with the lowest RSI is bought first, while fewer than `positions` assets are held.
- A position is closed when its RSI is above `exit`, or its close is below the average.
"""

from __future__ import annotations

import polars as pl

import backsweep as bs


class Bar(bs.Bar):
    """A bar with its features."""

    rsi: float
    distance: float
    place: float


class Rsi2(bs.Strategy):
    """Long dips of rising assets, the deepest first.

    Parameters
    ----------
    window : bars of the RSI.
    entry, exit : RSI below which an asset is bought, and above which it is sold.
    trend : bars of the average that the close must be above.
    positions : assets that are held at the same time, at most; each has an equal part of equity.

    """

    window: int = bs.param(2, 5, default=2)
    entry: float = bs.param(2.0, 25.0, default=10.0)
    exit: float = bs.param(50.0, 90.0, default=70.0)
    trend: int = bs.param(50, 250, default=200)
    positions: int = bs.param(1, 10, default=5)

    def features(self) -> dict[str, pl.Expr]:
        """Return the RSI, and how far the close is above its average, a fraction."""
        close = pl.col("close")
        rises, falls = (
            (sign * close.diff()).clip(lower_bound=0.0).ewm_mean(alpha=1.0 / self.window, adjust=False)
            for sign in (1.0, -1.0)
        )
        return {
            "rsi": 100.0 * rises / (rises + falls),
            "distance": close / close.rolling_mean(self.trend) - 1.0,
        }

    def cross_features(self) -> dict[str, pl.Expr]:
        """Return the place among the candidates, 1 for the lowest RSI; missing for others."""
        is_candidate = (pl.col("distance") > 0.0) & (pl.col("rsi") < self.entry)
        return {"place": pl.when(is_candidate).then(pl.col("rsi")).rank("ordinal")}

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: bs.Context, broker: bs.Broker) -> None:
        """Close what has recovered, then fill the free places."""
        free = self.positions - broker.count_positions() + self.close_recovered(data, broker)
        for place in range(1, data.count + 1):
            for i in range(data.count):
                bar = data[i]
                if bar.place == place and free > 0 and broker.get_position(bar.asset).quantity == 0.0:
                    broker.order_target_percent(bar.asset, 0.95 / self.positions)  # the rest: costs, and gaps
                    free -= 1

    def close_recovered(self, data: bs.Data[Bar], broker: bs.Broker) -> int:
        """Close the positions whose time is over, and return how many."""
        count = 0
        for i in range(data.count):
            bar = data[i]
            if broker.get_position(bar.asset).quantity > 0.0 and (bar.rsi > self.exit or bar.distance < 0.0):
                broker.close_position(bar.asset)
                count += 1
        return count
