"""A model trained for each fold: a ridge regression of the next bars' return on the returns before.

`fit` sees the training of one fold alone, and what it returns is `self.fitted` in `features`; so no trial is chosen, or
judged, on what its model has learned by heart. The look-ahead test of `backsweep check` trains the model anew on every
other history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

import backsweep as bs

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAGS = (1, 2, 5, 10, 21)


class Bar(bs.Bar):
    """A bar with its features."""

    forecast: float


def past_returns() -> dict[str, pl.Expr]:
    """Return the log returns over the last 1, 2, 5, 10 and 21 bars, by name."""
    close = pl.col("close").log()
    return {f"return_{lag}": close - close.shift(lag) for lag in LAGS}


class FittedReturns(bs.Strategy):
    """Hold each asset while its forecast, in standard deviations of the forecasts in the training, is high.

    Parameters
    ----------
    horizon : bars that are forecast.
    penalty : of the regression, in observations: how strongly coefficients are drawn to zero.
    entry, exit : the forecast above which a position opens, and below which it is closed.
    weight : fraction of equity in each position when it opens.

    """

    horizon: int = bs.param(1, 10, default=5)
    penalty: float = bs.param(1.0, 10000.0, log=True, default=100.0)
    entry: float = bs.param(0.0, 2.0, default=0.5)
    exit: float = bs.param(-1.0, 0.0, default=0.0)
    weight: float = bs.param(0.05, 0.2, default=0.19)

    def fit(self, train: pl.DataFrame) -> NDArray[np.float64]:
        """Return the intercept and a coefficient for each past return, of forecasts that have deviation 1."""
        close = pl.col("close").log()
        target = (close.shift(-self.horizon) - close).over("asset")  # within the training: its last bars have none
        rows = train.select(
            target.alias("target"), *(each.over("asset").alias(n) for n, each in past_returns().items())
        )
        known = rows.drop_nulls().to_numpy()
        y, x = known[:, 0], known[:, 1:]
        mean, scale = x.mean(axis=0), x.std(axis=0)
        z = (x - mean) / scale
        slopes = np.linalg.solve(z.T @ z + self.penalty * np.eye(z.shape[1]), z.T @ y)
        deviation = (z @ slopes).std()
        coefficients = slopes / scale / deviation
        return np.append(y.mean() / deviation - coefficients @ mean, coefficients)

    def features(self) -> Mapping[str, pl.Expr]:
        """Return the forecast, an expression of the past returns with the model's coefficients."""
        model: Any = self.fitted
        terms = [each * float(model[place]) for place, each in enumerate(past_returns().values(), 1)]
        return {"forecast": pl.sum_horizontal(terms, ignore_nulls=False) + float(model[0])}

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: bs.Context, broker: bs.Broker) -> None:
        """Open above `entry`, close below `exit`; a missing forecast does neither."""
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if held == 0.0 and bar.forecast > self.entry:
                broker.order_target_percent(bar.asset, self.weight)
            elif held != 0.0 and bar.forecast < self.exit:
                broker.close_position(bar.asset)
