import numpy as np
import pytest
from scipy import stats

from backsweep.statistics.blocks import block_sums
from backsweep.trial.block_sums import sum_records


def returns(sessions, trials=70):
    return np.random.default_rng(sessions).normal(0.0, 0.01, (trials, sessions)).astype(np.float32)


def test_what_is_kept_are_the_block_sums_and_the_moments():
    record = returns(300)
    kept, wanted = sum_records(record), block_sums(record.T, 128, np.float32)
    np.testing.assert_array_equal(kept.sums, wanted.sums)
    np.testing.assert_array_equal(kept.squares, wanted.squares)
    np.testing.assert_allclose(kept.skew, stats.skew(record.astype(np.float64), axis=1), rtol=1e-9)
    np.testing.assert_allclose(
        kept.kurtosis, stats.kurtosis(record.astype(np.float64), axis=1, fisher=False), rtol=1e-9
    )
    assert kept.sessions == 300
    assert kept.lost.all()


@pytest.mark.parametrize("sessions", [3, 4, 250, 8_193, 20_000])
@pytest.mark.parametrize("size", [1, 7, 33])
def test_it_depends_on_no_other_trial(sessions, size):
    record = returns(sessions)
    whole = sum_records(record)
    for start in range(0, len(record), size):
        for all_of_them, some in zip(whole.arrays, sum_records(record[start : start + size]).arrays, strict=True):
            assert all_of_them[start : start + size].tobytes() == some.tobytes()


def test_a_session_without_a_return_earned_nothing():
    record = np.array([[0.5, -1.0, np.nan, np.nan], [0.5, 0.25, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], np.float32)
    kept = sum_records(record)
    assert kept.sums.tolist() == [[-0.5, 0.0], [0.75, 0.0], [0.0, 0.0]]
    assert kept.lost.tolist() == [True, False, False]
    assert np.isnan(kept.skew).tolist() == [False, False, True]
