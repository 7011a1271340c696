import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from backsweep import metrics
from backsweep.errors import BadInput
from backsweep.metrics import plain
from backsweep.metrics import returns as kernels

WITH_NAN = np.array([np.nan, 1, 10, -4, 2, 3, 2, 1, -10]) / 100
WITH_ZERO = np.array([0, 1, 10, -4, 2, 3, 2, 1, -10]) / 100
RETURN_METRICS = (metrics.volatility, metrics.sharpe, metrics.sortino, metrics.skew, metrics.kurtosis)
ALL_METRICS = (*RETURN_METRICS, metrics.total_return, metrics.cagr, metrics.calmar, metrics.max_drawdown)

returns_arrays = arrays(np.float64, st.integers(0, 60), elements=st.floats(-0.3, 0.3))


def same(a, b):
    return np.asarray(a, dtype=np.float64).tobytes() == np.asarray(b, dtype=np.float64).tobytes()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (metrics.sharpe(WITH_NAN), 1.7238613961706866),
        (metrics.sortino(WITH_NAN), 2.605531251673693),
        (metrics.volatility(WITH_NAN), 0.9136465399704637),
        (metrics.sharpe(WITH_ZERO), 1.6368951821422701),
        (metrics.sortino(WITH_ZERO), 2.4565184222025885),
        (metrics.cagr(WITH_NAN), 1.9135925373194231),
        (metrics.cagr(WITH_ZERO), 1.9135925373194231),
        (metrics.calmar(WITH_NAN), 19.135925373194231),
    ],
)
def test_published_figures_are_reproduced(value, expected):
    assert value == pytest.approx(expected, rel=2e-14)


@given(arrays(np.float64, st.integers(3, 200), elements=st.floats(-0.5, 0.5).map(lambda x: round(x, 6))))
def test_skew_and_kurtosis_agree_with_scipy(values):
    if np.unique(values).size == 1:
        assert math.isnan(metrics.skew(values))
        assert math.isnan(metrics.kurtosis(values))
        return
    assert metrics.skew(values) == pytest.approx(stats.skew(values), rel=1e-12, abs=1e-12)
    assert metrics.kurtosis(values) == pytest.approx(stats.kurtosis(values, fisher=False), rel=1e-12)


@given(returns_arrays)
def test_volatility_and_sharpe_agree_with_numpy(values):
    if values.size < 2 or np.std(values) < 1e-9:
        return
    deviation = np.std(values, ddof=1)
    assert metrics.volatility(values) == pytest.approx(math.sqrt(252) * deviation, rel=1e-9)
    assert metrics.sharpe(values) == pytest.approx(math.sqrt(252) * values.mean() / deviation, rel=1e-9, abs=1e-7)


@given(returns_arrays)
def test_kernels_give_the_same_bytes_compiled_and_interpreted(values):
    assert same(plain._moments(values), kernels.moments(values))
    assert same(plain._downside(values, 0.001), kernels.downside(values, 0.001))
    first, second = np.zeros(values.size), np.zeros(values.size)
    assert plain._compound(values, first) == kernels.compound(values, second)
    assert same(first, second)


def test_of_no_returns_the_moments_count_none_and_the_rest_is_undefined():
    assert kernels.moments(np.empty(0)).n == 0
    assert np.isnan(np.array(kernels.moments(np.empty(0))[1:])).all()


@given(st.floats(-0.9, 0.9), st.integers(2, 4000))
def test_the_variance_of_a_constant_series_is_exactly_zero(value, n):
    values = np.full(n, value)
    assert kernels.moments(values).squares == 0.0
    assert metrics.volatility(values) == 0.0
    assert math.isnan(metrics.sharpe(values))
    assert math.isnan(metrics.skew(values))
    assert math.isnan(metrics.kurtosis(values))


def test_a_spread_that_is_rounding_counts_as_no_variation():
    growth = 1e6 * 1.0001 ** np.arange(1000)
    values = growth[1:] / growth[:-1] - 1
    assert np.std(values) > 0
    assert math.isnan(metrics.sharpe(values))
    assert metrics.volatility(values) == 0.0


