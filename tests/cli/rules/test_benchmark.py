"""A study that is compared with a benchmark: its metrics are columns, objectives and constraints."""

import json

import polars as pl
import pytest

import backsweep as bs

BESIDE = ["alpha", "beta", "information_ratio", "up_capture", "down_capture"]
FOLDS = ["--set", "walk_forward={train: 40s, test: 20s}", "--set", "search.trials=8", "--set", "data.benchmark=AAA"]
GOALS = ["--set", "search.objective={maximize: information_ratio}", "--set", 'search.constraints=["beta <= 5"]']


@pytest.mark.slow
def test_a_study_with_a_benchmark_shows_it_beside_its_trials_and_its_folds(sweep, command):
    code, _, err = command("run", sweep, *FOLDS, *GOALS)
    assert (code, err.count("error")) == (0, 0)
    study = bs.open_study("studies/small")
    assert {f"user_attrs_{name}" for name in BESIDE} < set(study.trials.columns)
    assert (study.trials["constraints_beta"] <= 0.0).any()
    best = study.trials.sort("value", descending=True, nulls_last=True).row(0, named=True)
    assert best["value"] == best["user_attrs_information_ratio"]
    tests = study.benchmark.filter(pl.col("fold").is_not_null())
    assert tests["benchmark"].unique().sort().to_list() == ["benchmark", "buy_and_hold"]
    assert tests["fold"].n_unique() == study.walk_forward.folds.height
    assert study.walk_forward.metrics["beta"] is not None

    assert "buy and hold" in command("show", "studies/small")[1]
    shown = command("show", "studies/small", "--folds")[1]
    assert "benchmark_" in shown
    assert "information_ratio" in shown
    assert "Beside the benchmark, out of sample" in command("show", "studies/small", "--statistics")[1]
    rows = json.loads(command("show", "studies/small", "--folds", "--format", "json")[1])["benchmark"]
    assert rows == json.loads(json.dumps(study.benchmark.to_dicts()))


def test_a_backtest_prints_the_benchmark(sweep, command):
    out = command("backtest", sweep, "--param", "size=20", "--set", "data.benchmark=BBB")[1]
    assert all(name in out for name in (*BESIDE, "buy and hold"))


def test_a_metric_that_needs_a_benchmark_is_refused_without_one(sweep, command):
    code, _, err = command("check", sweep, *GOALS)
    assert code == 2
    assert "`information_ratio` compares with a benchmark, and there is none" in err
    assert "benchmark: ASSET" in err


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
def test_a_benchmark_that_is_the_account_has_a_beta_of_one(mode):
    class Buy(bs.Strategy):
        def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
            if data.session == 0:
                broker.submit_order(0, 10.0)

    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 20), eager=True).alias("timestamp")
    price = pl.Series([100.0, 100.0, *(100.0 + 3.0 * (day % 4) for day in range(18))])
    prices = dict.fromkeys(("open", "high", "low", "close"), price)
    bars = pl.DataFrame(days).with_columns(asset=pl.lit("A"), volume=1.0, **prices)
    account = {"cash": 1000.0, "mode": mode}
    result = bs.backtest(bars, Buy(), benchmark="A", account=account, compiled=False)
    assert result.metrics["beta"] == pytest.approx(1.0)
    assert result.metrics["alpha"] == pytest.approx(0.0, abs=1e-12)
    assert result.metrics["up_capture"] == result.metrics["down_capture"] == pytest.approx(1.0)
    assert result.metrics["information_ratio"] is None
    assert result.benchmarks["total_return"].to_list() == pytest.approx([result.metrics["total_return"]] * 2)
