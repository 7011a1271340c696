"""A run whose quiet groups are only marked leaves the same bits as one that visits every group."""

import pytest
from scenarios.restless import Sleepless, compare_random_runs, market, panel

# In the last two, a margin call, or an order for its asset's day, could be missed.
SEEDS = ((market, range(20)), (panel, (*range(6), 56, 14)))


@pytest.mark.parametrize(("make", "seeds"), SEEDS, ids=["one asset", "three"])
def test_a_run_with_quiet_groups_leaves_the_same_bits(make, seeds):
    fills = [compare_random_runs(seed, compiled=False, trials=2, make=make, cls=Sleepless) for seed in seeds]
    assert sum(fills) > 300


def test_a_run_on_quotes_with_quiet_groups_leaves_the_same_bits():
    # A bar whose quotes alone reach an order is not quiet.
    assert sum(compare_random_runs(seed, False, 2, quotes=True, cls=Sleepless) for seed in (1, 8, 14)) > 25


@pytest.mark.long
@pytest.mark.parametrize("make", [market, panel])
def test_many_runs_with_quiet_groups_leave_the_same_bits(make):
    assert sum(compare_random_runs(seed, True, 10, make=make, cls=Sleepless) for seed in range(200)) > 10_000
