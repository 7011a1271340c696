"""What it costs to hold: interest on debt and fees on shorts, from session to session."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import ACCOUNT, assert_same_bits, bars, close, compose, evaluator, flat, market, run

import backsweep as bs
from backsweep.errors import BadInput
from backsweep.live import replay

QUIET = (100, 100, 100, 100)
RATES = {"financing": {"margin_interest": 0.0365, "short_borrow": 0.365}}


def test_debt_pays_interest_for_every_night_from_the_first():
    # Bought on day 1 for 30,000 with 10,000: 20,000 of debt, 2.00 a night; the second night also on the first's 2.00.
    result = run(bars(*flat(100, 4)), [market(0, 300)], costs=RATES)
    assert result.equity["cash"].to_list() == pytest.approx([10_000, -20_000, -20_002, -20_004.0002], abs=1e-9)
    assert result.metrics["financing"] == pytest.approx(4.0002, abs=1e-9)


def test_shorts_pay_for_their_value_at_the_last_close():
    # 10 short at 100: 1 a night on 1,000; after a close of 120, 1.20.
    result = run(bars(QUIET, QUIET, (100, 120, 100, 120), QUIET), [market(0, -10)], costs=RATES)
    assert result.equity["cash"].to_list() == pytest.approx([10_000, 11_000, 10_999, 10_997.8], abs=1e-9)


def test_a_weekend_costs_three_nights():
    market_data = bars(*flat(100, 3)).with_columns(timestamp=bars(*flat(100, 5))["timestamp"].gather([0, 1, 4]))
    result = run(market_data, [market(0, -10)], costs=RATES)
    assert result.metrics["financing"] == pytest.approx(3.0, abs=1e-9)


def test_what_is_closed_within_its_session_costs_nothing():
    result = run(bars(*flat(100, 6), step=timedelta(hours=8)), [market(0, -10), close(1)], costs=RATES)
    assert result.metrics["financing"] == 0.0


def test_within_a_session_nothing_accrues():
    result = run(bars(*flat(100, 6), step=timedelta(hours=8)), [market(3, -10)], costs=RATES)
    assert result.metrics["financing"] == 0.0


def test_longs_without_debt_pay_nothing_and_an_asset_may_have_a_fee_of_its_own():
    steps = [market(0, 10), market(0, -10, asset=1)]
    costs = {**RATES, "per_asset": {"B": {"short_borrow": 0.73}}}
    result = run(bars(*flat(100, 3), B=flat(100, 3)), steps, costs=costs)
    assert result.metrics["financing"] == pytest.approx(2.0, abs=1e-9)
    assert result.trades.height == 0


@pytest.mark.parametrize("name", ["margin_interest", "short_borrow"])
def test_a_swept_rate_is_the_same_as_that_rate_in_the_file(name):
    table = compose([market(0, -10), market(0, 300, asset=1)])
    data = bars(*flat(100, 4), B=flat(100, 4))
    address = [float(table.ctypes.data), float(len(table))]
    swept = evaluator(data, account=ACCOUNT, costs=RATES, params=("steps", "count", f"costs.financing.{name}"))
    written = evaluator(data, account=ACCOUNT, costs={"financing": {**RATES["financing"], name: 0.1}})
    assert_same_bits(
        swept.replay(np.array([*address, 0.1]), compiled=False), written.replay(np.array(address), compiled=False)
    )


def test_the_proceeds_of_short_sales_earn_a_credit():
    # 10 short at 100: 0.365 a year on 1,000 is 1 a night, of which a credit of 0.146 gives 0.40 back.
    rates = {"financing": {"short_borrow": 0.365, "short_credit": 0.146}}
    result = run(bars(*flat(100, 4)), [market(0, -10)], costs=rates)
    assert result.equity["cash"].to_list() == pytest.approx([10_000, 11_000, 10_999.4, 10_998.8], abs=1e-9)


def test_longs_pay_funding_to_shorts_at_the_close_of_every_bar_that_has_a_rate():
    data = bars(*flat(100, 6), B=flat(50, 6)).with_columns(
        funding=pl.Series([0.5, 0.01, -0.02, None, 0.001, None, 0.5, 0.03, None, 0.0, None, None], dtype=pl.Float64)
    )
    # The funding of a bar is for what is held at its close: day 0 is before the fills, on day 5 A was sold at the open.
    result = run(
        data.sort("timestamp", "asset"),
        [market(0, 10), market(0, -10, asset=1), close(4)],
        costs={"financing": {"funding": "funding"}},
    )
    assert np.diff(result.equity["equity"]) == pytest.approx([-10.0 + 15.0, 20.0, 0.0, -1.0, 0.0], abs=1e-9)
    assert result.metrics["financing"] == pytest.approx(-24.0, abs=1e-9)


@pytest.mark.parametrize("quantity", [1, -1, 0.25])
def test_funding_is_paid_on_any_number_of_units(quantity):
    data = bars(*flat(100, 3)).with_columns(funding=pl.Series([0.5, 0.0, 0.01]))
    result = run(data, [market(0, quantity)], costs={"financing": {"funding": "funding"}})
    assert result.metrics["financing"] == quantity


def test_funding_from_a_column_that_is_not_there_is_an_error_that_names_it():
    with pytest.raises(BadInput, match="does not have: 'rates'") as caught:
        run(bars(*flat(100, 2)), [], costs={"financing": {"funding": "rates"}})
    assert caught.value.where == "costs.financing.funding"


def test_funding_is_paid_before_the_margin_is_checked():
    # 20 held at 100 with 1,000 need 500 at 25 %; funding of 30 % takes 600 and leaves equity of 400.
    account = {"cash": 1_000.0, "kind": "margin", "leverage": 4.0, "maintenance_margin": 0.25}
    rates = pl.Series([None, 0.3, None], dtype=pl.Float64)
    result = run(
        bars(*flat(100, 3)).with_columns(funding=rates),
        [market(0, 20)],
        account=account,
        costs={"financing": {"funding": "funding"}},
    )
    assert result.fills.select("quantity", "reason").rows() == [(20.0, "signal"), (-4.0, "liquidation")]


def test_every_charge_of_holding_is_a_cash_flow_with_its_kind():
    # 300 of A on 10,000 of cash, 100 of B short: 10,000 of debt after the fills, 10,000 held short.
    rates = {"margin_interest": 0.0365, "short_borrow": 0.365, "short_credit": 0.0365, "funding": "rate"}
    data = bars(*flat(100, 3), B=flat(100, 3)).with_columns(
        rate=pl.when(pl.col("asset") == "A").then(pl.lit(0.001)).otherwise(None)
    )
    result = run(data, [market(0, 300), market(0, -100, asset=1)], costs={"financing": rates})
    day = [result.equity["timestamp"][index] for index in range(3)]
    expected = [
        (day[1], "A", "funding", 300.0, -30.0),
        (day[2], None, "interest", 0.0, -(10_030 * 0.0001)),
        (day[2], "B", "borrow_fee", -100.0, -10.0),
        (day[2], "B", "short_credit", -100.0, 1.0),
        (day[2], "A", "funding", 300.0, -30.0),
    ]
    found = result.cash_flows.rows()
    assert [row[:4] for row in found] == [row[:4] for row in expected]
    assert [row[4] for row in found] == pytest.approx([row[4] for row in expected], abs=1e-9)
    assert result.cash_flows["amount"].sum() == pytest.approx(-result.metrics["financing"], abs=1e-9)


def test_an_assets_own_borrow_fee_is_charged_where_there_are_no_other_rates():
    # 10 short at 50 for two nights at 0.73 a year: 1.00 a night. A costs nothing.
    costs = {"per_asset": {"B": {"short_borrow": 0.73}}}
    result = run(bars(*flat(100, 4), B=flat(50, 4)), [market(0, -10), market(0, -10, asset=1)], costs=costs)
    assert result.metrics["financing"] == pytest.approx(2.0, abs=1e-9)
    assert result.cash_flows["asset"].to_list() == ["B", "B"]


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
@pytest.mark.parametrize("hours", [1, 8, 12])
def test_a_night_costs_a_day_however_long_sessions_are(hours, mode):
    # 10 short at 100 from the second bar: 1 a night, whether sessions go round the clock or not.
    data = bars(*flat(100, 4 * 24 // hours), step=timedelta(hours=hours))
    result = run(data, [market(0, -10)], costs=RATES, account={**ACCOUNT, "mode": mode})
    assert result.metrics["financing"] == pytest.approx(3.0, abs=1e-9)


def test_a_night_costs_a_day_where_clocks_change():
    days = pl.datetime_range(datetime(2024, 3, 8, 16), datetime(2024, 3, 12, 16), "1d", eager=True)  # noqa: DTZ001
    data = bars(*flat(100, 5)).with_columns(timestamp=days.dt.replace_time_zone("America/New_York"))
    assert run(data, [market(0, -10)], costs=RATES).metrics["financing"] == pytest.approx(3.0, abs=1e-9)


def test_nights_before_1970_cost_what_they_cost_today():
    data = bars(*flat(100, 4)).with_columns(timestamp=pl.col("timestamp").dt.offset_by("-60y"))
    assert run(data, [market(0, -10)], costs=RATES).metrics["financing"] == pytest.approx(2.0, abs=1e-9)


def test_paper_charges_the_same_nights():
    class Short(bs.Strategy):
        """Sells ten short at the first timestamp."""

        def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - it looks at nothing else
            """Sell once."""
            if broker.get_position(0).quantity == 0.0:
                broker.submit_order(0, -10.0)

    data = bars(*flat(100, 16), step=timedelta(hours=6))
    paper = replay(data, Short(), account=ACCOUNT, costs=RATES)
    assert paper.metrics["financing"] == pytest.approx(3.0, abs=1e-9)
    assert paper.cash_flows.equals(bs.backtest(data, Short(), account=ACCOUNT, costs=RATES, compiled=False).cash_flows)
