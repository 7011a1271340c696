from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from backsweep import metrics
from backsweep.study.evidence import earlier_trials, weigh
from backsweep.study.folder import StudyFolder
from backsweep.study.study import open_study

SESSIONS = 600


def tables(returns, failed=0):
    """A study table and its returns in two parts; the first trials failed."""
    count = returns.shape[1] + failed
    rows = [None] * failed + [column.tolist() for column in returns.T]
    moments = {
        f"user_attrs_{name}": [None] * failed + [metric(column) for column in returns.T]
        for name, metric in (("skew", metrics.skew), ("kurtosis", metrics.kurtosis))
    }
    trials = pl.DataFrame({"number": range(count), **moments}, strict=False)
    kept = pl.DataFrame(
        {
            "number": range(count),
            "fold": [0] * count,
            "segment": ["train"] * count,
            "returns": pl.Series(rows, dtype=pl.List(pl.Float32)),
        }
    )
    return trials, [kept[: count // 2], kept[count // 2 :]]


def test_statistics_are_of_the_trials_that_have_returns_and_count_all():
    returns = np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30))
    returns[:, 7] += 0.003
    found = weigh(*tables(returns, failed=4), earlier=100, sampler="random")
    assert (found.tried, found.judged, found.best, found.sessions) == (134, 30, 11, SESSIONS)
    assert found.sharpe == pytest.approx(metrics.sharpe(returns[:, 7]), rel=1e-5)
    assert found.verdict.verdict == "survives"
    assert not found.verdict.warnings


def test_parts_give_the_same_statistics_as_one_table():
    trials, parts = tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30)))
    assert weigh(trials, parts, 0, "random") == weigh(trials, [pl.concat(parts)], 0, "random")


def test_a_sampler_that_learns_is_noted():
    found = weigh(*tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30))), earlier=0, sampler="tpe")
    assert "sampler learned" in found.verdict.warnings[0]


def test_test_segments_make_the_record_of_walk_forward():
    trials, parts = tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 10)))
    record = pl.concat(parts)
    head, tail = (pl.col("returns").list.head(SESSIONS // 2), pl.col("returns").list.tail(SESSIONS // 2))
    folds = [
        record.with_columns(head, segment=pl.lit("test")),
        record.with_columns(tail, segment=pl.lit("test"), fold=pl.lit(1, dtype=pl.Int64)),
        record.with_columns(head),
    ]
    assert weigh(trials, [pl.concat(folds)], 0, "random") == weigh(trials, [record], 0, "random")


def test_the_shape_of_returns_is_that_of_the_record_and_not_of_the_table():
    # Under walk-forward the table has means over trainings; the record is the tests.
    trials, parts = tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 10)))
    elsewhere = trials.with_columns(user_attrs_skew=-5.0, user_attrs_kurtosis=40.0)
    assert weigh(elsewhere, parts, 0, "random") == weigh(trials, parts, 0, "random")


def test_ruin_is_followed_by_sessions_that_earn_nothing():
    returns = np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 3))
    returns[100:, 1] = np.nan
    found = weigh(*tables(returns), earlier=0, sampler="random")
    assert (found.judged, found.sessions) == (3, SESSIONS)
    assert math.isfinite(found.p_value)


def test_without_returns_there_are_no_statistics():
    assert weigh(*tables(np.empty((SESSIONS, 0)), failed=3), earlier=0, sampler="random") is None
    assert weigh(*tables(np.full((3, 5), 0.1)), earlier=0, sampler="random") is None


def test_a_study_has_statistics_and_counts_the_studies_beside_it(bench):
    sweep, other = bench.sweep(), bench.sweep(seed=8)
    bench.run("one", sweep)
    assert open_study(bench.folder / "one").statistics.tried == 100
    bench.run("same", sweep)
    bench.run("two", other)
    study = open_study(bench.folder / "one")
    assert earlier_trials(StudyFolder(study.path), study.identity) == 100
    assert study.statistics.tried == 200
