"""Metrics a year are those of the data's own year: 52 weeks, 12 months, 365 days, or what is declared."""

import math
from datetime import date

import polars as pl
import pytest

import backsweep as bs


class Hold(bs.Strategy):
    """Buys once and holds."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - it holds
        """Buy ten at the first bar."""
        if broker.get_position(0).quantity == 0.0:
            broker.submit_order(0, 10.0)


def run(interval, count=40, mode="shared", **data):
    days = pl.date_range(date(2021, 1, 1), date(2035, 1, 1), interval, eager=True)[:count]
    close = [100.0 + step % 7 for step in range(count)]
    frame = pl.DataFrame({"timestamp": days, "asset": "A", "volume": 1.0}).with_columns(
        pl.Series(name, close) for name in ("open", "high", "low", "close")
    )
    account = {"cash": 10_000.0, "mode": mode}
    return bs.backtest(frame, Hold(), account=account, data=data, compiled=False).metrics


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
@pytest.mark.parametrize(("interval", "expected"), [("1d", 365), ("1w", 52), ("1mo", 12)])
def test_a_year_has_the_sessions_of_the_data(interval, expected, mode):
    found = run(interval, mode=mode)
    assert found["sharpe"] == pytest.approx(math.sqrt(expected) * found["sharpe_per_session"], rel=1e-12)
    per_session = run(interval, mode=mode, sessions_per_year=1)
    for name in ("sharpe", "sortino", "volatility"):
        assert found[name] == pytest.approx(math.sqrt(expected) * per_session[name], rel=1e-12)
    assert found["cagr"] == per_session["cagr"]


def test_weekdays_keep_the_year_of_exchanges():
    days = pl.date_range(date(2024, 1, 1), date(2024, 3, 1), eager=True)
    close = [100.0 + step % 7 for step in range(len(days))]
    frame = pl.DataFrame({"timestamp": days, "asset": "A", "volume": 1.0}).with_columns(
        pl.Series(name, close) for name in ("open", "high", "low", "close")
    )
    frame = frame.filter(pl.col("timestamp").dt.weekday() < 6)
    found = bs.backtest(frame, Hold(), account={"cash": 10_000.0}, compiled=False).metrics
    assert found["sharpe"] == pytest.approx(math.sqrt(252) * found["sharpe_per_session"], rel=1e-12)
