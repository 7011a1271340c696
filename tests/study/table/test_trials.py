import json

import numpy as np
import polars as pl
import pytest

from backsweep.study.results.study import open_study
from backsweep.study.run.driver import make_proposer
from backsweep.study.search.batch_sizes import BatchSizes
from backsweep.study.table.trials import Table, losses


@pytest.mark.parametrize("sampler", ["cmaes", "nsga2"])
def test_what_a_sampler_observes_during_a_run_is_what_a_resume_reads(bench, monkeypatch, sampler):
    """Some trials fail here, and some have no Sharpe ratio; nsga2 has texts that it must find again."""
    seen = []

    def spy(sweep, space):
        proposer = make_proposer(sweep, space)
        monkeypatch.setattr(proposer, "observe", seen.append)
        return proposer

    sweep = bench.sweep(sampler=sampler, trials=80)
    monkeypatch.setattr("backsweep.study.run.driver.make_proposer", spy)
    bench.run("study", sweep)
    rows = open_study(bench.folder / "study").trials
    read = Table(sweep.search, bench.space(sweep), BatchSizes(16)).read_observations(rows)
    assert len(seen) == 3  # of the five batches, the last two are not known to any
    assert read.failed[:48].any()
    assert np.isnan(read.losses[:48][~read.failed[:48]]).any()
    for batch, observed in enumerate(seen):
        again = read.of(slice(16 * batch, 16 * batch + 16))
        for name in ("losses", "violations", "failed"):
            assert np.array_equal(getattr(observed, name), getattr(again, name), equal_nan=name == "losses")
        assert np.array_equal(observed.proposals.values, again.proposals.values)
        assert [observed.proposals.attr(row) for row in range(16)] == [again.proposals.attr(row) for row in range(16)]


GOAL = "sharpe / (3 - trades)"


@pytest.fixture
def of_expressions(bench, sweep_text):
    """The formula's trials: trades are 100 / window, rounded down; of three trades the goal is divided by zero."""
    text = sweep_text.replace("maximize: sharpe", f"maximize: {GOAL}")
    sweep = bench.sweep(text.replace('"trades >= 3"', '"trades / max_drawdown >= 10", "max_drawdown <= 0.2 * trades"'))
    bench.run("study", sweep)
    return sweep, open_study(bench.folder / "study")


def test_an_expression_is_the_value_and_undefined_where_a_metric_or_the_result_is(of_expressions):
    rows = of_expressions[1].trials
    assert "user_attrs_" + GOAL not in rows.columns
    complete = rows.filter(pl.col("state") == "COMPLETE")
    sharpe, trades = complete["user_attrs_sharpe"], complete["user_attrs_trades"]
    assert sharpe.null_count() > 0
    assert (trades == 3).sum() > 0
    expected = pl.select(pl.when(trades != 3).then(sharpe / (3 - trades))).to_series()
    assert complete["value"].equals(expected)
    reasons = [json.loads(text or "{}").get("undefined", {}) for text in complete["system_attrs"]]
    divided = (trades == 3) & sharpe.is_not_null()
    assert [reason.get(GOAL) for reason in reasons] == ["not a finite number" if each else None for each in divided]


def test_constraints_of_expressions_have_their_excess(of_expressions):
    rows = of_expressions[1].trials.filter(pl.col("state") == "COMPLETE")
    trades, drawdown = rows["user_attrs_trades"], rows["user_attrs_max_drawdown"]
    assert rows["constraints_trades / max_drawdown"].equals(-(trades / drawdown - 10.0))
    assert rows["constraints_max_drawdown <= 0.2 * trades"].equals(drawdown - 0.2 * trades)


def test_trials_rank_by_the_expression_and_undefined_ones_behind(of_expressions):
    sweep, study = of_expressions
    best = study.top(100)
    broken = pl.max_horizontal(pl.col("^constraints_.*$")) > 0
    held = best.filter((pl.col("state") == "COMPLETE") & ~broken)["value"].to_list()
    defined = [value for value in held if value is not None]
    assert held == sorted(defined, reverse=True) + [None] * (len(held) - len(defined))
    assert study.best["value"] == held[0]
    assert losses(study.trials, sweep.search)[study.best["number"], 0] == -held[0]


def test_a_study_of_expressions_resumes_to_the_same_rows(bench, of_expressions, make_backend):
    sweep, study = of_expressions
    with pytest.raises(KeyboardInterrupt):
        bench.run("cut", sweep, make_backend(order=np.random.default_rng(1), interrupt_after=7), chunk_size=4)
    bench.run("cut", sweep)
    assert open_study(bench.folder / "cut").digest() == study.digest()


def test_several_objectives_may_be_expressions_for_every_sampler(bench, sweep_text):
    text = sweep_text.replace("{maximize: sharpe}", "[{maximize: sharpe}, {minimize: max_drawdown / trades}]")
    for sampler in ("tpe", "nsga2"):
        bench.run(sampler, bench.sweep(text, sampler=sampler, trials=48))
        best = open_study(bench.folder / sampler).top(48).filter(pl.col("front") == 1)
        points = best.select("values_sharpe", "values_max_drawdown / trades").rows()
        assert not any(a[0] >= b[0] and a[1] <= b[1] and a != b for a in points for b in points)
