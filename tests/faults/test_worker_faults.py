from __future__ import annotations

import signal

import pytest
from torment_workers import hit_workers, poison_workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize(("number", "tries"), [(signal.SIGKILL, 4), (signal.SIGSTOP, 1)])
def test_workers_hit_at_random_moments_change_nothing(tmp_path, number, tries):
    ((tried, survived),) = hit_workers(tmp_path, tries, 1, number, trials=160).values()
    assert tried == survived >= tries


def test_a_trial_that_raises_or_kills_or_never_ends_fails_alone_in_any_chunks(tmp_path):
    assert set(map(tuple, poison_workers(tmp_path).values())) == {(1, 1)}
