"""Combinatorial purged cross-validation from the sweep file to its paths, on the data that ship."""

import polars as pl
import pytest
from scenarios.walks import run

import backsweep as bs
from backsweep.cli import main
from backsweep.errors import BadInput

CROSS = (
    "walk_forward={mode: cpcv, groups: 5, test_groups: 2, purge: 5d, embargo: 10d}",
    "search.trials=16",
    "search.constraints=[]",
)


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    return run(tmp_path_factory.mktemp("crossed"), *CROSS)


def test_every_path_has_every_session_once(crossed):
    result = crossed.walk_forward
    assert result.folds.height == 10
    assert result.paths.height == bs.statistics.cpcv_paths(5, 2) == 4
    for (_,), path in result.equity.group_by("path"):
        assert path["timestamp"].to_list() == crossed.sessions.to_list()
        assert path["equity"][-1] == pytest.approx(1e6 * float((1 + path["return"]).product()))


def test_a_path_takes_every_test_of_a_fold_once(crossed):
    used = crossed.walk_forward.equity.select("path", "fold", "timestamp").unique(["fold", "timestamp"])
    tests = crossed.folds.filter((pl.col("segment") == "test") & (pl.col("number") == 0))
    assert used.height == tests["user_attrs_sessions"].sum()


def test_metrics_are_the_means_over_the_paths_with_their_spread(crossed):
    metrics, paths = crossed.walk_forward.metrics, crossed.walk_forward.paths
    assert metrics["sharpe"] == pytest.approx(paths["sharpe"].mean())
    assert metrics["sharpe_lowest"] == paths["sharpe"].min() <= metrics["sharpe_median"] <= paths["sharpe"].max()
    assert metrics["sharpe_deviation"] == pytest.approx(paths["sharpe"].std())


def test_one_point_has_equal_paths(tmp_path):
    study = run(tmp_path, *CROSS, "search.trials=1")
    paths = study.walk_forward.equity.partition_by("path")
    assert all(path["return"].equals(paths[0]["return"]) for path in paths)


def test_a_sampler_that_learns_searches_every_fold_by_itself(tmp_path):
    study = run(tmp_path, *CROSS, "search.sampler=tpe", "search.trials=8")
    assert study.trials.height == 88  # ten folds, and the final training
    assert study.walk_forward.paths.height == 4
    assert study.statistics.sessions == len(study.sessions)
    assert (study.statistics.subject, study.statistics.trial) == ("the cross-validated record", -1)


def test_what_the_last_fold_chose_is_judged_and_named_so(crossed):
    found = crossed.statistics
    assert (found.subject, found.trial) == ("the last fold's choice", crossed.walk_forward.folds["number"][-1])


def test_the_records_of_every_choice_are_those_of_its_tests(crossed):
    trades = pl.read_parquet(crossed.path / "selected" / "trades.parquet")
    folds = crossed.walk_forward.folds
    counted = trades.group_by("fold").len().sort("fold")["len"].cast(pl.Float64)
    assert counted.to_list() == folds["test_trades"].to_list()


def test_show_has_the_paths(crossed, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["show", str(crossed.path), "--folds"])
    assert not ended.value.code
    out = capsys.readouterr().out
    assert out.count("cross-validation, mean over the paths: not an out-of-sample record") == 1


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
def test_what_makes_no_cross_validation_is_refused(tmp_path, section, message):
    with pytest.raises(BadInput, match=message):
        run(tmp_path, f"walk_forward={section}")
