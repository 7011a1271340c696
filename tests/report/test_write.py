"""A study's page: its sections in their order, offline, beside the study and no part of its digest."""

import re
from datetime import datetime

import polars as pl
import pytest

from backsweep.errors import BadInput
from backsweep.report.write import report_bytes, write_report
from backsweep.storage.open import open_files
from backsweep.study.results.stored_study import StoredStudy
from backsweep.study.results.study import open_study
from backsweep.study.store.lookahead_record import Passed
from backsweep.study.store.selected import write_selected

TIMES = [datetime(1970, 1, 2), datetime(1970, 1, 4)]  # noqa: DTZ001 - times as records have them

PLOTLY = '<script type="text/plain" id="plotly">/**'


@pytest.fixture
def study(bench):
    bench.run("study", bench.sweep())
    return open_study(bench.folder / "study")


def test_a_page_has_its_sections_in_order_and_loads_nothing(study):
    digest, place = study.digest(), write_report(study)
    page = (study.path / "report.html").read_text()
    assert place == str(study.path / "report.html")
    assert re.findall(r"<h2>(.*?)</h2>", page)[:3] == ["Verdict", "The selected trial, in sample", "Trials"]
    assert re.findall(r"<h2>(.*?)</h2>", page)[-1] == "How it was made"
    head, _, rest = page.partition(PLOTLY)
    assert rest
    assert "http:" not in head
    assert "https:" not in head
    assert "Content-Security-Policy" in head
    assert len(page) < 10_000_000
    again = open_study(study.path)
    again.verify()
    assert again.digest() == digest


def test_the_ratio_of_the_selected_trial_stands_beside_what_noise_would_have_given(study):
    page = report_bytes(study).decode()
    (shown,) = re.findall(r"<dt>sharpe</dt><dd>(.*?)</dd>", page)
    assert re.search(r"best of [\d,]+ trials; noise would have given \d", shown)
    assert page.index("<h2>Verdict</h2>") < page.index("<dt>sharpe</dt>")


def test_a_study_that_was_not_tested_for_look_ahead_says_so_with_its_verdict(study, monkeypatch):
    verdict = report_bytes(study).decode().partition("<h2>Verdict</h2>")[2].partition("<h2>")[0]
    assert "<p>Unchecked: the strategy has not been tested for look-ahead" in verdict
    assert "<td" in study._repr_html_().partition("look-ahead")[2].partition("not tested: backsweep check does")[0]
    passed = Passed("a" * 64, "2026-01-02T00:00:00+00:00", 36, 9)
    monkeypatch.setattr(StoredStudy, "lookahead", passed)
    page = report_bytes(open_study(study.path)).decode()
    assert "Unchecked" not in page
    assert "<dd>none found, tested at 36 times on 2026-01-02</dd>" in page


def test_failed_trials_are_listed_by_their_reasons(study):
    page = report_bytes(study).decode()
    failed = study.trials.filter(study.trials["state"] == "FAIL")
    assert len(failed)
    assert f"<dt>failed</dt><dd>{len(failed):,}</dd>" in page
    assert "Why trials failed" in page


def test_a_trial_that_violates_a_constraint_is_marked(bench):
    bench.run("none", bench.sweep(constraints=["trades >= 1000000"]))
    page = report_bytes(open_study(bench.folder / "none")).decode()
    assert ">infeasible</td>" in page
    assert ">complete</td>" not in page


def write_records(study, asset="SPY", reason="signal", params=None):
    """Write the records of one trade: 10 units bought at 20, sold at 25."""
    fills = {"order_id": [1, 2], "timestamp": TIMES, "asset": asset, "quantity": [10.0, -10.0], "price": [20.0, 25.0]}
    trade = {"asset": [asset], "quantity": 10.0, "entry_timestamp": TIMES[0], "entry_price": 20.0, "pnl": 48.0}
    trade |= {"exit_timestamp": TIMES[1], "exit_price": 25.0, "exit_reason": reason, "bars_held": 2}
    trade |= {"max_favourable": 0.3, "max_adverse": 0.1, "entry_pred": 1.5}
    equity = {"timestamp": TIMES, "cash": [999_799.0, 1_000_048.0], "equity": [999_999.0, 1_000_048.0]}
    orders = {
        "asset": [asset] * 2,
        "order_type": "market",
        "status": ["filled", "rejected"],
        "reject_reason": ["", reason],
    }
    frames = {
        "fills": pl.DataFrame(fills | {"commission": 1.0, "slippage": 0.5, "reason": reason}),
        "trades": pl.DataFrame(trade),
        "equity": pl.DataFrame(equity | {"drawdown": 0.0, "exposure": [0.2, 0.0]}),
        "orders": pl.DataFrame(orders),
        "cash_flows": pl.DataFrame(schema={"timestamp": pl.Datetime, "kind": pl.String, "amount": pl.Float64}),
    }
    metrics = {"ambiguous_fills": 1.0, "ambiguous_pnl": 12.0}
    write_selected(
        open_files(study.path), frames, {"params": params or study.best_params, "metrics": metrics}, "selected/"
    )


def test_the_trades_and_the_account_of_what_was_selected_are_shown(study):
    assert "Account" not in report_bytes(study).decode().partition(PLOTLY)[0]
    write_records(study)
    page = report_bytes(study).decode().partition(PLOTLY)[0]
    assert re.findall(r"<h2>(.*?)</h2>", page)[-3:-1] == ["Trades of the selected trial, in sample", "Account"]
    for shown in ("1; 1 long, 0 short", "entry pred", "<dt>rejected: signal</dt><dd>1</dd>", "Prices with fills"):
        assert shown in page
    assert "1 of 2 fills are ambiguous" in page
    sums = re.findall(r'<td data-order="[^"]*">([^<]*)</td><td data-order="[^"]*">([^<]*)</td></tr>', page)
    expected = {"bought": "-200.00", "sold": "250.00", "commission": "-2.00", "cash at the end": "1,000,048.00"}
    assert expected.items() <= dict(sums).items()
    assert "the data cannot be read, so there is no line of closes" in page


def test_records_of_an_earlier_selection_are_not_shown(study):
    write_records(study, params={"entry": 1.0})
    page = report_bytes(study).decode()
    assert "The records are of an earlier selection" in page
    assert "Results of trades" not in page


def test_a_cross_validation_whose_folds_have_not_all_run_has_a_page_of_its_trials(bench, monkeypatch):
    bench.run("study", bench.sweep())
    study = open_study(bench.folder / "study")

    def unfinished(_):
        raise BadInput("the cross-validation is not finished")

    monkeypatch.setattr(StoredStudy, "has_folds", True)
    monkeypatch.setattr(StoredStudy, "walk_forward", property(unfinished))
    page = report_bytes(study).decode()
    assert "There is no verdict yet: the cross-validation is not finished" in page
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["Verdict", "Trials", "Parameters", "How it was made"]
    assert "the cross-validation is not finished" in study._repr_html_()
