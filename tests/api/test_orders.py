"""Which orders are new for the broker: those that no bar of their asset has met, in the session that has just ended."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

import backsweep as bs
from backsweep.api.orders import divide_orders

CLOSES, PRICES = {"EARLY": 16, "LATE": 22}, {"EARLY": 100.0, "LATE": 200.0}
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as bars have it
DAYS = [datetime(2024, 1, day) for day in (2, 3, 4)]  # noqa: DTZ001 - UTC, as bars have it


class Waiting(bs.Strategy):
    """At an asset's last bar of a day order far below the market; LATE's order is cancelled on the day after."""

    order: float = bs.state(0.0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the interface
        for i in range(data.count):
            bar = data[i]
            if not bar.last_of_session:
                continue
            if bar.close == PRICES["EARLY"]:
                broker.submit_order(bar.asset, 1.0, bs.LIMIT, limit_price=10.0)
            elif broker.count_open_orders(bar.asset) == 0:
                self.order = float(broker.submit_order(bar.asset, 1.0, bs.LIMIT, limit_price=10.0))
            else:
                broker.cancel_order(int(self.order))


def bars(days):
    rows = [
        (day + timedelta(hours=hour), asset, *[PRICES[asset]] * 4, 1000.0)
        for day in days
        for asset, close in CLOSES.items()
        for hour in (close - 1, close)
    ]
    names = ["timestamp", "asset", "open", "high", "low", "close", "volume"]
    return pl.DataFrame(rows, schema=names, orient="row").sort("timestamp", "asset")


def divided(frame, days, mode):
    result = bs.backtest(frame, Waiting(), account={"mode": mode, "cash": 100_000}, compiled=False)
    ends = np.array([(day + timedelta(hours=22) - EPOCH) // timedelta(microseconds=1) * 1000 for day in days])
    return [part["asset", "submitted"].rows() for part in divide_orders(result, ends)]


def at(day, asset):
    return asset, DAYS[day] + timedelta(hours=CLOSES[asset])


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
def test_an_order_of_an_asset_that_closed_before_the_others_is_new_until_its_next_bar(mode):
    working, send, cancel, _ = divided(bars(DAYS[:2]), DAYS[:2], mode)
    assert working == [at(0, "EARLY")]
    assert send == [at(1, "EARLY")]
    assert cancel == [at(0, "LATE")]
    working, send, cancel, _ = divided(bars(DAYS), DAYS, mode)
    assert working == [at(0, "EARLY"), at(1, "EARLY")]
    assert sorted(send) == [at(2, "EARLY"), at(2, "LATE")]
    assert cancel == []


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
def test_it_is_new_once_where_the_asset_has_no_bar_any_more(mode):
    stopped = bars(DAYS).filter((pl.col("asset") == "LATE") | (pl.col("timestamp") < DAYS[2]))
    working, send, _, _ = divided(stopped, DAYS, mode)
    assert working == [at(0, "EARLY"), at(1, "EARLY")]
    assert send == [at(2, "LATE")]
