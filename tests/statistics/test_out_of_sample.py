import math

import numpy as np
import pytest

from backsweep import metrics, statistics
from backsweep.statistics.normal import quantile


def judge(returns, **more):
    return statistics.judge_out_of_sample(returns, **more)


def test_every_figure_is_of_the_record():
    returns = np.random.default_rng(0).normal(0.0006, 0.01, 1000)
    found = judge(returns)
    assert found.sharpe == pytest.approx(metrics.sharpe(returns))
    assert found.low < found.sharpe < found.high
    assert (found.sessions, found.years) == (1000, 1000 / 252)
    per_session, moments = found.sharpe / math.sqrt(252), (found.skew, found.kurtosis)
    assert found.probabilistic == pytest.approx(statistics.probabilistic_sharpe_ratio(per_session, 1000, *moments))
    assert found.track_record * 252 == pytest.approx(statistics.minimum_track_record_length(per_session, *moments))
    assert found.p_value == pytest.approx(1 - found.probabilistic, abs=0.02)
    assert found.p_value >= 1 - found.probabilistic


def test_looks_multiply_the_p_value_and_raise_what_is_significant():
    returns = np.random.default_rng(0).normal(0.001, 0.01, 1000)
    once, thrice, often = (judge(returns, looks=looks) for looks in (1, 3, 10_000))
    assert thrice.p_value == pytest.approx(3 * once.p_value)
    assert often.p_value == 1.0
    assert thrice.critical == pytest.approx(quantile(1 - 0.05 / 3) / math.sqrt(999))


def test_a_record_that_does_not_vary_has_no_p_value():
    found = judge(np.zeros(100))
    assert math.isnan(found.p_value)
    assert found.active == 0


def test_three_sessions_are_no_record():
    assert judge(np.zeros(3)) is None
