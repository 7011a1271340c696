"""Cash, positions, trades and equity, worked out by hand. Day 0 is the first bar; fills come on day 1 or later."""

from datetime import datetime, timedelta

import pytest
from scenarios.scripted import FIRST_DAY, bars, bracket, close, fills, flat, market, observe, run, seen

QUIET = (100, 100, 100, 100)
PERCENT = {"commission": {"kind": "percentage", "rate": 0.001}}


def at(*opens):
    """Return bars that open and close at the same price."""
    return bars(*((price, price, price, price) for price in opens))


def test_a_purchase_moves_cash_into_the_position():
    result = run(bars(QUIET, (100, 112, 99, 110)), [market(0, 10)], costs=PERCENT)
    # 10,000 - 10 x 100 - 1 = 8,999; 10 x 110 = 1,100.
    assert result.equity["cash"].to_list() == [10_000.0, 8_999.0]
    assert result.equity["equity"].to_list() == [10_000.0, 10_099.0]
    assert result.equity["exposure"].to_list() == [0.0, 1_100.0 / 10_099.0]


def test_a_short_sale_brings_cash_and_owes_units():
    result = run(bars(QUIET, (100, 112, 99, 110)), [market(0, -10)], costs=PERCENT)
    # 10,000 + 1,000 - 1 = 10,999; owes 1,100.
    assert result.equity["cash"].to_list() == [10_000.0, 10_999.0]
    assert result.equity["equity"].to_list() == [10_000.0, 9_899.0]


def test_drawdown_starts_from_the_initial_cash():
    result = run(at(100, 100, 90, 110, 99), [market(0, 10)])
    # Equity 10,000, 10,000, 9,900, 10,100, 9,990.
    assert result.equity["drawdown"].to_list() == pytest.approx([0, 0, 0.01, 0, 110 / 10_100], abs=1e-15)


def test_a_round_trip_is_one_trade():
    market_data = bars(QUIET, (100, 108, 96, 104), (104, 112, 103, 110), (120, 121, 119, 120))
    result = run(market_data, [market(0, 10), close(2)], costs=PERCENT)
    (trade,) = result.trades.to_dicts()
    # Bought for 1,000 and 1 commission, sold for 1,200 and 1.2: 200 - 2.2.
    assert trade == {
        "asset": "A",
        "quantity": 10.0,
        "entry_timestamp": FIRST_DAY + timedelta(days=1),
        "entry_price": 100.0,
        "exit_timestamp": FIRST_DAY + timedelta(days=3),
        "exit_price": 120.0,
        "pnl": pytest.approx(197.8, abs=1e-10),
        "commission": pytest.approx(2.2, abs=1e-12),
        "slippage": 0.0,
        "bars_held": 2,
        "exit_reason": "signal",
        "max_favourable": pytest.approx(0.2),  # the exit at 120 itself
        "max_adverse": pytest.approx(0.04),  # the low of 96
    }
    assert result.equity["equity"][-1] == pytest.approx(10_197.8, abs=1e-9)


def test_a_short_round_trip_wins_when_the_price_falls():
    result = run(bars(QUIET, (100, 108, 96, 100), (80, 80, 80, 80)), [market(0, -10), close(1)])
    (trade,) = result.trades.to_dicts()
    assert (trade["quantity"], trade["pnl"], trade["entry_price"], trade["exit_price"]) == (-10.0, 200.0, 100.0, 80.0)
    assert trade["max_favourable"] == pytest.approx(0.2)
    assert trade["max_adverse"] == pytest.approx(0.08)


def test_a_short_of_half_a_unit_is_a_short():
    result = run(bars(QUIET, (100, 108, 96, 100), (80, 80, 80, 80)), [market(0, -0.5), close(1)])
    (trade,) = result.trades.to_dicts()
    assert (trade["quantity"], trade["pnl"], trade["entry_price"], trade["exit_price"]) == (-0.5, 10.0, 100.0, 80.0)
    assert trade["max_favourable"] == pytest.approx(0.2)
    assert trade["max_adverse"] == pytest.approx(0.08)


def test_the_slippage_and_commission_of_a_trade_are_those_of_all_its_fills():
    costs = {"slippage": {"kind": "fixed", "amount": 0.5}, "commission": {"kind": "per_order", "amount": 3.0}}
    result = run(at(100, 100, 110, 120), [market(0, 10), market(1, -4), market(2, -6)], costs=costs)
    (trade,) = result.trades.to_dicts()
    assert trade["slippage"] == 10 * 0.5 + 4 * 0.5 + 6 * 0.5
    assert trade["commission"] == 9.0
    assert trade["exit_price"] == (4 * 109.5 + 6 * 119.5) / 10


