import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backsweep import metrics, statistics
from backsweep.errors import BadInput
from backsweep.statistics import bootstrap


def autoregressive(size, weight, seed=0):
    values = np.random.default_rng(seed).normal(size=size)
    for i in range(1, size):
        values[i] += weight * values[i - 1]
    return values


def test_the_block_length_is_that_of_a_reference_implementation():
    assert statistics.optimal_block_length(autoregressive(60, 0.0)) == pytest.approx(1.8936280875398452, rel=1e-9)


def written_out(values):
    """Return the block length by the formulas of Politis and White (2004), with the correction of 2009, in loops."""
    n, centred = len(values), values - values.mean()
    most = min(math.ceil(math.sqrt(n)) + 5, n - 1)
    covariance = [sum(centred[i] * centred[i + lag] for i in range(n - lag)) / n for lag in range(most + 1)]
    small = [abs(each / covariance[0]) < 2 * math.sqrt(math.log10(n) / n) for each in covariance]
    quiet = (lag for lag in range(most - 4) if all(small[lag + 1 : lag + 6]))
    loud = [lag for lag in range(1, most + 1) if not small[lag]]
    width = min(2 * max(1, next(quiet, max(loud, default=1))), most)
    slope = density = 0.0
    for lag in range(-width, width + 1):
        window = min(1.0, 2 * (1 - abs(lag) / width))  # flat to the half, then down to zero
        slope += window * abs(lag) * covariance[abs(lag)]
        density += window * covariance[abs(lag)]
    return max(1.0, min((2 * slope**2 / (2 * density**2) * n) ** (1 / 3), math.ceil(min(3 * math.sqrt(n), n / 3))))


@pytest.mark.parametrize("weight", [-0.7, 0.0, 0.4, 0.9, 1.0])
def test_the_block_length_is_that_of_the_formulas_written_out(weight):
    for size in (*range(4, 15), *range(4, 15), 31, 60, 400):
        for seed in range(6):
            values = autoregressive(size, weight, seed)
            assert statistics.optimal_block_length(values) == pytest.approx(written_out(values), rel=1e-9)


@pytest.mark.parametrize(
    ("values", "longest"),
    [([-1, 1, 0, 0], 2), ([-1, -1, -1, 2, -1, 2, -1, 1], 3), ([-1, 1, *[0] * 98], 30)],
)
def test_a_density_of_zero_has_the_longest_blocks(values, longest):
    # In the first, the covariances at lags 0 and 1 are 2/4 and -1/4, and the second of two lags weighs nothing: 2/4 -
    # 2 x 1/4 = 0. Blocks are at most a third of the sessions, and at most three times their root.
    assert statistics.optimal_block_length(values) == longest


def test_returns_that_do_not_vary_depend_on_nothing():
    assert statistics.optimal_block_length(np.full(100, 0.1)) == 1.0
    assert statistics.optimal_block_length(np.zeros(100)) == 1.0


def test_dependent_returns_get_longer_blocks():
    lengths = [statistics.optimal_block_length(autoregressive(1500, weight)) for weight in (0.0, 0.3, 0.8)]
    assert lengths == sorted(lengths)
    assert lengths[0] < 4
    assert lengths[2] > 20


@given(st.integers(4, 200), st.integers(0, 1000))
def test_the_block_length_is_at_least_one_and_does_not_depend_on_scale(size, seed):
    values = np.random.default_rng(seed).normal(size=size)
    length = statistics.optimal_block_length(values)
    assert 1 <= length <= math.ceil(min(3 * math.sqrt(size), size / 3))
    assert statistics.optimal_block_length(values * 1e-3) == pytest.approx(length, rel=1e-6)


