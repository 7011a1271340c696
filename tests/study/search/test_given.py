"""Given trials before those of a sampler."""

from __future__ import annotations

import numpy as np
import pytest

from backsweep.study.search.batch_sizes import BatchSizes
from backsweep.study.search.proposals import Observations
from backsweep.study.search.samplers import make_proposer

GIVEN = "[{entry: 2.0, stop: 3, window: 20, long_only: true}, {entry: 3.0, stop: 1, window: 100, long_only: false}]"
ROWS = [[2.0, 3.0, 20.0, 1.0, 0.0002], [3.0, 1.0, 100.0, 0.0, 0.0002]]


def proposer_of(bench, sampler, **search):
    sweep = bench.sweep(sampler=sampler, **search)
    return make_proposer(sweep, bench.space(sweep))


def outcome(proposals, losses):
    count = len(losses)
    return Observations(proposals, np.array(losses)[:, None], np.zeros((count, 2)), np.zeros(count, np.bool_))


@pytest.mark.parametrize("sampler", ["random", "sobol"])
def test_given_trials_are_batch_0_and_those_of_the_sampler_follow_as_without_them(bench, sampler):
    plain, given = proposer_of(bench, sampler), proposer_of(bench, sampler, enqueue=GIVEN)
    assert given.propose(0, 2, []).values.tolist() == ROWS
    for batch in range(3):
        assert np.array_equal(given.propose(batch + 1, 16, []).values, plain.propose(batch, 16, []).values)


def test_a_grid_ends_so_much_later(bench, sweep_text):
    steps = "".join(f"    {name}: {{choices: [1, 2, 3]}}\n" for name in ("entry", "stop"))
    text = sweep_text.replace("  params:\n", f"  params:\n{steps}    window: {{choices: [20, 100]}}\n")
    sweep = bench.sweep(text, sampler="grid", enqueue=GIVEN)
    assert make_proposer(sweep, bench.space(sweep)).limit == 2 + 3 * 3 * 2 * 2 * 3


@pytest.mark.parametrize("sampler", ["auto", "tpe", "cmaes", "nsga2", "optuna.samplers:TPESampler"])
def test_a_sampler_that_learns_observes_given_trials(bench, sampler):
    """With a lag of 1 it has observed them before it proposes; nsga2 keeps them in its first generation, of 50."""
    after = []
    for losses in ([0.0, 99.0], [99.0, 0.0]):
        proposer = proposer_of(bench, sampler, enqueue=GIVEN, batch=16, lag=1)
        given = proposer.propose(0, 2, [])
        assert given.values.tolist() == ROWS
        proposer.observe(outcome(given, losses))
        for batch in range(1, 7):
            found = proposer.propose(batch, 16, [])
            proposer.observe(outcome(found, [2.0 + row for row in range(16)]))
        after.append(found.values)
    assert not np.array_equal(*after)


def test_cma_es_begins_the_search_that_has_not_begun_at_the_best_given_trial(bench):
    plain = proposer_of(bench, "cmaes", batch=32, lag=2)
    given = proposer_of(bench, "cmaes", batch=32, lag=2, enqueue=GIVEN)
    first = given.propose(0, 2, [])
    assert np.array_equal(given.propose(1, 32, [first]).values, plain.propose(0, 32, []).values)
    given.observe(outcome(first, [1.0, 0.0]))
    unit = (given.propose(2, 32, []).values[:, 0] - 0.5) / 2.5
    assert np.median(unit) > 0.75  # around an entry of 3.0, the upper end


def test_batches_of_given_trials_come_before_all_others():
    sizes = BatchSizes(64, share=16, given=3)
    assert [sizes.size(batch) for batch in (0, 1, 32, 33)] == [3, 8, 8, 16]
    assert [sizes.start(batch) for batch in (0, 1, 2, 33)] == [0, 3, 11, 3 + 256]
    assert sizes.of(np.array([0, 2, 3, 10, 11, 258, 259])).tolist() == [0, 0, 1, 1, 2, 32, 33]
    folds = BatchSizes(4, searches=2, given=3)
    assert [folds.start(batch) for batch in range(5)] == [0, 3, 6, 10, 14]
    assert folds.of(np.arange(14)).tolist() == [0] * 3 + [1] * 3 + [2] * 4 + [3] * 4
