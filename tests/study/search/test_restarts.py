import hashlib

import numpy as np
import pytest

from backsweep.study.search.dimension import Dimension
from backsweep.study.search.proposals import Observations, Proposals
from backsweep.study.search.restarts import Restarts
from backsweep.study.search.space import Space
from backsweep.sweepfile.search import Search

BOX = (Dimension("x", 0.0, 1.0), Dimension("y", -1.0, 1.0), Dimension("kind", integer=True, choices=(3, 5)))
START = 40


def restarts(axes=BOX, batch=16, lag=2, seed=4):
    return Restarts(Space(axes, {}), Search(batch=batch, lag=lag, seed=seed), START)


def loss(values):
    return (values[:, 0] - 0.7) ** 2 + (values[:, 1] + 0.4) ** 2 + (values[:, 2] != 5.0)


def batch_of(searches, batch, size=16, loss=loss):
    """Return the outcomes of a batch: the searches' points, and random ones."""
    values = searches.propose(batch, size)
    unit = np.random.default_rng([1, batch]).random((size - len(values), len(searches._free)))
    values = np.concatenate([values, Space(searches._axes.dimensions, {}).from_unit(unit)])
    return Observations(Proposals(values), loss(values)[:, None], np.zeros((size, 0)), np.zeros(size, np.bool_))


def run(searches, batches, lag=2, size=16, loss=loss):
    """Return the outcomes of so many batches, each proposed `lag` - 1 batches before it is observed."""
    outcomes = []
    for batch in range(batches):
        if batch >= lag:
            searches.observe(outcomes[batch - lag])
        outcomes.append(batch_of(searches, batch, size, loss))
    return outcomes


@pytest.mark.parametrize("lag", [1, 2, 5])
def test_searches_that_observed_the_same_batches_propose_the_same_whoever_proposed_those(lag):
    outcomes = run(restarts(lag=lag), 30, lag)
    again = restarts(lag=lag)
    for observed in outcomes[: 30 - lag]:
        again.observe(observed)
    for batch in range(30 - lag, 30):  # what was running
        points = again.propose(batch, 16)
        assert np.array_equal(points, outcomes[batch].proposals.values[: len(points)])
        assert len(points) == 8


def test_the_bits_of_the_proposals_are_the_same_on_every_machine():
    proposed = [observed.proposals.values for observed in run(restarts(), 150)]
    assert hashlib.sha256(np.concatenate(proposed).tobytes()).hexdigest()[:16] == "36a113dd1eb18a1e"


def test_nothing_is_proposed_before_the_start_and_at_most_half_of_a_batch_then():
    searches = restarts()
    counts = []
    for batch in range(6):
        counts.append(len(searches.propose(batch, 16)))
        searches.observe(batch_of(searches, batch))
    assert counts == [
        0,
        0,
        0,
        0,
        8,
        8,
    ]  # once batch 2 is observed 48 are known, and batch 4 is drawn
    assert len(searches.propose(6, 11)) == 5
    assert len(searches.propose(6, 7)) == 0  # three would be too few for a generation


def test_a_large_batch_has_several_searches_each_with_a_generation_of_its_own():
    searches = restarts(batch=300)
    for batch in range(2):
        searches.observe(batch_of(searches, batch, 300))
    assert [len(points) for _, points in searches._drawn[1]] == [64, 64, 22]
    assert len({id(search) for search, _ in searches._drawn[1]}) == 3
    assert len(searches.propose(3, 300)) == 150
    assert len(searches.propose(3, 131)) == 64  # of 65 one is left over


def test_the_minimum_is_found_and_searches_begin_anew():
    searches = restarts()
    assert min(observed.losses.min() for observed in run(searches, 250)) < 1e-12
    assert searches._begun > 2


def test_the_first_search_begins_close_to_the_best_trial():
    """Its standard deviation is a twentieth of the axes, of length 1 and 2."""
    searches = restarts()
    outcomes = run(searches, 5)
    known = outcomes[0].followed_by(outcomes[1]).followed_by(outcomes[2])
    steps = searches.propose(4, 16) - known.proposals.values[np.argmin(known.losses)]
    assert np.array_equal(steps[:, 2], np.zeros(8))
    assert 0.01 < np.sqrt((steps[:, 0] ** 2).mean()) < 0.1
    assert 0.02 < np.sqrt((steps[:, 1] ** 2).mean()) < 0.2


def test_a_search_keeps_its_choice_and_others_have_other_choices():
    kinds = [observed.proposals.values[:8, 2] for observed in run(restarts(seed=6), 300)[10:]]
    assert all(len(set(each)) == 1 for each in kinds)
    assert {each[0] for each in kinds} == {3.0, 5.0}


def test_only_choices_leave_nothing_to_search():
    searches = restarts((BOX[2], Dimension("fixed", 2.0, 2.0)))
    run(searches, 8, loss=lambda values: values[:, 0])
    assert searches.propose(7, 16).shape == (0, 2)


def test_a_flat_generation_ends_a_search():
    searches = restarts()
    run(searches, 20, loss=lambda values: np.zeros(len(values)))
    assert searches._begun > 5


@pytest.mark.parametrize("worst", ["failed", "undefined", "violating"])
def test_the_worst_trials_push_a_search_away(worst):
    """The better half of the axis ends in failures, so that the search settles below them."""
    searches, outcomes = restarts(BOX[:2]), []
    for batch in range(80):
        if batch >= 2:
            searches.observe(outcomes[batch - 2])
        observed = batch_of(searches, batch, loss=lambda values: 1.0 - values[:, 0] + values[:, 1] ** 2)
        bad = observed.proposals.values[:, 0] > 0.6
        observed.losses[bad & (worst != "violating")] = np.nan
        violations = np.where(bad & (worst == "violating"), np.inf, -1.0)[:, None]
        outcomes.append(Observations(observed.proposals, observed.losses, violations, bad & (worst == "failed")))
    good = np.concatenate([each.proposals.values[~np.isnan(each.losses[:, 0]), 0][:8] for each in outcomes[20:]])
    assert 0.599 < good[good <= 0.6].max() <= 0.6
