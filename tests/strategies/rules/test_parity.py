"""Shipped strategies give the same bits compiled and interpreted, and trade on the shipped data."""

import pytest

from backsweep.strategies.cross_section import CrossSection
from backsweep.strategies.moving_average_cross import MovingAverageCross
from backsweep.strategies.threshold import Threshold

pytestmark = pytest.mark.thorough


RUNS = [
    (Threshold, {}),
    (Threshold, {"entry": 0.5, "exit": -0.5, "window": 7, "stop_multiple": 1.5, "max_units": 4, "risk": 0.02}),
    pytest.param(
        Threshold, {"entry": 1.5, "target_multiple": 1.0, "calm": 0.25, "max_units": 1}, marks=pytest.mark.long
    ),
    (MovingAverageCross, {"short": True, "band": 0.01}),
    (CrossSection, {}),
    (CrossSection, {"by_score": True, "every": 3, "count": 1, "reversal_weight": -0.7, "band": 0.0}),
    pytest.param(CrossSection, {"pred_weight": 0.0, "every": 21, "gross": 1.5}, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("cls", "params"), RUNS)
def test_a_shipped_strategy_is_the_same_compiled_and_interpreted(on_shipped, cls, params):
    fast, slow = on_shipped(cls, **params), on_shipped(cls, compiled=False, **params)
    assert fast.trades.height > 20
    for frame in ("fills", "trades", "equity", "orders"):
        assert getattr(fast, frame).equals(getattr(slow, frame)), frame
    assert fast.metrics == slow.metrics
