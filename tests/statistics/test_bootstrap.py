import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backsweep import metrics, statistics
from backsweep.errors import BadInput
from backsweep.statistics import bootstrap


def autoregressive(size, weight, seed=0):
    values = np.random.default_rng(seed).normal(size=size)
    for i in range(1, size):
        values[i] += weight * values[i - 1]
    return values


def test_the_block_length_is_that_of_a_reference_implementation():
    assert statistics.optimal_block_length(autoregressive(60, 0.0)) == pytest.approx(1.8936280875398452, rel=1e-9)


def test_dependent_returns_get_longer_blocks():
    lengths = [statistics.optimal_block_length(autoregressive(1500, weight)) for weight in (0.0, 0.3, 0.8)]
    assert lengths == sorted(lengths)
    assert lengths[0] < 4
    assert lengths[2] > 20


@given(st.integers(4, 200), st.integers(0, 1000))
def test_the_block_length_is_at_least_one_and_does_not_depend_on_scale(size, seed):
    values = np.random.default_rng(seed).normal(size=size)
    length = statistics.optimal_block_length(values)
    assert 1 <= length <= math.ceil(min(3 * math.sqrt(size), size / 3))
    assert statistics.optimal_block_length(values * 1e-3) == pytest.approx(length, rel=1e-6)


@pytest.mark.parametrize("metric", ["sharpe", "volatility", "total_return", "max_drawdown"])
def test_the_estimate_is_the_metric_itself_and_inside_its_interval(metric):
    returns = np.random.default_rng(1).normal(0.001, 0.01, 500)
    found = statistics.bootstrap_interval(returns, metric, resamples=300)
    assert found.estimate == pytest.approx(getattr(metrics, metric)(returns), rel=1e-9)
    assert found.low < found.estimate < found.high
    assert found == statistics.bootstrap_interval(returns, metric, resamples=300)


def test_a_higher_level_is_a_wider_interval():
    returns = np.random.default_rng(1).normal(0.001, 0.01, 500)
    narrow, wide = (statistics.bootstrap_interval(returns, level=level, resamples=500) for level in (0.5, 0.95))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_intervals_hold_the_true_mean_of_dependent_returns_where_single_sessions_do_not():
    held = dict.fromkeys((None, 1.0), 0)
    for seed in range(100):
        returns = autoregressive(600, 0.6, seed) / 100
        for length in held:
            found = statistics.bootstrap_interval(returns, "mean", 0.9, resamples=200, length=length)
            held[length] += found.low <= 0 <= found.high
    assert held[None] >= 75
    assert held[1.0] < held[None] - 15


def test_chunks_of_resamples_give_the_same_numbers(monkeypatch):
    returns = np.random.default_rng(1).normal(size=100)
    whole = statistics.bootstrap_interval(returns, resamples=100)
    monkeypatch.setattr(bootstrap, "_WIDTH", 700)
    assert statistics.bootstrap_interval(returns, resamples=100) == whole


def test_resamples_are_runs_of_sessions():
    places = bootstrap.resample(1000, 50.0, np.random.default_rng(0))
    follows = (np.diff(places) % 1000) == 1
    assert places.min() >= 0
    assert places.max() < 1000
    assert np.mean(~follows) == pytest.approx(1 / 50, abs=0.015)


def test_without_variation_a_sharpe_has_no_interval():
    found = statistics.bootstrap_interval(np.full(50, 0.1))
    assert math.isnan(found.estimate)
    assert math.isnan(found.low)


def test_ruin_ends_the_equity():
    found = statistics.bootstrap_interval([0.1, -1.5, 0.1, 0.1], "total_return", resamples=50)
    assert found.estimate == -1
    assert statistics.bootstrap_interval([0.1, -1.5, 0.1, 0.1], "max_drawdown", resamples=50).estimate == 1


def test_bad_arguments_are_refused():
    for arguments, problem in (
        (([0.1, math.nan, 0.2, 0.3],), "too few"),
        ((np.zeros((4, 2)),), "not a series"),
        ((np.zeros(9), "cagr"), "unknown metric"),
        ((np.zeros(9), "sharpe", 1.5), "level is out of range"),
    ):
        with pytest.raises(BadInput, match=problem):
            statistics.bootstrap_interval(*arguments)
