import hashlib

import numpy as np
import pytest

from backsweep.study.search.dimension import Dimension
from backsweep.study.search.local_models import LocalModels
from backsweep.study.search.proposals import Observations, Proposals
from backsweep.study.search.space import Space
from backsweep.sweepfile.expressions import parse_relation
from backsweep.sweepfile.search import Search

BOX = tuple(Dimension(name, -2.0, 2.0) for name in "xy")
KINDS = (*BOX, Dimension("kind", integer=True, choices=(3, 5)))
GRID = tuple(Dimension(name, 0, 20, 1.0, integer=True) for name in "xy")


def bowl(values):
    return (values[:, 0] - 0.7) ** 2 + 4.0 * (values[:, 1] + 0.4) ** 2 + values[:, 0] * values[:, 1]


LEAST = np.array([0.96, -0.52])  # 2 (x - 0.7) + y = 0 and 8 (y + 0.4) + x = 0


def outcomes(values, loss=bowl, **others):
    losses = np.asarray(loss(values), float)[:, None]
    plain = {"violations": np.zeros((len(values), 0)), "failed": np.zeros(len(values), np.bool_)}
    return Observations(Proposals(values), losses, **plain | others)


def models(axes=BOX, count=40, loss=bowl, relations=(), seed=4, **others):
    """Return models that have observed uniform trials."""
    space = Space(axes, {}, tuple(relations))
    made, unit = LocalModels(space, Search(seed=seed)), np.random.default_rng(1).random((count, len(axes)))
    made.observe(outcomes(space.from_unit(unit), loss, **others))
    return made


def test_the_bottom_of_a_bowl_is_proposed_and_then_points_close_to_it():
    """Of 40 trials the nearest 9 decide the first fit; what is found then draws the next fits together."""
    search = models()
    for batch in range(12):
        points = search.propose(batch, 16, [])
        assert len(points) == 4
        search.observe(outcomes(points))
    assert np.abs(points[0] - LEAST).max() < 1e-6


@pytest.mark.parametrize(("size", "expected"), [(3, 0), (4, 1), (8, 2), (16, 4), (64, 4), (1000, 4)])
def test_a_quarter_of_a_batch_are_steps_and_at_most_four(size, expected):
    assert len(models().propose(0, size, [])) == expected


def test_nothing_is_proposed_before_there_are_trials_to_fit():
    """Two axes have five terms without products; two trials more make a fit."""
    assert len(models(count=6).propose(0, 16, [])) == 0
    assert len(models(count=7).propose(0, 16, [])) > 0


def test_only_choices_leave_nothing_to_fit():
    assert models((KINDS[2],), loss=lambda values: values[:, 0]).propose(0, 16, []).shape == (0, 1)


def test_a_step_keeps_the_choice_of_its_trial_and_is_fitted_to_trials_of_that_alone():
    """With kind 5 the bottom lies elsewhere, and higher."""
    search = models(KINDS, 80, lambda values: np.where(values[:, 2] == 3, bowl(values), 5.0 + bowl(-values)))
    for batch in range(12):
        points = search.propose(batch, 8, [])
        assert set(points[:, 2]) == {3.0}
        search.observe(outcomes(points))
    assert np.abs(points[0, :2] - LEAST).max() < 1e-5


@pytest.mark.parametrize("bad", ["failed", "undefined", "violating"])
def test_trials_without_a_feasible_loss_are_not_fitted(bad):
    values = Space(BOX, {}).from_unit(np.random.default_rng(1).random((60, 2)))
    wrong = np.arange(60) % 3 == 0
    losses = np.where(wrong, np.nan if bad == "undefined" else -100.0, bowl(values))
    violations = np.where(wrong & (bad == "violating"), 1.0, 0.0)[:, None]
    search, other = models(count=0), models(count=0)
    search.observe(outcomes(values, lambda _: losses, failed=wrong & (bad == "failed"), violations=violations))
    other.observe(outcomes(values[~wrong]))
    assert np.array_equal(search.propose(0, 16, []), other.propose(0, 16, []))


def test_a_known_or_running_point_is_not_proposed_again():
    """On a grid the step soon ends where a trial is already."""
    search = models(GRID, 60, lambda values: (values[:, 0] - 7) ** 2 + (values[:, 1] - 12) ** 2)
    known = {tuple(row) for row in search._values}
    for batch in range(10):
        running = search.propose(batch, 16, [])
        assert not known & {tuple(row) for row in running}
        assert len({tuple(row) for row in running}) == len(running)
        again = search.propose(batch, 16, [Proposals(running)])
        assert not len(again)
        search.observe(outcomes(running, lambda values: (values[:, 0] - 7) ** 2 + (values[:, 1] - 12) ** 2))
        known |= {tuple(row) for row in running}
    assert (7.0, 12.0) in known


def test_points_outside_the_relations_are_left_to_the_other_sampler():
    relation = parse_relation("x < y", ("x", "y"))
    values = Space(BOX, {}).from_unit(np.random.default_rng(1).random((60, 2)))
    search = models(count=0, relations=[relation])
    search.observe(outcomes(values[values[:, 0] < values[:, 1]]))  # the bottom has x above y
    points = [search.propose(batch, 16, []) for batch in range(10)]
    assert sum(map(len, points)) < 40
    assert all((each[:, 0] < each[:, 1]).all() for each in points)


def test_proposals_follow_from_the_batch_and_what_was_observed():
    first, second = models(), models()
    first.propose(3, 16, [])
    assert np.array_equal(first.propose(5, 16, []), second.propose(5, 16, []))
    assert not np.array_equal(first.propose(5, 16, []), first.propose(6, 16, []))
    assert not np.array_equal(first.propose(5, 16, []), models(seed=5).propose(5, 16, []))


def test_memory_does_not_grow_with_the_trials():
    values = Space(BOX, {}).from_unit(np.random.default_rng(1).random((5000, 2)))
    assert np.array_equal(models(count=5000)._losses, np.sort(bowl(values))[:1024])


def test_the_bits_of_the_proposals_are_the_same_on_every_machine():
    search, found = models(KINDS, 60), []
    for batch in range(20):
        found.append(search.propose(batch, 16, []))
        search.observe(outcomes(found[-1]))
    assert hashlib.sha256(np.concatenate(found).tobytes()).hexdigest()[:16] == "7db349f71c0d3c61"
