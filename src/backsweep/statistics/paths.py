"""Combinatorial purged cross-validation: which splits make which out-of-sample path.

Source: Lopez de Prado (2018), "Advances in Financial Machine Learning", chapter 12.
"""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from backsweep.statistics.arguments import whole

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cpcv_paths(groups: int, test_groups: int) -> int:
    """Return how many out-of-sample paths C(groups, test_groups) splits make: C(groups - 1, test_groups - 1)."""
    count = whole("groups", groups, 2)
    return comb(count - 1, whole("test_groups", test_groups, 1, count - 1) - 1)


def cpcv_splits(groups: int, test_groups: int) -> NDArray[np.int64]:
    """Return the groups that each split tests, in lexicographic order: int64 (splits, test_groups)."""
    count = whole("groups", groups, 2)
    tested = whole("test_groups", test_groups, 1, count - 1)
    return np.array(list(combinations(range(count), tested)), dtype=np.int64)


def cpcv_assignment(groups: int, test_groups: int) -> NDArray[np.int64]:
    """Return the split from which each path takes each group: int64 (paths, groups); each test is used once."""
    splits = cpcv_splits(groups, test_groups)
    return np.stack([np.flatnonzero((splits == group).any(axis=1)) for group in range(groups)], axis=1)
