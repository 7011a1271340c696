import numpy as np
import pytest
from optuna._hypervolume.hssp import _solve_hssp
from optuna._hypervolume.wfg import compute_hypervolume
from optuna.samplers._tpe.sampler import _get_reference_point

from backsweep.study.search.fronts import fronts
from backsweep.study.search.tpe.subset import choose_subset


def test_two_objectives_by_hand():
    # The reference point is (4.4, 4.4). Volumes alone: 3.4 * 0.4, 2.4 * 2.4, 0.4 * 3.4. After the middle one the first
    # adds 1 * 0.4, the last 0.4 * 1, so the first comes next.
    assert choose_subset(np.array([[1.0, 4.0], [2.0, 2.0], [4.0, 1.0]]), 2).tolist() == [1, 0]


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_optuna_chooses_the_same(objectives):
    for seed in range(5):
        losses = np.random.default_rng([objectives, seed]).normal(size=(80, objectives))
        losses = losses[fronts(losses) == 0]
        size = len(losses) // 2
        reference = _get_reference_point(losses)
        expected = _solve_hssp(losses, np.arange(len(losses)), size, reference)
        found = choose_subset(losses, size)
        assert sorted(found.tolist()) == sorted(expected.tolist())
        volumes = [compute_hypervolume(losses[found[:count]], reference) for count in range(1, size + 1)]
        assert (np.diff(np.diff([0.0, *volumes])) < 1e-9).all()  # each adds no more than the one before


def test_equal_trials_are_chosen_last():
    losses = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]])
    assert sorted(choose_subset(losses, 2).tolist()) == [0, 2]
    assert sorted(choose_subset(losses, 3).tolist()) == [0, 1, 2]
