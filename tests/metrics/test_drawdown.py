import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backsweep import metrics
from backsweep.metrics import plain
from backsweep.metrics.drawdown import drawdown, max_drawdown_of, max_drawdown_sessions_of
from backsweep.metrics.reasons import DEFINED, NO_SESSION

whole_equity = arrays(np.float64, st.integers(0, 40), elements=st.integers(-20, 60).map(float))


def naive(equity, initial):
    """Depth, length, open or not: from the definitions, peak by peak."""
    path = [initial, *equity]
    depth = max(1 - path[t] / max(path[: t + 1]) for t in range(len(path)))
    lengths = [(0, False)]
    for start, peak in enumerate(path):
        if start + 1 < len(path) and peak == max(path[: start + 1]) and path[start + 1] < peak:
            regained = [t for t in range(start + 1, len(path)) if path[t] >= peak]
            lengths.append((regained[0] - start, False) if regained else (len(path) - 1 - start, True))
    longest = max(length for length, _ in lengths)
    return depth, longest, (longest, True) in lengths


@given(whole_equity, st.integers(1, 60).map(float))
def test_depth_and_length_agree_with_the_definition(equity, initial):
    for result in (drawdown(equity, initial), plain._drawdown(equity, initial)):
        assert (result.depth, result.sessions, result.is_open) == naive(equity.tolist(), initial)


@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e3, 1e6)))
def test_drawdown_gives_the_same_bytes_compiled_and_interpreted(equity):
    assert np.array(drawdown(equity, 1e5)).tobytes() == np.array(plain._drawdown(equity, 1e5)).tobytes()


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        ([0, -6, -7, -1, -9, -2, -6, -8, -5], 0.36590730),
        ([-10, 5, 2, 1], 0.10),
        ([math.nan, 1, 10, -4, 2, 3, 2, 1, -10], 0.1),
    ],
)
def test_published_drawdowns_are_reproduced(percent, expected):
    assert metrics.max_drawdown(np.array(percent) / 100) == pytest.approx(expected, abs=5e-9)


def test_a_loss_on_the_first_session_counts():
    assert metrics.max_drawdown([-0.25, 0.5]) == 0.25
    assert metrics.max_drawdown_sessions([-0.25, 0.5]) == 2


def test_a_drawdown_open_at_the_end_counts_and_is_flagged():
    assert drawdown(np.array([11.0, 9.0, 9.5]), 10.0) == (3, 1 - 9 / 11, 2, True)
    assert drawdown(np.array([9.0, 9.5, 10.0, 9.0]), 10.0).is_open is False


def test_a_flat_account_has_no_drawdown():
    assert metrics.max_drawdown([0.0, 0.0]) == 0.0
    assert metrics.max_drawdown_sessions([0.0, 0.0]) == 0.0
    assert math.isnan(metrics.calmar([0.0, 0.0]))


def test_without_a_session_there_is_no_drawdown_and_no_length():
    nothing, one = (drawdown(np.full(count, 9.0), 10.0) for count in (0, 1))
    for measure, expected in ((max_drawdown_of, 1.0 - 0.9), (max_drawdown_sessions_of, 1.0)):
        value, reason = measure(nothing)
        assert math.isnan(value)
        assert reason == NO_SESSION
        assert measure(one) == (expected, DEFINED)


def test_rounding_is_no_drawdown_and_leaves_no_calmar():
    equity = np.array([1e6, np.nextafter(1e6, 0), 1e6])
    assert drawdown(equity, 1e6)[1:3] == (0.0, 0)
    assert metrics.max_drawdown_sessions([-0.1, 1 / 0.9 - 1, 0.0, 0.0, -0.1]) == 2


def test_debt_is_a_drawdown_above_one():
    assert drawdown(np.array([-5.0]), 10.0).depth == 1.5


def test_equity_that_is_not_finite_has_no_drawdown_figure():
    assert math.isnan(drawdown(np.array([1.0, np.inf]), 1.0).depth)
    assert math.isnan(metrics.max_drawdown_sessions([np.inf, -0.5]))
