import hashlib

import numpy as np
import pytest

from backsweep.study.search.conditions import Conditions
from backsweep.study.search.dimension import Dimension
from backsweep.study.search.tpe import search
from backsweep.study.search.tpe.archive import BEST, LATEST
from backsweep.study.search.tpe.search import CANDIDATES, IN_FLIGHT, REFINED, STARTUP, Tpe
from backsweep.sweepfile.comparisons import parse_comparison

DIMENSIONS = (
    Dimension("float", -2.0, 3.0),
    Dimension("log", 1e-3, 10.0, log=True),
    Dimension("steps", 0.0, 1.0, step=0.05),
    Dimension("fine", 0, 500, step=1.0, integer=True),
    Dimension("log integer", 1, 400, step=1.0, log=True, integer=True),
    Dimension("choice", integer=True, choices=(5, 3, 9)),
)


def losses_of(values, objectives):
    """Return losses from additions and multiplications alone: the same bits on every machine."""
    x, _, steps, fine, _, choice = values.T
    first = (x - 1.0) * (x - 1.0) + (steps - 0.3) * (steps - 0.3) + fine / 500 + (choice != 9)
    return np.stack([first, (x + 1.0) * (x + 1.0), steps - x][:objectives], axis=1)


def run(batches, objectives=1, size=16, **options):
    """Return a search after some batches, and what it was told."""
    tpe, told = Tpe(DIMENSIONS, objectives, **options), []
    for batch in range(batches):
        running = [values for values, _, _ in told[-1:]]
        if batch >= 2:
            tpe.observe(*told[batch - 2])
        values = tpe.propose(size, np.random.default_rng([1, batch]), running)
        told.append((values, losses_of(values, objectives), np.maximum(values[:, :1] - 2.0, 0.0)))
    return tpe, told


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_a_new_search_that_observes_the_same_in_any_grouping_proposes_the_same(objectives):
    tpe, told = run(12, objectives, refined=True)
    again = Tpe(DIMENSIONS, objectives, refined=True)
    again.observe(*(np.concatenate(column) for column in zip(*told[:10], strict=True)))
    running = [told[10][0]]
    first, second = (each.propose(16, np.random.default_rng(5), running) for each in (tpe, again))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(("objectives", "expected"), [(1, "b8291147505a3f95"), (2, "72afd1558bd3003c")])
def test_the_bits_of_the_proposals_are_the_same_on_every_machine(objectives, expected):
    _, told = run(24, objectives, refined=True)  # of 16 trials: the last ones are refined
    assert hashlib.sha256(np.concatenate([values for values, _, _ in told]).tobytes()).hexdigest()[:16] == expected


def test_proposals_come_closer():
    _, told = run(24, size=32)
    assert np.median(told[-1][1]) < np.median(told[0][1]) / 3


def test_proposals_are_uniform_until_enough_trials_are_known_and_one_is_defined(monkeypatch):
    chosen = []
    monkeypatch.setattr(search, "choose", lambda *given: chosen.append(given) or np.full((given[-1].shape[0], 1), 0.25))
    tpe = Tpe([Dimension("x")])
    values = np.linspace(0, 1, STARTUP)[:, None]
    tpe.observe(values[:-1], np.zeros((STARTUP - 1, 1)), np.zeros((STARTUP - 1, 0)))
    assert len(np.unique(tpe.propose(50, np.random.default_rng(1)))) == 50
    tpe.observe(values[:1], np.full((1, 1), np.nan), np.zeros((1, 0)))
    assert tpe.propose(3, np.random.default_rng(1)).tolist() == [[0.25]] * 3
    nothing = Tpe([Dimension("x")])
    nothing.observe(values, np.full((STARTUP, 1), np.nan), np.zeros((STARTUP, 0)))
    assert len(np.unique(nothing.propose(50, np.random.default_rng(1)))) == 50
    assert len(chosen) == 1


def proposals_beside(parents, monkeypatch, count=2000, **options):
    """Return proposals, latent float64[count, p], where TPE proposes 0.25 and these trials are best."""
    monkeypatch.setattr(search, "choose", lambda *given: np.full((given[-1].shape[0], len(given[0].kind)), 0.25))
    p = len(parents[0])
    tpe = Tpe([Dimension(f"x{i}") for i in range(p)], **options)
    others = np.full((200, p), 0.9)
    values = np.concatenate([others, np.array(parents)])
    losses = np.concatenate([np.full(200, 99.0), np.arange(float(len(parents)))])
    tpe.observe(values, losses[:, None], np.zeros((len(values), 0)))
    return tpe.choose(count, np.random.default_rng(3), ())


