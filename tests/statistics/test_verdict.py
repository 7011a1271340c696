import math

import pytest

from backsweep.statistics.verdict import SignificanceTest, detectable_sharpe, reach_verdict


def verdict(p_value, detectable, **more):
    chance = "the best of noise does as well with probability {p}"
    return reach_verdict(
        SignificanceTest("The trial", chance, p_value, detectable, "100 trials over 5.0 years", **more)
    )


@pytest.mark.parametrize(
    ("p_value", "detectable", "expected"),
    [
        (0.001, 1.0, "survives"),
        (0.05, 5.0, "survives"),
        (0.051, 1.0, "inconclusive"),
        (0.2, 1.0, "inconclusive"),
        (0.21, 1.0, "compatible with noise"),
        (0.9, 3.0, "compatible with noise"),
        (0.9, 3.5, "inconclusive"),
        (0.9, math.inf, "inconclusive"),
        (math.nan, math.nan, "inconclusive"),
    ],
)
def test_the_verdict_follows_the_p_value_and_the_power(p_value, detectable, expected):
    found = verdict(p_value, detectable)
    assert found.verdict == expected
    assert found.reason.endswith(".")
    assert found.power.startswith("With 100 trials over 5.0 years")


def test_the_power_statement_names_the_sharpe_that_would_have_been_found():
    assert "annual Sharpe ratio of 1.43 is detected" in verdict(0.5, 1.43).power
    assert "no true Sharpe ratio could be detected" in verdict(0.5, math.inf).power


def test_hidden_losses_are_warned_of():
    assert not verdict(0.01, 1.0, skew=-1.0).warnings
    assert "skew of -2.0" in verdict(0.01, 1.0, skew=-2.0).warnings[0]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [({"lost": False}, "no losing session"), ({"active": 3}, "in only 3 blocks"), ({"active": 9}, "in only 9 blocks")],
)
def test_a_best_trial_without_losses_or_hardly_in_the_market_does_not_survive(arguments, reason):
    found = verdict(0.01, 1.0, **arguments)
    assert found.verdict == "inconclusive"
    assert reason in found.reason
    assert verdict(0.5, 1.0, **arguments).verdict == "compatible with noise"
    assert verdict(0.01, 1.0, lost=True, active=10).verdict == "survives"


def test_a_detectable_sharpe_is_above_the_critical_one_by_the_quantile_of_the_power():
    assert detectable_sharpe(0.1, 101, 256.0) == pytest.approx(16.0 * (0.1 + 0.8416212335729143 / 10.0))


def test_longer_records_detect_smaller_edges():
    assert detectable_sharpe(0.1, 2520, 252.0) < detectable_sharpe(0.1, 252, 252.0)
