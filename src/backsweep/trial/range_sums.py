"""What runs leave behind over ranges of sessions, as numbers that can be added up and summarised.

Of a range there are a record of COUNTERS, whose first number is the equity that the range began with, then equity and
gross position value at the end of each of its sessions: per-session profit and loss, before any ratio is formed. Those
of all ranges of a trial follow each other in one row, float64[width].
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.engine.compile.kernel import kernel, record_at, record_dtype
from backsweep.engine.tables import COUNTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from backsweep.trial.session_range import SessionRange

HEAD = COUNTERS.itemsize // 8
"""Numbers before the curves of a range: a record of COUNTERS."""

RANGE = record_dtype(  # `start`: where it begins in the row; `years` of 365.25 days
    [("start", "i8"), ("sessions", "i8"), ("years", "f8")]
)


def width_of(ranges: Iterable[SessionRange]) -> int:
    """Return how many numbers the sums over some ranges of sessions are."""
    return sum(HEAD + 2 * each.sessions for each in ranges)


def make_ranges(ranges: Sequence[SessionRange], years: Iterable[float]) -> NDArray[Any]:
    """Return the records of some ranges, which follow each other in a row."""
    table = np.zeros(len(ranges), RANGE)
    widths = (HEAD + 2 * each.sessions for each in ranges[:-1])
    table["start"][: len(ranges)] = list(itertools.accumulate(widths, initial=0))[: len(ranges)]
    table["sessions"] = [each.sessions for each in ranges]
    table["years"] = list(years)
    return table


@kernel
def add_run(
    sessions: Any,
    edges: NDArray[np.int64],
    first: int,
    count: int,
    initial: float,
    gross: float,
    ran: int,
    sums: NDArray[np.float64],
    counters: NDArray[np.float64],
) -> None:
    """Add what a run over `count` sessions from number `first` on left to `sums`, float64[HEAD + 2 count].

    `sessions` is record 0 of what it left at session ends, `counters` float64[HEAD], those of the run, not read unless
    it `ran`. `edges` has the group at which each of the sessions begins for the account, int64[sessions + 1]: without
    groups a session leaves everything as it was. `initial` and `gross` are equity and gross value before it.
    """
    equity = initial
    sums[0] += initial
    for i in range(1, HEAD if ran == 1 else 0):
        sums[i] += counters[i]
    for i in range(count):
        if edges[first + i + 1] > edges[first + i]:
            end = record_at(sessions, first + i)
            equity = end.equity
            gross = end.gross
        sums[HEAD + i] += equity
        sums[HEAD + count + i] += gross


def curves_of(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return equity and exposure at session ends, float64[sessions] both, of the sums over one range."""
    equity, gross = np.split(sums[HEAD:], 2)
    return equity, np.divide(gross, equity, out=np.zeros(len(equity)), where=equity > 0.0)
