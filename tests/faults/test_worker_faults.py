from __future__ import annotations

import pytest
from faults.torment_workers import hang, hit_workers, kill, poison_workers, slow

pytestmark = [pytest.mark.apart, pytest.mark.timeout(240)]


@pytest.mark.parametrize(
    ("blow", "tries"),
    [
        (kill, 1),
        (slow, 1),
        pytest.param(hang, 1, marks=pytest.mark.long),
        pytest.param(None, 2, marks=pytest.mark.long),
    ],
)
def test_workers_that_are_hit_or_leak_change_nothing(tmp_path, blow, tries):
    ((tried, survived),) = hit_workers(tmp_path, tries, 1, blow, trials=120).values()
    assert tried == survived >= tries


@pytest.mark.long
def test_a_trial_that_raises_or_kills_or_never_ends_fails_alone_in_any_chunks(tmp_path):
    assert set(map(tuple, poison_workers(tmp_path).values())) == {(1, 1)}
