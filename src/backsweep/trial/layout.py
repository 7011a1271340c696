"""Where what runs leave goes: the records of a plan's runs, ranges and segments that compiled code reads."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.engine.codes import NONE
from backsweep.engine.compile.kernel import record_dtype
from backsweep.engine.tables import CALL
from backsweep.trial.range_sums import RANGE, make_ranges, width_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.trial.segment_plan import SegmentPlan
    from backsweep.trial.session_range import SessionRange


_CALL: Mapping[str, Any] = CALL.fields or {}
RUN = record_dtype(  # a run of the loop from group `first` to before group `last`; the fields of CALL are its arguments
    [
        ("first", "i8"),
        ("last", "i8"),
        ("account", "i8"),  # the number of a sleeve
        ("place", "i8"),  # the number of its range, NONE for none
        ("fold", "i8"),  # NONE where pruning ends no other run
        ("session", "i8"),  # the first of its range
        ("start", "i8"),  # where the sums of its range begin
        *((name, field[0]) for name, field in _CALL.items()),
    ]
)
SLOT = (
    record_dtype(  # a segment: its ranges, as places among `Layout.parts`, and where its returns go, NONE for nowhere
        [("first", "i8"), ("count", "i8"), ("returns", "i8")]
    )
)


@dataclass(frozen=True, eq=False)
class Layout:
    """Records of RANGE and SLOT; `parts` are the slots' places among the ranges, one slot's after the other's.

    `width` is how many numbers a trial leaves, `longest` how many sessions the longest segment has.
    """

    ranges: NDArray[Any]
    slots: NDArray[Any]
    parts: NDArray[np.int64]
    width: int
    longest: int

    def places_of(self, slot: int) -> NDArray[np.int64]:
        """Return the places of a slot's ranges."""
        return self.parts[self.slots[slot]["first"] :][: self.slots[slot]["count"]]


NOTHING = Layout(np.zeros(0, RANGE), np.zeros(0, SLOT), np.zeros(0, np.int64), 0, 0)
"""The layout of runs that leave nothing but what is in the tables."""


def lay_out(plan: SegmentPlan, years: Iterable[float]) -> Layout:
    """Return the layout of a plan, whose ranges take so many `years`."""
    slots = np.zeros(len(plan.slots), SLOT)
    slots["count"] = [len(slot.places) for slot in plan.slots]
    slots["first"] = np.cumsum(slots["count"]) - slots["count"]
    slots["returns"] = [NONE if slot.returns is None else slot.returns.start for slot in plan.slots]
    parts = np.array(list(itertools.chain.from_iterable(slot.places for slot in plan.slots)), np.int64)
    longest = max(slot.segment.sessions for slot in plan.slots)
    return Layout(make_ranges(plan.ranges, years), slots, parts, width_of(plan.ranges), longest)


def lay_out_one(sessions: SessionRange, years: float) -> Layout:
    """Return the layout of one range that is all there is, and whose returns are not copied."""
    slots = np.zeros(1, SLOT)
    slots["count"], slots["returns"] = 1, NONE
    ranges = make_ranges([sessions], [years])
    return Layout(ranges, slots, np.zeros(1, np.int64), width_of([sessions]), sessions.sessions)


def make_runs(runs: Sequence[Mapping[str, float]], layout: Layout) -> NDArray[Any]:
    """Return the records of runs; what a run does not say is 0, and its range begins where the layout has it."""
    table = np.zeros(len(runs), RUN)
    for record, run in zip(table, runs, strict=True):
        if run["place"] != NONE:
            record["start"] = layout.ranges[int(run["place"])]["start"]
        for name, value in run.items():
            record[name] = value
    return table
