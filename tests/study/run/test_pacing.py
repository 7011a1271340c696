from dataclasses import replace

import numpy as np
import pytest

from backsweep.runtime.evaluators import failed_outcome
from backsweep.study.run.pacing import Pacing
from backsweep.trial.contract import Chunk, DataInfo

INFO = DataInfo(sessions=np.arange(5, dtype=np.int64), assets=("A",))


@pytest.fixture
def pacing():
    pacing = Pacing(batch=64)
    pacing.begin(INFO)
    return pacing


def lost(count):
    """Outcome of trials that a backend has given up."""
    return failed_outcome(Chunk(0, np.arange(count), np.zeros((count, 1))), INFO, "it took longer than 600 s")


def timed(count, seconds):
    """Outcome of trials that took so many seconds together."""
    outcome = lost(count)
    return replace(outcome, errors={}, completed=outcome.started + seconds)


def test_the_first_chunks_are_single_trials_which_no_time_limit_of_a_trial_can_cut(pacing):
    assert pacing.chunk_size(count=64, room=1) == 1


def test_a_chunk_is_what_takes_a_fifth_of_a_second(pacing):
    pacing.update(timed(1, 0.01), 1)
    assert 18 <= pacing.chunk_size(count=64, room=1) <= 20  # 0.2 / 0.01, but for the rounding of seconds since 1970


def test_trials_that_ran_out_of_time_are_not_taken_for_quick_ones(pacing):
    pacing.update(lost(1), 1)
    assert pacing.chunk_size(count=64, room=1) == 1
    pacing.update(timed(1, 10.0), 1)
    for _ in range(100):
        pacing.update(lost(1), 1)
    assert pacing.chunk_size(count=64, room=1) == 1