def test_every_figure_of_a_trade_begins_anew_with_it():
    # Bought at 100.5 and sold at 119.5, 3.0 in commissions each time; then the same with 20 units.
    costs = {"slippage": {"kind": "fixed", "amount": 0.5}, "commission": {"kind": "per_order", "amount": 3.0}}
    steps = [market(0, 10), close(1), market(2, 20), close(3)]
    result = run(at(100, 100, 120, 100, 120), steps, costs=costs)
    figures = ("quantity", "entry_price", "exit_price", "pnl", "commission", "slippage", "bars_held")
    first, second = result.trades.select(figures).rows()
    assert first == (10.0, 100.5, 119.5, 10 * 19.0 - 6.0, 6.0, 10 * 1.0, 1)
    assert second == (20.0, 100.5, 119.5, 20 * 19.0 - 6.0, 6.0, 20 * 1.0, 1)


def test_scaling_in_averages_the_cost():
    result = run(
        at(100, 100, 130, 140), [market(0, 10), market(1, 5), observe(2, "entry_price"), observe(2, "quantity")]
    )
    # (10 x 100 + 5 x 130) / 15 = 110.
    assert seen(result) == [110.0, 15.0]


def test_scaling_out_keeps_the_average_cost_and_one_trade():
    steps = [market(0, 10), market(1, 10), market(2, -5), observe(3, "entry_price"), market(3, -15)]
    result = run(at(100, 100, 120, 130, 90), steps)
    # Bought 10 at 100 and 10 at 120, sold 5 at 130 and 15 at 90: 650 + 1,350 - 2,200 = -200.
    assert seen(result) == [110.0]
    (trade,) = result.trades.to_dicts()
    assert (trade["quantity"], trade["entry_price"], trade["exit_price"]) == (20.0, 110.0, 100.0)
    assert trade["pnl"] == -200.0
    assert result.equity["equity"][-1] == 9_800.0


def test_a_reversal_splits_into_two_trades_and_divides_its_costs():
    result = run(at(100, 100, 110, 100), [market(0, 10), market(1, -25), close(2)], costs=PERCENT)
    # 25 x 110 x 0.001 = 2.75 of commission: 10 / 25 close the first trade, 15 / 25 open the second.
    first, second = result.trades.to_dicts()
    assert (first["quantity"], first["exit_price"], second["quantity"], second["entry_price"]) == (
        10.0,
        110.0,
        -15.0,
        110.0,
    )
    assert first["commission"] == pytest.approx(1.0 + 1.1)
    assert second["commission"] == pytest.approx(1.65 + 1.5)
    assert first["pnl"] == pytest.approx(100 - 2.1)
    assert second["pnl"] == pytest.approx(150 - 3.15)
    assert first["exit_timestamp"] == second["entry_timestamp"]
    assert len(fills(result)) == 3
    assert result.metrics["trades"] == 2.0


def test_a_position_that_is_flat_again_starts_a_new_trade():
    result = run(at(100, 100, 110, 120, 130), [market(0, 10), close(1), market(2, 10), close(3)])
    assert result.trades["pnl"].to_list() == [100.0, 100.0]
    assert result.trades["entry_price"].to_list() == [100.0, 120.0]


def test_bars_held_counts_the_closes_since_the_entry():
    steps = [market(0, 10), *(observe(day, "bars_held") for day in (0, 1, 2)), close(2)]
    result = run(bars(*flat(100, 4)), steps)
    assert seen(result) == [0.0, 1.0, 2.0]
    assert result.trades["bars_held"].to_list() == [2]


def test_a_trade_inside_one_bar_holds_no_close():
    result = run(bars(QUIET, (100, 101, 94, 96)), [bracket(0, 10, stop_loss=95)])
    assert result.trades["bars_held"].to_list() == [0]
    assert result.trades["exit_reason"].to_list() == ["stop_loss"]


def test_the_strategy_sees_its_position_at_the_close():
    names = ("quantity", "entry_price", "market_value", "unrealized_pnl", "cash", "equity")
    result = run(bars(QUIET, (100, 112, 99, 110)), [market(0, -10), *(observe(1, name) for name in names)])
    assert seen(result) == [-10.0, 100.0, -1_100.0, -100.0, 11_000.0, 9_900.0]


def test_a_flat_position_is_all_zero():
    names = ("quantity", "entry_price", "market_value", "unrealized_pnl", "bars_held")
    result = run(bars(*flat(100, 4)), [market(0, 10), close(1), *(observe(2, name) for name in names)])
    assert seen(result) == [0.0] * 5


