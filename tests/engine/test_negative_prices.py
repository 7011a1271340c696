"""Prices at or below zero: costs stay costs, what is held can leave, and new orders are refused there with a reason."""

from datetime import datetime, timedelta

import polars as pl
import pytest

import backsweep as bs

CLOSES = [20.0, 18.0, 5.0, -5.0, -37.0, -10.0, 10.0]


def bars():
    days = [datetime(2020, 4, 1) + timedelta(days=i) for i in range(len(CLOSES))]  # noqa: DTZ001 - as data have them
    frame = pl.DataFrame({"timestamp": days, "asset": "CL", "open": CLOSES, "close": CLOSES, "volume": 100.0})
    return frame.with_columns(high=pl.col("close") + 2.0, low=pl.col("close") - 2.0)


class AtBar(bs.Strategy):
    """Buys one at one bar's close and sells it at another's."""

    buy: int = bs.param(0, 9, default=3)
    sell: int = bs.param(0, 9, default=9)
    stop: float = bs.param(-100.0, 100.0, default=-100.0)
    seen: int = bs.state(0)

    def on_data(self, _timestamp, _data, _context, broker):
        self.seen += 1
        if self.seen == self.buy:
            entry = broker.submit_order(0, 1.0)
            if self.stop > -100.0:
                broker.submit_order(0, -1.0, bs.STOP, stop_price=self.stop, parent=entry)
        if self.seen == self.sell:
            broker.close_position(0)


def run(*, compiled=True, **values):
    costs = {
        "commission": {"kind": "percentage", "rate": 0.01},
        "slippage": {"kind": "percentage", "rate": 0.01},
    }
    return bs.backtest(bars(), AtBar(**values), prices="any", costs=costs, account={"cash": 1000.0}, compiled=compiled)


@pytest.mark.parametrize("compiled", [True, False])
def test_costs_at_a_price_below_zero_are_paid_and_not_received(compiled):
    result = run(buy=3, compiled=compiled)
    (fill,) = result.fills.iter_rows(named=True)
    assert fill["price"] == pytest.approx(-5.0 + 0.05)  # a buy slips upwards by 1 % of 5
    assert fill["slippage"] == pytest.approx(0.05)
    assert fill["commission"] == pytest.approx(0.01 * 4.95)
    assert result.metrics["final_equity"] == pytest.approx(1000.0 + 4.95 - 0.0495 + 10.0)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_stop_sells_below_zero_at_the_gap(compiled):
    result = run(buy=1, stop=2.0, compiled=compiled)
    sale = result.fills.row(1, named=True)
    assert sale["price"] == pytest.approx(-5.0 - 0.05)  # the bar opens at -5, beyond the stop; a sale slips downwards
    assert sale["commission"] == pytest.approx(0.01 * 5.05)


def test_orders_at_a_close_below_zero_are_rejected_with_a_reason():
    result = run(buy=4)
    assert result.fills.is_empty()
    assert result.orders["reject_reason"].to_list() == ["price is missing or not positive"]


class HalfIn(bs.Strategy):
    """Asks at every close for half of its equity."""

    def on_data(self, _timestamp, _data, _context, broker):
        broker.order_target_percent(0, 0.5)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_target_value_at_a_price_of_zero_is_no_quantity(compiled):
    level = bars().with_columns(pl.lit(0.0).alias("open"), pl.lit(0.0).alias("close"))
    level = level.with_columns(pl.lit(1.0).alias("high"), pl.lit(-1.0).alias("low"))
    orders = bs.backtest(level, HalfIn(), prices="any", account={"cash": 1000.0}, compiled=compiled).orders
    assert set(orders["reject_reason"]) == {"quantity is zero or not a number"}
    assert orders["quantity"].is_nan().all()
