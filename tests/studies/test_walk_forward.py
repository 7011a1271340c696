"""Walk-forward from the sweep file to the result, on the data that ship."""

import itertools
import json

import numpy as np
import polars as pl
import pytest
from scenarios.walks import QUICK, SWEEP, run

import backsweep as bs
from backsweep.cli import main
from backsweep.errors import BadInput, StudyConflict
from backsweep.metrics.summary import METRICS
from backsweep.study.results.neighbours import nearest
from backsweep.study.store.study_json import study_json_bytes
from backsweep.study.table.trials import TIMING


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return run(tmp_path_factory.mktemp("walk"))


def test_every_trial_has_a_row_and_returns_for_each_fold_and_segment(study):
    folds = study.folds
    assert folds.height == 24 * (2 * study.walk_forward.folds.height + 1)
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


def test_a_folds_row_shows_its_choice_in_training_beside_the_test(study):
    for row in study.walk_forward.folds.iter_rows(named=True):
        for name in ("train", "test"):
            keys = {"number": row["number"], "fold": row["fold"], "segment": name}
            own = study.folds.row(by_predicate=pl.all_horizontal(pl.col(key) == keys[key] for key in keys), named=True)
            assert (row[f"{name}_start"], row[f"{name}_end"]) == (own["start"], own["end"])
            assert [row[f"{name}_{each}"] for each in METRICS] == [own[f"user_attrs_{each}"] for each in METRICS]
        assert row["test_return"] == pytest.approx(row["test_total_return"], abs=1e-6)


def test_efficiency_is_what_tests_earn_a_year_over_what_trainings_do(study):
    result = study.walk_forward
    trained = result.folds["train_cagr"].mean()
    years = result.equity.height / 252
    earned = (result.equity["equity"][-1] / 1e6) ** (1 / years) - 1
    assert trained > 0
    assert result.metrics["efficiency"] == pytest.approx(earned / trained)


def test_drift_is_how_far_the_choice_moves_from_fold_to_fold(study):
    drift = {row["param"]: row for row in study.walk_forward.drift.iter_rows(named=True)}
    assert [f"params_{name}" for name in drift] == [name for name in study.trials.columns if "params_" in name]
    for name, row in drift.items():
        chosen = study.walk_forward.folds[f"params_{name}"].cast(pl.Float64).to_list()
        moves = [abs(after - before) for before, after in itertools.pairwise(chosen)]
        tried = study.trials[f"params_{name}"].cast(pl.Float64)
        assert (row["lowest"], row["highest"]) == (min(chosen), max(chosen))
        assert row["mean_change"] == pytest.approx(sum(moves) / len(moves))
        assert row["mean_change_of_range"] == pytest.approx(row["mean_change"] / (tried.max() - tried.min()))


def test_the_neighbourhood_with_the_best_mean_is_chosen(study):
    around = nearest(study.trials.select(pl.col("^params_.*$").cast(pl.Float64)).to_numpy(), 9)
    for row in study.walk_forward.folds.iter_rows(named=True):
        train = study.folds.filter((pl.col("fold") == row["fold"]) & (pl.col("segment") == "train"))
        held = (train["constraints_max_drawdown"] <= 0) & (train["constraints_trades"] <= 0)
        means = np.nanmean(train["user_attrs_sharpe"].to_numpy()[around], axis=1)
        assert row["number"] == int(np.argmax(np.where(held, means, -np.inf)))


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


def test_folds_in_which_no_trial_may_be_chosen_stay_in_cash(tmp_path):
    study = run(tmp_path, 'search.constraints=["trades >= 1e6"]', "search.trials=8")
    assert study.walk_forward.folds["number"].is_null().all()
    assert (study.walk_forward.record == 0).all()
    assert study.statistics.verdict.verdict == "inconclusive"
    assert study.statistics.sensitivity[0].reason == "nothing was selected"


def test_the_final_choice_is_the_best_neighbourhood_of_the_last_four_years(study):
    (final,) = study.walk_forward.final.to_dicts()
    own = study.folds.filter(pl.col("segment") == "final")
    assert final["train_end"] == study.sessions[-1]
    assert [own["start"].unique().to_list(), own["end"].unique().to_list()] == [
        [final["train_start"]],
        [final["train_end"]],
    ]
    around = nearest(study.trials.select(pl.col("^params_.*$").cast(pl.Float64)).to_numpy(), 9)
    held = (own["constraints_max_drawdown"] <= 0) & (own["constraints_trades"] <= 0)
    means = np.nanmean(own["user_attrs_sharpe"].to_numpy()[around], axis=1)
    assert final["number"] == study.selected == int(np.argmax(np.where(held, means, -np.inf)))
    assert study.best_params == study.describe(final["number"])["params"]
    assert final["train_sharpe"] == own.filter(pl.col("number") == final["number"])["user_attrs_sharpe"][0]


ROLLING = ("search.trials=8", "walk_forward.train=5y", "walk_forward.test=3y")
HALVING = 'search.pruning={"between_folds": {"kind": "halving", "after": 1, "keep": 0.5}}'


