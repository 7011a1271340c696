"""The signed-rank test against every choice of signs, and against SciPy."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon

from backsweep.statistics.signed_rank import signed_rank


def by_enumeration(differences):
    """Count the choices of signs with as small a sum of positive ranks."""
    given = np.array([value for value in differences if value != 0.0])
    ranks = rankdata(np.abs(given))
    observed = ranks[given > 0.0].sum()
    signs = itertools.product((0, 1), repeat=len(given))
    return float(np.mean([np.dot(ranks, each) <= observed for each in signs]))


def test_a_table_of_wilcoxons_own_distribution():
    # n = 5: 1 of 32 sums is 0, 2 are at most 1, 3 at most 2, 5 at most 3 (Wilcoxon 1945: 1 and 2 make 3 as well)
    assert signed_rank([-1, -2, -3, -4, -5]) == 1 / 32
    assert signed_rank([1, -2, -3, -4, -5]) == 2 / 32
    assert signed_rank([-1, 2, -3, -4, -5]) == 3 / 32
    assert signed_rank([1, 2, -3, -4, -5]) == 5 / 32
    assert signed_rank([1, 2, 3, 4, 5]) == 1.0


def test_nothing_to_compare_is_no_evidence():
    assert signed_rank([]) == signed_rank([0.0, 0.0]) == signed_rank([np.nan]) == 1.0


def test_infinite_differences_have_the_highest_ranks():
    assert signed_rank([-np.inf, 1.0, -2.0]) == signed_rank([-9.0, 1.0, -2.0])
    assert signed_rank([-np.inf, -np.inf, 1.0]) == signed_rank([-9.0, -9.0, 1.0])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-4, 4), max_size=9))
def test_ties_and_zeros_are_counted_one_by_one(differences):
    assert signed_rank(differences) == pytest.approx(by_enumeration(differences), abs=1e-15)


@pytest.mark.parametrize("count", [3, 12, 40])
def test_without_ties_scipy_says_the_same(count):
    differences = np.random.default_rng(count).normal(-0.2, 1.0, count)
    assert signed_rank(differences) == pytest.approx(wilcoxon(differences, alternative="less", method="exact").pvalue)
