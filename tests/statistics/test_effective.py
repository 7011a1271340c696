import math

import numpy as np
import pytest

from backsweep import statistics


def test_equal_trials_count_once_whatever_their_scale():
    column = np.random.default_rng(0).normal(size=(500, 1))
    assert statistics.effective_trials(column * np.array([[1.0, 2.0, 5.0, 0.1]])) == pytest.approx(1)


def test_one_trial_is_never_less_than_one_by_rounding():
    columns = np.random.default_rng(0).normal(size=(50, 200, 1))
    assert {statistics.effective_trials(column) >= 1.0 for column in columns} == {True}


def test_independent_groups_count_once_each():
    groups = np.random.default_rng(0).normal(size=(4000, 6))
    assert statistics.effective_trials(np.repeat(groups, 10, axis=1)) == pytest.approx(6, rel=0.1)


def test_many_independent_trials_count_as_many_as_there_are_blocks():
    returns = np.random.default_rng(0).normal(size=(1280, 3000))
    assert 100 < statistics.effective_trials(returns) < 128


def test_it_is_the_participation_ratio_of_the_correlations():
    returns = np.random.default_rng(1).normal(size=(60, 7)) @ np.random.default_rng(2).normal(size=(7, 7))
    values = np.linalg.eigvalsh(np.corrcoef(returns.T))
    assert statistics.effective_trials(returns) == pytest.approx(values.sum() ** 2 / (values**2).sum())


def test_trials_without_variation_do_not_count():
    returns = np.random.default_rng(1).normal(size=(60, 3))
    padded = np.hstack([returns, np.zeros((60, 4))])
    assert statistics.effective_trials(padded) == pytest.approx(statistics.effective_trials(returns))
    assert math.isnan(statistics.effective_trials(np.zeros((60, 4))))
