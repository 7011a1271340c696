from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from backsweep import metrics
from backsweep.statistics import NullRank
from backsweep.statistics.study_records import Look
from backsweep.study.results.findings import study_findings
from backsweep.study.results.study import open_study
from backsweep.study.store.looks import Looks
from backsweep.study.table.blocks import gather_records, rows_of_returns
from backsweep.sweepfile.folds import WalkForward
from backsweep.sweepfile.search import Search
from backsweep.sweepfile.sweep import Sweep

SESSIONS = 600


def judge(trials, parts, earlier=0, sampler="random", selected=None, folds=None, warm=None, **more):
    records = gather_records(map(rows_of_returns, parts))
    looks = Looks("", 1, (Look("before", "", "", earlier, 1),) if earlier else ())
    walk = WalkForward(**folds) if folds else None
    search = Search(sampler=sampler, warm_start={"study": warm} if warm else None)
    sweep = Sweep(study="x", data={"bars": "x"}, strategy="x:X", search=search, walk_forward=walk)
    return study_findings(trials, records, looks, sweep, selected=selected, **more)


def tables(returns, failed=0):
    """A study table and its returns in two parts; the first trials failed."""
    count = returns.shape[1] + failed
    rows = [None] * failed + [column.tolist() for column in returns.T]
    moments = {
        f"user_attrs_{name}": [None] * failed + [metric(column) for column in returns.T]
        for name, metric in (("skew", metrics.skew), ("kurtosis", metrics.kurtosis))
    }
    states = ["FAIL"] * failed + ["COMPLETE"] * returns.shape[1]
    trials = pl.DataFrame({"number": range(count), "state": states, **moments}, strict=False)
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
    found = judge(*tables(returns, failed=4), earlier=100, sampler="random")
    assert (found.tried, found.judged, found.trial, found.sessions) == (134, 30, 11, SESSIONS)
    assert found.sharpe == pytest.approx(metrics.sharpe(returns[:, 7]), rel=1e-5)
    assert found.verdict.verdict == "survives"
    assert not found.verdict.warnings


def test_parts_give_the_same_statistics_as_one_table():
    trials, parts = tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30)))
    assert judge(trials, parts, 0, "random") == judge(trials, [pl.concat(parts)], 0, "random")


def test_a_sampler_that_learns_is_noted():
    found = judge(*tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30))), earlier=0, sampler="tpe")
    assert "search adapts" in found.verdict.warnings[0]


@pytest.mark.parametrize("more", [{"sampler": "tpe"}, {"sampler": "auto"}, {"warm": "old"}])
def test_trials_that_were_chosen_by_results_on_the_record_do_not_survive_without_a_null_study(more):
    returns = np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30))
    returns[:, 7] += 0.004
    assert judge(*tables(returns)).verdict.verdict == "survives"
    found = judge(*tables(returns), **more)
    assert found.corrected < 0.01
    assert found.verdict.verdict == "inconclusive"
    assert "every trial as a separate test" in found.corrections
    ranked = judge(*tables(returns), null=NullRank(99, 5, 1.0, 0, 0.0, 2.0, 0.01), **more).verdict
    assert ranked.verdict == ("inconclusive" if "warm" in more else "survives")  # histories do not repeat "old"
    assert ("a null study" in found.verdict.reason) == ("warm" not in more)


def test_test_segments_make_the_record_of_walk_forward():
    trials, parts = tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 10)))
    record = pl.concat(parts)
    head, tail = (pl.col("returns").list.head(SESSIONS // 2), pl.col("returns").list.tail(SESSIONS // 2))
    folds = [
        record.with_columns(head, segment=pl.lit("test")),
        record.with_columns(tail, segment=pl.lit("test"), fold=pl.lit(1, dtype=pl.Int64)),
        record.with_columns(head),
    ]
    assert judge(trials, [pl.concat(folds)], 0, "random") == judge(trials, [record], 0, "random")


def test_the_shape_of_returns_is_that_of_the_record_and_not_of_the_table():
    # Under walk-forward the table has means over trainings; the record is the tests.
    trials, parts = tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 10)))
    elsewhere = trials.with_columns(user_attrs_skew=-5.0, user_attrs_kurtosis=40.0)
    assert judge(elsewhere, parts, 0, "random") == judge(trials, parts, 0, "random")


def test_ruin_is_followed_by_sessions_that_earn_nothing():
    returns = np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 3))
    returns[100:, 1] = np.nan
    found = judge(*tables(returns), earlier=0, sampler="random")
    assert (found.judged, found.sessions) == (3, SESSIONS)
    assert math.isfinite(found.p_value)


def test_without_returns_there_are_no_statistics():
    assert judge(*tables(np.empty((SESSIONS, 0)), failed=3), earlier=0, sampler="random") is None
    assert judge(*tables(np.full((3, 5), 0.1)), earlier=0, sampler="random") is None


