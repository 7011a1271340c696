import itertools

import numpy as np
import pytest

from backsweep.trial.contract import Chunk
from backsweep.trial.sleeves.partial_sums import PartialSums, join_partial_sums
from backsweep.trial.sleeves.sums import Tree

CHUNK = Chunk(0, np.array([9]), np.zeros((1, 0)))


def leaves(blocks):
    """Return one number for each block, whose sum depends on the order of the additions."""
    return np.random.default_rng(blocks).normal(0, 1, (blocks, 3)) * 10.0 ** np.arange(blocks)[:, None] % 1e6


def recursive(values):
    """Add in halves at powers of two, the longest first: what the tree's shape comes to."""
    if len(values) == 1:
        return values[0]
    half = 1 << (len(values) - 1).bit_length() - 1
    return recursive(values[:half]) + recursive(values[half:])


@pytest.mark.parametrize("blocks", [1, 2, 3, 5, 8, 13, 64, 100])
def test_a_tree_over_blocks_has_one_shape_wherever_it_is_cut(blocks):
    values = leaves(blocks)
    expected = recursive(values)
    for cuts in ((), (1,), (blocks // 2,), (blocks // 3, blocks // 2), tuple(range(1, blocks))):
        places = sorted({0, blocks, *(cut for cut in cuts if 0 < cut < blocks)})
        parts = []
        for first, last in itertools.pairwise(places):
            tree = Tree(blocks)
            for block in range(first, last):
                tree.push(0, block, values[block : block + 1])
            assert len(tree.nodes) <= 2 * max(blocks - 1, 1).bit_length()
            nothing = np.zeros(1)
            parts.append(PartialSums(CHUNK, tree.nodes, np.stack(tree.sums), {}, nothing, nothing))
        whole = join_partial_sums(parts, blocks)
        assert len(whole.nodes) == 1
        assert whole.sums[0, 0].tobytes() == expected.tobytes()
        middle = len(parts) // 2  # in a tree of shards, too
        if middle:
            halves = [join_partial_sums(parts[:middle], blocks), join_partial_sums(parts[middle:], blocks)]
            assert join_partial_sums(halves, blocks).sums[0, 0].tobytes() == expected.tobytes()