def test_a_refined_proposal_has_some_values_of_its_own_and_the_others_of_one_of_the_ten_best_trials(monkeypatch):
    parents = [[0.5 + 0.01 * trial + 0.001 * axis for axis in range(8)] for trial in range(12)]
    found = proposals_beside(parents, monkeypatch, refined=True)
    own = found == 0.25
    assert own.any(axis=1).all()
    # One axis of eight is certain, each of the others has 0.3: 3.1 on average; a row's deviation is below 1.3.
    assert abs(own.sum(axis=1).mean() - 3.1) < 6 * 1.3 / 2000**0.5
    assert abs(own.mean(axis=0) - 3.1 / 8).max() < 6 * 0.5 / 2000**0.5
    trial = np.round((found - 0.5 - 0.001 * np.arange(8)) / 0.01)
    for row, keeps in zip(trial, own, strict=True):
        assert len(set(row[~keeps])) <= 1  # of one trial, never of two
    assert {int(each) for each in trial[~own]} == set(range(10))


@pytest.mark.parametrize(("axes", "options"), [(8, {}), (1, {"refined": True})])
def test_without_refinement_and_on_one_axis_all_values_are_tpes_own(axes, options, monkeypatch):
    assert np.all(proposals_beside([[0.5] * axes] * 10, monkeypatch, 100, **options) == 0.25)


def test_what_a_parent_lacks_because_of_a_condition_is_the_proposals_own():
    kind = Dimension("kind", integer=True, choices=(0, 1))
    axes = (kind, Dimension("x"), Dimension("y"))
    when = {"y": parse_comparison("kind == 1", {"kind"}, {}, "")}
    tpe = Tpe(axes, refined=True, conditions=Conditions(axes, {}, when))
    draws = np.random.default_rng(5)
    values = np.stack([draws.integers(0, 2, 60), *draws.random((2, 60))], axis=1)
    values[values[:, 0] == 0, 2] = np.nan
    losses = np.where(values[:, 0] == 0, values[:, 1], 1.0 + values[:, 1])  # the best ones have no y
    tpe.observe(values, losses[:, None], np.zeros((60, 0)))
    found = tpe.propose(500, draws)
    assert np.array_equal(np.isnan(found[:, 2]), found[:, 0] == 0)
    assert (found[:, 0] == 1).any()


def test_only_a_refined_search_narrows_its_kernels_and_proposes_uniform_points_and_not_at_first(monkeypatch):
    seen = []

    def spy(_, good, bad, least, uniforms):
        seen.append((len(good), len(bad), least, uniforms.shape))
        return np.full((uniforms.shape[0], 1), 0.25)

    monkeypatch.setattr(search, "choose", spy)
    for refined, count in ((False, 1000), (True, REFINED - 1), (True, 1000)):
        tpe = Tpe([Dimension("x")], refined=refined)
        values = np.random.default_rng(1).random((count, 1))
        tpe.observe(values, values, np.zeros((count, 0)))
        proposed = tpe.propose(16, np.random.default_rng(1), [values[:5]])
        assert np.count_nonzero(proposed == 0.25) == seen[-1][3][0]
    assert [entry[2:] for entry in seen] == [
        (1.0, (16, CANDIDATES, 2)),
        (1.0, (16, CANDIDATES, 2)),
        (1 / 100, (14, CANDIDATES, 2)),
    ]
    assert all(good == BEST and LATEST - BEST + 5 <= bad <= LATEST + 5 for good, bad, _, _ in seen)


def test_the_kernels_of_a_large_batch_are_bounded(monkeypatch):
    seen = []

    def spy(_, good, bad, least, uniforms):  # noqa: ARG001 - the function's own signature
        seen.append((len(bad), uniforms.shape[0]))
        return np.full((uniforms.shape[0], 1), 0.25)

    monkeypatch.setattr(search, "choose", spy)
    tpe = Tpe([Dimension("x")])
    values = np.random.default_rng(1).random((1000, 1))
    tpe.observe(values, values, np.zeros((1000, 0)))
    assert len(tpe.propose(2000, np.random.default_rng(1), [values])) == 2000
    assert sum(count for _, count in seen) == 2000
    assert max(bad + count for bad, count in seen) <= LATEST + IN_FLIGHT + 256


def test_trials_without_a_value_count_for_the_split_alone(monkeypatch):
    seen = []
    monkeypatch.setattr(
        search, "choose", lambda *given: seen.append(given[1:3]) or np.full((given[-1].shape[0], 1), 0.25)
    )
    tpe = Tpe([Dimension("x")])
    values = np.arange(40.0)[:, None] / 40
    losses = values.copy()
    values[0] = np.nan
    tpe.observe(values, losses, np.zeros((40, 0)))
    tpe.propose(1, np.random.default_rng(1))
    good, bad = seen[0]
    assert good[:, 0].tolist() == [1 / 40, 2 / 40, 3 / 40]
    assert len(bad) == 36
