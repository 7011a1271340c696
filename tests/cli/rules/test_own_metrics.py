"""Metrics of the user's own in studies: columns, objectives and constraints, in folds and in sleeves."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import backsweep as bs

METRICS = """
import numpy as np


def worst_month(run):
    months = run.dates.astype("datetime64[M]")
    return min(np.prod(1.0 + run.returns[months == month]) - 1.0 for month in np.unique(months))


def rate(run):
    if run.params["size"] == 13:
        raise ValueError("bad luck")
    return run.trades.count / len(run.dates) if run.trades.count else None
"""
OWN = ["--set", "metrics={worst_month: metrics.py:worst_month, rate: metrics.py:rate}"]
LUCKY = ["--set", "search.params.size={low: 20, high: 50}"]
GOALS = ["--set", "search.objective={maximize: worst_month - rate}", "--set", 'search.constraints=["rate <= 0.5"]']


@pytest.fixture
def own(sweep):
    sweep.with_name("metrics.py").write_text(METRICS)
    return sweep


def worst_months(dates, returns):
    months = dates.to_numpy().astype("datetime64[M]")
    return min(np.prod(1.0 + returns[months == month]) - 1.0 for month in np.unique(months))


@pytest.mark.long
def test_a_study_searches_for_metrics_of_the_users_own_and_replays_them(own, command):
    code, _, err = command("run", own, *OWN, *GOALS, "--set", "search.params.size={low: 10, high: 15}")
    study = bs.open_study("studies/small")
    failed = study.trials.filter(pl.col("state") == "FAIL")
    assert set(failed["params_size"]) == {13}
    assert (code, len(failed) > 0) == (1, True)
    assert "the metric `rate` failed" in err
    assert failed["error"].str.contains("ValueError: bad luck").all()
    assert failed["user_attrs_worst_month"].is_null().all()
    best = study.best
    returns = study.rows("returns", [best["number"]])["returns"][0].to_numpy().astype(np.float64)
    assert best["metrics"]["worst_month"] == pytest.approx(worst_months(study.session_dates, returns), abs=1e-6)
    assert best["value"] == best["metrics"]["worst_month"] - best["metrics"]["rate"]
    assert {"user_attrs_rate", "constraints_rate"} < set(study.trials.columns)
    out = command("backtest", own, *OWN, *GOALS, "--param", "size=11", "--param", "entry=0.5")[1]
    assert "worst_month" in out
    number = str(best["number"])
    command("backtest", own, *OWN, "--trial", number, "--study", "studies/small", "--out", "replay")
    replayed = json.loads(Path("replay/params.json").read_text())
    assert replayed["metrics"]["worst_month"] == best["metrics"]["worst_month"]


@pytest.mark.long
def test_each_training_and_test_has_its_own_and_folds_choose_by_them(own, command):
    folds = ["--set", "walk_forward={train: 40s, test: 20s}", "--set", "search.trials=12", *LUCKY]
    code, _, err = command("run", own, *OWN, *GOALS, *folds)
    assert (code, err.count("error")) == (0, 0)
    study = bs.open_study("studies/small")
    rows = study.folds.filter(pl.col("segment") == "train")
    means = rows.group_by("number").agg(pl.col("user_attrs_worst_month").mean()).sort("number")
    trials = study.trials["user_attrs_worst_month"]
    assert means["user_attrs_worst_month"].to_numpy() == pytest.approx(trials.to_numpy(), abs=1e-12, nan_ok=True)
    table = study.walk_forward.folds
    goal = table["train_worst_month"] - table["train_rate"]
    assert table["train_worst_month - rate"].equals(goal.rename("train_worst_month - rate"))
    shown = command("show", "studies/small", "--folds", "--format", "json")[1]
    assert json.loads(shown)["folds"][0]["test_rate"] == table["test_rate"][0]


@pytest.mark.long
def test_sleeves_have_those_of_their_sum_in_any_number_of_shards(own, command):
    modes = ["--set", "account.mode=sleeves", "--set", "search.trials=12", *LUCKY]
    digests = []
    for shards in (1, 2):
        folder = f"studies/{shards}"
        assert command("run", own, *OWN, *modes, "--set", f"runtime.shards={shards}", "--out", folder)[0] == 0
        digests.append(bs.open_study(folder).digest())
    assert digests[0] == digests[1]
    study = bs.open_study("studies/1")
    counted = study.trials["user_attrs_trades"] / len(study.sessions)
    assert study.trials["user_attrs_rate"].equals(counted.replace(0.0, None).rename("user_attrs_rate"))


@pytest.mark.parametrize(
    ("metrics", "problem", "remedy"),
    [
        ("{sharpe: metrics.py:rate}", "a metric under the name of another", "another name"),
        ("{max: metrics.py:rate}", "a metric under the name of another", "another name"),
        ("{Worst Year: metrics.py:rate}", "a metric's name that cannot stand in an expression", "another name"),
        ("{own: metrics.py:rat}", "has no metric 'rat'", "did you mean 'rate'?"),
        ("{own: metric.py:rate}", "the metric's file does not exist", "a relative path starts at the sweep file's"),
        ("{own: metrics.py}", "the metric's reference has no function", "path/to/file.py:function"),
    ],
)
def test_a_metric_that_cannot_be_is_refused(own, command, metrics, problem, remedy):
    code, _, err = command("check", own, "--set", f"metrics={metrics}")
    assert code == 2
    assert problem in " ".join(err.split())
    assert remedy in " ".join(err.split())
