"""What the sleeves of a trial add up to, added in one order whatever the number of shards.

A sleeve leaves for each range of sessions (a segment, a part of one, or the whole of the data) the cash that it began
with, its counters, and its equity and gross position value at every session's end: per-session profit and loss, before
any ratio is formed. Within a block of assets sleeves are added in the assets' order; blocks are added in a binary tree
over their numbers. Its shape depends on the number of blocks alone: a shard adds the whole subtrees that it holds, and
whoever puts shards together adds the rest, so that the same numbers meet in the same order everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.engine.compile.kernel import compiled, record_at
from backsweep.engine.tables import COUNTERS
from backsweep.trial.summaries import RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from backsweep.trial.session_range import SessionRange

HEAD = COUNTERS.itemsize // 8
"""Numbers before the curves of a range: a record of COUNTERS."""


def width_of(ranges: Iterable[SessionRange]) -> int:
    """Return how many numbers the sums over some ranges of sessions are."""
    return sum(HEAD + 2 * each.sessions for each in ranges)


def split_sums(sums: NDArray[np.float64], ranges: Sequence[SessionRange]) -> list[NDArray[np.float64]]:
    """Return the sums over each range, float64[HEAD + 2 sessions], as views of a trial's, float64[width]."""
    return np.split(sums, np.cumsum([HEAD + 2 * each.sessions for each in ranges])[:-1])


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


@compiled
def add_sleeve(
    counters: NDArray[np.float64],
    sessions: Any,
    edges: NDArray[np.int64],
    first: int,
    initial: float,
    gross: float,
    ran: int,
    out: NDArray[np.float64],
) -> None:
    """Add a sleeve's range of sessions to `out`, float64[HEAD + 2 n].

    `counters` are float64[HEAD], those of the run, not read unless the sleeve `ran`. `sessions` is record 0 of what the
    run left at session ends, `edges` int64[n + 1] with the group at which each of its sessions begins for this asset:
    without groups a session leaves everything as it was. `initial` and `gross` are equity and gross value before it.
    """
    count = edges.size - 1
    equity = initial
    out[0] += initial
    for i in range(1, counters.size if ran else 0):
        out[i] += counters[i]
    for i in range(count):
        if edges[i + 1] > edges[i]:
            end = record_at(sessions, first + i)
            equity = end.equity
            gross = end.gross
        out[HEAD + i] += equity
        out[HEAD + count + i] += gross


def to_run_summary(sums: NDArray[np.float64], years: float, per_year: float) -> RunSummary:
    """Return one range's sums as what a run of one account leaves behind."""
    sums = sums.copy()  # what comes from another process is read-only, which is another type to Numba
    equity, gross = np.split(sums[HEAD:], 2)
    exposure = np.divide(gross, equity, out=np.zeros(len(equity)), where=equity > 0.0)
    return RunSummary(sums[:HEAD].view(COUNTERS), equity, exposure, years, per_year)
