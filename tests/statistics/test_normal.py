import math

import numpy as np
import pytest
from scipy.stats import norm

from backsweep.statistics.normal import cumulative, quantile, shrink, survival, upper_quantile


def test_probabilities_and_quantiles_are_those_of_scipy_far_into_the_tails():
    for z in np.linspace(-36.9, 36.9, 83):
        assert cumulative(z) == pytest.approx(norm.cdf(z), rel=1e-9)
        assert survival(z) == pytest.approx(norm.sf(z), rel=1e-9)
    for p in (1e-300, 1e-9, 0.025, 0.5, 0.9):
        assert quantile(p) == pytest.approx(norm.ppf(p), rel=1e-9, abs=1e-12)
        assert upper_quantile(p) == pytest.approx(norm.isf(p), rel=1e-9, abs=1e-12)


def test_certainty_has_no_finite_quantile():
    assert (quantile(0.0), quantile(1.0)) == (-math.inf, math.inf)
    assert (upper_quantile(0.0), upper_quantile(1.0)) == (math.inf, -math.inf)


@pytest.mark.parametrize("z", [0.5, 3.0, 20.0, 36.9])
def test_shrinking_makes_the_tail_so_many_times_as_likely(z):
    for count in (1.0, 2.0, 1e3):
        expected = min(count * survival(z), 0.5)
        assert survival(shrink(z, count)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("z", [37.5, 50.0])
def test_beyond_the_smallest_probability_shrinking_goes_by_the_exponent(z):
    assert shrink(z, 1.0) == z
    assert shrink(z, 1e6) == pytest.approx(math.sqrt(z * z - 2 * math.log(1e6)), rel=1e-12)
    assert shrink(37.0 + 1e-9, 1e6) == pytest.approx(shrink(37.0, 1e6), abs=1e-3)
    assert shrink(37.1, math.inf) == 0.0
