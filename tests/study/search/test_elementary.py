"""Elementary functions: their last bits, and their errors against the C library's, which are as small but not fixed."""

import math

import numpy as np
import pytest
from scipy.special import ndtri

from backsweep.study.search import elementary
from backsweep.study.search.elementary import exp, exp_of, log, log_of, normal_cdf, normal_quantile

# As IEEE 754 arithmetic determines them: on another machine they must be the same.
EXPECTED = {
    exp: {
        -708.0: "0x1.7c8ab2288c9abp-1022",
        -30.5: "0x1.ff3864232b407p-45",
        -0.1: "0x1.cf46d99d52b3ap-1",
        0.0: "0x1.0000000000000p+0",
        1e-09: "0x1.000000044b830p+0",
        0.3: "0x1.599058c8c1a96p+0",
        1.0: "0x1.5bf0a8b14576ap+1",
        88.7: "0x1.f4705bbffae5cp+127",
        708.9: "0x1.a796454e90694p+1022",
    },
    log: {
        5e-324: "-0x1.74385446d71c3p+9",
        1e-300: "-0x1.5963447f87fb5p+9",
        0.001: "-0x1.ba18a998fffa0p+2",
        0.5: "-0x1.62e42fefa39efp-1",
        0.7071067811865475: "-0x1.62e42fefa39f1p-2",
        0.7071067811865477: "-0x1.62e42fefa39ebp-2",
        1.0: "0x0.0p+0",
        1.0000001: "0x1.ad7f2847b6492p-24",
        3.0: "0x1.193ea7aad030ap+0",
        12345.6789: "0x1.2d7955beb52fep+3",
        1e300: "0x1.5963447f87fb5p+9",
    },
    normal_cdf: {
        -37.0: "0x1.eaccc6bfeb0afp-995",
        -12.25: "0x1.be9c1975636c9p-114",
        -5.7: "0x1.9ba7ba68de348p-28",
        -2.0: "0x1.74bcf82c9d861p-6",
        -0.6: "0x1.18d5cf2e401b1p-2",
        0.0: "0x1.0000000000000p-1",
        0.25: "0x1.3289a2b16ed6cp-1",
        0.7: "0x1.841d5715c32a8p-1",
        1.3: "0x1.ce702ab8ef8a4p-1",
        6.0: "0x1.fffffff786788p-1",
    },
    normal_quantile: {
        1e-290: "-0x1.235da891468ebp+5",
        1e-12: "-0x1.c234fba57a32ap+2",
        0.01: "-0x1.29c5c4630ff0ep+1",
        0.0749: "-0x1.70b374817af50p+0",
        0.2: "-0x1.aee8fa73a1333p-1",
        0.5: "0x0.0p+0",
        0.7: "0x1.0c7e39582c5fap-1",
        0.95: "0x1.a515209676ab8p+0",
        0.999999: "0x1.30381a97985f1p+2",
    },
}


@pytest.mark.parametrize("function", EXPECTED)
def test_every_bit_is_as_expected(function):
    assert [float(function(value)).hex() for value in EXPECTED[function]] == list(EXPECTED[function].values())


@pytest.mark.parametrize(("function", "compiled"), [(exp, exp_of), (log, log_of)])
def test_every_bit_of_arrays_is_as_expected(function, compiled):
    values = list(EXPECTED[function])
    assert [value.hex() for value in compiled(values).tolist()] == list(EXPECTED[function].values())


def ulps(found, expected):
    return float(np.max(np.abs(found - expected) / np.spacing(np.abs(expected))))


def test_exponentials_and_logarithms_are_right_to_two_units_in_the_last_place():
    draws = np.random.default_rng(1)
    exponents = np.concatenate([draws.uniform(-707, 708, 500), draws.uniform(-1, 1, 500)])
    numbers = np.concatenate([2.0 ** draws.uniform(-1000, 1000, 500), draws.uniform(0.5, 2, 500)])
    assert ulps(exp_of(exponents), np.array([math.exp(x) for x in exponents])) < 2
    assert ulps(log_of(numbers), np.array([math.log(x) for x in numbers])) < 2


def test_beyond_its_limits_the_exponential_is_that_of_the_limit():
    assert exp(-1e9) == exp(elementary.LEAST_EXPONENT) > 0.0
    assert exp(1e9) == exp(elementary.MOST_EXPONENT) < math.inf


def test_the_normal_distribution_is_right_also_far_out():
    for x in np.random.default_rng(2).uniform(-8, 8, 500):
        assert normal_cdf(x) == pytest.approx(0.5 * math.erfc(-x / math.sqrt(2)), rel=2e-14)
    assert normal_cdf(-40.0) == 0.0
    assert normal_cdf(40.0) == 1.0


def test_the_quantile_is_the_inverse_of_the_distribution():
    draws = np.random.default_rng(3)
    for p in np.concatenate([draws.random(300), 10 ** draws.uniform(-280, 0, 100)]):
        assert normal_quantile(p) == pytest.approx(ndtri(p), rel=2e-15, abs=1e-16)


def test_arrays_keep_their_shape_and_are_not_changed():
    values = np.arange(6.0).reshape(2, 3)[:, ::2]
    values.flags.writeable = False
    assert exp_of(values).shape == (2, 2)
    assert log_of(exp_of(values)) == pytest.approx(values, abs=1e-15)
    assert exp_of([]).size == log_of([]).size == 0
