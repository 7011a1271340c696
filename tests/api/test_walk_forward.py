"""Walk-forward from the sweep file to the result, on the data that ship."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

import backsweep as bs
from backsweep.cli import main
from backsweep.errors import BadInput
from backsweep.study.table import TIMING

SWEEP = Path(__file__).parents[2] / "sweeps" / "walk_forward.yaml"
QUICK = ("runtime.workers=1", "runtime.backend=inline", "search.trials=24", "search.batch=8")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return bs.run(SWEEP, out=tmp_path_factory.mktemp("walk") / "study", overrides=QUICK)


def run(folder, *overrides):
    return bs.run(SWEEP, out=folder / "study", overrides=(*QUICK, *overrides))


def test_every_trial_has_a_row_and_returns_for_each_fold_and_segment(study):
    folds = study.folds
    assert folds.height == 24 * 2 * folds["fold"].n_unique()
    assert study.returns.select("number", "fold", "segment").equals(folds.select("number", "fold", "segment"))
    assert study.returns["returns"].list.len().cast(pl.Float64).to_list() == folds["user_attrs_sessions"].to_list()


def test_a_trials_value_is_the_mean_of_its_training_scores(study):
    train = study.folds.filter(pl.col("segment") == "train")
    mean = train.group_by("number", maintain_order=True).agg(pl.col("user_attrs_sharpe").mean())["user_attrs_sharpe"]
    known = study.trials["value"].is_not_null()
    np.testing.assert_allclose(study.trials["value"].filter(known), mean.filter(known), rtol=1e-12)


def test_the_stitched_equity_has_every_session_of_the_tests_once(study):
    equity = study.walk_forward.equity
    start = study.walk_forward.folds["test_start"][0]
    assert equity["timestamp"].to_list() == study.sessions.filter(study.sessions >= start).to_list()
    assert equity["equity"][-1] == pytest.approx(1e6 * float((1 + equity["return"]).product()))
    assert study.walk_forward.metrics["sharpe"] == pytest.approx(bs.metrics.sharpe(equity["return"].to_numpy()))
    assert study.walk_forward.metrics["sessions"] == equity.height


def test_a_fold_chooses_by_its_training_alone(tmp_path, study):
    best = run(tmp_path, "walk_forward.select=best").walk_forward.folds
    for row in best.iter_rows(named=True):
        train = study.folds.filter((pl.col("fold") == row["fold"]) & (pl.col("segment") == "train"))
        held = train.filter((pl.col("constraints_max_drawdown") <= 0) & (pl.col("constraints_trades") <= 0))
        assert row["train_sharpe"] == held["user_attrs_sharpe"].max()


def test_top_k_earns_the_mean_of_its_trials(tmp_path):
    study = run(tmp_path, "walk_forward.select=top_k", "walk_forward.top=3")
    row = study.walk_forward.folds.row(0, named=True)
    assert len(row["numbers"]) == 3
    own = study.returns.filter((pl.col("fold") == 0) & (pl.col("segment") == "test"))
    each = [np.array(own.filter(pl.col("number") == number)["returns"][0]) for number in row["numbers"]]
    mine = study.walk_forward.equity.filter(pl.col("fold") == 0)["return"]
    np.testing.assert_allclose(mine, np.mean(each, axis=0), atol=1e-12)


def test_later_bars_change_no_earlier_choice(tmp_path, study):
    early = run(tmp_path, "data.end=2010-06-30").walk_forward
    whole = study.walk_forward
    closed = early.folds.filter(~pl.col("short"))
    assert 0 < closed.height < whole.folds.height
    assert closed.equals(whole.folds.head(closed.height))
    last = whole.folds.row(closed.height, named=True)
    assert early.folds["number"][-1] == last["number"]  # the short fold was trained on the same sessions
    assert early.equity.equals(whole.equity.head(early.equity.height)) or early.folds["short"][-1]


def test_a_grid_of_one_point_that_carries_on_is_a_plain_backtest(tmp_path):
    strategy = (  # one without features: a plain backtest that begins later knows as much
        "strategy=backsweep.strategies.cross_section:CrossSection",
        "search.params={count: {choices: [2]}}",
        "search.constraints=[]",
    )
    values = {
        "pred_weight": 1.0,
        "momentum_weight": 0.5,
        "reversal_weight": 0.5,
        "every": 1,
        "gross": 1.0,
        "band": 0.01,
    }
    fixed = f"search.fixed={json.dumps(values | {'by_score': False})}"
    study = run(tmp_path, *strategy, fixed, "search.trials=1", "search.sampler=grid", "walk_forward.state=continuous")
    equity = study.walk_forward.equity
    start = f"data.start={equity['timestamp'][0].date()}"
    plain = bs.replay(SWEEP, {"count": 2}, overrides=(*QUICK, *strategy, fixed, start)).result
    assert plain.metrics["trades"] > 10
    assert equity["return"].to_numpy().tobytes() == plain.returns.astype(np.float32).astype(np.float64).tobytes()


def test_an_anchored_walk_with_one_fold_is_a_holdout(tmp_path):
    mode = ("walk_forward.purge=0d", "walk_forward.train=8y", "walk_forward.test=20y")
    one = run(tmp_path / "a", "walk_forward.mode=anchored", *mode)
    other = run(tmp_path / "h", "walk_forward.mode=holdout", *mode)
    assert one.trials.drop(TIMING).equals(other.trials.drop(TIMING))
    assert one.folds.equals(other.folds)
    assert one.walk_forward.equity.equals(other.walk_forward.equity)


def test_the_last_folds_choice_is_kept_with_its_records(study):
    number = study.walk_forward.folds["number"][-1]
    params = yaml.safe_load((study.path / "selected" / "params.json").read_text())["params"]
    assert params == study.describe(number)["params"]


def test_a_holdout_may_learn(tmp_path):
    study = run(tmp_path, "walk_forward.mode=holdout", "walk_forward.train=8y", "search.sampler=tpe")
    assert study.walk_forward.folds.height == 1
    with pytest.raises(BadInput, match="a sampler that learns"):
        run(tmp_path / "other", "search.sampler=tpe")


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_show_has_the_folds(study, form, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["show", str(study.path), "--folds", "--format", form])
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert "sharpe" in printed
    assert str(study.walk_forward.folds["number"][0]) in printed


def test_a_study_without_folds_has_no_walk_forward(tmp_path):
    demo = bs.run(SWEEP.with_name("demo.yaml"), out=tmp_path / "demo", overrides=(*QUICK[:2], "search.trials=2"))
    with pytest.raises(BadInput, match="no folds"):
        _ = demo.walk_forward


def test_a_study_that_goes_on_later_is_the_same(tmp_path, study):
    run(tmp_path, "search.trials=10")
    assert run(tmp_path).digest() == study.digest()


@pytest.mark.slow
def test_ray_and_inline_give_the_same_study(tmp_path, study):
    spread = run(tmp_path, "runtime.workers=2", "runtime.backend=ray")
    assert spread.digest() == study.digest()
    assert spread.walk_forward.equity.equals(study.walk_forward.equity)
