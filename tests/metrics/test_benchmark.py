"""Metrics beside a benchmark; the expected numbers are worked out beside each."""

import math

import numpy as np
import pytest

from backsweep.metrics.benchmark import align, alpha_of, beta_of, capture_of, information_ratio_of, relate
from backsweep.metrics.reasons import DEFINED, NO_FALL, NO_RISE, NO_VARIATION, STEADY_BENCHMARK, TOO_FEW
from backsweep.metrics.returns import moments

NAN = math.nan


def aligned(returns, levels):
    own, theirs = np.empty(len(returns)), np.empty(len(returns))
    found = align(np.array(returns), np.array(levels), own, theirs)
    return found, own[: found.n].tolist(), theirs[: found.n].tolist()


def test_returns_are_compared_over_the_same_sessions():
    found, own, theirs = aligned([0.1, -0.2], [100.0, 150.0, 75.0])
    assert found == (2, 2)
    assert own == pytest.approx([0.1, -0.2])
    assert theirs == pytest.approx([0.5, -0.5])


def test_sessions_in_which_the_benchmark_has_no_new_value_are_compounded_into_the_next():
    found, own, theirs = aligned([0.1, 0.2, -0.5], [100.0, NAN, 110.0, 121.0])
    assert found == (2, 3)
    assert own == pytest.approx([1.1 * 1.2 - 1, -0.5])
    assert theirs == pytest.approx([0.1, 0.1])


def test_before_the_first_value_and_after_the_last_nothing_is_compared():
    found, own, theirs = aligned([0.1, 0.2, 0.3, 0.4], [NAN, 100.0, 120.0, NAN, NAN])
    assert found == (1, 1)
    assert (own, theirs) == (pytest.approx([0.2]), pytest.approx([0.2]))


def test_what_follows_ruin_is_not_compared():
    found, own, _ = aligned([0.1, -1.0, NAN], [100.0, 101.0, 102.0, 103.0])
    assert found == (2, 2)
    assert own == pytest.approx([0.1, -1.0])


BENCHMARK = np.array([0.01, -0.02, 0.03, -0.04])


def test_alpha_and_beta_are_intercept_and_slope_of_the_regression():
    r = relate(0.001 + 1.5 * BENCHMARK, BENCHMARK)
    assert beta_of(r) == (pytest.approx(1.5), DEFINED)
    assert alpha_of(r, 250.0) == (pytest.approx(0.25), DEFINED)  # 0.001 an interval, 250 intervals a year


def test_alpha_and_beta_of_returns_that_scatter():
    # own 1, 0, 2, 1 % and the benchmark 0, -1, 1, 0 %: means 1 and 0, products 0 + 1 + 1 + 0, squares 0 + 1 + 1 + 0;
    # with a last return of 3 instead of 1 the mean is 1.5, the products are (-1.5) (-1) + 0.5 = 2, the slope still 1
    own, theirs = np.array([0.01, 0.0, 0.02, 0.03]), np.array([0.0, -0.01, 0.01, 0.0])
    r = relate(own, theirs)
    assert beta_of(r)[0] == pytest.approx(1.0)
    assert alpha_of(r, 100.0)[0] == pytest.approx(1.5)


def test_the_information_ratio_is_mean_over_deviation_of_what_is_above_the_benchmark():
    # 1 and 3 %: mean 2, deviation sqrt(2), and 4 intervals a year: sqrt(4) * 2 / sqrt(2)
    assert information_ratio_of(moments(np.array([0.01, 0.03])), 4.0) == (pytest.approx(2.0 * math.sqrt(2.0)), DEFINED)


def test_captures_are_mean_compound_returns_over_those_of_the_benchmark():
    own = np.array([0.1, 0.2, -0.1, 0.05])
    theirs = np.array([0.2, 0.2, -0.2, 0.0])  # an interval in which the benchmark stands still is in neither
    assert capture_of(own, theirs, 1.0, NO_RISE) == (pytest.approx((math.sqrt(1.1 * 1.2) - 1) / 0.2), DEFINED)
    assert capture_of(own, theirs, -1.0, NO_FALL) == (pytest.approx(0.5), DEFINED)


def test_an_account_that_loses_everything_captures_all_of_it():
    assert capture_of(np.array([-1.0]), np.array([-0.5]), -1.0, NO_FALL) == (2.0, DEFINED)


def test_what_is_undefined_has_its_reason():
    none, one = relate(np.zeros(0), np.zeros(0)), relate(np.array([0.1]), np.array([0.1]))
    assert (none.n, one.n) == (0, 1)
    assert [beta_of(each)[1] for each in (none, one)] == [TOO_FEW, TOO_FEW]
    steady = relate(np.array([0.1, 0.2]), np.array([0.1, 0.1]))
    assert beta_of(steady)[1] == alpha_of(steady, 252.0)[1] == STEADY_BENCHMARK
    assert information_ratio_of(moments(np.zeros(1)), 252.0)[1] == TOO_FEW
    assert information_ratio_of(moments(np.full(3, 0.01)), 252.0)[1] == NO_VARIATION
    assert capture_of(BENCHMARK, np.zeros(4), 1.0, NO_RISE)[1] == NO_RISE
    assert capture_of(BENCHMARK, np.zeros(4), -1.0, NO_FALL)[1] == NO_FALL
