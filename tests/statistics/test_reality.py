import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backsweep import statistics
from backsweep.errors import BadInput
from backsweep.statistics import blocks, reality

PUBLISHED = np.array([(3, -2, 4, -1, -3, 2, 5, -4, 1, 2), (2, -1, -1, 3, 1, -2, 2, -1, 1, -1)], dtype=float).T


@pytest.mark.parametrize(("statistic", "expected"), [("mean", 32 / 3125), ("sharpe", 327 / 3125)])
def test_enumerated_p_values_are_the_published_ones(statistic, expected):
    found = statistics.reality_check(PUBLISHED, blocks=5, resamples=5**5, statistic=statistic)
    assert found.exact
    assert found.p_value == expected


def test_the_critical_difference_is_widened_by_the_first_term_of_students_distribution():
    # Abramowitz and Stegun 26.7.5: t = z + (z^3 + z) / (4 n), for n = blocks - 1 degrees of freedom; z is the critical
    # difference times the root of the sessions.
    kept = blocks.block_sums(np.random.default_rng(5).normal(size=(120, 3)), 6)
    plain, wide = (reality.reality_of_blocks(kept, 999, widened=each) for each in (False, True))
    z = plain.critical * math.sqrt(120)
    assert wide.critical * math.sqrt(120) == pytest.approx(z + (z**3 + z) / (4 * 5), rel=1e-12)


def test_the_sharpe_ratios_are_the_published_ones():
    found = blocks.block_sums(PUBLISHED, 5).sharpe() * math.sqrt(10 / 9)  # published with ddof 0
    assert found == pytest.approx([0.24137931, 0.18569534], abs=5e-9)


def test_sampling_approaches_the_enumeration():
    found = statistics.reality_check(PUBLISHED, blocks=5, resamples=3000, seed=1)
    assert not found.exact
    assert found.p_value == pytest.approx(327 / 3125, abs=4 * math.sqrt(0.1 * 0.9 / 3000))


def test_the_same_seed_gives_the_same_result_and_another_seed_another_one():
    returns = np.random.default_rng(0).normal(size=(500, 20))
    first, again, other = (statistics.reality_check(returns, seed=seed) for seed in (3, 3, 4))
    assert (first.p_value, first.critical) == (again.p_value, again.critical)
    assert first.critical != other.critical


def test_noise_is_rarely_called_real_and_never_with_a_p_value_of_zero():
    chance = np.random.default_rng(11)
    found = [statistics.reality_check(chance.normal(size=(500, 40)), resamples=200).p_value for _ in range(120)]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / 120)
    assert min(found) > 0
    assert np.median(found) > 0.3  # measured against its own mean, each resample would seem to beat noise


def test_a_real_edge_among_noise_is_found():
    chance = np.random.default_rng(12)
    hits = 0
    for _ in range(20):
        returns = chance.normal(size=(1260, 100))
        returns[:, 17] += 3.0 / math.sqrt(252)
        found = statistics.reality_check(returns, resamples=400)
        hits += found.p_value <= 0.05 and found.best == 17 and 17 in found.surviving
    assert hits >= 18


def test_the_lower_bound_is_positive_exactly_where_the_p_value_is_significant():
    chance = np.random.default_rng(13)
    for shift in np.linspace(0, 0.25, 40):
        returns = chance.normal(size=(300, 10))
        returns[:, 0] += shift
        found = statistics.reality_check(returns, resamples=199)
        assert (found.lower_bound > 0) == (found.p_value <= 0.05) == (found.survivors > 0)


def test_steps_find_survivors_that_one_step_misses():
    chance = np.random.default_rng(2)
    returns = chance.normal(size=(800, 30))
    returns[:, :5] += np.linspace(0.1, 0.3, 5)
    found = statistics.reality_check(returns, resamples=500)
    own = blocks.block_sums(returns).sharpe()
    assert found.survivors >= np.count_nonzero(own > found.critical) > 0
    assert set(np.flatnonzero(own > found.critical)) <= set(found.surviving)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_permuting_trials_and_scaling_returns_change_nothing(seed):
    chance = np.random.default_rng(seed)
    returns, order = chance.normal(size=(120, 8)), chance.permutation(8)
    before = statistics.reality_check(returns, 16, 100)
    after = statistics.reality_check((returns * chance.uniform(0.1, 10, 8))[:, order], 16, 100)
    assert after.p_value == before.p_value
    assert after.critical == pytest.approx(before.critical, rel=1e-9)
    assert order[after.best] == before.best


def test_more_trials_of_noise_never_make_the_best_more_significant():
    returns = np.random.default_rng(4).normal(size=(400, 60))
    returns[:, 0] += 0.2
    found = [statistics.reality_check(returns[:, :count], resamples=300).p_value for count in (1, 5, 20, 60)]
    assert found == sorted(found)


def test_chunks_of_trials_change_nothing(monkeypatch):
    returns = np.random.default_rng(5).normal(size=(300, 50))
    whole = statistics.reality_check(returns)
    monkeypatch.setattr(reality, "_WIDTH", 7)
    parts = statistics.reality_check(returns)
    assert whole.p_value == parts.p_value
    assert whole.critical == pytest.approx(parts.critical, rel=1e-12)


