"""Accounts that add up in view: cash by kind from the first to the last line, also of other currencies and folds."""

from datetime import datetime

import polars as pl
import pytest

from backsweep.report.account_parts import account_parts, sum_accounts
from backsweep.study.store.run_records import RunRecords

DAY = datetime(2020, 1, 2)  # noqa: DTZ001 - times as records have them


def records(fills, cash, equity, flows=(), **columns):
    fills = pl.DataFrame(fills, orient="row", schema=["asset", "quantity", "price", "commission", "slippage"])
    flow = pl.DataFrame(list(flows), orient="row", schema={"kind": pl.String, "amount": pl.Float64})
    curve = pl.DataFrame({"timestamp": [DAY], "cash": [cash], "equity": [equity], "drawdown": [0.0], "exposure": [0.0]})
    extra = {name: pl.Series(name, values) for name, values in columns.items()}
    trades = pl.DataFrame(schema={"asset": pl.String, "pnl": pl.Float64})
    return RunRecords(fills.with_columns(**extra), trades, curve, pl.DataFrame(), flow)


def test_the_lines_add_up_to_the_cash_and_the_equity():
    # 1000 - 10 x 20 - 1 + 4 x 25 - 1 + 3 = 901; 6 units at 25 are 150
    found = records(
        [("A", 10.0, 20.0, 1.0, 0.5), ("A", -4.0, 25.0, 1.0, 0.5)],
        901.0,
        1051.0,
        [("dividend", 5.0), ("borrow_fee", -2.0)],
    )
    (lines,) = sum_accounts(found, 1000.0, {})
    assert lines == {
        "cash at the start": 1000.0,
        "bought": -200.0,
        "sold": 100.0,
        "commission": -2.0,
        "dividend": 5.0,
        "borrow fee": -2.0,
        "cash at the end": 901.0,
        "positions": 150.0,
        "equity": 1051.0,
    }


def test_a_multiplier_and_a_rate_count_and_what_rates_changed_is_a_line():
    # 10 x 2 x 50 x 1.1 = 1100 dollars for euros; the last line has 3 more, which the rate earned
    found = records([("F", 2.0, 10.0, 0.0, 0.0)], 1000.0 - 1100.0 + 3.0, 1000.0, rate=[1.1])
    (lines,) = sum_accounts(found, 1000.0, {"F": 50.0})
    assert lines["bought"] == pytest.approx(-1100.0)
    assert lines["exchange rates and rounding"] == pytest.approx(3.0)


def test_each_fold_has_a_line_of_its_own():
    one = records([("A", 1.0, 10.0, 0.0, 0.0)], 90.0, 100.0)
    two = records([("A", 2.0, 10.0, 0.0, 0.0)], 80.0, 100.0)
    both = RunRecords(
        *(
            pl.concat(
                [
                    getattr(each, name).with_columns(fold=pl.lit(fold), number=pl.lit(7))
                    for fold, each in enumerate((one, two))
                ]
            )
            for name in ("fills", "trades", "equity", "orders", "cash_flows")
        )
    )
    assert [(line["fold"], line["bought"]) for line in sum_accounts(both, 100.0, {})] == [(0.0, -10.0), (1.0, -20.0)]
    sums, costs = account_parts(both, 100.0, {})
    assert sums.headings[:2] == ["fold", "trial"]
    assert costs.rows[-1][0].text == "all assets"
