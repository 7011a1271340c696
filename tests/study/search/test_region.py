"""The region where relations hold, and how samplers keep to it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from backsweep.errors import BadInput
from backsweep.study.search.dimension import Dimension
from backsweep.study.search.in_turns import Searches
from backsweep.study.search.proposals import Observations
from backsweep.study.search.region import Region, Sequel
from backsweep.study.search.samplers import auto, make_proposer, make_proposers
from backsweep.sweepfile.expressions import parse_relation

RELATIONS = '["stop <= 2 * entry", "window > 8 * stop"]'
EVERY = ("random", "sobol", "auto", "tpe", "cmaes", "nsga2", "optuna.samplers:NSGAIIISampler")
WHOLE = (Dimension("fast", 1.0, 8.0, 1.0, integer=True), Dimension("slow", 1.0, 8.0, 1.0, integer=True))


def region(*texts, axes=WHOLE, fixed=None):
    names = [axis.name for axis in axes] + list(fixed or {})
    return Region(axes, fixed or {}, [parse_relation(text, names) for text in texts])


def satisfied(values):
    entry, stop, window = values[:, :3].T
    return (stop <= 2 * entry) & (window > 8 * stop)


def proposals(bench, batches=6, size=16, **search):
    """Yield batches of a sampler that is told how far each proposal is from entry 2, stop 3, window 40."""
    sweep = bench.sweep(batch=16, lag=1, relations=RELATIONS, **search)
    proposer = make_proposer(sweep, bench.space(sweep))
    for batch in range(batches):
        found = proposer.propose(batch, size, [])
        values = found.values
        yield values
        loss = (values[:, 0] - 2) ** 2 + (values[:, 1] - 3) ** 2 + np.log(values[:, 2] / 40) ** 2
        proposer.observe(Observations(found, loss[:, None], np.zeros((size, 2)), np.zeros(size, np.bool_)))


@pytest.mark.parametrize("sampler", EVERY)
def test_every_proposal_of_every_sampler_satisfies_the_relations(bench, sampler, monkeypatch):
    monkeypatch.setattr(auto, "START", 32)
    first, again = (np.concatenate(list(proposals(bench, sampler=sampler))) for _ in range(2))
    assert satisfied(first).all()
    assert np.array_equal(first, again)
    sweep = bench.sweep(sampler=sampler)
    free = make_proposer(sweep, bench.space(sweep)).propose(0, 64, []).values
    assert not satisfied(free).all()


@pytest.mark.parametrize("sampler", ["auto", "cmaes"])
def test_a_sampler_that_learns_still_comes_closer_inside_its_region(bench, sampler):
    found = list(proposals(bench, batches=20, sampler=sampler))
    first, last = (np.median((each[:, 0] - 2) ** 2 + (each[:, 1] - 3) ** 2) for each in (found[0], found[-1]))
    assert last < first / 2


def test_proposals_by_fold_satisfy_the_relations_too(bench):
    sweep = bench.sweep(sampler="tpe", relations=RELATIONS)
    proposer = make_proposers(sweep, bench.space(sweep), Searches(folds=3))
    assert all(satisfied(proposer.propose(batch, 16, []).values).all() for batch in range(3))


def test_a_grid_leaves_out_what_its_relations_do_not_allow(bench, sweep_text):
    """Of 3 x 2 x 2 combinations with long_only and costs, those with stop <= 2 * entry and window above 8 * stop."""
    text = sweep_text.replace(
        "  params:\n",
        "  params:\n    entry: {choices: [0.5, 1.0, 2.0]}\n    stop: {low: 1.0, high: 3.0, step: 2.0}\n"
        "    window: {choices: [10, 30]}\n",
    )
    sweep = bench.sweep(text, sampler="grid", relations=RELATIONS)
    proposer = make_proposer(sweep, bench.space(sweep))
    combinations = product([0.5, 1.0, 2.0], [1.0, 3.0], [10.0, 30.0], [1.0, 0.0], [0.0, 0.0002, 0.0005])
    expected = [list(each) for each in combinations if each[1] <= 2 * each[0] and each[2] > 8 * each[1]]
    assert proposer.limit == len(expected) == 7 * 2 * 3
    found = np.concatenate([proposer.propose(batch, 16, []).values for batch in (0, 1, 2)])
    assert found[:42].tolist() == expected
    assert proposer.propose(1, 16, []).values.tolist() == found[16:32].tolist()


def test_a_grid_too_fine_to_count_is_refused(bench, sweep_text):
    steps = "".join(
        f"    {name}: {{step: {step}}}\n" for name, step in (("entry", 1e-6), ("stop", 1e-6), ("window", 1))
    )
    text = sweep_text.replace("  params:\n", f"  params:\n{steps}")
    fine = bench.sweep(text, sampler="grid", relations=RELATIONS)
    with pytest.raises(BadInput, match=r"(?s)a grid too fine for its relations.*at most 1,000,000,000"):
        make_proposer(fine, bench.space(fine))


def test_the_share_of_the_region_is_that_of_the_space():
    assert region("fast < slow").share == pytest.approx(28 / 64, abs=0.02)  # 7 + 6 + ... + 1 of 8 x 8
    assert region("fast < slow", "slow < 3").share == pytest.approx(1 / 64, abs=0.005)
    assert region().share == 1.0
    assert region("fast < 1").share == 0.0


def test_relations_may_name_what_is_fixed():
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert region("fast + most < slow * most", fixed={"most": 2}).holds(values).tolist() == [True, True]
    assert region("fast < most", fixed={"most": 2}).holds(values).tolist() == [True, False]


def test_uniform_draws_are_uniform_in_the_region():
    values = region("fast < slow").draw(28_000, np.random.default_rng(3))
    pairs, counts = np.unique(values, axis=0, return_counts=True)
    assert len(pairs) == 28
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert abs(counts - 1000).max() < 150  # five standard deviations of 31


def test_a_thin_region_is_found_and_drawn_from():
    axes = (Dimension("a", 0.0, 1.0), Dimension("b", 0.0, 1.0))
    thin = region("abs(a - b) < 0.0005", axes=axes)
    assert thin.share == pytest.approx(0.001, rel=0.7)
    values = thin.draw(50, np.random.default_rng(1))
    assert (abs(values[:, 0] - values[:, 1]) < 0.0005).all()


def test_a_point_is_moved_to_the_first_that_holds_on_the_way_to_a_known_one():
    axes = (Dimension("a", 0.0, 1.0), Dimension("b", 0.0, 1.0))
    inside, outside = np.array([0.2, 0.7]), np.array([0.9, 0.1])
    moved = region("a < b", axes=axes).moved(np.stack([inside, outside]))
    assert moved[0].tolist() == inside.tolist()
    assert 0.0 < moved[1, 1] - moved[1, 0] < 0.1
    assert abs(moved[1] - outside).max() < 0.6


def test_what_a_model_draws_again_replaces_what_does_not_hold_and_the_rest_is_moved():
    axes = (Dimension("a", 0.0, 1.0), Dimension("b", 0.0, 1.0))
    half = region("a < b", axes=axes)
    points = np.array([[0.1, 0.9], [0.9, 0.1], [0.2, 0.8]])
    asked = []

    def again(count, kept):
        asked.append((count, kept.tolist()))
        return np.tile([0.3, 0.4], (count, 1))

    assert half.redraw(points, again).tolist() == [[0.1, 0.9], [0.3, 0.4], [0.2, 0.8]]
    assert asked == [(1, [[0.1, 0.9], [0.2, 0.8]])]
    stubborn = half.redraw(points, lambda count, _: np.tile([0.8, 0.2], (count, 1)))
    assert half.holds(stubborn).all()
    assert region(axes=axes).redraw(points, again) is points


def test_the_points_of_a_sequence_that_hold_come_in_order_whichever_batch_is_asked_for():
    def points(start, size):
        numbers = np.arange(start, start + size)
        return np.stack([numbers % 8 + 1.0, numbers // 8 % 8 + 1.0], axis=1)

    expected = [[a, b] for b in range(1, 9) for a in range(1, 9) if a < b]
    forward, other = (Sequel(region("fast < slow"), points) for _ in range(2))
    found = np.concatenate([forward.batch(batch, 7) for batch in range(4)])
    assert found.tolist() == expected
    assert [other.batch(batch, 7).tolist() for batch in (3, 1, 2)] == [expected[21:], expected[7:14], expected[14:21]]
    assert Sequel(region(), points).batch(2, 3).tolist() == points(6, 3).tolist()


@pytest.mark.parametrize(
    ("relations", "message"),
    [
        ('["entry < stopp"]', r"(?s)sweep\.yaml:\d+|--set.*`entry < stopp` cannot be read.*did you mean `stop`"),
        ('["entry < stop < 3"]', "one comparison"),
        ('["entry < stop", "entry > 3.5"]', r"(?s)nothing satisfies the relations.*entry > 3\.5"),
        ('["entry < 1", "entry > 2"]', "nothing satisfies the relations"),
        ('["exit > 1"]', "nothing satisfies the relations"),
        ('["sharpe > 1"]', "a parameter"),
    ],
)
def test_a_relation_that_cannot_be_read_or_satisfied_is_an_error_at_the_start(bench, relations, message, monkeypatch):
    monkeypatch.setattr("backsweep.study.search.region._MOST", 2**16)
    with pytest.raises(BadInput, match=message):
        bench.space(bench.sweep(relations=relations))
