"""The verdict is right as often as it says: on studies without skill, and on edges as large as it calls detectable."""

import math

import numpy as np
import pytest

from backsweep import statistics
from backsweep.statistics.maximum import expected_maximum

SESSIONS, TRIALS = 1260, 60


def study(seed, edge=0.0):
    """Returns of correlated trials, one of them with an annual Sharpe ratio of `edge`."""
    chance = np.random.default_rng(seed)
    returns = chance.normal(size=(SESSIONS, 1)) + chance.normal(size=(SESSIONS, TRIALS)) * chance.uniform(
        0.5, 3, TRIALS
    )
    returns /= returns.std(axis=0)
    returns[:, 0] += edge / math.sqrt(252)
    kept = statistics.block_sums(returns)
    ones = np.ones(TRIALS)
    records = statistics.Records(np.arange(TRIALS), kept, 0 * ones, 3 * ones, ones == 1)
    return statistics.compute_findings(records, statistics.Tried(TRIALS), 252.0)


def bound(share, count):
    """What a share of `count` studies may be off by: three standard deviations."""
    return 3 * math.sqrt(share * (1 - share) / count)


@pytest.mark.slow
def test_noise_survives_in_at_most_one_study_of_twenty():
    found = [study(seed) for seed in range(200)]
    survived = np.mean([each.verdict.verdict == "survives" for each in found])
    assert survived <= 0.05 + bound(0.05, 200)
    assert np.mean([each.verdict.verdict == "compatible with noise" for each in found]) > 0.6
    assert np.mean([each.overfitting_probability for each in found]) == pytest.approx(0.5, abs=0.06)
    assert np.mean([each.what_to_expect for each in found]) == pytest.approx(0.0, abs=0.12)
    assert np.mean([each.sharpe for each in found]) < expected_maximum(TRIALS) / math.sqrt(SESSIONS / 252)


@pytest.mark.slow
def test_an_edge_as_large_as_the_power_statement_says_is_found_as_often_as_it_says():
    said = np.mean([study(seed).detectable for seed in range(20)])
    found = np.mean([study(seed, said).verdict.verdict == "survives" for seed in range(1000, 1100)])
    assert found == pytest.approx(0.8, abs=bound(0.8, 100))


@pytest.mark.slow
def test_the_lower_bound_is_below_the_truth_in_nineteen_studies_of_twenty():
    covered = np.mean([(each := study(seed, 3.0)).trial != 0 or each.lower_bound <= 3.0 for seed in range(2000, 2100)])
    assert covered >= 0.95 - bound(0.95, 100)
