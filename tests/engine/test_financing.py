"""What it costs to hold: interest on debt and fees on shorts, from session to session."""

from datetime import timedelta

import numpy as np
import pytest
from scripted import ACCOUNT, assert_same_bits, bars, close, compose, evaluator, flat, market, run

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
