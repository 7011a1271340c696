"""Walk-forward from the sweep file to the result, on the data that ship."""

import itertools
import json
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import backsweep as bs
from backsweep.cli import main
from backsweep.errors import BadInput, StudyConflict
from backsweep.metrics.summary import METRICS
from backsweep.study.neighbours import nearest
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


def test_the_last_folds_choice_is_kept_with_its_records(study):
    number = study.walk_forward.folds["number"][-1]
    content = json.loads((study.path / "selected" / "params.json").read_text())
    assert content["params"] == study.describe(number)["params"]
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


OWN = ("search.sampler=tpe", "search.trials=12", "walk_forward.train=5y", "walk_forward.test=3y")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    return run(tmp_path_factory.mktemp("learned"), *OWN)


class TestFoldsWithTrialsOfTheirOwn:
    def test_every_trial_runs_on_its_own_fold_alone(self, learned):
        folds = learned.walk_forward.folds.height
        assert folds == 3
        assert learned.trials.height == 16 * folds
        assert learned.trials.group_by("fold").len()["len"].to_list() == [16] * folds
        assert learned.trials["fold"].to_list() == [number // 8 % folds for number in range(16 * folds)]
        assert learned.folds.select("number", "fold").unique().height == learned.trials.height
        lengths = learned.returns["returns"].list.len().cast(pl.Float64)
        assert lengths.to_list() == learned.folds["user_attrs_sessions"].to_list()

    def test_a_fold_chooses_the_best_training_among_its_own(self, tmp_path):
        study = run(tmp_path, *OWN, "walk_forward.select=best", "search.constraints=[]")
        for row in study.walk_forward.folds.iter_rows(named=True):
            own = study.trials.filter(pl.col("fold") == row["fold"])
            assert row["number"] in own["number"]
            assert row["train_sharpe"] == own["value"].max()

    def test_a_fold_is_what_it_would_be_without_the_later_ones(self, tmp_path, learned):
        early = run(tmp_path, *OWN, "data.end=2010-06-30")
        assert early.walk_forward.folds.height == 2
        for fold in (0, 1):
            mine, whole = (each.trials.filter(pl.col("fold") == fold) for each in (early, learned))
            columns = [name for name in mine.columns if name.startswith(("params_", "user_attrs_"))]
            assert mine.select(columns).equals(whole.select(columns))
        assert early.walk_forward.equity.equals(learned.walk_forward.equity.head(early.walk_forward.equity.height))

    def test_folds_are_searched_with_different_random_numbers(self, learned):
        first = [learned.trials.filter(pl.col("fold") == fold)["params_entry"][0] for fold in range(3)]
        assert len(set(first)) == 3

    def test_going_on_later_gives_the_same_study(self, tmp_path, learned):
        class Stopped(Exception):  # noqa: N818 - Ctrl-C is no error either
            pass

        def stop(progress):
            if progress.batches == 4:
                raise Stopped

        with pytest.raises(Stopped):
            bs.run(SWEEP, out=tmp_path / "study", overrides=(*QUICK, *OWN), progress=stop)
        assert bs.open_study(tmp_path / "study").trials.height == 32
        assert run(tmp_path, *OWN).digest() == learned.digest()

    def test_more_trials_later_give_the_same_study(self, tmp_path, learned):
        run(tmp_path, *OWN, "search.trials=8")
        assert run(tmp_path, *OWN).digest() == learned.digest()

    def test_statistics_judge_the_stitched_record(self, learned):
        assert learned.statistics.sessions == learned.walk_forward.equity.height

    def test_records_of_every_choice_are_kept(self, learned):
        content = json.loads((learned.path / "selected" / "params.json").read_text())
        assert [each["number"] for each in content["folds"]] == learned.walk_forward.folds["number"].to_list()

    @pytest.mark.slow
    def test_ray_and_inline_give_the_same_study(self, tmp_path, learned):
        spread = run(tmp_path, *OWN, "runtime.workers=2", "runtime.backend=ray")
        assert spread.digest() == learned.digest()
        assert spread.walk_forward.equity.equals(learned.walk_forward.equity)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ("walk_forward.share_proposals=true", "search.sampler=tpe"),
            "a sampler that learns cannot propose for several",
        ),
        (("walk_forward.state=continuous", "search.sampler=tpe"), "tests cannot carry on"),
        (("walk_forward.share_proposals=false", "search.sampler=grid"), "a grid has the same points in every fold"),
    ],
)
def test_what_folds_with_trials_of_their_own_cannot_do_is_refused(tmp_path, overrides, message):
    with pytest.raises(BadInput, match=message):
        run(tmp_path, *overrides)
    assert not (tmp_path / "study").exists()


