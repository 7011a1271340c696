import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backsweep import metrics
from backsweep.errors import BadInput
from backsweep.statistics import blocks


@given(st.integers(4, 3000), st.data())
def test_blocks_tile_the_sessions_and_differ_by_one_at_most(sessions, data):
    bounds = blocks.block_bounds(sessions, data.draw(st.integers(2, sessions)))
    lengths = np.diff(bounds)
    assert (bounds[0], bounds[-1]) == (0, sessions)
    assert lengths.min() >= 1
    assert lengths.max() - lengths.min() <= 1


@given(arrays(np.float64, (37, 3), elements=st.floats(-0.2, 0.2).map(lambda x: round(x, 5))))
def test_the_sharpe_of_the_blocks_is_the_sharpe_of_the_sessions(returns):
    kept = blocks.block_sums(returns, 8)
    expected = [metrics.sharpe(column, periods_per_year=1.0) for column in returns.T]
    assert kept.sharpe() == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_constant_returns_have_no_sharpe_ratio():
    for value in (0.0, 0.1, 1e-9):
        for dtype in (np.float32, np.float64):
            assert np.isnan(blocks.block_sums(np.full((1000, 1), value), 128, dtype).sharpe()).all()


def test_merging_blocks_is_summing_larger_ones():
    returns = np.random.default_rng(0).normal(size=(256, 5))
    merged, direct = blocks.block_sums(returns, 128).merged(16), blocks.block_sums(returns, 16)
    assert merged.sums == pytest.approx(direct.sums, rel=1e-12)
    assert merged.squares == pytest.approx(direct.squares, rel=1e-12)
    assert np.array_equal(merged.counts, direct.counts)
    with pytest.raises(BadInput, match="do not merge"):
        merged.merged(5)
    whole = merged.merged(1)
    assert whole.sums[:, 0] == pytest.approx(returns.sum(axis=0), rel=1e-12)
    assert (whole.counts.tolist(), whole.sessions) == ([256], 256)


@given(st.integers(1, 12), st.integers(1, 14))
def test_chunks_hold_every_trial_once_and_in_order(trials, width):
    kept = blocks.block_sums(np.arange(4.0 * trials).reshape(4, trials) / 100.0, 2)
    chunks = list(kept.chunks(width))
    places = [place for part, _, _ in chunks for place in range(part.start, part.stop)]
    assert places == list(range(trials))
    assert max(part.stop - part.start for part, _, _ in chunks) == min(width, trials)
    assert np.array_equal(np.concatenate([sums for _, sums, _ in chunks]), kept.sums)
    assert np.array_equal(np.concatenate([squares for _, _, squares in chunks]), kept.squares)


def test_sessions_without_any_return_are_dropped_and_others_earn_nothing():
    returns = np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, np.nan], [0.0, 1.0], [1.0, 1.0]])
    kept = blocks.block_sums(returns, 2)
    assert kept.sums.tolist() == [[4.0, 1.0], [2.0, 2.0]]
    assert kept.counts.tolist() == [2, 2]


@pytest.mark.parametrize(("sessions", "expected"), [(4, 2), (7, 2), (8, 4), (255, 64), (256, 128), (10**5, 128)])
def test_blocks_hold_two_sessions_or_more(sessions, expected):
    assert blocks.standard_blocks(sessions) == expected


def test_what_is_not_a_matrix_of_returns_is_refused():
    for wrong, problem in (
        (np.zeros(10), "not a matrix"),
        (np.zeros((3, 2)), "too few"),
        (np.full((10, 2), np.inf), "not all finite"),
    ):
        with pytest.raises(BadInput, match=problem) as caught:
            blocks.block_sums(wrong, 2)
        assert caught.value.expected
        assert caught.value.found
        assert caught.value.remedy
