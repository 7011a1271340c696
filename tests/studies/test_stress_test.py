"""How sensitive what was selected is, on the data that ship."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import backsweep as bs
from backsweep.errors import BadData, BadInput
from backsweep.study.results.stress_test import _Scenarios, scaled
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.trial import TrialSpec

FOLDER = Path(__file__).parents[2] / "sweeps"
QUICK = ("runtime.workers=1", "runtime.backend=inline", "search.trials=12", "search.batch=12")
PRICES = ("open", "high", "low", "close")
NAMES = ["as it is", "costs x 2", "costs x 3", "one bar later", "start a month later"]


def run(folder, sweep, *overrides):
    return bs.run(FOLDER / sweep, out=folder / "study", overrides=(*QUICK, *overrides))


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    return run(tmp_path_factory.mktemp("walk"), "walk_forward.yaml")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(tmp_path_factory.mktemp("plain"), "demo.yaml", "search.sampler=random")


def test_costs_delay_and_a_later_start_are_tried(plain):
    found = plain.statistics.sensitivity
    assert [each.name for each in found] == NAMES
    base, twice, thrice, delayed, late = found
    assert base.sharpe == pytest.approx(plain.best["metrics"]["sharpe"], rel=1e-5)
    assert base.total_return == pytest.approx(plain.best["metrics"]["total_return"], rel=1e-4)
    assert base.total_return > twice.total_return > thrice.total_return
    assert delayed.total_return != base.total_return
    assert late.sessions == base.sessions - 21
    assert all(each.reason is None for each in found)


def test_a_walk_forward_is_stitched_again(walk):
    base, twice, *_ = walk.statistics.sensitivity
    assert base.sharpe == pytest.approx(walk.walk_forward.metrics["sharpe"], rel=1e-9)
    assert base.sessions == walk.walk_forward.equity.height
    assert twice.total_return < base.total_return


OWN = ("search.sampler=tpe", "walk_forward.train=5y", "walk_forward.test=3y")
CROSSED = ("walk_forward={mode: cpcv, groups: 4, test_groups: 2}", "search.constraints=[]")


@pytest.mark.parametrize(
    "overrides",
    [
        OWN,
        CROSSED,
        ("walk_forward.state=continuous",),
        ("walk_forward.select=top_k", "walk_forward.top=3", "walk_forward.holdout=2y"),
        ("search.pruning={max_drawdown: 0.05}", "search.constraints=[]"),
    ],
    ids=["searches", "crossed", "continuous", "top_k, holdout", "pruned"],
)
def test_however_folds_are_made_what_they_chose_is_run_again(tmp_path, overrides):
    study = run(tmp_path, "walk_forward.yaml", *overrides)
    base, twice, _, delayed, late = study.statistics.sensitivity
    record = study.walk_forward.record
    assert base.sessions == len(record)
    assert base.sharpe == pytest.approx(bs.metrics.sharpe(record), rel=1e-9)
    assert twice.total_return < base.total_return
    assert delayed.total_return != base.total_return
    crossed = study.sweep.walk_forward.mode == "cpcv"
    assert late.reason == ("the groups would move into what was trained on" if crossed else None)


def test_a_holdout_plays_no_part(tmp_path):
    walk = ("walk_forward.train=5y", "walk_forward.test=2y", "search.trials=4", "search.constraints=[]")
    bars = pl.read_parquet(FOLDER / "data" / "stocks_daily.parquet")
    last = bars["timestamp"].max()
    late = pl.col("timestamp") > last.replace(year=last.year - 2)
    for name, factor in (("a", 1.0), ("b", 3.0)):
        prices = [pl.when(late).then(pl.col(price) * factor).otherwise(price).alias(price) for price in PRICES]
        (tmp_path / name).mkdir()
        bars.with_columns(prices).write_parquet(tmp_path / name / "bars.parquet")
    found = [
        run(
            tmp_path / name,
            "walk_forward.yaml",
            *walk,
            "walk_forward.holdout=2y",
            f"data.bars={tmp_path / name / 'bars.parquet'}",
        )
        for name in ("a", "b")
    ]
    assert found[0].identity.data != found[1].identity.data
    assert found[0].statistics.sensitivity == found[1].statistics.sensitivity


def test_sleeves_are_run_again(tmp_path):
    study = run(tmp_path, "walk_forward.yaml", "account.mode=sleeves")
    assert study.statistics.sensitivity[0].sharpe == pytest.approx(study.walk_forward.metrics["sharpe"], rel=1e-9)
    assert all(each.reason is None for each in study.statistics.sensitivity)


@pytest.fixture
def streaming(monkeypatch):
    """Count any sleeves of the shipped data as large: shards of four of the five assets, and of one."""
    for module in ("evaluate", "sleeves.replay"):
        monkeypatch.setattr(f"backsweep.trial.{module}.BARS", 10_000)


@pytest.mark.parametrize("overrides", [(), OWN, ("walk_forward.state=continuous",)], ids=["flat", "own", "continuous"])
def test_sleeves_that_are_large_are_loaded_shard_by_shard_for_the_same_figures(tmp_path, request, overrides):
    quick = ("account.mode=sleeves", "walk_forward.train=5y", "walk_forward.test=3y", "search.trials=4", *overrides)
    whole = run(tmp_path / "whole", "walk_forward.yaml", *quick).statistics.sensitivity
    request.getfixturevalue("streaming")
    assert run(tmp_path / "parts", "walk_forward.yaml", *quick).statistics.sensitivity == whole
    assert all(each.reason is None for each in whole)


FAILING = """\
import backsweep as bs

