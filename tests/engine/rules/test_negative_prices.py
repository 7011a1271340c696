"""Prices at or below zero: costs stay costs, what is held can leave, and new orders are refused there with a reason."""

from datetime import datetime, timedelta

import polars as pl
import pytest
from scenarios import scripted
from scenarios.scripted import market

import backsweep as bs
from backsweep.engine.codes import MARKET_ON_CLOSE

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


def test_a_target_value_at_a_price_of_zero_is_no_quantity():
    level = bars().with_columns(pl.lit(0.0).alias("open"), pl.lit(0.0).alias("close"))
    level = level.with_columns(pl.lit(1.0).alias("high"), pl.lit(-1.0).alias("low"))
    orders = bs.backtest(level, HalfIn(), prices="any", account={"cash": 1000.0}, compiled=False).orders
    assert set(orders["reject_reason"]) == {"quantity is zero or not a number"}
    assert orders["quantity"].is_nan().all()


# Held positions. The bars open at their closes, and orders of one close fill at the next.

LONG_FALL = [20.0, 10.0, 5.0, -5.0, -37.0, -37.0, 10.0, 10.0]


def fall(*, steps, closes=(LONG_FALL,), **spec):
    """Play a script, compiled and interpreted, over assets that open every bar at its close."""
    frames = {name: [(p, p, p, p) for p in path] for name, path in zip("AB", closes, strict=False)}
    data = scripted.bars(*frames.pop("A"), **frames)
    return scripted.run(data, steps, prices="any", **spec)


MARGIN = {"cash": 3_000.0, "kind": "margin", "leverage": 2.0, "maintenance_margin": 0.25}


def test_a_position_below_zero_is_liquidated_once_equity_does_not_cover_it():
    # 100 at 10: at -5, equity 1,500 covers 125; at -37, equity -1,700 does not cover 925: all goes at the next open
    result = fall(steps=[market(0, 100)], account=MARGIN)
    assert scripted.fills(result) == [(1, 100.0, 10.0), (5, -100.0, -37.0)]
    assert result.fills["reason"].to_list() == ["signal", "liquidation"]
    assert result.metrics["final_equity"] == pytest.approx(3_000 - 1_000 - 3_700)


def test_a_price_below_zero_does_not_hide_what_another_position_needs():
    # 100 A at 10 and 100 B at 20 leave no cash. A at -13: equity 700; needed 325 + 500: of B go 125 / (20 x 0.25)
    closes = ([10.0, 10.0, -13.0, -13.0], [20.0] * 4)
    steps = [market(0, 100), market(0, 100, asset=1)]
    result = fall(steps=steps, closes=closes, account=MARGIN)
    assert result.fills.filter(pl.col("reason") == "liquidation").select("asset", "quantity").rows() == [("B", -25.0)]


LEAVES = {
    "close": scripted.close(3),
    "target_quantity": scripted.target_quantity(3, 0.0),
    "target_value": scripted.target_value(3, 0.0),
    "target_percent": scripted.target_percent(3, 0.0),
    "sale": market(3, -100),
    "market_on_close": scripted.submit(3, -100, type=MARKET_ON_CLOSE),
}


@pytest.mark.parametrize("leave", LEAVES)
@pytest.mark.parametrize("last", [-5.0, 0.0])
def test_what_is_held_can_be_left_by_market_order_at_or_below_zero(leave, last):
    closes = ([20.0, 10.0, 5.0, last, -37.0, 10.0],)
    result = fall(steps=[market(0, 100), LEAVES[leave]], closes=closes)
    assert scripted.fills(result) == [(1, 100.0, 10.0), (4, -100.0, -37.0)]


def test_a_short_position_is_bought_back_below_zero():
    result = fall(steps=[market(0, -100), market(3, 40), market(3, 60)])
    assert scripted.fills(result) == [(1, -100.0, 10.0), (4, 40.0, -37.0), (4, 60.0, -37.0)]


@pytest.mark.parametrize(
    "steps",
    [
        [market(0, 100), market(3, 1)],  # adds
        [market(0, 100), market(3, -101)],  # turns the position round
        [market(0, 100), market(3, -60), market(3, -60)],  # the second sells what the first closes
    ],
)
def test_what_does_not_only_reduce_is_rejected_below_zero(steps):
    result = fall(steps=steps)
    assert scripted.states(result)[-1] == ("rejected", "price is missing or not positive")


def test_an_order_that_reduces_cannot_be_enlarged_below_zero_beyond_what_is_held():
    # day 4 has no volume: the sale of day 3 still works at its close
    sale = market(3, -50)
    steps = [market(0, 100), sale, scripted.update(4, sale, quantity=-200)]
    data = scripted.bars(*[(p, p, p, p) for p in LONG_FALL[:6]])
    data = data.with_columns(volume=pl.Series([1e6, 1e6, 1e6, 1e6, 0.0, 1e6]))
    result = scripted.run(data, steps, prices="any")
    assert scripted.fills(result) == [(1, 100.0, 10.0), (5, -50.0, -37.0)]


def test_a_sale_below_zero_brings_nothing_that_has_to_settle():
    # 100 A cost 1,000 of 5,000; their sale at -37 costs 3,700. 300 are left and settled, and buy 3 B at 100.
    account = {"cash": 5_000.0, "kind": "cash", "settlement": 2}
    steps = [market(0, 100), scripted.close(3), market(4, 3, asset=1)]
    closes = (LONG_FALL, [100.0] * 8)
    result = fall(steps=steps, closes=closes, account=account)
    assert scripted.fills(result) == [(1, 100.0, 10.0), (4, -100.0, -37.0), (5, 3.0, 100.0)]


def test_what_a_purchase_below_zero_brings_has_to_settle():
    # 100 A at -5 bring 500 to 100: the next session 100 are settled, two sessions later 600.
    account = {"cash": 100.0, "kind": "cash", "settlement": 2}
    steps = [market(0, 100), market(1, 2, asset=1), market(2, 2, asset=1)]
    closes = ([1.0, -5.0, -5.0, -5.0, -5.0], [100.0] * 5)
    result = fall(steps=steps, closes=closes, account=account)
    assert scripted.states(result)[1:] == [("rejected", "exceeds settled cash"), ("filled", "")]


@pytest.mark.parametrize(("rates", "night"), [({"short_borrow": 0.365}, -0.5), ({"short_credit": 0.146}, 0.2)])
def test_a_short_position_below_zero_pays_its_fee_and_earns_its_credit_on_the_size_of_its_value(rates, night):
    # 100 short from 10; a night after a close of -5 is on 500: 0.365 / 365 of it is 0.50, 0.146 / 365 is 0.20
    closes = ([10.0, 10.0, -5.0, -5.0],)
    result = fall(steps=[market(0, -100)], closes=closes, costs={"financing": rates})
    cash = result.equity["cash"].to_list()
    assert cash[3] - cash[2] == pytest.approx(night)


def test_longs_pay_funding_below_zero():
    data = scripted.bars(*[(p, p, p, p) for p in (10.0, 10.0, -5.0, -5.0)])
    data = data.with_columns(funding=pl.Series([None, None, 0.01, None], dtype=pl.Float64))
    costs = {"financing": {"funding": "funding"}}
    result = scripted.run(data, [market(0, 100)], costs=costs, prices="any")
    assert result.metrics["financing"] == pytest.approx(0.01 * 500)
