"""What one shard knows of a chunk's trials, and how shards are put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.trial.sleeves.sums import Tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.trial.contract import Chunk


@dataclass(frozen=True, eq=False)
class PartialSums:
    """What the sleeves of consecutive blocks add up to.

    Attributes
    ----------
    chunk : the trials.
    nodes : level and index of the nodes of the tree of blocks, in the order of blocks; at most two for each level.
    sums : float64[nodes, k, width of the ranges]; not a number for a trial that has failed.
    errors : trial number to the text of the first sleeve's error.
    started, completed : float64[k], seconds since 1970 UTC.

    """

    chunk: Chunk
    nodes: tuple[tuple[int, int], ...]
    sums: NDArray[np.float64]
    errors: dict[int, str]
    started: NDArray[np.float64]
    completed: NDArray[np.float64]


def join_partial_sums(parts: Sequence[PartialSums], blocks: int) -> PartialSums:
    """Join parts of one chunk, given in the order of their blocks; of two errors the first sleeve's counts."""
    tree = Tree(blocks)
    errors: dict[int, str] = {}
    for part in parts:
        for (level, index), sums in zip(part.nodes, part.sums, strict=True):
            tree.push(level, index, sums)
        errors = part.errors | errors
    return PartialSums(
        chunk=parts[0].chunk,
        nodes=tree.nodes,
        sums=np.stack(tree.sums),
        errors=errors,
        started=np.min([part.started for part in parts], axis=0),
        completed=np.max([part.completed for part in parts], axis=0),
    )
