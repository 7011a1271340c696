import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from backsweep import statistics
from backsweep.errors import BadInput

PUBLISHED = (0.005, 0.009, 0.0128, 0.0135, 0.045, 0.06)

p_values = arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1))


@pytest.mark.parametrize(
    ("adjust", "expected"),
    [
        (statistics.bonferroni, (0.03, 0.054, 0.0768, 0.081, 0.27, 0.36)),
        (statistics.holm, (0.03, 0.045, 0.0512, 0.0512, 0.09, 0.09)),
        (statistics.benjamini_yekutieli, (0.0496125, 0.0496125, 0.0496125, 0.0496125, 0.1323, 0.147)),
        (statistics.benjamini_hochberg, (0.02025, 0.02025, 0.02025, 0.02025, 0.054, 0.06)),
    ],
)
def test_adjusted_p_values_are_the_published_ones(adjust, expected):
    assert adjust(PUBLISHED) == pytest.approx(expected, rel=1e-14)


@given(p_values)
def test_false_discovery_rates_agree_with_scipy(p):
    expected = scipy_stats.false_discovery_control(p, method="by")
    assert statistics.benjamini_yekutieli(p) == pytest.approx(expected, rel=1e-12)
    expected = scipy_stats.false_discovery_control(p, method="bh")
    assert statistics.benjamini_hochberg(p) == pytest.approx(expected, rel=1e-12)


@given(p_values, st.randoms(use_true_random=False))
def test_the_order_of_the_tests_changes_nothing(p, random):
    order = np.array(random.sample(range(p.size), p.size))
    for adjust in (statistics.bonferroni, statistics.holm, statistics.benjamini_yekutieli):
        assert np.array_equal(adjust(p[order]), adjust(p)[order])


@given(p_values)
def test_adjusting_never_makes_a_test_more_significant_and_holm_is_no_stricter_than_bonferroni(p):
    assert (statistics.holm(p) >= p).all()
    assert (statistics.holm(p) <= statistics.bonferroni(p)).all()
    assert (statistics.benjamini_yekutieli(p) >= statistics.benjamini_hochberg(p) * (1 - 1e-12)).all()


def test_an_undefined_p_value_is_not_a_test():
    for adjust in (statistics.bonferroni, statistics.holm, statistics.benjamini_yekutieli):
        assert adjust([0.01, math.nan, 0.02])[[0, 2]] == pytest.approx(adjust([0.01, 0.02]))
        assert math.isnan(adjust([0.01, math.nan])[1])


def test_numbers_that_are_not_p_values_are_refused():
    with pytest.raises(BadInput, match="not p-values"):
        statistics.holm([0.1, 1.5])


def test_the_haircut_is_that_of_the_published_example():
    assert statistics.haircut_sharpe(0.75, 20, 200) == pytest.approx(0.32, abs=0.01)


@given(st.floats(0, 60), st.floats(0.1, 50), st.floats(1, 1e8))
def test_the_haircut_takes_and_keeps_the_sign(sharpe, years, trials):
    left = statistics.haircut_sharpe(sharpe, years, trials)
    assert 0 <= left <= sharpe * (1 + 1e-9) + 1e-9
    assert statistics.haircut_sharpe(-sharpe, years, trials) == -left
    assert statistics.haircut_sharpe(sharpe, years, 1) == pytest.approx(sharpe, rel=1e-9, abs=1e-9)
