import numpy as np
import pytest

from backsweep import statistics
from backsweep.errors import BadInput


@pytest.mark.parametrize(
    ("groups", "tested", "paths", "splits"),
    [(6, 2, 5, 15), (10, 2, 9, 45), (5, 2, 4, 10), (8, 2, 7, 28), (4, 1, 1, 4), (2, 1, 1, 2)],
)
def test_paths_and_splits_are_the_published_ones(groups, tested, paths, splits):
    assert statistics.cpcv_paths(groups, tested) == paths
    assert statistics.cpcv_splits(groups, tested).shape == (splits, tested)
    assert statistics.cpcv_assignment(groups, tested).shape == (paths, groups)


@pytest.mark.parametrize(("groups", "tested"), [(6, 2), (6, 3), (4, 1), (5, 4)])
def test_every_test_of_every_split_is_used_once(groups, tested):
    splits, assignment = statistics.cpcv_splits(groups, tested), statistics.cpcv_assignment(groups, tested)
    used = {(int(split), group) for row in assignment for group, split in enumerate(row)}
    assert used == {(split, int(group)) for split, row in enumerate(splits) for group in row}
    assert len(used) == assignment.size
    assert np.unique(assignment).size == len(splits)


@pytest.mark.parametrize("count", [statistics.cpcv_paths, statistics.cpcv_splits, statistics.cpcv_assignment])
@pytest.mark.parametrize(("groups", "tested"), [(1, 1), (4, 0), (4, 4)])
def test_no_group_to_test_or_to_train_on_is_refused(count, groups, tested):
    with pytest.raises(BadInput, match="groups is out of range"):
        count(groups, tested)


def test_testing_every_group_at_once_is_refused():
    with pytest.raises(BadInput, match="test_groups is out of range"):
        statistics.cpcv_paths(4, 4)
    with pytest.raises(BadInput, match="not whole"):
        statistics.cpcv_paths(4.5, 2)