class Failing(bs.Strategy):
    early: bool = bs.choice([False, True])

    def on_data(self, timestamp, data, context, broker):
        first = context.year < 2008.0
        if first == self.early:
            broker.order_target_percent(0, 0.5 if timestamp % 7 < 4 else 0.0)
        if self.early and not first:
            for _ in range(200):
                broker.submit_order(0, 1.0, bs.LIMIT, limit_price=0.01)
"""
BY_FOLD = """\
study: failing
data: {bars: BARS, context: context.parquet}
strategy: failing.py:Failing
account: {mode: sleeves}
search:
  sampler: tpe
  trials: 8
  batch: 4
  seed: 1
  params: {early: {choices: [false, true]}}
  objective: {maximize: sharpe}
walk_forward: {train: 3y, test: 2y}
"""


def test_a_choice_runs_in_the_folds_that_chose_it_and_no_other(tmp_path, request):
    bars = FOLDER / "data" / "stocks_daily.parquet"
    times = pl.read_parquet(bars)["timestamp"].unique().sort()
    pl.DataFrame({"timestamp": times, "year": times.dt.year().cast(float)}).write_parquet(tmp_path / "context.parquet")
    (tmp_path / "failing.py").write_text(FAILING)
    (tmp_path / "sweep.yaml").write_text(BY_FOLD.replace("BARS", str(bars)))
    quick = ("runtime.workers=1", "runtime.backend=inline")
    whole = bs.run(tmp_path / "sweep.yaml", out=tmp_path / "whole", overrides=quick)
    choices = {number for _, each in whole.chosen for number in each}
    assert {whole.describe(number)["params"]["early"] for number in choices} == {False, True}
    request.getfixturevalue("streaming")
    parts = bs.run(tmp_path / "sweep.yaml", out=tmp_path / "parts", overrides=quick)
    assert parts.statistics.sensitivity == whole.statistics.sensitivity
    assert parts.statistics.sensitivity[0].reason is None


@pytest.mark.parametrize("change", ["rewritten", "removed"])
@pytest.mark.parametrize("streams", [True, False])
def test_data_that_change_meanwhile_are_an_error_and_nothing_is_kept(tmp_path, request, monkeypatch, change, streams):
    if streams:
        request.getfixturevalue("streaming")
    path, returns, calls = tmp_path / "bars.parquet", _Scenarios._returns, []
    shutil.copy(FOLDER / "data" / "stocks_daily.parquet", path)

    def change_before_the_last(self, *given):
        calls.append(given)
        if len(calls) == len(NAMES):
            path.unlink()
            if change == "rewritten":
                pl.read_parquet(FOLDER / "data" / "stocks_daily.parquet").with_columns(volume=1.0).write_parquet(path)
        return returns(self, *given)

    monkeypatch.setattr(_Scenarios, "_returns", change_before_the_last)
    quick = ("account.mode=sleeves", f"data.bars={path}", "search.sampler=random", "search.trials=2")
    with pytest.raises((BadData, BadInput), match=r"changed|no file"):
        run(tmp_path, "demo.yaml", *quick)
    monkeypatch.setattr(_Scenarios, "_returns", returns)
    shutil.copy(FOLDER / "data" / "stocks_daily.parquet", path)
    assert all(each.reason is None for each in run(tmp_path, "demo.yaml", *quick).statistics.sensitivity)


def test_twice_the_costs_are_what_a_sweep_file_with_twice_the_costs_gives(plain):
    params = plain.best["params"]
    doubled = {name: value * 2 if name.startswith("costs.") else value for name, value in params.items()}
    again = bs.replay(FOLDER / "demo.yaml", doubled, overrides=(*QUICK, "costs.commission.rate=0.001"))
    assert plain.statistics.sensitivity[1].sharpe == pytest.approx(again.result.metrics["sharpe"], rel=1e-5)


def test_one_bar_later_is_what_a_sweep_file_with_a_delay_gives(plain):
    again = bs.replay(FOLDER / "demo.yaml", plain.best["params"], overrides=(*QUICK, "execution.delay=1"))
    assert plain.statistics.sensitivity[3].sharpe == pytest.approx(again.result.metrics["sharpe"], rel=1e-5)


def test_what_was_kept_is_not_run_again_and_what_is_selected_anew_is(plain, tmp_path):
    shutil.copytree(plain.path, tmp_path / "study")
    kept = tmp_path / "study" / "selected" / "sensitivity.json"
    before = kept.stat().st_mtime_ns
    run(tmp_path, "demo.yaml", "search.sampler=random")
    assert kept.stat().st_mtime_ns == before
    more = run(tmp_path, "demo.yaml", "search.sampler=random", "search.trials=40")
    assert (kept.stat().st_mtime_ns == before) == (more.best["number"] == plain.best["number"])
    assert more.statistics.sensitivity[0].sharpe == pytest.approx(more.best["metrics"]["sharpe"], rel=1e-5)


def test_a_study_without_costs_says_so(tmp_path):
    free = (
        "costs={}",
        "search.params={entry: {low: 0.5, high: 2.5}}",
        "search.sampler=random",
    )
    found = run(tmp_path, "demo.yaml", *free).statistics.sensitivity
    assert [each.reason for each in found[1:3]] == ["the sweep file has no costs"] * 2
    assert np.isnan(found[1].sharpe)


def test_every_cost_is_scaled_and_no_limit():
    costs = CostsSpec.model_validate(
        {
            "commission": {"kind": "per_share", "rate": 0.01, "minimum": 1.0},
            "slippage": {"kind": "volume_share", "rate": 0.1, "limit": 0.02},
            "stop_slippage": 0.001,
            "financing": {"margin_interest": 0.05, "short_borrow": 0.02},
            "per_asset": {"SPY": {"commission": {"kind": "per_order", "amount": 2.0}}},
        }
    )
    spec = TrialSpec(data={"bars": "x"}, strategy="x:X", costs=costs, fixed={"costs.slippage.rate": 0.2, "entry": 1.0})
    found = scaled(spec, 3.0)
    assert (found.costs.commission.rate, found.costs.commission.minimum) == (0.03, 3.0)
    assert (found.costs.slippage.rate, found.costs.slippage.limit) == (pytest.approx(0.3), 0.02)
    assert found.costs.stop_slippage == 0.003
    assert found.costs.financing.margin_interest == pytest.approx(0.15)
    assert found.costs.per_asset["SPY"].commission.amount == 6.0
    assert found.fixed == {"costs.slippage.rate": pytest.approx(0.6), "entry": 1.0}


def test_tiers_cost_more_where_they_begin_and_what_is_earned_stays():
    tiers = [{"above": 0.0, "rate": 0.002, "maker_rate": -0.001}, {"above": 500.0, "rate": 0.001, "maker_rate": 0.0005}]
    costs = CostsSpec.model_validate(
        {
            "commission": {"kind": "tiered", "by": "order_value", "tiers": tiers},
            "financing": {"short_borrow": 0.02, "short_credit": 0.01, "funding": "rate"},
        }
    )
    fixed = {"costs.commission.tiers.1.above": 300.0, "costs.commission.tiers.0.maker_rate": -0.002}
    found = scaled(TrialSpec(data={"bars": "x"}, strategy="x:X", costs=costs, fixed=fixed), 2.0)
    assert [(tier.above, tier.rate, tier.maker_rate) for tier in found.costs.commission.tiers] == [
        (0.0, 0.004, -0.001),
        (500.0, 0.002, 0.001),
    ]
    assert (found.costs.financing.short_borrow, found.costs.financing.short_credit) == (0.04, 0.01)
    assert found.fixed == fixed


def test_of_a_model_of_ones_own_the_answer_is_scaled_and_no_parameter():
    model = {"kind": "custom", "model": "x.py:X", "minimum": 1.0, "rate": 0.1}
    fixed = {"costs.commission.rate": 0.2, "costs.commission.times": 1.5}
    found = scaled(TrialSpec(data={"bars": "x"}, strategy="x:X", costs={"commission": model}, fixed=fixed), 2.0)
    commission = found.costs.commission
    assert (commission.times, commission.minimum, commission.params) == (2.0, 2.0, {"rate": 0.1})
    assert found.fixed == {"costs.commission.rate": 0.2, "costs.commission.times": 3.0}
