"""The archive against Optuna's split of trials, and that it is a function of the trials alone."""

import math

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.samplers._tpe.sampler import _split_trials, default_gamma
from optuna.trial import TrialState, create_trial

from backsweep.study.search.tpe.archive import BEST, COMPLETE, LATEST, Archive


def numbered(count):
    """Return the coordinates of trials that are known by them."""
    return np.arange(count, dtype=float)[:, None]


def state(archive):
    size = archive._size
    columns = (archive._latent, archive._losses, archive._excess, archive._progress)
    return archive.count, archive.defined, *(column[:size].tobytes() for column in columns)


def random_trials(count, objectives, seed, undefined=0.1):
    draws = np.random.default_rng(seed)
    losses = draws.integers(-20, 20, (count, objectives)) + draws.normal(size=(count, objectives)).round(1)
    losses[draws.random(count) < undefined] = np.nan
    excess = np.where(draws.random(count) < 0.3, draws.integers(1, 5, count), 0.0)
    progress = np.where(draws.random(count) < 0.2, -draws.integers(0, 4, count), COMPLETE)
    return numbered(count), losses, excess.astype(float), progress


@settings(max_examples=30)
@given(st.integers(1, 3000), st.integers(1, 3), st.integers(0, 2**32 - 1), st.lists(st.integers(0, 3000), max_size=6))
def test_any_grouping_gives_the_same_state(count, objectives, seed, cuts):
    columns = random_trials(count, objectives, seed)
    whole, parts = Archive(1, objectives), Archive(1, objectives)
    whole.add(*columns)
    for each in zip(*(np.split(column, sorted(min(cut, count) for cut in cuts)) for column in columns), strict=True):
        parts.add(*each)
    assert state(whole) == state(parts)
    good, bad, parents = whole.split()
    assert [part.tobytes() for part in parts.split()] == [each.tobytes() for each in (good, bad, parents)]
    assert len(good) == min(math.ceil(0.1 * count), BEST)
    assert len(good) + len(bad) <= LATEST + BEST


def split_by_optuna(losses, excess, progress, loss_when_pruned):
    study = optuna.create_study(directions=["minimize"] * losses.shape[1])
    for row, values in enumerate(losses):
        pruned = progress[row] > COMPLETE
        trial = create_trial(
            values=None if pruned else values.tolist(),
            state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
            intermediate_values={int(-progress[row]): loss_when_pruned[row]} if pruned else {},
        )
        trial.set_constraint("bound", float(excess[row]))
        study.add_trial(trial)
    sets = _split_trials(study, study.get_trials(), default_gamma(len(losses)))
    return [[trial.number for trial in trials] for trials in sets]


@pytest.mark.parametrize("count", [1, 9, 30, 100, 241])
@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_up_to_241_trials_optuna_splits_them_the_same(count, objectives):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    latent, losses, excess, progress = random_trials(count, objectives, [count, objectives], undefined=0.0)
    if objectives > 1:
        progress[:] = COMPLETE  # Optuna prunes with one objective alone
        losses += np.random.default_rng(count).normal(size=losses.shape)
    archive = Archive(1, objectives)
    archive.add(latent, losses, excess, progress)
    found = [part[:, 0].tolist() for part in archive.split()[:2]]
    assert found == split_by_optuna(losses, excess, progress, losses[:, 0])


def test_the_best_of_all_trials_and_the_latest_remain():
    losses = np.random.default_rng(1).random((5000, 1))
    archive = Archive(1, 1)
    archive.add(numbered(5000), losses, np.zeros(5000))
    good, bad, _ = archive.split()
    best = np.sort(np.argsort(losses[:, 0])[:BEST])
    assert good[:, 0].tolist() == best.tolist()
    assert bad[:, 0].tolist() == [number for number in range(5000 - LATEST, 5000) if number not in best]


@pytest.mark.parametrize(("count", "expected"), [(3, 3), (5, 5), (50, 5), (51, 6), (90, 9), (95, 10), (5000, 10)])
def test_parents_are_a_tenth_of_the_trials_but_five_to_ten_the_best_first(count, expected):
    losses = np.random.default_rng(count).random((count, 1))
    archive = Archive(1, 1)
    archive.add(numbered(count), losses, np.zeros(count))
    assert archive.split()[2][:, 0].tolist() == np.argsort(losses[:, 0])[:expected].tolist()


def test_undefined_trials_are_the_worst_of_the_feasible_ones():
    losses = np.array([[np.nan], [5.0], [1.0], [-np.inf], [np.nan]])
    archive = Archive(1, 1)
    archive.add(numbered(5), losses, np.array([0.0, 0.0, 1.0, 0.0, 0.0]))
    assert (archive.count, archive.defined) == (5, 3)
    assert archive._rank().tolist() == [3, 1, 0, 4, 2]


def test_a_trial_with_an_undefined_loss_among_several_is_in_no_front():
    losses = np.array([[1.0, np.nan], [2.0, 2.0], [3.0, 3.0], [np.inf, 0.0]])
    archive = Archive(1, 2)
    archive.add(numbered(4), losses, np.zeros(4))
    assert archive.defined == 2
    assert archive._rank().tolist() == [1, 2, 0, 3]


def test_infeasible_trials_rank_by_their_violations_whatever_else_they_did():
    archive = Archive(1, 1)
    archive.add(
        numbered(3), np.array([[0.0], [9.0], [np.nan]]), np.array([np.inf, 1.0, 0.5]), np.array([COMPLETE, -5, -1])
    )
    assert archive._rank().tolist() == [2, 1, 0]