def test_a_small_spread_that_is_no_rounding_counts():
    assert metrics.sharpe([1e-9, 2e-9, 3e-9]) == pytest.approx(metrics.sharpe([0.1, 0.2, 0.3]))


@pytest.mark.parametrize("metric", ALL_METRICS)
@pytest.mark.parametrize("values", [[], [np.nan], [np.nan, np.nan]])
def test_no_returns_give_nan(metric, values):
    assert math.isnan(metric(values))


@pytest.mark.parametrize("metric", RETURN_METRICS)
def test_one_return_gives_nan(metric):
    assert math.isnan(metric([0.01]))


@pytest.mark.parametrize("metric", [*RETURN_METRICS, metrics.total_return, metrics.max_drawdown])
def test_nan_and_null_are_dropped(metric):
    bare = metric(WITH_NAN[1:])
    assert metric(WITH_NAN) == bare
    assert metric([None, *WITH_NAN[1:], None]) == bare
    assert metric(pl.Series([None, *WITH_NAN[1:].tolist()])) == bare


def test_no_session_below_the_required_return_leaves_sortino_undefined():
    assert math.isnan(metrics.sortino([0.01, 0.02, 0.0]))
    assert not math.isnan(metrics.sortino([0.01, 0.02, 0.0], required=0.001))


def test_risk_free_and_required_are_rates_per_session():
    values = WITH_ZERO
    assert metrics.sharpe(values, risk_free=0.001) == pytest.approx(metrics.sharpe(values - 0.001))
    assert metrics.sortino(values, required=0.001) == pytest.approx(metrics.sortino(values - 0.001))


def test_sharpe_scales_with_the_root_of_the_periods():
    assert metrics.sharpe(WITH_ZERO, periods_per_year=12) == pytest.approx(
        math.sqrt(12) * metrics.sharpe(WITH_ZERO, periods_per_year=1), rel=1e-15
    )


def test_growth_takes_years_or_derives_them_from_the_sessions():
    values = [0.1, 0.1]
    assert metrics.total_return(values) == pytest.approx(0.21)
    assert metrics.cagr(values, years=2) == pytest.approx(0.1)
    assert metrics.cagr(values, periods_per_year=1) == pytest.approx(0.1)
    assert metrics.cagr([*values, np.nan, np.nan], periods_per_year=2) == pytest.approx(0.1)


def test_a_ruined_account_has_lost_everything_for_ever():
    values = [0.1, -1.0, 5.0]
    assert metrics.total_return(values) == -1.0
    assert metrics.cagr(values) == -1.0
    assert metrics.max_drawdown(values) == 1.0
    assert metrics.cagr([0.1, -1.5, -1.5]) == -1.0
    assert metrics.total_return([0.1, -1.5, -1.5]) == pytest.approx(-1.55)


@pytest.mark.parametrize("metric", [*ALL_METRICS, metrics.max_drawdown_sessions])
@pytest.mark.parametrize("values", [[1e200, 1e200, -0.5], [np.inf, -0.5, 0.1], [1e308, 1e308, -1e308]])
def test_what_does_not_fit_a_float_is_nan_and_never_infinite(metric, values):
    assert not math.isinf(metric(values))


def test_growth_too_fast_for_a_float_is_nan():
    assert math.isnan(metrics.cagr([1000.0], periods_per_year=252))
    assert metrics.cagr([-0.999], periods_per_year=252) == -1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.sharpe(np.zeros((2, 2))),
        lambda: metrics.sharpe(1.0),
        lambda: metrics.sharpe([0.1, 0.2], periods_per_year=0),
        lambda: metrics.volatility([0.1, 0.2], periods_per_year=math.inf),
        lambda: metrics.cagr([0.1], years=-1),
        lambda: metrics.calmar([0.1], years=math.nan),
    ],
)
def test_bad_arguments_are_refused(call):
    with pytest.raises(BadInput, match="expected"):
        call()
