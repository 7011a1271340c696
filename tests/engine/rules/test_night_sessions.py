"""Sessions that begin in the evening before: a backtest of them is that of sessions which begin at midnight."""

from datetime import timedelta

import polars as pl
import pytest
from scenarios.scripted import bars

import backsweep as bs

HOURS = 6  # four bars a session, of which B lacks the last
EARLY = timedelta(hours=-HOURS)
PRICES = [(price, price + 2, price - 2, price + 1) for price in (50, 53, 49, 55, 52, 58, 54, 51, 57, 60, 56, 59) * 3]
DAYS = bars(
    *PRICES,
    step=timedelta(hours=HOURS),
    B=[bar if number % 4 < 3 else None for number, bar in enumerate(PRICES)],
)
NIGHTS = DAYS.with_columns(pl.col("timestamp") + EARLY)


class Daily(bs.Strategy):
    """Buys by a DAY limit at the first bar of a session, sells short at the second, and leaves at the close."""

    last: int = bs.state(-1)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - it goes by sessions
        """Ask for orders of every kind that ends with a session."""
        for index in range(data.count):
            bar = data[index]
            if data.session != self.last:
                broker.submit_order(bar.asset, 3.0, bs.LIMIT, limit_price=bar.close - 2.0, tif=bs.DAY)
                broker.submit_order(bar.asset, -1.0, bs.MARKET_ON_CLOSE)
            elif bar.last_of_session or data.last_of_session:
                broker.submit_order(bar.asset, -2.0)
        self.last = data.session


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
def test_the_hour_at_which_sessions_begin_changes_no_result(mode):
    settings = {
        "account": {"cash": 10_000.0, "kind": "margin", "leverage": 4.0, "mode": mode},
        "costs": {"financing": {"margin_interest": 0.05, "short_borrow": 0.1}},
        "compiled": False,
    }
    days = bs.backtest(DAYS, Daily(), **settings)
    nights = bs.backtest(NIGHTS, Daily(), data={"session_start": "18:00"}, **settings)
    assert days.metrics["trades"] > 10
    assert days.metrics["financing"] > 0.0
    assert nights.metrics == days.metrics
    for name in ("fills", "trades", "orders", "equity", "cash_flows"):
        moved = pl.col(pl.Datetime).dt.offset_by(f"-{HOURS}h")
        assert getattr(nights, name).equals(getattr(days, name).with_columns(moved)), name
    cut = bs.backtest(NIGHTS, Daily(), **settings)
    assert cut.metrics["sessions"] == days.metrics["sessions"] + 1
