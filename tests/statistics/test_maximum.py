import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy import stats as scipy_stats

from backsweep import statistics
from backsweep.errors import BadInput
from backsweep.statistics.maximum import exact_maximum


def test_expected_maxima_are_the_published_ones():
    assert statistics.expected_maximum(100) == pytest.approx(2.5306028932016846, rel=1e-14)
    assert statistics.expected_maximum(10) == pytest.approx(1.538753, abs=5e-7)
    assert statistics.expected_maximum(100, exact=True) == pytest.approx(2.507594, abs=5e-7)
    assert exact_maximum(10).variance == pytest.approx(0.344344, abs=5e-7)
    assert exact_maximum(100).variance == pytest.approx(0.184405, abs=5e-7)


@pytest.mark.parametrize("n", [2, 3, 17, 49, 1000])
def test_the_quadrature_agrees_with_scipy(n):
    def density(x):
        return x * n * scipy_stats.norm.pdf(x) * scipy_stats.norm.cdf(x) ** (n - 1)

    expected = integrate.quad(density, -12, 12, epsabs=1e-12, limit=200)[0]
    assert statistics.expected_maximum(n, exact=True) == pytest.approx(expected, abs=1e-11)


def test_the_best_of_one_is_expected_to_be_nothing():
    assert statistics.expected_maximum(1) == 0
    assert statistics.minimum_backtest_length(1, 1.0) == 0


def test_the_approximation_holds_where_one_over_n_no_longer_shows_beside_one():
    assert statistics.expected_maximum(1e18) == pytest.approx(statistics.expected_maximum(1e18, exact=True), rel=0.01)


@given(st.floats(1, 1e9), st.floats(1.01, 10))
def test_more_trials_expect_a_larger_maximum(n, factor):
    for exact in (True, False):
        assert statistics.expected_maximum(n * factor, exact) >= statistics.expected_maximum(n, exact)


def test_deflated_sharpe_ratios_are_the_published_ones():
    sharpe, variance = 2.5 / math.sqrt(250), 0.5 / 250
    value = statistics.deflated_sharpe_ratio(sharpe, 1250, 100, variance, -3, 10)
    assert value == pytest.approx(0.90039683444939034, rel=1e-14)
    assert statistics.deflated_sharpe_ratio(sharpe, 1250, 100, variance) == pytest.approx(0.94277059, abs=5e-9)
    assert math.sqrt(variance) * statistics.expected_maximum(100) == pytest.approx(0.11317200, abs=5e-9)


def test_a_published_deflated_sharpe_ratio_of_few_trials_needs_the_approximation_of_its_source():
    """Bailey and Lopez de Prado (2014) find 0.9505 for 46 trials, where the expected maximum is exact by default."""
    case = {"sharpe": 2.5 / math.sqrt(250), "n": 1250, "trials": 46, "variance": 0.5 / 250, "skew": -3, "kurtosis": 10}
    assert statistics.deflated_sharpe_ratio(**case, exact=False) == pytest.approx(0.9505, abs=5e-5)
    assert statistics.deflated_sharpe_ratio(**case) == statistics.deflated_sharpe_ratio(**case, exact=True)
    benchmark = math.sqrt(0.5 / 250) * exact_maximum(46).mean
    by_hand = statistics.probabilistic_sharpe_ratio(2.5 / math.sqrt(250), 1250, -3, 10, benchmark)
    assert statistics.deflated_sharpe_ratio(**case) == by_hand != pytest.approx(0.9505, abs=5e-5)


def test_the_minimum_backtest_length_is_the_published_one():
    assert statistics.minimum_backtest_length(45, 1) == pytest.approx(4.9980870044434038, rel=1e-14)
    assert statistics.minimum_backtest_length(45, 0) == math.inf


@given(st.floats(-0.1, 0.3), st.integers(2, 10**7), st.floats(0, 1))
def test_the_band_is_between_the_strictest_and_the_mildest_count(sharpe, trials, share):
    effective = 1 + share * (trials - 1)
    band = statistics.deflated_sharpe_band(sharpe, 1000, trials, effective)
    assert band.low <= band.high <= statistics.probabilistic_sharpe_ratio(sharpe, 1000)


@pytest.mark.parametrize("counts", [(100.0, 17.5), (17.5, 100.0)])
def test_the_band_is_the_deflated_sharpe_ratio_of_both_counts_without_skill(counts):
    band = statistics.deflated_sharpe_band(0.1, 1000, *counts, skew=-1.0, kurtosis=5.0)
    for found, trials in ((band.low, 100), (band.high, 17.5)):
        benchmark = statistics.expected_maximum(trials) / math.sqrt(1000)
        assert found == pytest.approx(statistics.probabilistic_sharpe_ratio(0.1, 1000, -1.0, 5.0, benchmark))


def test_no_trials_are_refused():
    for function in (statistics.expected_maximum, exact_maximum):
        with pytest.raises(BadInput, match="n is out of range"):
            function(0)
    with pytest.raises(BadInput, match="n is out of range"):
        statistics.expected_maximum(np.nan)
