import math

import numpy as np
import pytest

from backsweep.errors import BadInput
from backsweep.statistics.arguments import matrix, number, one_of, series, whole


@pytest.mark.parametrize(
    ("value", "bounds", "strict", "fine"),
    [
        (1.0, (1.0, 2.0), False, True),
        (2.0, (1.0, 2.0), False, True),
        (1.0, (1.0, 2.0), True, False),
        (2.0, (1.0, 2.0), True, True),
        (math.nextafter(1.0, 0.0), (1.0, 2.0), False, False),
        (math.nextafter(2.0, 3.0), (1.0, 2.0), False, False),
        (math.nan, (), False, False),
        (math.inf, (), False, True),
        (-math.inf, (), False, True),
    ],
)
def test_a_number_is_within_its_bounds_both_included_unless_strict(value, bounds, strict, fine):
    if fine:
        assert number("level", value, *bounds, strict=strict) == value
        return
    with pytest.raises(BadInput, match="level is out of range"):
        number("level", value, *bounds, strict=strict)


@pytest.mark.parametrize(
    ("bounds", "strict", "expected"),
    [((1.0,), False, "at least 1"), ((1.0, 2.5), False, "at least 1, at most 2.5"), ((0.0,), True, "above 0")],
)
def test_a_number_out_of_range_is_told_its_bounds(bounds, strict, expected):
    with pytest.raises(BadInput) as caught:
        number("level", -3.0, *bounds, strict=strict)
    assert (caught.value.expected, caught.value.found) == (expected, "-3")


def test_a_whole_number_is_one_within_its_bounds():
    assert whole("blocks", 4.0, 4, 9) == 4
    assert isinstance(whole("blocks", 4.0, 4, 9), int)
    assert whole("blocks", 9, 4, 9) == 9
    for value, problem in ((3, "out of range"), (10, "out of range"), (4.5, "not whole")):
        with pytest.raises(BadInput, match=f"blocks is {problem}"):
            whole("blocks", value, 4, 9)


def test_a_word_is_one_of_those_allowed():
    assert one_of("metric", "mean", ("sharpe", "mean")) == "mean"
    with pytest.raises(BadInput, match="unknown metric"):
        one_of("metric", "median", ("sharpe", "mean"))


def test_a_series_loses_its_nans_and_keeps_the_rest():
    assert series("returns", [0.1, math.nan, -0.2]).tolist() == [0.1, -0.2]
    assert series("returns", []).size == 0
    for values, problem in (([[0.1]], "not a series"), (0.1, "not a series"), ([math.inf], "not all finite")):
        with pytest.raises(BadInput, match=problem):
            series("returns", values)


def test_sessions_that_are_nan_in_every_trial_are_dropped_and_others_earned_nothing():
    nan = math.nan
    values = [[0.1, 0.2], [nan, nan], [nan, 0.3], [0.4, 0.5], [0.6, nan]]
    assert matrix("returns", values).tolist() == [[0.1, 0.2], [0.0, 0.3], [0.4, 0.5], [0.6, 0.0]]


def test_a_matrix_keeps_single_precision_and_makes_everything_else_double():
    for dtype, expected in ((np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)):
        assert matrix("returns", np.ones((4, 1), dtype)).dtype == expected
    missing = np.full((5, 2), math.nan, np.float32)
    missing[:4, 0] = 1.0
    assert matrix("returns", missing).dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "problem"),
    [((4,), "not a matrix"), ((4, 1, 1), "not a matrix"), ((3, 9), "too few"), ((9, 0), "too few")],
)
def test_a_matrix_has_two_dimensions_four_sessions_and_a_trial(shape, problem):
    with pytest.raises(BadInput, match=f"returns are {problem}"):
        matrix("returns", np.ones(shape))


def test_four_sessions_are_what_is_left_without_nan():
    values = np.ones((5, 2))
    values[:2] = math.nan
    with pytest.raises(BadInput, match="too few") as caught:
        matrix("returns", values)
    assert caught.value.found == "3 sessions of 2 trials"
    values[2, 0] = math.inf
    with pytest.raises(BadInput, match="not all finite"):
        matrix("returns", values[1:].repeat(2, axis=0))