@pytest.mark.parametrize("metric", ["sharpe", "volatility", "total_return", "max_drawdown"])
def test_the_estimate_is_the_metric_itself_and_inside_its_interval(metric):
    returns = np.random.default_rng(1).normal(0.001, 0.01, 500)
    found = statistics.bootstrap_interval(returns, metric, resamples=300)
    assert found.estimate == pytest.approx(getattr(metrics, metric)(returns), rel=1e-9)
    assert found.low < found.estimate < found.high
    assert found == statistics.bootstrap_interval(returns, metric, resamples=300)


def sharpe(returns):
    return math.nan if np.ptp(returns) == 0 else math.sqrt(252) * returns.mean() / returns.std(ddof=1)


def max_drawdown(returns):
    equity = np.cumprod(np.concatenate([[1.0], 1.0 + returns]))
    return max(1 - equity[later] / max(equity[: later + 1]) for later in range(len(equity)))


@pytest.mark.parametrize(
    ("metric", "measure"),
    [
        ("sharpe", sharpe),
        ("volatility", lambda returns: math.sqrt(252) * returns.std(ddof=1)),
        ("mean", np.mean),
        ("total_return", lambda returns: np.prod(1 + returns) - 1),
        ("max_drawdown", max_drawdown),
    ],
)
def test_the_interval_holds_the_central_share_of_the_metric_of_the_resamples(metric, measure):
    returns = np.array([0.25, 0.0, 0.0, 0.0, -0.125, 0.0])
    found = statistics.bootstrap_interval(returns, metric, 0.8, resamples=400, seed=5, length=2.0)
    chance = np.random.Generator(np.random.PCG64(5))
    values = np.array([measure(returns[bootstrap.resample(6, 2.0, chance)]) for _ in range(400)])
    defined = values[~np.isnan(values)]
    assert (found.low, found.high) == pytest.approx(np.quantile(defined, [0.1, 0.9]), rel=1e-9)
    assert found.undefined == 400 - len(defined)
    assert (found.undefined > 0) == (metric == "sharpe")  # all six sessions may be one without a return
    assert found.length == 2.0


def test_what_is_not_said_is_two_thousand_resamples_at_95_percent_of_years_of_252_sessions():
    returns = np.random.default_rng(1).normal(0.001, 0.01, 60)
    length = statistics.optimal_block_length(returns)
    said = statistics.bootstrap_interval(returns, "sharpe", 0.95, 2000, 0, length, 252.0)
    assert statistics.bootstrap_interval(returns) == said


def test_blocks_without_end_leave_what_no_order_changes_as_it_is():
    returns = np.random.default_rng(1).normal(0.001, 0.01, 60)
    found = statistics.bootstrap_interval(returns, "mean", resamples=50, length=1e300)
    assert (found.low, found.high) == pytest.approx((found.estimate, found.estimate), rel=1e-12)


def test_a_higher_level_is_a_wider_interval():
    returns = np.random.default_rng(1).normal(0.001, 0.01, 500)
    narrow, wide = (statistics.bootstrap_interval(returns, level=level, resamples=500) for level in (0.5, 0.95))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_intervals_hold_the_true_mean_of_dependent_returns_where_single_sessions_do_not():
    held = dict.fromkeys((None, 1.0), 0)
    for seed in range(100):
        returns = autoregressive(600, 0.6, seed) / 100
        for length in held:
            found = statistics.bootstrap_interval(returns, "mean", 0.9, resamples=200, length=length)
            held[length] += found.low <= 0 <= found.high
    assert held[None] >= 75
    assert held[1.0] < held[None] - 15


@pytest.mark.parametrize("width", [70, 700])
def test_chunks_of_resamples_give_the_same_numbers(monkeypatch, width):
    returns = np.random.default_rng(1).normal(size=100)
    whole = statistics.bootstrap_interval(returns, resamples=100)
    monkeypatch.setattr(bootstrap, "_WIDTH", width)
    assert statistics.bootstrap_interval(returns, resamples=100) == whole


class Drawn:
    """A generator whose draws are written down."""

    def __init__(self, shares, sessions):
        self.random = lambda _: np.array(shares)
        self.integers = lambda *bounds: {(0, len(sessions), len(sessions)): np.array(sessions)}[bounds]


