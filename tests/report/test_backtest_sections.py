"""The page of a backtest: what it cannot know is said, what is undefined says why."""

from datetime import datetime

import polars as pl
import pytest

from backsweep.report.backtest_sections import WHAT, backtest_sections
from backsweep.report.parts import Text
from backsweep.study.store.run_records import RunRecords
from backsweep.study.store.selected import Selected

TIMES = [datetime(2020, 1, day, hour) for day in (2, 3) for hour in (10, 16)]  # noqa: DTZ001 - as records have them
METRICS = {"total_return": 0.21, "final_equity": 121.0, "sharpe": 2.0, "sharpe_per_session": 0.125, "sessions": 2.0}
METRICS |= {"skew": 0.0, "kurtosis": 3.0, "calmar": None, "trades": 0.0}


@pytest.fixture
def sections():
    curve = {"timestamp": TIMES, "cash": [100.0, 110.0, 105.0, 121.0], "equity": [100.0, 110.0, 105.0, 121.0]}
    equity = pl.DataFrame(curve | {"drawdown": [0.0] * 4, "exposure": [0.0] * 4})
    columns = {"asset": pl.String, "timestamp": pl.Datetime, "quantity": pl.Float64, "price": pl.Float64}
    empty = pl.DataFrame(schema=columns | {"commission": pl.Float64, "pnl": pl.Float64})
    flows = pl.DataFrame({"kind": ["dividend"], "amount": [21.0]})
    selected = Selected({"entry": 1.5}, METRICS, {"calmar": "no drawdown"})
    return backtest_sections(selected, RunRecords(empty, empty, equity, empty, flows))


def test_a_backtest_says_that_it_does_not_know_how_many_were_tried(sections):
    first, metrics, params = sections[0].parts
    assert first == Text(WHAT)
    # (1 + 0.125^2 / 2) / (2 - 1), its root is 1.004, in years of (2 / 0.125)^2 = 256 sessions 16 times that
    assert metrics.entries["sharpe"] == "2.000, standard error 16.06"
    assert metrics.entries["calmar"] == "undefined: no drawdown"
    assert params.entries == {"entry": "1.5"}


def test_days_are_compounded_from_what_the_account_began_with(sections):
    years = next(part for part in sections[1].parts if part.title == "Years")
    assert years.figure["data"][0]["y"] == [0.21]


def test_the_cash_adds_up_from_what_it_began_with(sections):
    (sums,) = sections[-2].parts
    lines = {row[0].text: row[1].text for row in sums.rows}
    assert lines["cash at the start"] == "100.00"
    assert lines["dividend"] == "21.00"
    assert lines["cash at the end"] == "121.00"
    assert not any("rounding" in name for name in lines)


def test_a_folder_of_an_earlier_version_says_that_it_does_not_record_how_it_was_made(sections):
    (text,) = sections[-1].parts
    assert sections[-1].title == "How it was made"
    assert "does not record how the backtest was made" in text.text
