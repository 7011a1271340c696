"""A pair by its z-score: sell what is dear of two stocks and buy the other, until they are back together.

E. Gatev, W. Goetzmann and K. Rouwenhorst, "Pairs Trading: Performance of a Relative-Value Arbitrage Rule", Review of
Financial Studies 19, 2006.

Rules, at the close of every bar at which both trade:

- The spread is the difference of the logarithms of both closes; its z-score is the distance from its mean over `window`
  bars, in standard deviations.
- Above `entry` the first is sold short and the second bought, below `-entry` the other way round, each for `weight` of
  equity.
- Both are closed when the z-score has come back to within `exit`, or has gone beyond `give_up`.
"""

from __future__ import annotations

import polars as pl

import backsweep as bs

FIRST, SECOND = "IBM", "MSFT"


class Bar(bs.Bar):
    """A bar with its features."""

    score: float
    leg: float


class Pairs(bs.Strategy):
    """Long one, short the other, for the same money.

    Parameters
    ----------
    window : bars of the mean and the deviation of the spread.
    entry, exit, give_up : sizes of the z-score that open and close the pair.
    weight : fraction of equity in each of both.

    """

    window: int = bs.param(20, 120, log=True, default=60)
    entry: float = bs.param(1.0, 3.0, default=2.0)
    exit: float = bs.param(0.0, 0.9, default=0.5)
    give_up: float = bs.param(3.5, 6.0, default=4.0)
    weight: float = bs.param(0.1, 0.9, default=0.4)

    def cross_features(self) -> dict[str, pl.Expr]:
        """Return the spread, and which leg of the pair an asset is: 1 the first, -1 the second; missing for others."""
        asset, price = pl.col("asset"), pl.col("close").log()
        first, second = (price.filter(asset == name).first() for name in (FIRST, SECOND))
        leg = pl.when(asset == FIRST).then(1.0).when(asset == SECOND).then(-1.0)
        return {"spread": first - second, "leg": leg}

    def features(self) -> dict[str, pl.Expr]:
        """Return the z-score of the spread."""
        spread = pl.col("spread")
        return {"score": (spread - spread.rolling_mean(self.window)) / spread.rolling_std(self.window)}

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: bs.Context, broker: bs.Broker) -> None:
        """Open or close both legs, which see the same score."""
        for i in range(data.count):
            bar = data[i]
            size = abs(bar.score)
            if broker.get_position(bar.asset).quantity != 0.0:
                if size < self.exit or size > self.give_up:
                    broker.close_position(bar.asset)
            elif self.entry < size < self.give_up:
                side = -1.0 if bar.score > 0.0 else 1.0
                broker.order_target_percent(bar.asset, side * bar.leg * self.weight)
