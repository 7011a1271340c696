"""A strategy family in which a real range of parameters carries the edge, if there is one."""

import polars as pl

import backsweep as bs


class Follow(bs.Strategy):
    """Be long or short for a session when a smoothed prediction is large."""

    entry: float = bs.param(0.0, 2.0)
    span: int = bs.param(1, 10, log=True)

    def features(self):
        """Return the prediction's moving average, scaled to the variance of the prediction itself."""
        alpha = 2.0 / (self.span + 1.0)
        average = pl.col("pred").ewm_mean(alpha=alpha, adjust=False)
        return {"score": average * ((2.0 - alpha) / alpha) ** 0.5}

    def on_data(self, timestamp, data, context, broker):
        """Hold equity's worth of the asset in the direction of a large score, nothing otherwise."""
        for i in range(data.count):
            bar = data[i]
            side = 0.0
            if bar.score > self.entry:
                side = 1.0
            elif bar.score < -self.entry:
                side = -1.0
            broker.order_target_percent(bar.asset, side)
