"""Which points of a long line are drawn."""

import numpy as np

from backsweep.figures.style import extremes


def test_of_a_long_line_the_lowest_and_highest_of_each_stretch_and_both_ends_are_drawn():
    values = np.sin(np.arange(100_000.0))
    values[12_345], values[54_321] = 9.0, -9.0
    kept = extremes(values, 400)
    assert len(kept) <= 400
    assert {0, 12_345, 54_321, 99_999} <= {*kept.tolist()}
    assert (np.diff(kept) > 0).all()


def test_a_short_line_is_drawn_whole_and_what_is_undefined_is_no_extreme():
    assert extremes(np.full(5, np.nan), 5).tolist() == [0, 1, 2, 3, 4]
    values = np.full(1000, np.nan)
    values[500] = 1.0
    assert extremes(values, 100).tolist() == [0, 500, 999]