def test_a_study_has_statistics_and_counts_the_studies_beside_it(bench):
    sweep, other = bench.sweep(), bench.sweep(seed=8)
    bench.run("one", sweep)
    assert open_study(bench.folder / "one").statistics.tried == 100
    bench.run("same", sweep)
    bench.run("two", other)
    study = open_study(bench.folder / "one")
    assert (study.statistics.tried, study.statistics.looks) == (200, 2)


def test_the_verdict_is_about_the_selected_trial():
    returns = np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30))
    returns[:, 7] += 0.003
    found = judge(*tables(returns, failed=4), selected=8)
    assert found.trial == 8
    assert found.sharpe == pytest.approx(metrics.sharpe(returns[:, 4]), rel=1e-5)
    assert found.verdict.verdict != "survives"
    assert found.survivors == 1


def test_earlier_studies_and_a_sampler_that_learned_cost_certainty():
    returns = np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30))
    returns[:, 7] += 0.0008
    plain, late, learned = (judge(*tables(returns), **more) for more in ({}, {"earlier": 10}, {"sampler": "tpe"}))
    assert plain.p_value == late.p_value == learned.p_value == plain.corrected
    assert late.corrected == 2 * plain.corrected
    assert learned.corrected == pytest.approx(max(plain.p_value, 30 * (1 - learned.probabilistic)))


def test_an_out_of_sample_record_decides_where_there_is_one():
    noise = np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30))
    inside = noise.copy()
    inside[:, 7] += 0.003
    found = judge(*tables(inside), selected=7, stitched=noise[:, 8])
    assert judge(*tables(inside), selected=7).verdict.verdict == "survives"
    assert found.verdict.verdict == "compatible with noise"
    assert "out-of-sample" in found.verdict.reason
    assert judge(*tables(noise), sampler="tpe", stitched=inside[:, 7]).verdict.verdict == "survives"


CROSSED = {"mode": "cpcv", "groups": 6, "test_groups": 2}


class TestCrossValidation:
    def test_its_tests_are_no_record_out_of_sample(self):
        study = tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 30)))
        lucky = np.random.default_rng(1).normal(0.003, 0.01, SESSIONS)
        followed = judge(*study, selected=3, stitched=lucky, folds={"mode": "anchored", "train": "1y", "test": "1y"})
        crossed = judge(*study, selected=3, stitched=lucky, folds=CROSSED)
        assert followed.verdict.verdict == "survives"
        assert crossed.verdict.verdict == "compatible with noise"
        assert crossed.out_of_sample is None
        assert "both sides" in crossed.verdict.warnings[0]
        assert crossed.verdict.reason == judge(*study, selected=3).verdict.reason

    def test_a_search_in_every_fold_counts_every_trial(self):
        trials, _ = tables(np.zeros((SESSIONS, 400)))
        path = np.random.default_rng(1).normal(0.002, 0.01, (SESSIONS, 1))
        folds = {**CROSSED, "share_proposals": False}
        _, one = tables(path)
        shared, own = judge(trials, one, folds=CROSSED), judge(trials, one, folds=folds)
        alone = 1.0 - own.probabilistic
        assert shared.corrected == shared.p_value < 0.01
        assert own.corrected == pytest.approx(400 * alone, rel=1e-6)
        assert own.verdict.reason.startswith("Noise")

    def test_as_a_record_out_of_sample_its_paths_would_be_believed_too_often(self):
        chance = np.random.default_rng(0)
        halves = chance.normal(size=(20_000, 2))  # what a trial earns in two groups; its opposite earns the negative
        path = halves[:, 0] * np.sign(halves[:, 1]) + halves[:, 1] * np.sign(halves[:, 0])
        assert (path / math.sqrt(2) > 1.6449).mean() == pytest.approx(0.095, abs=0.01)


def test_what_a_p_value_is_corrected_for_is_named_and_nothing_else():
    parts = tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 5)))
    plain, late, learned = (judge(*parts, **more) for more in ({}, {"earlier": 10}, {"sampler": "tpe", "earlier": 10}))
    assert plain.corrections == ()
    assert late.corrections == ("2 looks at these data",)
    assert learned.corrections == ("2 looks at these data", "every trial as a separate test")
    pruned = [parts[0].with_columns(state=pl.lit("PRUNED")), parts[1]]
    assert judge(*pruned).corrections == ("pruned trials",)


def test_folds_that_begin_with_trials_of_an_earlier_study_are_warned_of_beside_the_verdict():
    parts = tables(np.random.default_rng(0).normal(0, 0.01, (SESSIONS, 5)))
    folds = {"mode": "rolling", "train": "100s", "test": "50s"}
    cold, warm, without = (
        judge(*parts, folds=each, warm=warm) for each, warm in ((folds, None), (folds, "old"), (None, "old"))
    )
    texts = ["trials of an earlier study" in " ".join(each.verdict.warnings) for each in (cold, warm, without)]
    assert texts == [False, True, False]
