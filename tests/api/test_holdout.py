"""The holdout: kept from everything, looked at on record."""

import shutil
from datetime import datetime

import polars as pl
import pytest
from scenarios.walks import QUICK, SWEEP, run

import backsweep as bs
from backsweep.cli import main
from backsweep.errors import BadInput, StudyConflict

KEPT_APART = ("walk_forward.train=5y", "walk_forward.test=2y", "walk_forward.holdout=2y", "search.constraints=[]")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return run(tmp_path_factory.mktemp("kept"), *KEPT_APART)


def test_no_trial_runs_on_it(kept):
    last = kept.sessions[-1]
    assert kept.folds["end"].max() <= last.replace(year=last.year - 2)


def test_the_last_fold_trains_on_its_eve_and_has_no_test(kept):
    folds = kept.walk_forward.folds
    last = folds.row(-1, named=True)
    assert last["test_start"] is None
    assert last["test_return"] is None
    assert last["number"] == kept.selected
    assert last["train_end"] > folds["train_end"][-2]
    train = kept.folds.filter((pl.col("fold") == last["fold"]) & (pl.col("segment") == "train"))
    assert train.height == 24


def test_a_replay_ends_before_it(kept):
    spelled = bs.replay(SWEEP, {"entry": 1.5}, overrides=(*QUICK, *KEPT_APART)).result
    assert spelled.equity["timestamp"].max() < kept.sessions[-1].replace(tzinfo=None, year=2011, month=12, day=31)


def test_looks_are_on_record_and_change_what_is_said(tmp_path, capsys):
    study = run(tmp_path, *KEPT_APART)
    assert study.holdout_uses == []
    assert "untouched" in shown(study, capsys)
    first = bs.open_holdout(study.path, "final check")
    assert (first.number, first.trial, first.why) == (1, study.selected, "final check")
    assert first.metrics["sessions"] > 400
    assert "touched once" in shown(study, capsys)
    with pytest.raises(SystemExit):
        main(["holdout", str(study.path), "--why", "curious", "--trial", "3"])
    assert "touched 2 times" in capsys.readouterr().out
    assert [(each.number, each.trial) for each in bs.open_study(study.path).holdout_uses] == [
        (1, study.selected),
        (2, 3),
    ]
    assert study.holdout_uses[0].metrics == first.metrics
    after = bs.open_study(study.path).statistics
    assert (after.looks, [each.trials for each in after.later]) == (1, [0, 0])
    shutil.copytree(study.path.parent / ".ledger", tmp_path / "later" / ".ledger")
    later = run(tmp_path / "later", *KEPT_APART, "search.seed=6", "search.trials=8")
    assert later.statistics.looks == 4
    digest = study.digest()
    assert run(tmp_path, *KEPT_APART).digest() == digest


def test_a_look_that_was_removed_is_noticed(tmp_path):
    study = run(tmp_path, *KEPT_APART, "search.trials=8")
    for why in ("one", "two"):
        bs.open_holdout(study.path, why)
    next((study.path / "touches").glob("*1.json")).unlink()
    with pytest.raises(StudyConflict, match="not whole"):
        _ = study.holdout_uses


def test_a_look_is_a_test_that_begins_there_bit_for_bit(tmp_path, kept):
    use = bs.open_holdout(run(tmp_path / "a", *KEPT_APART).path, "compare")
    before = (kept.sessions < datetime.fromisoformat(use.start)).sum()
    split = f"walk_forward={{mode: holdout, train: {before}s}}"
    tested = run(tmp_path / "b", split, "search.constraints=[]").folds
    row = tested.row(by_predicate=(pl.col("number") == use.trial) & (pl.col("segment") == "test"), named=True)
    assert use.metrics == {name: row[f"user_attrs_{name}"] for name in use.metrics}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("walk_forward.holdout=20y",), "the holdout leaves no data for training"),
        (("walk_forward.train=20y",), "the data are too short for one fold"),
    ],
)
def test_what_leaves_no_folds_is_refused(tmp_path, overrides, message):
    with pytest.raises(BadInput, match=message):
        run(tmp_path, *overrides)


def test_a_study_without_one_has_none_to_look_at(tmp_path):
    study = run(tmp_path, "search.trials=1")
    with pytest.raises(BadInput, match="no holdout"):
        bs.open_holdout(study.path, "why not")


def test_every_mode_keeps_it_apart(tmp_path):
    for number, section in enumerate(
        (
            "{mode: holdout, train: 6y, test: 2y, holdout: 2y}",
            "{mode: cpcv, groups: 4, test_groups: 1, holdout: 2y}",
            "{mode: anchored, train: 5y, test: 2y, holdout: 400s, share_proposals: false}",
        )
    ):
        study = run(tmp_path / str(number), f"walk_forward={section}", "search.trials=8")
        assert study.walk_forward.folds["test_start"][-1] is None
        assert bs.open_holdout(study.path, "try").number == 1
        assert study.walk_forward.equity["timestamp"].max() < study.sessions[-400]


def shown(study, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["show", str(study.path)])
    assert not ended.value.code
    return capsys.readouterr().out
