import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backsweep import statistics
from backsweep.errors import BadInput
from backsweep.statistics import normal


def test_probabilities_of_a_sharpe_ratio_are_the_published_ones():
    assert statistics.probabilistic_sharpe_ratio(0.458, 24) == pytest.approx(0.98167492, abs=5e-9)
    value = statistics.probabilistic_sharpe_ratio(1.585 / math.sqrt(12), 24, -2.448, 10.164)
    assert value == pytest.approx(0.91323430688486018, rel=1e-14)


def test_standard_error_is_the_published_one():
    assert statistics.sharpe_standard_error(0.8183, 134, -1.4455, 7.0497) == pytest.approx(0.15500655, abs=5e-9)


def test_the_standard_error_is_that_of_normal_returns_where_no_moments_are_given():
    assert statistics.sharpe_standard_error(0.2, 101) == pytest.approx(math.sqrt((1 + 0.2**2 / 2) / 100), rel=1e-14)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (statistics.minimum_track_record_length(0.8183, -1.4455, 7.0497) / 12, 1.15930266),
        (statistics.minimum_track_record_length(2 / 250**0.5, benchmark=1 / 250**0.5) / 250, 2.7311878017281761),
        (
            statistics.minimum_track_record_length(3 / 12**0.5, -0.72, 5.78, 2.5 / 12**0.5) / 12,
            27.352920196040301,
        ),
    ],
)
def test_track_records_are_the_published_ones(length, expected):
    assert length == pytest.approx(expected, rel=1e-8 if expected < 2 else 2e-15 * 1e3)


def test_a_sharpe_at_its_benchmark_never_has_record_enough():
    assert statistics.minimum_track_record_length(0.1, benchmark=0.1) == math.inf
    assert statistics.probabilistic_sharpe_ratio(0.1, 50, benchmark=0.1) == 0.5


def test_an_annual_sharpe_with_daily_sessions_would_look_far_surer_than_it_is():
    annual, sessions = 0.8, 504
    honest = statistics.probabilistic_sharpe_ratio(annual / math.sqrt(252), sessions)
    wrong = statistics.probabilistic_sharpe_ratio(annual, sessions)
    assert 0.85 < honest < 0.90
    assert wrong > 0.999999


@given(st.floats(0.01, 0.5), st.floats(0.55, 0.999), st.floats(-1, 1), st.floats(3, 10))
def test_the_minimum_track_record_reaches_exactly_the_confidence(sharpe, confidence, skew, kurtosis):
    length = statistics.minimum_track_record_length(sharpe, skew, kurtosis, confidence=confidence)
    reached = statistics.probabilistic_sharpe_ratio(sharpe, length, skew, kurtosis)
    assert reached == pytest.approx(confidence, rel=1e-9)


@given(st.floats(-0.4, 0.4), st.integers(5, 5000))
def test_more_sessions_make_a_positive_sharpe_surer(sharpe, sessions):
    before = statistics.probabilistic_sharpe_ratio(sharpe, sessions)
    after = statistics.probabilistic_sharpe_ratio(sharpe, sessions + 100)
    assert after >= before if sharpe >= 0 else after <= before


def test_undefined_figures_stay_undefined():
    assert math.isnan(statistics.probabilistic_sharpe_ratio(math.nan, 100))
    assert math.isnan(statistics.minimum_track_record_length(math.nan))
    # Moments that contradict each other: 1 - 3 x 0.3 + (1 - 1) / 4 x 0.3^2 = 0.1 has a root, 1 - 3 x 0.5 has none.
    assert math.isfinite(statistics.minimum_track_record_length(0.3, 3.0, 1.0))
    assert math.isnan(statistics.minimum_track_record_length(0.5, 3.0, 1.0))
    assert math.isnan(statistics.sharpe_standard_error(3.0, 100, skew=5.0, kurtosis=1.0))


def test_one_session_is_refused_in_four_parts():
    with pytest.raises(BadInput) as caught:
        statistics.sharpe_standard_error(0.1, 1)
    assert (caught.value.expected, caught.value.found) == ("above 1", "1")
    assert caught.value.remedy


@example(-5.9921875)
@given(st.floats(-8, 37))
def test_the_upper_quantile_undoes_the_survival_function_far_into_the_tail(z):
    # Below 0 the probability is near 1, where neighbouring floats are 2^-53 apart: two of them, over the density.
    rounding = 2.0**-52 * math.sqrt(2.0 * math.pi) * math.exp(z * z / 2.0) if z < 0.0 else 0.0
    assert normal.upper_quantile(normal.survival(z)) == pytest.approx(z, rel=1e-9, abs=1e-9 + rounding)


def test_shrinking_is_continuous_where_the_tail_no_longer_fits_a_float():
    below, above = normal.shrink(36.999, 1e5), normal.shrink(37.001, 1e5)
    assert 0 < above - below < 0.01


@pytest.mark.parametrize("confidence", [1.5, -0.5, math.nan])
def test_a_confidence_that_is_no_probability_is_refused(confidence):
    with pytest.raises(BadInput, match="confidence is out of range"):
        statistics.minimum_track_record_length(0.1, confidence=confidence)
