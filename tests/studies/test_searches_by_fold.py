"""Folds with trials of their own: each is a search that learns from its training alone."""

import json

import polars as pl
import pytest
from scenarios.walks import QUICK, SWEEP, run

import backsweep as bs
from backsweep.errors import BadInput

OWN = ("search.sampler=tpe", "search.trials=12", "walk_forward.train=5y", "walk_forward.test=3y")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    return run(tmp_path_factory.mktemp("learned"), *OWN)


def test_every_trial_runs_on_its_own_fold_alone(learned):
    assert learned.walk_forward.folds.height == 3
    folds = 4  # and one more search, for the final choice
    assert learned.trials.height == 16 * folds
    assert learned.trials.group_by("fold").len()["len"].to_list() == [16] * folds
    assert learned.trials["fold"].to_list() == [number // 8 % folds for number in range(16 * folds)]
    assert learned.folds.select("number", "fold").unique().height == learned.trials.height
    lengths = learned.returns["returns"].list.len().cast(pl.Float64)
    assert lengths.to_list() == learned.folds["user_attrs_sessions"].to_list()


def test_a_fold_chooses_the_best_training_among_its_own(tmp_path):
    study = run(tmp_path, *OWN, "walk_forward.select=best", "search.constraints=[]")
    for row in study.walk_forward.folds.iter_rows(named=True):
        own = study.trials.filter(pl.col("fold") == row["fold"])
        assert row["number"] in own["number"]
        assert row["train_sharpe"] == own["value"].max()
    final = study.walk_forward.final.row(0, named=True)
    own = study.trials.filter(pl.col("fold") == 3)
    assert final["number"] == study.selected
    assert final["train_sharpe"] == own["value"].max()


def test_a_fold_is_what_it_would_be_without_the_later_ones(tmp_path, learned):
    early = run(tmp_path, *OWN, "data.end=2010-06-30")
    assert early.walk_forward.folds.height == 2
    for fold in (0, 1):
        mine, whole = (each.trials.filter(pl.col("fold") == fold) for each in (early, learned))
        columns = [name for name in mine.columns if name.startswith(("params_", "user_attrs_"))]
        assert mine.select(columns).equals(whole.select(columns))
    assert early.walk_forward.equity.equals(learned.walk_forward.equity.head(early.walk_forward.equity.height))


def test_folds_are_searched_with_different_random_numbers(learned):
    first = [learned.trials.filter(pl.col("fold") == fold)["params_entry"][0] for fold in range(3)]
    assert len(set(first)) == 3


@pytest.mark.usefixtures("commit_at_once")
def test_going_on_later_gives_the_same_study(tmp_path, learned):
    class Stopped(Exception):  # noqa: N818 - Ctrl-C is no error either
        pass

    def stop(progress):
        if progress.batches == 4:
            raise Stopped

    with pytest.raises(Stopped):
        bs.run(SWEEP, out=tmp_path / "study", overrides=(*QUICK, *OWN), progress=stop)
    assert bs.open_study(tmp_path / "study").trials.height == 32
    assert run(tmp_path, *OWN).digest() == learned.digest()


def test_more_trials_later_give_the_same_study(tmp_path, learned):
    run(tmp_path, *OWN, "search.trials=8")
    assert run(tmp_path, *OWN).digest() == learned.digest()


def test_statistics_judge_the_stitched_record(learned):
    assert learned.statistics.sessions == learned.walk_forward.equity.height


def test_records_of_every_choice_are_kept(learned):
    content = json.loads((learned.path / "selected" / "params.json").read_text())
    assert [each["number"] for each in content["folds"]] == learned.walk_forward.folds["number"].to_list()


@pytest.mark.apart
def test_ray_and_inline_give_the_same_study(tmp_path, learned):
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
