import math

import numpy as np
import pytest

from backsweep import metrics, statistics
from backsweep.errors import BadInput
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
    assert judge([0.1, 0.2, math.nan, 0.1]) is None
    assert judge([0.1, 0.2, 0.3, 0.1]).sessions == 4


def test_a_session_without_a_return_is_no_loss():
    assert not judge([0.1, 0.0, 0.2, 0.1]).lost
    assert judge([0.1, -1e-9, 0.2, 0.1]).lost


def test_a_block_with_a_return_was_in_the_market():
    returns = np.zeros(256)  # 128 blocks of two sessions
    returns[[0, 1, 8, 255]] = 0.1, -0.1, 0.1, 0.1
    assert judge(returns).active == 3


def test_the_p_value_is_the_larger_of_two_and_at_most_one():
    for returns in (np.random.default_rng(seed).normal(0.05, 1.0, 400) for seed in range(5)):
        found, check = judge(returns, looks=2), statistics.reality_check(returns[:, None])
        assert found.p_value == min(2 * max(1 - found.probabilistic, check.p_value), 1.0)
        assert found.critical == pytest.approx(quantile(0.975) / math.sqrt(399))
        assert judge(returns, level=0.1).critical == pytest.approx(quantile(0.9) / math.sqrt(399))


def test_a_result_was_looked_at_once_or_more_often():
    with pytest.raises(BadInput, match="looks is out of range"):
        judge(np.ones(9), looks=0)
