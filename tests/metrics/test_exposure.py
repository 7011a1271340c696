import math

import numpy as np
import pytest

from backsweep.metrics.exposure import exposure_of, turnover_of
from backsweep.metrics.reasons import DEFINED, NO_SESSION, NO_TIME, NOT_FINITE, RUINED


def array(*values):
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize(
    ("equity", "exposure", "expected"),
    [
        (array(100.0, 90.0), array(0.5, 1.5), (1.0, DEFINED)),
        (array(0.25, 0.5), array(0.5, -0.5), (0.0, DEFINED)),
        (array(100.0, 0.0, -5.0, 50.0), array(1.0, 7.0, 9.0, 2.0), (1.5, DEFINED)),  # nothing is a share of no equity
        (array(0.0, -5.0), array(1.0, 1.0), (None, RUINED)),
        (array(), array(), (None, NO_SESSION)),
    ],
)
def test_exposure_is_the_mean_over_the_sessions_with_equity(equity, exposure, expected):
    value, reason = exposure_of(equity, exposure)
    assert (None if math.isnan(value) else value, reason) == expected


@pytest.mark.parametrize(
    ("equity", "notional", "years", "expected"),
    [
        (array(100.0, 300.0), 1200.0, 1.5, (2.0, DEFINED)),  # 1,200 / 2 / 200 / 1.5
        (array(0.5, 0.5), 1.0, 0.5, (2.0, DEFINED)),
        (array(100.0), 0.0, 1.0, (0.0, DEFINED)),
        (array(), 0.0, 1.0, (None, NO_SESSION)),
        (array(100.0), 1.0, 0.0, (None, NO_TIME)),
        (array(100.0), 1.0, math.nan, (None, NO_TIME)),
        (array(100.0, -100.0), 1.0, 1.0, (None, RUINED)),
        (array(100.0, -300.0), 1.0, 1.0, (None, RUINED)),
        (array(100.0, math.inf), 1.0, 1.0, (None, NOT_FINITE)),
    ],
)
def test_turnover_is_half_of_what_was_traded_over_mean_equity_a_year(equity, notional, years, expected):
    value, reason = turnover_of(equity, notional, years)
    assert (None if math.isnan(value) else value, reason) == expected
