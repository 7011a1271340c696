import numpy as np
import pytest

from backsweep.study.results.study import open_study
from backsweep.study.run.driver import make_proposer
from backsweep.study.search.batch_sizes import BatchSizes
from backsweep.study.table.trials import Table


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
