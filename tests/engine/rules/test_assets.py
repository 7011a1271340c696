"""What an asset is: money for a point of its price, lots and ticks of its own, and whether it can be sold short."""

import polars as pl
import pytest
from scenarios.scripted import (
    bars,
    bracket,
    fills,
    flat,
    limit,
    market,
    observe,
    run,
    seen,
    states,
    stop,
    target_value,
    update,
)

ES = {"multiplier": 50.0, "lot": 1.0, "tick": 0.25}


def futures(**own):
    return {"cash": 100_000.0, "kind": "margin", "leverage": 10.0, "per_asset": {"A": {**ES, **own}}}


PATH = bars((4000, 4000, 4000, 4000), (4000, 4020, 3990, 4010), (4010, 4010, 4010, 4010), (4030, 4030, 4030, 4030))
COSTS = {"commission": {"kind": "percentage", "rate": 0.0001}, "slippage": {"kind": "fixed", "amount": 0.5}}


def test_fills_cash_equity_and_profit_are_money_and_not_points():
    # two contracts: bought at 4000.5, sold at 4029.5: 29 points x 2 x 50, less 0.01 % of 400,050 and of 402,950
    result = run(PATH, [market(0, 2), market(2, -2)], account=futures(), costs=COSTS)
    assert fills(result) == [(1, 2.0, 4000.5), (3, -2.0, 4029.5)]
    assert result.fills["commission"].to_list() == pytest.approx([40.005, 40.295])
    assert result.fills["slippage"].to_list() == pytest.approx([50.0, 50.0])
    assert result.trades["pnl"].to_list() == pytest.approx([2900.0 - 80.3])
    assert result.equity["cash"].to_list() == pytest.approx(
        [100_000.0, 100_000.0 - 400_090.005, 100_000.0 - 400_090.005, 102_819.7]
    )
    assert result.equity["equity"][1] == pytest.approx(100_000.0 - 40.005 + 9.5 * 100)
    assert result.equity["exposure"][1] == pytest.approx(401_000.0 / (100_000.0 - 40.005 + 950.0))
    assert result.metrics["final_equity"] == pytest.approx(102_819.7)
    assert result.metrics["turnover"] > 0.0
    assert result.metrics["slippage"] == pytest.approx(100.0)


def test_a_strategy_sees_value_and_profit_in_money():
    steps = [market(0, 2), observe(2, "market_value"), observe(2, "unrealized_pnl"), observe(2, "buying_power")]
    result = run(PATH, steps, account=futures())
    assert seen(result) == pytest.approx([401_000.0, 1000.0, 10 * 101_000.0 - 401_000.0])


def test_leverage_bounds_the_value_of_the_contracts():
    # 10 x 100,000 buys five contracts of 200,000
    result = run(PATH, [market(0, 5), market(0, 1)], account=futures())
    assert states(result) == [("filled", ""), ("rejected", "exceeds buying power")]


def test_a_target_value_counts_whole_contracts():
    assert fills(run(PATH, [target_value(0, 750_000.0)], account=futures()))[0][1] == 3.0


def test_a_cash_account_pays_for_the_whole_contract():
    account = {"cash": 300_000.0, "kind": "cash", "per_asset": {"A": ES}}
    result = run(PATH, [market(0, 1), market(0, 1)], account=account)
    assert states(result) == [("filled", ""), ("rejected", "exceeds cash")]


def test_lots_and_ticks_are_the_assets_own_or_else_the_accounts():
    account = {**futures(multiplier=1.0, lot=5.0), "cash": 1e6, "lot": 2.0, "tick": 1.0}
    steps = [limit(0, 7, 3990.3), limit(0, 7, 3990.3, asset=1)]
    orders = run(bars(*flat(4000, 2), B=flat(4000, 2)), steps, account=account).orders
    assert orders["quantity"].to_list() == [5.0, 6.0]
    steps = [limit(0, 5, 3990.3), limit(0, 5, 3990.3, asset=1)]
    steps += [observe(1, "limit_price", order=1), observe(1, "limit_price", order=2)]
    assert seen(run(bars(*flat(4000, 2), B=flat(4000, 2)), steps, account=account)) == [3990.25, 3990.0]


def test_an_update_is_rounded_to_the_assets_own_lot_and_tick():
    entry = stop(0, 4, 4100.0)
    steps = [entry, update(1, entry, quantity=3.7, stop=4050.1), observe(1, "stop_price", order=1)]
    result = run(bars(*flat(4000, 3)), steps, account=futures())
    assert seen(result) == [4050.25]
    assert result.orders["quantity"][0] == 3.0


def test_an_order_for_no_asset_is_rejected_and_cannot_be_changed():
    lost = market(0, 3.7, asset=7)
    result = run(PATH, [lost, update(0, lost, quantity=2.0), observe(1, "accepted")], account=futures())
    assert result.orders.filter(pl.col("order_id") == 1)["quantity"].to_list() == [3.7]
    assert seen(result) == [3.7, 0.0]


def test_an_asset_that_cannot_be_sold_short_is_sold_as_far_as_it_is_held():
    steps = [market(0, -1), market(0, 2), market(1, -3), market(1, -2)]
    result = run(PATH, steps, account=futures(shortable=False))
    refused = ("rejected", "the asset cannot be sold short")
    assert states(result) == [refused, ("filled", ""), refused, ("filled", "")]
    assert result.equity["exposure"][3] == 0.0


def test_two_sales_that_are_short_only_together_end_with_the_second():
    steps = [market(0, 2), market(1, -2), market(1, -1)]
    result = run(PATH, steps, account=futures(shortable=False))
    assert states(result)[2] == ("rejected", "the asset cannot be sold short")
    assert [quantity for _, quantity, _ in fills(result)] == [2.0, -2.0]


def test_a_bracket_of_an_asset_that_cannot_be_sold_short_keeps_its_exits():
    steps = [bracket(0, 2, stop_loss=3900.0, take_profit=4015.0)]
    result = run(PATH, steps, account=futures(shortable=False))
    assert result.fills["reason"].to_list() == ["signal", "take_profit"]


def test_other_assets_can_be_sold_short_all_the_same():
    steps = [market(0, -1, asset=1), market(0, -1)]
    result = run(bars(*flat(4000, 2), B=flat(100, 2)), steps, account=futures(shortable=False))
    assert states(result) == [("filled", ""), ("rejected", "the asset cannot be sold short")]


def test_in_a_cash_account_the_accounts_own_rule_is_the_reason():
    account = {"cash": 300_000.0, "kind": "cash", "per_asset": {"A": {"shortable": False}}}
    assert states(run(PATH, [market(0, -1)], account=account)) == [("rejected", "short sale in a cash account")]