def test_an_asset_that_stops_trading_keeps_its_last_price():
    market_data = bars(*flat(100, 4), B=[(50, 50, 50, 50), (50, 60, 50, 60), None, None])
    result = run(market_data, [market(0, 10, asset=1)])
    assert result.equity["equity"].to_list() == [10_000.0, 10_100.0, 10_100.0, 10_100.0]


def test_an_asset_that_comes_late_and_goes_early_trades_between():
    market_data = bars(*flat(100, 6), B=[None, None, (50, 50, 50, 50), (52, 52, 52, 52), (55, 55, 55, 55), None])
    steps = [market(0, 10, asset=1), market(2, 10, asset=1), close(3, asset=1)]
    result = run(market_data, steps)
    # Before its first bar an asset has no price to judge a market order by.
    assert result.orders["reject_reason"].to_list() == ["price is missing or not positive", "", ""]
    assert fills(result) == [(3, 10.0, 52.0), (4, -10.0, 55.0)]


def test_every_position_counts_into_equity_and_exposure():
    market_data = bars(*flat(100, 2), B=[(50, 50, 50, 50), (50, 50, 40, 40)])
    result = run(market_data, [market(0, 10), market(0, -20, asset=1)])
    # Cash 10,000 - 1,000 + 1,000; A is worth 1,000, B owes 800.
    assert result.equity.row(-1)[1:3] == (10_000.0, 10_200.0)
    assert result.equity["exposure"][-1] == 1_800.0 / 10_200.0


def test_session_returns_are_those_of_equity_at_the_end_of_each_day():
    prices = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 110, 100, 110), (110, 110, 99, 99)]
    result = run(bars(*prices, step=timedelta(hours=12)), [market(0, 50)])
    # Two bars a day. Equity at the ends: 10,000, then 10,000 + 50 x (99 - 100) = 9,950.
    assert result.returns.tolist() == [0.0, 9_950 / 10_000 - 1]
    assert result.metrics["final_equity"] == 9_950.0
    assert result.metrics["sessions"] == 2.0


def test_metrics_add_up_the_ledger():
    costs = {"commission": {"kind": "per_share", "rate": 0.1}, "slippage": {"kind": "fixed", "amount": 0.5}}
    result = run(at(100, 100, 110, 100, 90), [market(0, 10), close(1), market(2, 10), close(3)], costs=costs)
    # Buys at 100.5, sells at 109.5; buys at 100.5, sells at 89.5; 1 commission each time.
    # Trades: 90 - 2 = 88 and -110 - 2 = -112.
    assert result.trades["pnl"].to_list() == [88.0, -112.0]
    metrics = result.metrics
    assert (metrics["trades"], metrics["win_rate"], metrics["commission"], metrics["slippage"]) == (2.0, 0.5, 4.0, 20.0)
    assert metrics["profit_factor"] == pytest.approx(88 / 112)
    assert metrics["expectancy"] == pytest.approx(-12)
    assert metrics["final_equity"] == 9_976.0


def test_a_run_without_a_request_leaves_the_cash_alone():
    result = run(bars(*flat(100, 5)))
    assert result.equity["equity"].to_list() == [10_000.0] * 5
    assert result.fills.is_empty()
    assert result.trades.is_empty()
    assert result.orders.is_empty()


def test_times_are_those_of_the_bars():
    result = run(bars(*flat(100, 3)), [market(0, 1)])
    assert result.fills["timestamp"].to_list() == [datetime(2024, 1, 2)]  # noqa: DTZ001 - times as written
    assert result.orders.select("submitted", "closed").row(0) == (FIRST_DAY, FIRST_DAY + timedelta(days=1))


@pytest.mark.parametrize("kind", ["cash", "margin"])
@pytest.mark.parametrize("lot", [0.0, 0.1])
@pytest.mark.parametrize("count", [3, 6, 7])
def test_what_was_bought_in_parts_can_be_sold_as_a_whole(kind, lot, count):
    # In binary 0.1 + 0.1 + 0.1 is more than 0.3, and six times 0.1 is more than 0.1 + ... + 0.1.
    account = {"cash": 10_000.0, "kind": kind, "lot": lot}
    steps = [*(market(0, 0.1) for _ in range(count)), market(1, -count / 10), observe(2, "quantity")]
    result = run(bars(*flat(100, 3)), steps, account=account)
    assert seen(result) == [0.0]
    assert result.equity["exposure"][-1] == 0.0
    assert result.orders["status"].to_list()[:-1] == ["filled"] * (count + 1)
    assert result.trades.height == 1
    assert result.equity["equity"][-1] == pytest.approx(10_000.0, abs=1e-9)
