import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backsweep import metrics
from backsweep.metrics import plain
from backsweep.metrics.trades import tally

PUBLISHED = [100, -50, 200, -80, 150, -60, 0]


def test_published_figures_are_reproduced():
    assert metrics.profit_factor(PUBLISHED) == pytest.approx(2.36842105, abs=5e-9)
    assert metrics.expectancy(PUBLISHED) == pytest.approx(37.14285714, abs=5e-9)
    assert metrics.win_rate(PUBLISHED) == 3 / 7


@pytest.mark.parametrize("metric", [metrics.profit_factor, metrics.expectancy, metrics.win_rate])
def test_no_closed_trade_gives_nan(metric):
    assert math.isnan(metric([]))
    assert math.isnan(metric([math.nan, None]))


def test_no_losing_trade_leaves_the_profit_factor_undefined():
    assert math.isnan(metrics.profit_factor([10.0, 0.0]))
    assert math.isnan(metrics.profit_factor([10.0, -1e-15]))
    assert math.isnan(metrics.profit_factor([0.0]))
    assert metrics.profit_factor([-10.0]) == 0.0
    assert metrics.win_rate([0.0]) == 0.0
    assert metrics.expectancy([0.0]) == 0.0


@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e9, 1e9)))
def test_a_tally_gives_the_same_bytes_compiled_and_interpreted(pnl):
    assert np.array(tally(pnl)).tobytes() == np.array(plain._tally(pnl)).tobytes()


@given(arrays(np.float64, st.integers(1, 60), elements=st.integers(-1000, 1000).map(float)))
def test_expectancy_is_the_mean_of_the_trades(pnl):
    assert metrics.expectancy(pnl) == pytest.approx(pnl.mean())
