"""Pruned trials from the sweep file to the table, on the data that ship."""

import json
from pathlib import Path

import polars as pl
import pytest

import backsweep as bs
from backsweep.cli import main
from backsweep.errors import BadInput

SWEEP = Path(__file__).parents[2] / "sweeps" / "demo.yaml"
QUICK = ("runtime.workers=1", "runtime.backend=inline", "search.trials=32", "search.batch=8", "search.sampler=random")
LIMIT = ('search.constraints=["max_drawdown <= 0.15"]',)
PRUNED = (*LIMIT, "search.pruning={max_drawdown: 0.15}")


def run(folder, *overrides):
    return bs.run(SWEEP, out=folder / "study", overrides=(*QUICK, *overrides))


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    return run(tmp_path_factory.mktemp("pruned"), *PRUNED)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole"), *LIMIT)


def test_exactly_the_trials_that_break_the_constraint_are_pruned(pruned, whole):
    breaks = whole.trials["constraints_max_drawdown"] > 0
    assert 0 < breaks.sum() < 32
    assert pruned.trials["state"].to_list() == ["PRUNED" if each else "COMPLETE" for each in breaks]
    assert pruned.trials["value"].filter(~breaks).equals(whole.trials["value"].filter(~breaks))


def test_the_selected_parameters_do_not_change(pruned, whole):
    assert pruned.best == whole.best


def test_a_pruned_trial_says_why_and_how_far_it_came(pruned):
    for row in pruned.trials.filter(pl.col("state") == "PRUNED").iter_rows(named=True):
        said = json.loads(row["system_attrs"])["pruned"]
        assert said["reason"] == "pruned: the drawdown passed its limit"
        assert 0 < said["sessions"] == row["user_attrs_sessions"] < len(pruned.sessions)
        assert row["value"] is None
    ended = pruned.returns.join(pruned.trials.filter(pl.col("state") == "PRUNED"), on="number", how="semi")
    assert ended["returns"].null_count() == ended.height


def test_pruned_trials_count_in_the_number_tried(pruned):
    assert pruned.statistics.tried == 32


def test_show_says_how_many_were_pruned(pruned, capsys):
    with pytest.raises(SystemExit):
        main(["show", str(pruned.path), "--top", "32"])
    printed = capsys.readouterr().out
    assert f"{(pruned.trials['state'] == 'PRUNED').sum()}" in printed
    assert "pruned" in printed


def test_a_sampler_that_learns_resumes_exactly(tmp_path):
    tpe = (*PRUNED, "search.sampler=tpe")
    first = run(tmp_path / "a", *tpe)
    run(tmp_path / "b", *tpe, "search.trials=13")
    assert run(tmp_path / "b", *tpe).digest() == first.digest()
    assert "PRUNED" in first.trials["state"]


def test_folds_prune_each_for_itself_and_choose_as_without(tmp_path):
    walk = ("walk_forward={train: 4y, test: 2y}",)
    pruned, whole = run(tmp_path / "a", *PRUNED, *walk), run(tmp_path / "b", *LIMIT, *walk)
    trains = [each.folds.filter(pl.col("segment") == "train") for each in (pruned, whole)]
    breaks = (trains[1]["constraints_max_drawdown"] > 0).to_list()
    assert trains[0]["state"].to_list() == ["PRUNED" if each else "COMPLETE" for each in breaks]
    tests = pruned.folds.filter(pl.col("segment") == "test")
    assert tests["state"].to_list() == trains[0]["state"].to_list()
    assert pruned.walk_forward.folds.equals(whole.walk_forward.folds)
    assert pruned.walk_forward.equity.equals(whole.walk_forward.equity)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("account.mode=sleeves", "pruning inside a run of sleeves"),
        ("walk_forward={mode: cpcv, groups: 4, test_groups: 1}", "pruning in a cross-validation"),
    ],
)
def test_where_it_is_not_supported_it_is_refused(tmp_path, override, message):
    with pytest.raises(BadInput, match=message):
        run(tmp_path, *PRUNED, override)
