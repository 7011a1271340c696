"""What a run ends with, against the fills of a run that goes on."""

from datetime import datetime, timedelta

import polars as pl
import pytest

import backsweep as bs

DAYS = 12
FIRST = datetime.fromisoformat("2020-01-01")


class Brackets(bs.Strategy):
    """Buy while flat at closes above 101, with a stop and a target."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the interface
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if held == 0.0 and broker.count_open_orders(bar.asset) == 0 and bar.close > 101.0:
                broker.submit_bracket(bar.asset, 7.0, stop_loss=90.0, take_profit=bar.close + 1.8)


def bars(days=DAYS):
    rows = []
    for day in range(days):
        price = 100.0 + day % 5
        rows.append((FIRST + timedelta(days=day), "AAA", price, price + 0.5, price - 0.5, price, 1000.0))
    names = ["timestamp", "asset", "open", "high", "low", "close", "volume"]
    return pl.DataFrame(rows, schema=names, orient="row")


def run(days):
    return bs.backtest(bars(days), Brackets(), compiled=False)


@pytest.fixture(scope="module")
def whole():
    return run(DAYS)


def test_market_orders_of_the_last_bar_are_the_next_bar_s_fills(whole):
    sent = 0
    for days in range(2, DAYS):
        ended = run(days)
        last = bars(days)["timestamp"][-1]
        new = ended.live_orders.filter((pl.col("submitted") == last) & (pl.col("order_type") == "market"))
        after = whole.fills.filter((pl.col("timestamp") == last + timedelta(days=1)) & (pl.col("reason") == "signal"))
        assert new.select("order_id", "asset", "quantity").equals(after.select("order_id", "asset", "quantity"))
        sent += len(new)
    assert sent > 1


def test_positions_are_the_sum_of_the_fills_so_far(whole):
    for days in range(2, DAYS + 1):
        last = bars(days)["timestamp"][-1]
        before = whole.fills.filter(pl.col("timestamp") <= last)["quantity"].sum()
        assert run(days).positions["quantity"].sum() == before


def test_a_bracket_s_children_wait_for_their_parent_and_then_work():
    day = next(days for days in range(1, DAYS) if len(run(days).live_orders) == 3)
    parent, *children = run(day).live_orders.iter_rows(named=True)
    assert (parent["status"], parent["order_type"], parent["parent_id"]) == ("working", "market", None)
    assert [child["status"] for child in children] == ["held", "held"]
    assert {child["parent_id"] for child in children} == {parent["order_id"]}
    target = bars(day)["close"][-1] + 1.8
    prices = {(child["order_type"], child["stop_price"], child["limit_price"]) for child in children}
    assert prices == {("stop", 90.0, None), ("limit", None, target)}
    assert {child["quantity"] for child in children} == {-7.0}
    following = run(day + 1)
    assert set(following.live_orders["status"]) == {"working"}
    held = following.positions.row(0, named=True)
    assert (held["asset"], held["quantity"], held["entry_price"]) == ("AAA", 7.0, bars(day + 1)["open"][-1])


def test_a_run_that_ends_flat_has_none_of_either():
    ended = run(1)
    assert (len(ended.positions), len(ended.live_orders)) == (0, 0)


def test_sleeves_have_theirs_together():
    account = {"mode": "sleeves", "cash": 200_000}
    both = pl.concat([bars(3), bars(3).with_columns(asset=pl.lit("BBB"))]).sort("timestamp", "asset")
    ended = bs.backtest(both, Brackets(), account=account, compiled=False)
    assert ended.live_orders["asset"].to_list() == ["AAA"] * 3 + ["BBB"] * 3
    assert ended.live_orders["order_id"].n_unique() == 6