def test_a_block_begins_at_the_drawn_session_and_goes_on_to_the_next_and_around_the_end():
    # Four sessions a block: a share below 1/4 begins one.
    drawn = Drawn([0.9, 0.25, 0.24, 0.9, 0.9, 0.0], [4, 0, 3, 1, 1, 2])
    assert bootstrap.resample(6, 4.0, drawn).tolist() == [4, 5, 3, 4, 5, 2]
    assert bootstrap.resample(6, 1.0, drawn).tolist() == [4, 0, 3, 1, 1, 2]
    assert bootstrap.resample(5, 100.0, Drawn([0.0, 0.9, 0.9, 0.9, 0.9], [3, 0, 0, 0, 0])).tolist() == [3, 4, 0, 1, 2]


def test_resamples_are_runs_of_sessions():
    places = bootstrap.resample(1000, 50.0, np.random.default_rng(0))
    follows = (np.diff(places) % 1000) == 1
    assert places.min() >= 0
    assert places.max() < 1000
    assert np.mean(~follows) == pytest.approx(1 / 50, abs=0.015)


def test_without_variation_a_sharpe_has_no_interval():
    found = statistics.bootstrap_interval(np.full(50, 0.1))
    assert math.isnan(found.estimate)
    assert math.isnan(found.low)


def test_where_no_resample_has_a_value_there_is_no_interval():
    found = [statistics.bootstrap_interval([0, 0, 0, 1], resamples=1, length=1, seed=seed) for seed in range(20)]
    without = [each for each in found if each.undefined]  # four times the same session
    assert 0 < len(without) < len(found)
    assert all(math.isnan(each.low) and math.isnan(each.high) and each.estimate > 0 for each in without)
    assert all(each.low == each.high for each in found if not each.undefined)


def test_without_an_estimate_there_is_no_interval():
    # The last return is off by 2.2 of the share that is rounding: 0.9 deviations in the record, more if drawn twice.
    found = statistics.bootstrap_interval([1.0] * 5 + [1.0 + 2.2e-6], resamples=100, length=1)
    assert math.isnan(found.estimate)
    assert math.isnan(found.low)
    assert 0 < found.undefined < 100


def test_without_variation_the_volatility_is_exactly_zero():
    found = statistics.bootstrap_interval(np.full(50, 0.1), "volatility", resamples=20)
    assert (found.estimate, found.low, found.high) == (0.0, 0.0, 0.0)


def test_ruin_ends_the_equity():
    found = statistics.bootstrap_interval([0.1, -1.5, 0.1, 0.1], "total_return", resamples=50)
    assert found.estimate == -1
    assert statistics.bootstrap_interval([0.1, -1.5, 0.1, 0.1], "max_drawdown", resamples=50).estimate == 1


def test_the_smallest_arguments_are_accepted():
    found = statistics.bootstrap_interval([0.1, -0.1, 0.2, 0.3], "mean", 0.0, 1, length=1.0, periods_per_year=0.5)
    assert found.low == found.high


def test_bad_arguments_are_refused():
    for arguments, problem in (
        (([0.1, math.nan, 0.2, 0.3],), "too few"),
        ((np.zeros((4, 2)),), "not a series"),
        ((np.zeros(9), "cagr"), "unknown metric"),
        ((np.zeros(9), "sharpe", 1.5), "level is out of range"),
        ((np.zeros(9), "sharpe", -0.5), "level is out of range"),
        ((np.zeros(9), "sharpe", 0.9, 0), "resamples is out of range"),
        ((np.zeros(9), "sharpe", 0.9, 9, 0, 0.5), "length is out of range"),
        ((np.zeros(9), "sharpe", 0.9, 9, 0, None, 0.0), "periods_per_year is out of range"),
    ):
        with pytest.raises(BadInput, match=problem):
            statistics.bootstrap_interval(*arguments)
