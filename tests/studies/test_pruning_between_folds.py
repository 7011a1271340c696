"""Pruning between folds on the shipped walk-forward: what it leaves out, what is selected, and Ray."""

from pathlib import Path

import polars as pl
import pytest

import backsweep as bs

SWEEP = Path(__file__).parents[2] / "sweeps" / "walk_forward.yaml"
QUICK = ("runtime.workers=1", "runtime.backend=inline", "walk_forward.select=best")
WAYS = {"inline": (), "ray": ("runtime.workers=2", "runtime.backend=ray")}
RULES = {"halving": "{kind: halving}", "wilcoxon": "{kind: wilcoxon}"}


def run(folder, *overrides):
    return bs.run(SWEEP, out=folder / "study", overrides=(*QUICK, *overrides))


def pruned_by(rule):
    return f"search.pruning={{between_folds: {RULES[rule]}}}"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    return run(tmp_path_factory.mktemp("halved"), pruned_by("halving"))


def share_run(study):
    return float((study.folds["user_attrs_sessions"] > 0).mean())


def test_the_selected_parameters_do_not_change(tmp_path, whole, halved):
    wilcoxon = run(tmp_path, pruned_by("wilcoxon"))
    for pruned in (halved, wilcoxon):
        assert pruned.walk_forward.folds.equals(whole.walk_forward.folds)
        assert pruned.walk_forward.equity.equals(whole.walk_forward.equity)
        assert pruned.selected == whole.selected


def test_a_good_part_of_the_work_is_left_out(whole, halved):
    # of every batch of 32: 32 run on 3 of the 8 folds, 16 on 3 more, 8 on the last 2, two segments each, and on the
    # final training: 32 * 6 + 16 * 6 + 8 * 5 of 32 * 17
    assert share_run(halved) == 328 / 544
    assert share_run(whole) == 1.0


def test_pruned_trials_count_in_the_number_tried(whole, halved):
    assert halved.state.pruned == 96
    assert halved.statistics.tried == whole.statistics.tried == 128


def test_the_records_of_choices_are_kept(whole, halved):
    for name in ("fills", "trades"):
        mine, theirs = (pl.read_parquet(each.path / "selected" / f"{name}.parquet") for each in (halved, whole))
        assert mine.equals(theirs)


def test_the_rules_inside_a_run_go_together_with_those_between_folds(tmp_path, halved):
    study = run(tmp_path, "search.pruning={max_drawdown: 0.2, between_folds: {kind: halving}}")
    reasons = set(study.trials["system_attrs"].str.json_path_match("$.pruned.reason").drop_nulls())
    assert any(reason.startswith("after 3 of 8 folds: place") for reason in reasons)
    assert (study.folds["state"] == "PRUNED").sum() > (halved.folds["state"] == "PRUNED").sum()


@pytest.mark.apart
@pytest.mark.long
def test_ray_and_inline_prune_the_same(tmp_path):
    rules = ("search.trials=64", "search.pruning={max_drawdown: 0.2, between_folds: {kind: halving}}")
    inline, spread = (run(tmp_path / way, *rules, *options) for way, options in WAYS.items())
    assert spread.digest() == inline.digest()