def test_trials_without_variation_do_not_count_and_alone_have_no_p_value():
    returns = np.random.default_rng(6).normal(0.1, 1.0, size=(200, 2))
    padded = np.hstack([returns, np.zeros((200, 3)), np.full((200, 1), 0.5)])
    assert statistics.reality_check(padded).p_value == statistics.reality_check(returns).p_value
    nothing = statistics.reality_check(np.zeros((200, 3)))
    assert math.isnan(nothing.p_value)
    assert (nothing.best, nothing.survivors) == (-1, 0)


def test_short_records_have_fewer_blocks():
    assert statistics.reality_check(np.random.default_rng(0).normal(size=(40, 3))).blocks == 16


@pytest.mark.parametrize(("sessions", "expected"), [(256, 128), (255, 64), (257, 128)])
def test_a_block_has_two_sessions_or_more(sessions, expected):
    assert statistics.reality_check(np.random.default_rng(0).normal(size=(sessions, 2)), resamples=9).blocks == expected


def test_what_is_not_said_is_a_thousand_resamples_of_sharpe_ratios_at_five_percent():
    returns = np.random.default_rng(0).normal(0.05, 1.0, size=(300, 4))
    said = statistics.reality_check(returns, 128, 1000, 0, "sharpe", 0.05)
    kept = reality.reality_of_blocks(blocks.block_sums(returns, 128))
    for found in (statistics.reality_check(returns), kept):
        assert (found.p_value, found.critical, found.resamples) == (said.p_value, said.critical, 1000)


@pytest.mark.parametrize("exact", [True, False])
def test_the_critical_difference_is_exceeded_exactly_where_the_p_value_is_at_most_the_level(exact):
    chance = np.random.default_rng(3)
    for shift in np.linspace(0.0, 1.5, 20):
        returns = chance.normal(size=(40, 2)) + np.array([shift, 0.0])
        for level in (0.01, 0.05, 0.25, 0.5):
            found = statistics.reality_check(returns, 4, 256 if exact else 255, level=level)
            assert found.exact == exact
            assert found.resamples == 255 + exact
            assert (found.statistic > found.critical) == (found.p_value <= level)


def test_at_a_level_of_nothing_no_difference_is_large_enough():
    found = statistics.reality_check(PUBLISHED + 1.0, blocks=5, resamples=100, level=0.0)
    assert (found.critical, found.lower_bound, found.survivors) == (math.inf, -math.inf, 0)


def test_a_trial_that_was_chosen_is_judged_by_the_noise_of_all():
    returns = np.random.default_rng(8).normal(size=(300, 5)) + np.array([0.0, 0.3, 0.1, 0.0, 0.0])
    kept = blocks.block_sums(np.hstack([returns, np.zeros((300, 1))]))
    best, chosen, nothing = (reality.reality_of_blocks(kept, chosen=each) for each in (None, 2, 5))
    assert (best.best, chosen.best) == (1, 2)
    assert chosen.statistic == kept.sharpe()[2] < best.statistic
    assert chosen.critical == best.critical
    assert chosen.lower_bound == chosen.statistic - chosen.critical
    assert chosen.p_value > best.p_value
    assert reality.reality_of_blocks(kept, chosen=1).p_value == best.p_value
    assert (nothing.best, nothing.survivors) == (-1, 0)
    assert math.isnan(nothing.p_value)
    assert math.isnan(nothing.critical)


def test_differences_of_means_are_not_widened():
    kept = blocks.block_sums(np.random.default_rng(1).normal(0.06, 1.0, size=(1000, 3)))
    plain, widened = (reality.reality_of_blocks(kept, statistic="mean", widened=each) for each in (False, True))
    assert (plain.p_value, plain.critical) == (widened.p_value, widened.critical)


def test_the_smallest_arguments_are_accepted():
    found = statistics.reality_check(PUBLISHED, blocks=2, resamples=1, level=1.0)
    assert (found.blocks, found.resamples) == (2, 1)


def test_bad_arguments_are_refused():
    returns = np.zeros((40, 3))
    with pytest.raises(BadInput, match="unknown statistic"):
        statistics.reality_check(returns, statistic="median")
    with pytest.raises(BadInput, match="resamples is out of range"):
        statistics.reality_check(returns, resamples=0)
    with pytest.raises(BadInput, match="blocks is out of range"):
        statistics.reality_check(returns, blocks=1)


def test_widened_differences_are_those_of_students_distribution():
    kept = blocks.block_sums(np.random.default_rng(0).normal(size=(256, 1)))
    found = reality._widened(np.array([-1.6449, 1.6449, 1.96, 2.5758]) / 16.0, kept) * 16.0
    assert found == pytest.approx([-1.6569, 1.6569, 1.9788, 2.6148], abs=5e-4)  # 127 degrees of freedom


def test_widening_moves_the_critical_difference_and_what_follows_from_it():
    kept = blocks.block_sums(np.random.default_rng(1).normal(0.06, 1.0, size=(1000, 30)))
    plain, widened = (reality.reality_of_blocks(kept, widened=each) for each in (False, True))
    assert widened.critical == reality._widened(np.array([plain.critical]), kept)[0] > plain.critical
    assert widened.p_value >= plain.p_value
    assert widened.lower_bound < plain.lower_bound
    assert widened.survivors <= plain.survivors


@pytest.mark.parametrize(("level", "expected"), [(0.9, 1.0), (0.5, 2.0), (0.1, 3.0), (1.0, math.inf)])
def test_the_critical_difference_is_an_order_statistic(level, expected):
    assert reality._critical(np.array([3.0, 1.0, 2.0]), level, 0) == expected
