"""The nearest trials, against all distances sorted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backsweep.study.results.neighbours import nearest


def by_sorting(params, count):
    """Sort all distances of rank-scaled parameters; equal ones stay in the trials' order, each trial first."""
    scaled = np.zeros(params.shape)
    for j, column in enumerate(params.T):
        values, places = np.unique(column, return_inverse=True)
        scaled[:, j] = places / max(len(values) - 1, 1)
    distances = np.zeros((len(params), len(params)))
    for column in scaled.T:
        distances += (column[:, None] - column[None, :]) ** 2
    np.fill_diagonal(distances, -1.0)
    return np.argsort(distances, axis=1, kind="stable")[:, :count]


def test_parameters_are_scaled_by_their_ranks():
    params = np.array([[1.0, 0.0], [10.0, 0.0], [1000.0, 0.0], [1.0, 1.0]])
    assert nearest(params, 2)[:, 0].tolist() == [0, 1, 2, 3]
    assert nearest(params, 2)[2, 1] == 1
    assert nearest(params, 99).shape == (4, 4)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 3), st.integers(1, 30), st.integers(1, 12), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_all_distances_sorted_say_the_same(width, trials, count, values, seed):
    params = np.random.default_rng(seed).integers(0, values, (trials, width)).astype(float)
    assert nearest(params, count).tolist() == by_sorting(params, count).tolist()


@pytest.mark.parametrize("width", [1, 3, 8])
def test_so_do_they_for_many_trials(width):
    params = np.random.default_rng(width).random((700, width))
    assert np.array_equal(nearest(params, 9), by_sorting(params, 9))


def test_many_trials_in_one_place_are_near_each_other_in_their_order():
    params = np.repeat([[1.0, 2.0], [3.0, 4.0]], [50, 40], axis=0)
    assert np.array_equal(nearest(params, 5), by_sorting(params, 5))
