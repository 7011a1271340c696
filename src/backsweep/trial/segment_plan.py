"""In which order the segments of the folds run, and where the figures of each go."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backsweep.trial.folds import TEST, TRAIN, Segment
from backsweep.trial.session_range import SessionRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backsweep.trial.contract import DataInfo


@dataclass(frozen=True)
class PlannedRun:
    """A run over some sessions, for number `place` of the plan's ranges, or for none; `carried`: with what was left."""

    sessions: SessionRange
    place: int | None
    carried: bool = False


@dataclass(frozen=True)
class SegmentSlot:
    """A segment, the places of its ranges in the plan, and where its returns stand in a trial's row, if they do."""

    segment: Segment
    places: tuple[int, ...]
    returns: slice | None


@dataclass(frozen=True)
class SegmentPlan:
    """What a trial runs.

    Attributes
    ----------
    runs : in order.
    ranges : of sessions whose figures are wanted: with `compounded` each once, otherwise one for each segment.
    slots : one for each segment, or without folds one for all sessions.
    flat : runs end without positions.
    compounded : segments consist of ranges that are run by themselves; what these earn is compounded.

    """

    runs: tuple[PlannedRun, ...]
    ranges: tuple[SessionRange, ...]
    slots: tuple[SegmentSlot, ...]
    flat: bool
    compounded: bool


def plan_segments(info: DataInfo, *, flat: bool) -> SegmentPlan:
    """Return the plan for the segments of `info`, or without any for all its sessions.

    With `flat`, every segment is a run of its own that ends without positions. Otherwise trainings end marked to
    market, and the tests are cut out of one run that begins with the first of them.
    """
    segments = info.segments or (Segment(0, TRAIN, 0, len(info.sessions)),)
    ends = list(itertools.accumulate(segment.width for segment in segments))
    returns = [slice(end - each.width, end) if each.width else None for each, end in zip(segments, ends, strict=True)]
    ranges = [each for segment in segments for each in segment.ranges]
    compounded = any(segment.pieces for segment in segments)
    if compounded:
        place_of = {each: place for place, each in enumerate(dict.fromkeys(ranges))}
        runs = tuple(itertools.starmap(PlannedRun, place_of.items()))
        places = [tuple(place_of[each] for each in segment.ranges) for segment in segments]
        ranges = list(place_of)
    else:
        runs = tuple(_order(segments, flat=flat))
        places = [(place,) for place in range(len(segments))]
    slots = tuple(itertools.starmap(SegmentSlot, zip(segments, places, returns, strict=True)))
    return SegmentPlan(runs, tuple(ranges), slots, flat, compounded)


def _order(segments: Sequence[Segment], *, flat: bool) -> Iterator[PlannedRun]:
    """Yield the runs of segments that have one range each: with tests that carry on, these come last."""
    for place, segment in enumerate(segments):
        if flat or segment.is_training:
            yield PlannedRun(segment.ranges[0], place)
    at = None  # the session after those that the account has seen
    for place, segment in enumerate(() if flat else segments):
        if segment.name == TEST:
            if at is not None and at < segment.first:
                yield PlannedRun(SessionRange(at, segment.first), None, carried=True)
            yield PlannedRun(segment.ranges[0], place, carried=at is not None)
            at = segment.last