CROSS = (
    "walk_forward={mode: cpcv, groups: 5, test_groups: 2, purge: 5d, embargo: 10d}",
    "search.trials=16",
    "search.constraints=[]",
)


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    return run(tmp_path_factory.mktemp("crossed"), *CROSS)


class TestCrossValidation:
    def test_every_path_has_every_session_once(self, crossed):
        result = crossed.walk_forward
        assert result.folds.height == 10
        assert result.paths.height == bs.statistics.cpcv_paths(5, 2) == 4
        for (_,), path in result.equity.group_by("path"):
            assert path["timestamp"].to_list() == crossed.sessions.to_list()
            assert path["equity"][-1] == pytest.approx(1e6 * float((1 + path["return"]).product()))

    def test_a_path_takes_every_test_of_a_fold_once(self, crossed):
        used = crossed.walk_forward.equity.select("path", "fold", "timestamp").unique(["fold", "timestamp"])
        tests = crossed.folds.filter((pl.col("segment") == "test") & (pl.col("number") == 0))
        assert used.height == tests["user_attrs_sessions"].sum()

    def test_metrics_are_the_means_over_the_paths_with_their_spread(self, crossed):
        metrics, paths = crossed.walk_forward.metrics, crossed.walk_forward.paths
        assert metrics["sharpe"] == pytest.approx(paths["sharpe"].mean())
        assert metrics["sharpe_lowest"] == paths["sharpe"].min() <= metrics["sharpe_median"] <= paths["sharpe"].max()
        assert metrics["sharpe_deviation"] == pytest.approx(paths["sharpe"].std())

    def test_one_point_has_equal_paths(self, tmp_path):
        study = run(tmp_path, *CROSS, "search.trials=1")
        paths = study.walk_forward.equity.partition_by("path")
        assert all(path["return"].equals(paths[0]["return"]) for path in paths)

    def test_a_sampler_that_learns_searches_every_fold_by_itself(self, tmp_path):
        study = run(tmp_path, *CROSS, "search.sampler=tpe", "search.trials=8")
        assert study.trials.height == 80
        assert study.walk_forward.paths.height == 4
        assert study.statistics.sessions == len(study.sessions)

    def test_the_records_of_every_choice_are_those_of_its_tests(self, crossed):
        trades = pl.read_parquet(crossed.path / "selected" / "trades.parquet")
        folds = crossed.walk_forward.folds
        counted = trades.group_by("fold").len().sort("fold")["len"].cast(pl.Float64)
        assert counted.to_list() == folds["test_trades"].to_list()

    def test_show_has_the_paths(self, crossed, capsys):
        with pytest.raises(SystemExit) as ended:
            main(["show", str(crossed.path), "--folds"])
        assert not ended.value.code
        assert "path" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("section", "message"),
        [
            ("{mode: cpcv, groups: 5}", "missing key `walk_forward.test_groups`"),
            ("{mode: cpcv, groups: 5, test_groups: 5}", "groups that make no cross-validation"),
            ("{mode: cpcv, groups: 5, test_groups: 2, train: 4y}", "`walk_forward.train` in mode cpcv"),
            ("{mode: cpcv, groups: 5, test_groups: 2, state: continuous}", "cannot carry positions on"),
            ("{train: 4y, test: 1y, groups: 5}", "`walk_forward.groups` in mode rolling"),
            ("{test: 1y}", "missing key `walk_forward.train`"),
        ],
    )
    def test_what_makes_no_cross_validation_is_refused(self, tmp_path, section, message):
        with pytest.raises(BadInput, match=message):
            run(tmp_path, f"walk_forward={section}")


KEPT_APART = ("walk_forward.train=5y", "walk_forward.test=2y", "walk_forward.holdout=2y", "search.constraints=[]")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return run(tmp_path_factory.mktemp("kept"), *KEPT_APART)


