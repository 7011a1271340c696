"""What the sleeves of a trial add up to, added in one order whatever the number of shards.

What a sleeve leaves is in `trial.range_sums`. Within a block of assets sleeves are added in the assets' order; blocks
are added in a binary tree over their numbers. Its shape depends on the number of blocks alone: a shard adds the whole
subtrees that it holds, and whoever puts shards together adds the rest, so that the same numbers meet in the same order
everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Tree:
    """Adds blocks in a binary tree: node i of level l stands for blocks i 2^l to before (i + 1) 2^l.

    Nodes are pushed in the order of their blocks, without gaps; those that are siblings become their parent.
    """

    def __init__(self, blocks: int) -> None:
        self._blocks = blocks
        self._stack: list[tuple[int, int, NDArray[np.float64]]] = []

    @property
    def nodes(self) -> tuple[tuple[int, int], ...]:
        """Level and index of the nodes that have found no sibling: the root alone when every block is in."""
        return tuple((level, index) for level, index, _ in self._stack)

    @property
    def sums(self) -> list[NDArray[np.float64]]:
        """The nodes' sums, in the order of `nodes`."""
        return [sums for _, _, sums in self._stack]

    def push(self, level: int, index: int, sums: NDArray[np.float64]) -> None:
        """Add the node that follows."""
        while True:
            if index % 2 == 1:
                if not self._stack or self._stack[-1][:2] != (level, index - 1):
                    break
                _, _, left = self._stack.pop()
                sums = left + sums
            elif (index + 1) << level < self._blocks or (index == 0 and 1 << level >= self._blocks):
                break  # its right sibling is to come, or it is the root
            level, index = level + 1, index // 2
        self._stack.append((level, index, sums))
