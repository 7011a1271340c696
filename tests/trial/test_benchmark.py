"""A benchmark beside runs over ranges of sessions."""

import math

import numpy as np
import pytest

from backsweep.metrics.summary import ALL_METRICS, METRICS, REASONS
from backsweep.trial.benchmark import Benchmark, tabulate_benchmarks
from backsweep.trial.session_range import SessionRange

NAN = math.nan


def metrics_of(levels, ranges, returns):
    values, reasons = np.full(len(ALL_METRICS), 7.0), np.full(len(ALL_METRICS), 77, np.uint8)
    Benchmark(np.array(levels), 252.0).write(
        [SessionRange(*each) for each in ranges], np.array(returns), values, reasons
    )
    assert (values[: len(METRICS)] == 7.0).all()  # those of every trial are left alone
    return dict(zip(ALL_METRICS, zip(values, reasons, strict=True), strict=True))


def test_a_range_begins_with_what_the_benchmark_was_worth_last():
    # sessions 2 and 3: from 110, the last value before them, to 121 and to 108.9: 10 % and -10 %
    found = metrics_of([100.0, 110.0, NAN, 121.0, 108.9], [(2, 4)], [0.2, -0.2])
    assert found["beta"] == (pytest.approx(2.0), 0)
    assert found["alpha"] == (pytest.approx(0.0, abs=1e-12), 0)
    assert found["up_capture"] == (pytest.approx(2.0), 0)
    assert found["down_capture"] == (pytest.approx(2.0), 0)


def test_what_lies_between_ranges_is_not_compared():
    found = metrics_of([100.0, 110.0, 1.0, 100.0, 90.0], [(0, 1), (3, 4)], [0.11, -0.09])
    assert found["beta"] == (pytest.approx(1.0), 0)
    assert found["alpha"] == (pytest.approx(0.01 * 252.0), 0)


def test_intervals_of_several_sessions_are_fewer_in_a_year():
    # two intervals of two sessions each, 126 a year; above the benchmark by 1 % in each
    found = metrics_of([100.0, NAN, 110.0, NAN, 99.0], [(0, 4)], [0.0, 0.11, 0.0, -0.09])
    assert found["alpha"] == (pytest.approx(0.01 * 126.0), 0)


def test_too_little_to_compare_is_undefined_with_a_reason():
    found = metrics_of([NAN, 100.0, 110.0], [(0, 2)], [0.1, 0.2])
    assert math.isnan(found["beta"][0])
    assert REASONS[found["beta"][1]] == "fewer than 2 session returns"
    assert REASONS[found["down_capture"][1]] == "the benchmark never fell"


def test_the_figures_of_benchmarks_are_those_of_their_own_returns():
    levels = {"benchmark": np.array([100.0, 110.0, NAN, 99.0]), "buy_and_hold": np.array([1.0, 1.0, 2.0, 1.0])}
    table = tabulate_benchmarks(levels, 252.0, [(None, [SessionRange(0, 3)]), (0, [SessionRange(1, 2)])])
    assert table["fold"].to_list() == [None, None, 0, 0]
    every = table.row(0, named=True)
    assert every["total_return"] == pytest.approx(-0.01)
    assert every["max_drawdown"] == pytest.approx(0.1)
    # returns of 10 and -10 % in three sessions: a deviation of sqrt(0.02), 252 * 2 / 3 times a year
    assert every["volatility"] == pytest.approx(math.sqrt(168.0 * 0.02))
    assert table.row(1, named=True)["max_drawdown"] == pytest.approx(0.5)
    assert table.row(2)[2:] == (None, None, None, None)  # no new value in that fold
    assert table.row(3, named=True)["total_return"] == pytest.approx(1.0)
