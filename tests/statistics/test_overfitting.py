import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from backsweep import statistics
from backsweep.errors import BadInput
from backsweep.statistics import blocks, overfitting

cscv = statistics.probability_of_backtest_overfitting
PUBLISHED = np.array([(4, -2, 1, 3), (1, 2, 0, 1), (-1, 3, 2, -2)], dtype=float).T


def by_definition(returns, count):
    """CSCV as the paper describes it: slices, averages and ranks, one split after the other."""
    bounds = blocks.block_bounds(len(returns), count)
    parts = [returns[a:b] for a, b in pairwise(bounds)]
    logits, oos = [], []
    for chosen in combinations(range(count), count // 2):
        inside = np.vstack([parts[b] for b in chosen])
        outside = np.vstack([parts[b] for b in range(count) if b not in chosen])
        best = np.argmax(inside.mean(axis=0) / inside.std(axis=0, ddof=1))
        ratios = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        rank = rankdata(ratios)[best]
        oos.append(ratios[best])
        omega = rank / (returns.shape[1] + 1)
        logits.append(math.log(omega / (1 - omega)))
    return np.array(logits), np.array(oos)


def test_the_published_splits_are_reproduced():
    found = cscv(PUBLISHED, blocks=4, metric="mean")
    expected = [0, -0.510826, -1.098612, -1.098612, -0.510826, -0.510826]
    assert found.logits == pytest.approx(expected, abs=5e-7)
    assert found.pbo == 1
    assert found.probability_of_loss == pytest.approx(1 / 3)


def test_a_logit_of_zero_counts_as_overfitting():
    found = cscv(PUBLISHED, blocks=4, metric="mean")
    assert np.mean(found.logits < 0) < found.pbo


@pytest.mark.parametrize(("sessions", "count"), [(60, 6), (61, 6), (33, 4)])
def test_logits_agree_with_the_definition(sessions, count):
    returns = np.random.default_rng(sessions).normal(0.01, 0.1, (sessions, 17))
    found, (logits, oos) = cscv(returns, count), by_definition(returns, count)
    assert found.logits == pytest.approx(logits, abs=1e-12)
    assert found.oos == pytest.approx(oos, rel=1e-9)
    assert found.expected == pytest.approx(np.mean(oos), rel=1e-9)
    assert found.expected_range == pytest.approx(np.quantile(oos, [0.05, 0.95]), rel=1e-9)
    assert found.probability_of_loss == np.mean(oos < 0)


def test_noise_is_overfitted_half_of_the_time():
    chance = np.random.default_rng(7)
    found = [cscv(chance.normal(size=(300, 50)), 8).pbo for _ in range(100)]
    assert np.mean(found) == pytest.approx(0.5, abs=4 * 0.2 / 10)


@pytest.mark.slow
def test_the_spread_of_the_probability_on_noise_is_the_published_one():
    chance = np.random.default_rng(3)
    found = [cscv(chance.normal(size=(1000, 200))).pbo for _ in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)
    assert np.std(found) == pytest.approx(0.137, abs=0.04)


def test_a_lasting_edge_is_not_called_overfitted():
    returns = np.random.default_rng(0).normal(size=(1000, 50))
    returns[:, 31] += 0.2
    found = cscv(returns)
    assert found.pbo < 0.01
    assert found.expected == pytest.approx(0.2, abs=0.06)
    assert found.expected_range[0] < found.expected < found.expected_range[1]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_permuting_trials_and_scaling_returns_change_nothing(seed):
    chance = np.random.default_rng(seed)
    returns, order = chance.normal(size=(40, 9)), chance.permutation(9)
    before = cscv(returns, 4)
    after = cscv(returns[:, order] * chance.uniform(0.1, 10, 9), 4)
    assert after.logits == pytest.approx(before.logits, abs=1e-12)
    assert after.oos == pytest.approx(before.oos, rel=1e-9)
    assert np.array_equal(order[after.selected], before.selected)


def test_chunks_of_trials_give_the_same_bytes(monkeypatch):
    returns = np.random.default_rng(5).normal(size=(100, 30))
    whole = cscv(returns, 10)
    monkeypatch.setattr(blocks.BlockSums.chunks, "__defaults__", (7,))
    parts = cscv(returns, 10)
    assert whole.logits.tobytes() == parts.logits.tobytes()
    assert whole.oos.tobytes() == parts.oos.tobytes()


def test_a_trial_that_never_trades_ranks_last():
    returns = np.random.default_rng(5).normal(-0.5, 1.0, size=(80, 4))
    returns[:, 2] = 0.0
    found = cscv(returns, 8)
    assert 2 not in found.selected
    assert np.isfinite(found.oos).all()


def test_without_any_variation_nothing_is_defined():
    found = cscv(np.zeros((40, 3)), 4)
    assert math.isnan(found.pbo)
    assert math.isnan(found.expected)
    assert (found.selected == -1).all()
    assert np.isnan(found.logits).all()


def test_equal_trials_share_their_average_rank():
    column = np.random.default_rng(5).normal(size=(40, 1))
    found = cscv(np.repeat(column, 5, axis=1), 4)
    assert found.logits == pytest.approx(np.zeros(6))
    assert found.pbo == 1


@pytest.mark.parametrize("count", [3, 0, 22, 42])
def test_splits_that_cannot_be_made_are_refused(count):
    with pytest.raises(BadInput, match="no cross-validation"):
        cscv(np.zeros((40, 3)), count)


def test_one_trial_and_unknown_metrics_are_refused():
    with pytest.raises(BadInput, match="no cross-validation"):
        cscv(np.zeros((40, 1)), 4)
    with pytest.raises(BadInput, match="unknown metric"):
        cscv(np.zeros((40, 2)), 4, "median")


def test_block_sums_that_cannot_be_split_are_refused():
    with pytest.raises(BadInput, match="no cross-validation"):
        overfitting.overfitting_of_blocks(blocks.block_sums(np.zeros((40, 3)), 3))


def test_what_comes_without_skill_is_the_published_figure():
    assert (overfitting.NO_SKILL, overfitting.NO_SKILL_DEVIATION) == (0.5, 0.14)  # simulated above


def ratio_of(sums, squares, counts, chosen):
    """The Sharpe ratio of one trial over some blocks, with a root and a division: sums as the module adds them."""
    half = len(counts) // 2
    total, square = (
        sum((values[b] for b in chosen if b < half), 0.0) + sum((values[b] for b in chosen if b >= half), 0.0)
        for values in (sums, squares)
    )
    count = float(sum(counts[b] for b in chosen))
    deviations = square - total * total * (1.0 / count)
    if not deviations > blocks.NEGLIGIBLE * square:
        return -math.inf
    return total / math.sqrt(deviations * (count * count / max(count - 1.0, 1.0)))


def one_split_after_the_other(kept):
    trials, oos, logits = [], [], []
    everything = set(range(kept.blocks))
    for chosen in combinations(range(kept.blocks), kept.blocks // 2):
        rest = sorted(everything - set(chosen))
        inside, outside = (
            [ratio_of(*each, kept.counts, part) for each in zip(kept.sums, kept.squares, strict=True)]
            for part in (chosen, rest)
        )
        best = int(np.argmax(inside))
        found = outside[best]
        rank = sum(each < found for each in outside) + (sum(each == found for each in outside) + 1) / 2
        trials.append(best)
        oos.append(found)
        logits.append(np.log(rank) - np.log(kept.trials + 1 - rank))
    return trials, oos, logits


@pytest.mark.parametrize("scale", [1e-2, 1e-150, 1e75])
def test_what_squares_decide_is_what_the_ratios_decide_bit_by_bit(scale):
    """More trials than are compared at a time; some are equal, some never trade, some are constant or nearly equal."""
    returns = np.random.default_rng(4).normal(0.02, 1.0, (90, 150)) * scale
    returns[:, 100:120] = returns[:, :20]
    returns[:, 60:70] = 0.0
    returns[:, 70] = scale
    returns[:, 71:80] = returns[:, 81:90] * (1.0 + 2e-16 * np.arange(90)[:, None])
    kept = statistics.block_sums(returns, 6)
    found = overfitting.overfitting_of_blocks(kept)
    trials, oos, logits = one_split_after_the_other(kept)
    assert found.selected.tolist() == trials
    assert found.oos.tolist() == oos
    assert found.logits.tolist() == logits