@pytest.mark.parametrize(
    "overrides",
    [
        ROLLING,
        (*ROLLING, HALVING),
        (*ROLLING, "search.sampler=tpe"),
        pytest.param((*ROLLING, "walk_forward.state=continuous"), marks=pytest.mark.long),
        ("search.trials=8", 'walk_forward={"mode": "cpcv", "groups": 3, "test_groups": 1}'),
        ("search.trials=8", "search.sampler=tpe", 'walk_forward={"mode": "holdout", "train": "8y"}'),
    ],
    ids=["rolling", "halving", "tpe", "continuous", "cpcv", "holdout"],
)
def test_a_final_choice_changes_nothing_else(tmp_path, overrides):
    study = run(tmp_path / "with", *overrides)
    without = run(tmp_path / "without", *overrides, "walk_forward.final=false")
    mine, others = study.walk_forward, without.walk_forward
    assert (mine.final.height, others.final.height) == (1, 0)
    by_fold = study.sweep.searches_by_fold  # there the trials of the final training are others, among all numbers
    numbers = ["number", "numbers", "batch"] if by_fold else []
    for table in ("trials", "folds", "returns"):
        rows = getattr(study, table)
        if table != "trials":
            rows = rows.filter(pl.col("segment") != "final")
        elif by_fold:
            rows = rows.filter(pl.col("fold") < mine.final["fold"][0])
        columns = [name for name in rows.columns if name not in (*TIMING, *numbers)]
        pair = (rows.select(columns), getattr(without, table).select(columns))
        if by_fold:
            pair = tuple(each.sort("fold", maintain_order=True) for each in pair)
        assert pair[0].equals(pair[1])
    assert mine.folds.drop(numbers, strict=False).equals(others.folds.drop(numbers, strict=False))
    assert mine.equity.equals(others.equity)
    assert (mine.metrics, mine.drift.to_dicts()) == (others.metrics, others.drift.to_dicts())
    assert study.statistics.verdict == without.statistics.verdict
    assert study.statistics.sensitivity == without.statistics.sensitivity
    assert (study.statistics.tried == without.statistics.tried) == (not by_fold)


def test_a_study_begun_before_there_were_final_choices_goes_on_without(tmp_path):
    run(tmp_path, *ROLLING, "walk_forward.final=false")
    begun = bs.open_study(tmp_path / "study").identity
    del begun.sweep["walk_forward"]["final"]  # as it was written then, under the same hash
    file = tmp_path / "study" / "study.json"
    content = json.loads(file.read_text())
    file.write_bytes(study_json_bytes(begun, content["sessions"]))
    assert json.loads(file.read_text())["hash"] == content["hash"]
    study = run(tmp_path, *ROLLING, "search.trials=16")
    assert study.trials.height == 16
    assert "final" not in study.folds["segment"]
    assert study.selected == study.walk_forward.folds["number"][-1]
    with pytest.raises(StudyConflict, match=r"walk_forward\.final: absent -> true"):
        run(tmp_path, *ROLLING, "walk_forward.final=true")


def test_the_selected_parameters_are_kept_with_the_records_of_the_folds(study):
    content = json.loads((study.path / "selected" / "params.json").read_text())
    assert content["params"] == study.best_params
    assert content["final"] == study.selected
    assert [each["number"] for each in content["folds"]] == study.walk_forward.folds["number"].to_list()


@pytest.mark.parametrize("state", ["flat", "continuous"])
def test_the_records_of_every_choice_are_those_of_its_test(tmp_path, study, state):
    if state == "continuous":
        study = run(tmp_path, "walk_forward.state=continuous")
    content = json.loads((study.path / "selected" / "params.json").read_text())["folds"]
    names = ("fills", "trades", "equity", "orders")
    fills, trades, equity, _ = (pl.read_parquet(study.path / "selected" / f"{name}.parquet") for name in names)
    closes = study.sessions.to_list()
    for row, entry in zip(study.walk_forward.folds.iter_rows(named=True), content, strict=True):
        for name, value in entry["metrics"].items():
            assert row[f"test_{name}"] == value
        own = equity.filter(pl.col("fold") == row["fold"])
        before = closes[closes.index(row["test_start"]) - 1].replace(tzinfo=None)
        for moments in (own["timestamp"], *(fills.filter(pl.col("fold") == row["fold"])["timestamp"],)):
            assert moments.is_between(before, row["test_end"].replace(tzinfo=None), closed="right").all()
        assert own["equity"][-1] == row["test_final_equity"]
        assert trades.filter(pl.col("fold") == row["fold"]).height == row["test_trades"]


def test_a_holdout_may_learn(tmp_path):
    study = run(tmp_path, "walk_forward.mode=holdout", "walk_forward.train=8y", "search.sampler=tpe")
    assert study.walk_forward.folds.height == 1
    assert study.trials.height == 24


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_show_has_the_folds(study, form, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["show", str(study.path), "--folds", "--format", form])
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert "sharpe" in printed
    assert str(study.walk_forward.folds["number"][0]) in printed
    if form == "table":
        said = " ".join(printed.split())
        assert f"no part of the record above trial {study.selected}, trained 2009-03-02 to 2013-03-01: entry=" in said
    if form == "json":
        assert [row["number"] for row in json.loads(printed)["final"]] == [study.selected]


def test_show_has_the_final_choice_apart_from_the_best_trials(study, capsys):
    with pytest.raises(SystemExit):
        main(["show", str(study.path)])
    assert f"final choice trial {study.selected}, trained 2009-03-02 to " in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit):
        main(["show", str(study.path), "--format", "json"])
    assert [row["number"] for row in json.loads(capsys.readouterr().out)["final"]] == [study.selected]


def test_a_study_without_folds_has_no_walk_forward(tmp_path):
    demo = bs.run(SWEEP.with_name("demo.yaml"), out=tmp_path / "demo", overrides=(*QUICK[:2], "search.trials=2"))
    with pytest.raises(BadInput, match="no folds"):
        _ = demo.walk_forward


def test_a_study_that_goes_on_later_is_the_same(tmp_path, study):
    run(tmp_path, "search.trials=10")
    assert run(tmp_path).digest() == study.digest()


@pytest.mark.apart
def test_ray_and_inline_give_the_same_study(tmp_path, study):
    spread = run(tmp_path, "runtime.workers=2", "runtime.backend=ray")
    assert spread.digest() == study.digest()
    assert spread.walk_forward.equity.equals(study.walk_forward.equity)
