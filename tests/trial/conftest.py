import numpy as np
import polars as pl
import pytest
from scenarios.scripted import bars

from backsweep.strategy import Strategy, param


class Averages(Strategy):
    """Buys 10 units above an average whose window is a parameter, and sells them below."""

    window: int = param(2, 20, default=5)
    scale: float = param(0.0, 2.0, default=1.0)

    def features(self):
        return {
            "average": pl.col("close").rolling_mean(self.window) * self.scale,
            "change": pl.col("close").pct_change(),
        }

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if bar.close > bar.average and held == 0.0:
                broker.submit_order(bar.asset, 10)
            elif bar.close < bar.average and held != 0.0:
                broker.close_position(bar.asset)


@pytest.fixture(scope="session")
def averages():
    return Averages


@pytest.fixture(scope="session")
def market():
    """Return 120 bars of A and B with a signal."""
    generator = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.02, (2, 120)), axis=1))
    opens = np.roll(close, 1, axis=1)
    opens[:, 0] = 100.0
    high, low = np.maximum(opens, close), np.minimum(opens, close)
    series = [list(zip(*(each[asset] for each in (opens, high, low, close)), strict=True)) for asset in (0, 1)]
    frame = bars(*series[0], B=series[1])
    return frame.with_columns(pred=generator.normal(0, 1, frame.height))


class Levels(Strategy):
    """Averages again, whose averages come with the market: a part of the market knows as much as the whole."""

    window: int = param(2, 20, default=5)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            level = bar.pred * 20 / self.window
            if level > 0.5 and held == 0.0:
                broker.submit_order(bar.asset, 10)
            elif level < -0.5 and held != 0.0:
                broker.close_position(bar.asset)


@pytest.fixture(scope="session")
def precomputed(market):
    return market, Levels
