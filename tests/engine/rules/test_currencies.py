"""Several currencies. Day 0 is the bar at whose close the script speaks; A is in EUR, B in the account's USD."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import polars as pl
import pytest
from oracle.account import in_contracts, with_actions
from oracle.currencies import CurrencyOracle, in_currencies
from oracle.judge import ask_oracle, assert_close, insist, noted
from scenarios.drawn import LONG
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario
from scenarios.scripted import (
    FIRST_DAY,
    assert_same_bits,
    bars,
    bracket,
    close,
    flat,
    limit,
    market,
    observe,
    run,
    seen,
    states,
    target_percent,
)

import backsweep as bs
from backsweep.engine.profiles import PROFILES

pytestmark = pytest.mark.thorough


EUR = {"currency": "USD", "rates": {"EUR": "eurusd"}, "per_asset": {"A": {"currency": "EUR"}}}
MARGIN = {"cash": 10_000.0, "kind": "margin", "leverage": 2.0, **EUR}
CASH = {"cash": 10_000.0, "kind": "cash", **EUR}
RISING = (1.25, 1.25, 1.5, 1.5, 2.0)


def rates(*values, **others):
    """A context with a rate of the euro, and others, for every day."""
    series = {"eurusd": values, **others}
    return pl.DataFrame({"timestamp": [FIRST_DAY + timedelta(days=day) for day in range(len(values))], **series})


def played(prices, steps, account=MARGIN, context=None, **spec):
    """Play steps on flat bars of A at these prices, with rising rates."""
    series = [flat(price, 1)[0] for price in prices]
    return run(
        bars(*series, **spec.pop("others", {})),
        steps,
        account=account,
        context=rates(*RISING[: len(prices)]) if context is None else context,
        **spec,
    )


def test_a_purchase_on_margin_is_owed_in_its_own_currency():
    result = played([100, 100, 110, 110, 110], [market(0, 10), close(2)])
    # Bought for 1,000 EUR at 1.25; at 1.5 the debt is 1,500 USD; sold for 1,100 EUR, and the 100 left are 200 USD at 2.
    assert result.equity["cash_USD"].to_list() == [10_000.0] * 5
    assert result.equity["cash_EUR"].to_list() == [0.0, -1000.0, -1000.0, 100.0, 100.0]
    assert result.equity["cash"].to_list() == [10_000.0, 8750.0, 8500.0, 10_150.0, 10_200.0]
    assert result.equity["equity"].to_list() == [10_000.0, 10_000.0, 10_150.0, 10_150.0, 10_200.0]


def test_the_profit_of_trades_and_that_of_rates_add_up_to_what_was_earned():
    result = played([100, 100, 110, 110, 110], [market(0, 10), close(2)])
    assert result.trades["pnl"].to_list() == [400.0]  # 1,100 x 1.5 - 1,000 x 1.25
    assert result.metrics["currency_pnl"] == -250.0 + 50.0  # on the debt of 1,000, then on the 100 that were left
    assert result.metrics["final_equity"] == 10_000.0 + 400.0 - 200.0


def test_records_tell_currency_and_rate_and_count_in_the_accounts():
    costs = {"commission": {"kind": "per_order", "amount": 4.0}, "slippage": {"kind": "fixed", "amount": 0.5}}
    result = played(
        [100, 100, 110, 110], [market(0, 10), market(0, 10, asset=1)], costs=costs, others={"B": flat(50, 4)}
    )
    fills = result.fills.select("asset", "price", "commission", "slippage", "currency", "rate").rows()
    assert fills == [("A", 100.5, 5.0, 6.25, "EUR", 1.25), ("B", 50.5, 4.0, 5.0, "USD", 1.0)]
    assert result.equity["cash_EUR"].to_list()[1] == -1009.0  # 10 x 100.5 and 4 for the order
    assert result.equity["cash_USD"].to_list()[1] == 10_000.0 - 509.0
    assert result.metrics["commission"] == 9.0


class Tenth(bs.CommissionModel):
    """A tenth of a per cent of the value, as the built-in kind says it."""

    def charge(self, fill, bar):  # noqa: ARG002 - the protocol
        return 0.001 * fill.value


def test_a_model_of_the_users_own_sees_and_charges_the_assets_currency():
    steps, others = [market(0, 10), market(0, 10, asset=1), close(2)], {"B": flat(50, 4)}
    own, built_in = (
        played([100, 100, 110, 110], steps, costs={"commission": commission}, others=others)
        for commission in ({"kind": "custom", "model": Tenth}, {"kind": "percentage", "rate": 0.001})
    )
    assert own.fills["commission"].to_list()[:2] == [1.25, 0.5]  # 1 EUR at 1.25, and half a dollar
    assert_same_bits(own, built_in)


def test_what_fills_before_the_close_counts_at_the_rate_of_the_bar_before():
    result = played([100, 100, 100], [market(0, 10), close(1)], context=rates(1.0, 2.0, 4.0))
    assert result.fills["rate"].to_list() == [1.0, 2.0]


def test_what_fills_at_a_close_counts_at_its_rate():
    result = played([100, 100, 100], [market(0, 10)], context=rates(1.0, 2.0, 4.0), execution={"profile": "next_close"})
    assert result.fills["rate"].to_list() == [2.0]


def test_a_cash_account_buys_the_currency_that_it_lacks_and_keeps_what_it_gets():
    result = played([100, 100, 110, 110, 110], [market(0, 10), close(2)], account=CASH)
    assert result.equity["cash_USD"].to_list() == [10_000.0, *[8750.0] * 4]
    assert result.equity["cash_EUR"].to_list() == [0.0, 0.0, 0.0, 1100.0, 1100.0]
    flows = result.cash_flows.select("kind", "amount", "currency", "rate").rows()
    assert flows == [("conversion", -1250.0, "USD", 1.0), ("conversion", 1250.0, "EUR", 1.25)]
    assert result.metrics["currency_pnl"] == 550.0  # 1,100 EUR from 1.5 to 2


def test_a_cash_account_sells_other_currencies_when_its_own_are_gone():
    steps = [market(0, 80), close(1), market(2, 150, asset=1)]
    result = played(
        [100, 100, 100, 100], steps, account=CASH, context=rates(1.0, 1.0, 1.0, 1.0), others={"B": flat(50, 4)}
    )
    assert states(result) == [("filled", "")] * 3
    assert result.equity["cash_EUR"].to_list() == [0.0, 0.0, 8000.0, 2500.0]  # 2,000 USD and 5,500 EUR for B
    assert result.equity["cash_USD"].to_list() == [10_000.0, 2000.0, 2000.0, 0.0]


def test_a_cash_account_spends_no_more_than_all_its_currencies_are_worth():
    result = played([100, 100], [market(0, 81)], account=CASH)  # 8,100 EUR are 10,125 USD
    assert states(result) == [("rejected", "exceeds cash")]
    assert states(played([100, 100], [market(0, 80)], account=CASH)) == [("filled", "")]


@pytest.mark.parametrize(("amount", "reason"), [(90.0, ""), (150.0, "exceeds cash")])
def test_a_cash_account_pays_a_commission_in_the_assets_currency_too(amount, reason):
    costs = {"commission": {"kind": "per_order", "amount": amount}}
    result = played([100, 100], [market(0, 49)], account=CASH, costs=costs, context=rates(2.0, 2.0))
    # 9,800 USD for the units; 90 EUR of commission are 180 USD, 150 EUR are 300 USD.
    assert result.orders["reject_reason"].to_list() == [reason]


def test_buying_power_targets_and_smallest_orders_count_in_the_accounts_currency():
    steps = [target_percent(0, 0.5), observe(1, "market_value"), observe(1, "buying_power"), observe(1, "cash")]
    result = played([100, 100], steps)
    assert result.fills["quantity"].to_list() == [40.0]  # 5,000 USD are 4,000 EUR
    assert seen(result) == [5000.0, 15_000.0, 5000.0]
    assert states(played([100, 100], [limit(0, 161, 100)])) == [("rejected", "exceeds buying power")]  # 20,125 USD
    small = {**MARGIN, "minimum_order": 126.0}
    assert states(played([100, 100], [limit(0, 1, 100)], account=small)) == [
        ("rejected", "below the minimum order value")
    ]


def test_interest_is_paid_on_each_currency_that_is_owed_and_in_it():
    costs = {"financing": {"margin_interest": 0.365, "short_borrow": 0.73}}
    steps = [market(0, 10), market(0, -10, asset=1)]
    result = played([100, 100, 100], steps, costs=costs, context=rates(2.0, 2.0, 2.0), others={"B": flat(50, 3)})
    # A day's interest on 1,000 EUR, though 10,500 USD are there; a day's fee on 500 USD of B.
    assert result.equity["cash_EUR"].to_list()[2] == -1001.0
    assert result.equity["cash_USD"].to_list()[2] == 10_499.0
    assert result.metrics["financing"] == 3.0
    assert result.cash_flows.select("kind", "amount", "currency").rows() == [
        ("interest", -2.0, "EUR"),
        ("borrow_fee", -1.0, "USD"),
    ]


def test_a_dividend_is_paid_in_the_assets_currency():
    actions = pl.DataFrame({"timestamp": [FIRST_DAY + timedelta(days=2)], "asset": ["A"], "dividend": [3.0]})
    result = played([100, 100, 100], [market(0, 10)], actions=actions, context=rates(2.0, 2.0, 2.0))
    assert result.equity["cash_EUR"].to_list() == [0.0, -1000.0, -970.0]
    assert result.cash_flows.select("kind", "amount", "currency").rows() == [("dividend", 60.0, "EUR")]


def test_a_contract_of_four_units_is_four_units_in_its_own_currency_too():
    funding = pl.Series([0.0, 0.01, -0.02, 0.01, 0.0])
    actions = pl.DataFrame({"timestamp": [FIRST_DAY + timedelta(days=2)], "asset": ["A"], "dividend": [3.0]})
    costs = {"commission": {"kind": "percentage", "rate": 0.001}, "slippage": {"kind": "percentage", "rate": 0.001}}
    costs["financing"] = {"margin_interest": 0.05, "short_borrow": 0.1, "short_credit": 0.02, "funding": "funding"}
    series = bars(*(flat(price, 1)[0] for price in (100, 100, 110, 105, 90))).with_columns(funding=funding)
    found = [
        run(
            series,
            [market(0, -5 * units), market(2, 8 * units)],
            account={**MARGIN, "per_asset": {"A": {"currency": "EUR", "multiplier": 4.0 / units}}},
            context=rates(*RISING),
            costs=costs,
            actions=actions,
        )
        for units in (1, 4)
    ]
    assert found[0].equity.equals(found[1].equity)
    assert found[0].equity["cash_EUR"][1] > 1900.0  # 20 units at 100, less costs
    assert found[0].trades["pnl"].to_list() == found[1].trades["pnl"].to_list()
    amounts = [result.cash_flows["amount"].to_list() for result in found]
    assert amounts[0] == amounts[1]


def test_the_minimum_of_an_order_that_fills_in_parts_is_the_assets_currency():
    costs = {"commission": {"kind": "per_share", "rate": 0.1, "minimum": 4.0}}
    volume = pl.Series("volume", [10.0] * 4)
    series = bars(*flat(100, 4)).with_columns(volume)
    result = run(
        series,
        [market(0, 30)],
        account=MARGIN,
        costs=costs,
        context=rates(1.0, 2.0, 4.0, 4.0),
        execution={"volume_share": 1.0},
    )
    # 4 at the first ten units, nothing at the next ten (30 cents each are not reached), nothing at the last: 3 < 4.
    assert result.fills["commission"].to_list() == [4.0, 0.0, 0.0]


def test_a_month_of_trading_is_counted_in_the_accounts_currency():
    tiers = [{"above": 0.0, "rate": 0.01}, {"above": 3000.0, "rate": 0.0}]
    costs = {"commission": {"kind": "tiered", "by": "monthly_value", "tiers": tiers}}
    result = played([100, 100, 100], [market(0, 20)], costs=costs, context=rates(2.0, 2.0, 2.0))
    assert result.metrics["commission"] == pytest.approx(30.0, rel=1e-12)  # a hundredth of 3,000 of the 4,000 USD


def test_a_falling_currency_can_break_the_margin():
    account = {**MARGIN, "leverage": 4.0, "maintenance_margin": 0.25}
    context = rates(1.0, 1.0, 4.0, 4.0)
    result = played([100, 100, 75, 75], [market(0, 300)], account=account, context=context)
    # The loss of 7,500 EUR was 7,500 USD at first, and is 30,000 now: more than there is.
    assert result.fills["reason"].to_list() == ["signal", "liquidation"]


def test_sleeves_hold_the_currencies_of_their_own_assets():
    account = {**MARGIN, "mode": "sleeves", "cash": 20_000.0}
    steps = [market(0, 10), close(2)]
    others = {"B": [(50, 50, 50, 50), (50, 50, 50, 50), (60, 60, 60, 60), (60, 60, 60, 60), (60, 60, 60, 60)]}
    result = played([100, 100, 110, 110, 110], steps, account=account, others=others)
    assert result.metrics["final_equity"] == 20_000.0 + 200.0 + 100.0
    assert result.metrics["currency_pnl"] == -200.0
    assert result.equity["cash_EUR"].to_list() == [0.0, -1000.0, -1000.0, 100.0, 100.0]
    assert result.equity["cash_USD"].to_list() == [20_000.0, 19_500.0, 19_500.0, 20_100.0, 20_100.0]


def test_a_single_currency_is_not_told():
    result = run(bars(*flat(100, 3)), [market(0, 1)])
    assert not {"currency", "rate"} & {*result.fills.columns, *result.trades.columns, *result.cash_flows.columns}
    assert [name for name in result.equity.columns if name.startswith("cash")] == ["cash"]


COMMON = {
    "fills": ["order_id", "timestamp", "asset", "quantity", "price", "commission", "slippage", "reason"],
    "trades": ["asset", "quantity", "entry_price", "exit_price", "pnl", "commission", "slippage", "max_adverse"],
    "equity": ["timestamp", "cash", "equity", "drawdown", "exposure"],
    "orders": ["order_id", "quantity", "status", "reject_reason", "closed"],
}


def assert_same(one, other):
    for name, columns in COMMON.items():
        assert getattr(one, name).select(columns).equals(getattr(other, name).select(columns)), name
    assert one.metrics == other.metrics


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: f"{account['kind']}-lot{account['lot']:g}")
def test_rates_of_one_change_nothing(account):
    for seed in range(5):
        costs = {name: given for name, given in COSTS[seed % len(COSTS)].items() if name != "financing"}
        scenario = random_scenario(seed, account=account, costs=costs, assets=1 + seed % 3, per_session=1 + seed % 2)
        other = in_currencies(scenario, seed)
        other = replace(other, rates={name: [1.0] * len(series) for name, series in other.rates.items()})
        assert_same(scenario.play(), other.play())


def test_a_rate_that_is_a_power_of_two_is_a_multiplier():
    for seed in range(6):
        costs = {"commission": {"kind": "percentage", "rate": 0.001}, "slippage": {"kind": "fixed", "amount": 0.03}}
        drawn = random_scenario(
            seed, account=ACCOUNTS[seed % 4] | {"minimum_order": 0.0}, costs=costs, assets=1 + seed % 3
        )
        contracts = in_contracts(drawn, 4.0)
        own = {name: {"currency": "EUR"} for name in drawn.assets}
        account = {**contracts.account, "currency": "USD", "rates": {"EUR": "rate_EUR"}, "per_asset": own}
        abroad = replace(contracts, account=account, rates={"EUR": [4.0] * len(drawn.groups)})
        assert_same(contracts.play(), abroad.play())


def judge(scenario):
    """Insist that engine and oracle agree, on what each currency has too."""
    margin, settlement = scenario.account.get("maintenance_margin", 0.0), scenario.account.get("settlement", 0)
    own = {"actions": scenario.actions, "maintenance": Fraction(margin), "settlement": settlement}
    oracle, result = ask_oracle(scenario, type("Asked", (CurrencyOracle,), own)), scenario.play()
    insist(result, oracle)
    for name in oracle.held:
        assert_close(result.equity[f"cash_{name}"], [held[name] for held in oracle.balances], name)
    return oracle, result


@pytest.mark.parametrize("costs", COSTS, ids=lambda costs: f"costs{COSTS.index(costs)}")
@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: f"{account['kind']}-lot{account['lot']:g}")
def test_several_currencies_agree_with_the_oracle(account, costs):
    filled, first = 0, COSTS.index(costs)
    for seed in range(first, first + (6 if LONG else 2)):
        drawn = random_scenario(seed, account=account, costs=costs, assets=1 + seed % 3, per_session=1 + seed % 2)
        with noted(f"seed {seed}"):
            oracle, _ = judge(in_currencies(drawn, seed))
        filled += len(oracle.fills)
    assert filled > 5


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_agrees_with_the_oracle_in_several_currencies(profile):
    kinds, reasons = Counter(), Counter()
    accounts = (
        {"cash": 2_000.0, "kind": "margin", "leverage": 4.0, "lot": 0.0, "maintenance_margin": 0.375},
        {"cash": 2_500.0, "kind": "cash", "leverage": 1.0, "lot": 1.0, "settlement": 2},
        {"cash": 2_500.0, "kind": "cash", "leverage": 1.0, "lot": 0.0},
    )
    for seed in range(6):
        drawn = random_scenario(
            seed,
            account=accounts[seed % 3],
            profile=profile,
            assets=1 + seed % 3,
            length=30,
            steps=36,
            volume_share=(0.0, 2.0**-14)[seed % 2],
        )
        with noted(f"seed {seed}"):
            _, result = judge(with_actions(in_currencies(drawn, seed), seed))
        kinds.update(result.cash_flows["kind"])
        reasons.update(result.fills["reason"])
    assert kinds["dividend"] > 2
    assert kinds["conversion"] > 4
    assert reasons["liquidation"] > 0


def test_a_currencys_cash_is_the_sum_of_what_the_records_say_of_it():
    for seed in range(8):
        drawn = random_scenario(seed, account=ACCOUNTS[seed % 4], costs=COSTS[seed % len(COSTS)], assets=3)
        scenario = with_actions(in_currencies(drawn, seed), seed)
        result = scenario.play()
        for name in ("USD", *scenario.rates):
            fills, flows = (frame.filter(pl.col("currency") == name) for frame in (result.fills, result.cash_flows))
            spent = (fills["quantity"] * fills["price"] + fills["commission"] / fills["rate"]).sum()
            came = (flows["amount"] / flows["rate"]).sum()
            begun = scenario.account["cash"] if name == "USD" else 0.0
            assert result.equity[f"cash_{name}"][-1] == pytest.approx(begun + came - spent, rel=1e-9, abs=1e-8)


def test_once_flat_trades_financing_and_rates_are_what_was_earned():
    for seed in range(8):
        drawn = random_scenario(seed, account=ACCOUNTS[seed % 4], costs=COSTS[seed % len(COSTS)], assets=3)
        result = in_currencies(drawn.ended(), seed).play()
        earned = result.trades["pnl"].sum() - result.metrics["financing"] + result.metrics["currency_pnl"]
        assert result.metrics["final_equity"] - drawn.account["cash"] == pytest.approx(earned, rel=1e-9, abs=1e-7)


def test_an_ambiguous_bar_is_worth_its_currency():
    series = bars((100, 100, 100, 100), (100, 100, 100, 100), (100, 106, 94, 101))
    result = run(series, [bracket(0, 10, stop_loss=95, take_profit=105)], account=MARGIN, context=rates(1.0, 2.0, 4.0))
    assert result.metrics["ambiguous_pnl"] == 200.0  # 10 units, 10 EUR each, at the rate of the bar before