class TestHoldout:
    def test_no_trial_runs_on_it(self, kept):
        last = kept.sessions[-1]
        assert kept.folds["end"].max() <= last.replace(year=last.year - 2)

    def test_the_last_fold_trains_on_its_eve_and_has_no_test(self, kept):
        folds = kept.walk_forward.folds
        last = folds.row(-1, named=True)
        assert last["test_start"] is None
        assert last["test_return"] is None
        assert last["number"] == kept.selected
        assert last["train_end"] > folds["train_end"][-2]
        train = kept.folds.filter((pl.col("fold") == last["fold"]) & (pl.col("segment") == "train"))
        assert train.height == 24

    def test_a_replay_ends_before_it(self, kept):
        spelled = bs.replay(SWEEP, {"entry": 1.5}, overrides=(*QUICK, *KEPT_APART)).result
        assert spelled.equity["timestamp"].max() < kept.sessions[-1].replace(tzinfo=None, year=2011, month=12, day=31)

    def test_looks_are_on_record_and_change_what_is_said(self, tmp_path, capsys):
        study = run(tmp_path, *KEPT_APART)
        assert study.touches == []
        assert "untouched" in shown(study, capsys)
        first = bs.touch_holdout(study.path, "final check")
        assert (first.number, first.trial, first.why) == (1, study.selected, "final check")
        assert first.metrics["sessions"] > 400
        assert "touched once" in shown(study, capsys)
        with pytest.raises(SystemExit):
            main(["holdout", str(study.path), "--why", "curious", "--trial", "3"])
        assert "touched 2 times" in capsys.readouterr().out
        assert [(each.number, each.trial) for each in bs.open_study(study.path).touches] == [
            (1, study.selected),
            (2, 3),
        ]
        assert study.touches[0].metrics == first.metrics
        assert bs.open_study(study.path).statistics.studies == 3
        shutil.copytree(study.path.parent / ".ledger", tmp_path / "later" / ".ledger")
        later = run(tmp_path / "later", *KEPT_APART, "search.seed=6", "search.trials=8")
        assert later.statistics.studies == 4
        digest = study.digest()
        assert run(tmp_path, *KEPT_APART).digest() == digest

    def test_a_look_that_was_removed_is_noticed(self, tmp_path):
        study = run(tmp_path, *KEPT_APART, "search.trials=8")
        for why in ("one", "two"):
            bs.touch_holdout(study.path, why)
        next((study.path / "touches").glob("*1.json")).unlink()
        with pytest.raises(StudyConflict, match="not whole"):
            _ = study.touches

    def test_a_look_is_a_test_that_begins_there_bit_for_bit(self, tmp_path, kept):
        touch = bs.touch_holdout(run(tmp_path / "a", *KEPT_APART).path, "compare")
        before = (kept.sessions < datetime.fromisoformat(touch.start)).sum()
        split = f"walk_forward={{mode: holdout, train: {before}s}}"
        tested = run(tmp_path / "b", split, "search.constraints=[]").folds
        row = tested.row(by_predicate=(pl.col("number") == touch.trial) & (pl.col("segment") == "test"), named=True)
        assert touch.metrics == {name: row[f"user_attrs_{name}"] for name in touch.metrics}

    @pytest.mark.parametrize(
        ("overrides", "message"),
        [
            (("walk_forward.holdout=20y",), "the holdout takes all the data"),
            (("walk_forward.train=20y",), "the data do not hold one fold"),
        ],
    )
    def test_what_leaves_no_folds_is_refused(self, tmp_path, overrides, message):
        with pytest.raises(BadInput, match=message):
            run(tmp_path, *overrides)

    def test_a_study_without_one_has_none_to_look_at(self, study):
        with pytest.raises(BadInput, match="no holdout"):
            bs.touch_holdout(study.path, "why not")

    def test_every_mode_keeps_it_apart(self, tmp_path):
        for number, section in enumerate(
            (
                "{mode: holdout, train: 6y, test: 2y, holdout: 2y}",
                "{mode: cpcv, groups: 4, test_groups: 1, holdout: 2y}",
                "{mode: anchored, train: 5y, test: 2y, holdout: 400s, share_proposals: false}",
            )
        ):
            study = run(tmp_path / str(number), f"walk_forward={section}", "search.trials=8")
            assert study.walk_forward.folds["test_start"][-1] is None
            assert bs.touch_holdout(study.path, "try").number == 1
            assert study.walk_forward.equity["timestamp"].max() < study.sessions[-400]


def shown(study, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["show", str(study.path)])
    assert not ended.value.code
    return capsys.readouterr().out
