"""Trials side by side: several run over the same few thousand bars before any goes on.

A trial reads all bars, and those of a long market are not in the processor's cache when the next trial begins: an event
waits for memory as long as it computes. So trials take turns. Each has a *lane*: tables of its own for what a run
changes, and the words of its strategy's variables. In turn each runs over a *window* of bars, which a run that is
continued leaves with the same bits as one that goes through (`events.segment`).

What else differs between trials is assigned at every turn, as it is once for a trial that runs alone (`assignment`).
There is one lane where turns do not pay or cannot be taken: in short runs, interpreted, recorded, with several
currencies, and for trials among which one fails. These are run again one by one, and the failure is found as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backsweep.engine.compile.kernel import WORD, fetch, kernel
from backsweep.engine.state import State, Tables
from backsweep.engine.tables import CHANGED, COUNTERS
from backsweep.trial.assignment import PLACE

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE_BY_SIDE = 16
"""Lanes, at most: so many trials read a window from memory once."""

ROOM = 2**25
"""Bytes that the tables of all lanes may take."""

WINDOW = 4096
"""Bars of a turn, which take some 400 kilobytes with their features."""

UNBOUNDED = 2**40
"""Bars of a turn that lasts for a whole run."""

WORTHWHILE = 4
"""Windows that a run has at least where trials take turns."""


class Lanes(NamedTuple):
    """The lanes of a runner.

    Attributes
    ----------
    homes : records of PLACE, where the engine finds the addresses of the tables that a run changes.
    addresses : int64[lanes, tables], those of each lane.
    variables : records of PLACE, where each of the strategy's variables is, one word each.
    kept : int64[lanes, variables], their words while another lane has its turn.
    standing : int64[lanes], how each stands in the run at hand: see `chunk_loop`.
    before : float64[lanes, 2], equity and gross value before that run.
    counters : float64[lanes, len(COUNTERS)], those of that run.

    """

    homes: NDArray[Any]
    addresses: NDArray[np.int64]
    variables: NDArray[Any]
    kept: NDArray[np.int64]
    standing: NDArray[np.int64]
    before: NDArray[np.float64]
    counters: NDArray[np.float64]

    @property
    def first(self) -> Lanes:
        """The first lane alone, which a trial that runs alone has."""
        return self._replace(**{name: getattr(self, name)[:1] for name in _OF_EACH})


_OF_EACH = ("addresses", "kept", "standing", "before", "counters")


def widen(tables: Tables, *, several: bool) -> dict[str, NDArray[Any]]:
    """Allocate the tables that a run changes for several lanes, or one; returns them by name.

    From then on `tables` has those of the first lane.
    """
    size = sum(tables.arrays[name].nbytes for name in CHANGED)
    count = max(1, min(SIDE_BY_SIDE, ROOM // size)) if several else 1
    wide = {}
    for name in CHANGED:
        own = tables.arrays[name]
        wide[name] = np.zeros((count, len(own)), own.dtype)
        if own.view(np.uint8).any():
            wide[name][:] = own
        tables.arrays[name] = wide[name][0]
    return wide


def make_lanes(wide: dict[str, NDArray[Any]], handle: Any, resets: NDArray[Any]) -> Lanes:
    """Return the lanes of tables that `widen` has made, for the handle of these tables and the strategy's `resets`."""
    count = len(wide["counters"])
    names = [] if isinstance(handle, State) else list(wide)
    homes = np.zeros(len(names), PLACE)
    addresses = np.zeros((count, len(names)), np.int64)
    for column, name in enumerate(names):
        homes[column] = (handle.base[name].ctypes.data, WORD, 1, column, 0)
        addresses[:, column] = [each.ctypes.data for each in wide[name]]
    variables = np.repeat(resets, resets["count"])
    variables["address"] += variables["width"] * _places_in(resets["count"])
    variables["count"], variables["column"] = 1, np.arange(len(variables))
    return Lanes(
        homes,
        addresses,
        variables,
        np.zeros((count, len(variables)), np.int64),
        np.zeros(count, np.int64),
        np.zeros((count, 2)),
        wide["counters"].view(np.float64).reshape(count, COUNTERS.itemsize // WORD),
    )


def _places_in(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0, 1, 2, ... for each of the counts, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


@kernel
def keep_variables(lanes: Any, lane: int) -> None:
    """Keep the words of the variables that a lane's turn left."""
    for index in range(lanes.variables.size):
        place = lanes.variables[index]
        lanes.kept[lane, index] = fetch(place.address, place.width)
