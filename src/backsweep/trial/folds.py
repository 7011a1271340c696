"""Folds: which sessions a trial is chosen on, and which it is then judged on.

With I the length of training, g the purge, O the length of a test and s the step (all calendar spans counted from the
first session's date, or sessions), fold k trains on [k s, k s + I), or anchored on [0, k s + I), and is tested on
[k s + I + g, k s + I + g + O). The tests follow each other, so appending sessions changes no fold but a short last one.
Sessions are never cut: one that begins within a span belongs to it, so that hours are rounded up to whole dates.

Combinatorial purged cross-validation divides the sessions into N groups of equal length and has a fold for each choice
of k groups: it is tested on these, each run by itself, and trained on what is left but `purge` before and `embargo`
after every one of them. Its segments have several pieces. Source: Lopez de Prado (2018), "Advances in Financial Machine
Learning", chapter 12; `statistics.paths` says which folds make which path.
"""

from __future__ import annotations

import calendar
import itertools
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.sweepfile.folds import FoldSpec
from backsweep.trial.session_range import SessionRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

TRAIN, TEST, FINAL = "train", "test", "final"
_EPOCH = date(1970, 1, 1)
_HOURS = 24


@dataclass(frozen=True)
class Segment:
    """Sessions `first` to before `last` of fold number `fold`; `short`: the data end before the segment does.

    `name` is TRAIN, TEST, or FINAL for the training of the final choice, which stands alone in its fold. Where `pieces`
    are given, it has only these ranges, each run by itself.
    """

    fold: int
    name: str
    first: int
    last: int
    short: bool = False
    pieces: tuple[SessionRange, ...] = ()

    @property
    def ranges(self) -> tuple[SessionRange, ...]:
        """Its pieces, or the one that it is."""
        return self.pieces or (SessionRange(self.first, self.last),)

    @property
    def is_training(self) -> bool:
        """Whether trials are chosen on it."""
        return self.name != TEST

    @property
    def sessions(self) -> int:
        """How many sessions it has."""
        return sum(each.sessions for each in self.ranges)

    @property
    def width(self) -> int:
        """How many returns are kept of it: all, but none of a training in pieces, of which there are very many."""
        return 0 if self.pieces and self.name == TRAIN else self.sessions


def divide(dates: NDArray[np.int32], spec: FoldSpec | None) -> tuple[tuple[Segment, ...], int]:
    """Return the segments of `make_segments`, none without folds, and the position of `holdout_start`."""
    return (make_segments(dates, spec), holdout_start(dates, spec)) if spec is not None else ((), len(dates))


def make_segments(dates: NDArray[np.int32], spec: FoldSpec) -> tuple[Segment, ...]:
    """Divide sessions: train and test of fold 0, train and test of fold 1, and so on, then the final training.

    `dates` are those of the sessions in days since 1970, ascending. Raises BadInput where there is not one fold, or
    where tests would overlap.
    """
    if spec.holdout is not None:
        open_ = holdout_start(dates, spec)
        folds = make_segments(dates[:open_], spec.model_copy(update={"holdout": None, "final": False}))
        return (*folds, _training_before_holdout(_Ruler(dates), spec, open_, folds[-1].fold + 1))
    ruler = _Ruler(dates)
    folds = tuple(_splits(ruler, spec)) if spec.mode == "cpcv" else _successive(ruler, spec)
    return (*folds, _final_training(ruler, spec, folds[-1].fold + 1)) if spec.final else folds


def trained_on(segments: Sequence[Segment]) -> NDArray[np.bool_]:
    """Return which segments a trial's own metrics are means over: the folds' trainings.

    Of a trial that runs on the final training alone, it is that one.
    """
    trains = np.array([segment.name == TRAIN for segment in segments], np.bool_)
    return trains if trains.any() else np.array([segment.is_training for segment in segments], np.bool_)


def _successive(ruler: _Ruler, spec: FoldSpec) -> tuple[Segment, ...]:
    """Return the folds of all modes but `cpcv`; raises BadInput as `make_segments`."""
    found = [segment for fold in _folds(ruler, spec) for segment in fold]
    tests = found[1::2]
    if any(later.first < earlier.last for earlier, later in itertools.pairwise(tests)):
        raise BadInput(
            "the tests of the folds overlap",
            where="walk_forward.step",
            expected=f"at least the length of a test, {spec.test}",
            found=str(spec.step),
            remedy="leave `step` out",
        )
    if not found or min(segment.sessions for segment in found) == 0:
        raise BadInput(
            "the data are too short for one fold" if not found else "a fold has a segment without a session",
            where="walk_forward",
            expected=f"more sessions than train ({spec.train}) and purge ({spec.purge}) take, and some in every span",
            found=f"{ruler.count} sessions",
            remedy="shorten `train`, lengthen `test`, or take more data",
        )
    return tuple(found)


def _folds(ruler: _Ruler, spec: FoldSpec) -> Iterator[tuple[Segment, Segment]]:
    """Yield folds as long as a test begins within the data."""
    assert spec.train is not None  # noqa: S101 - the sweep file has been checked
    train, purge = _read(spec.train), _read(spec.purge)
    test = _read(spec.test) if spec.test else None
    step = _read(spec.step) if spec.step else test
    number = 0
    while True:
        start = np.zeros(4, np.int64) if step is None else number * step
        opens = ruler.place(start + train + purge)
        if opens >= ruler.count:
            return
        begins = ruler.place(start) if spec.mode == "rolling" else 0
        closes = ruler.count if test is None else ruler.place(start + train + purge + test)
        short = test is not None and not ruler.covers(start + train + purge + test)
        yield (
            Segment(number, TRAIN, begins, ruler.place(start + train)),
            Segment(number, TEST, opens, min(closes, ruler.count), short),
        )
        number += 1
        if spec.mode == "holdout":
            return


def check_hours(spec: FoldSpec, *, intraday: bool) -> None:
    """Raise BadInput for a span in hours where a session has one bar."""
    for name in _SPANS if not intraday else ():
        span = getattr(spec, name)
        if span is not None and span.endswith("h"):
            raise BadInput(
                "a span in hours, and no session has several bars",
                where=f"walk_forward.{name}",
                expected="years, months, weeks, days or sessions",
                found=span,
                remedy="write days, such as 5d, or sessions, such as 5s",
            )


def holdout_start(dates: NDArray[np.int32], spec: FoldSpec) -> int:
    """Return the position of the holdout's first session, or how many sessions there are without one.

    Raises BadInput where the holdout leaves no session.
    """
    if spec.holdout is None:
        return len(dates)
    start = _Ruler(dates).before_end(_read(spec.holdout)) if len(dates) else 0
    if start <= 0:
        raise BadInput(
            "the holdout leaves no data for training",
            where="walk_forward.holdout",
            expected=f"more than {spec.holdout} of data",
            found=f"{len(dates)} sessions",
            remedy="shorten `holdout`, or take more data",
        )
    return start


def _final_training(ruler: _Ruler, spec: FoldSpec, fold: int) -> Segment:
    """Return the training that ends with the data: nothing is tested after it, so it needs no purge."""
    first = ruler.before_end(_read(spec.train)) if spec.mode == "rolling" and spec.train else 0
    return Segment(fold, FINAL, max(0, first), ruler.count)


def _training_before_holdout(ruler: _Ruler, spec: FoldSpec, open_: int, fold: int) -> Segment:
    last = ruler.before(open_, _read(spec.purge))
    first = ruler.before(last, _read(spec.train)) if spec.mode == "rolling" and spec.train and last > 0 else 0
    if last <= max(first, 0):
        raise BadInput(
            "a fold has a segment without a session",
            where="walk_forward.holdout",
            expected="sessions to train on before the holdout and its purge",
            found=f"{open_} sessions before the holdout",
            remedy="shorten `purge` or `holdout`",
        )
    return Segment(fold, TRAIN, first, last)


def _splits(ruler: _Ruler, spec: FoldSpec) -> Iterator[Segment]:
    """Yield training and test of each choice of groups, in lexicographic order."""
    groups, tested = spec.groups or 2, spec.test_groups or 1
    edges = [ruler.count * group // groups for group in range(groups + 1)]
    ranges = itertools.starmap(SessionRange, itertools.pairwise(edges))
    purge, embargo = _read(spec.purge), _read(spec.embargo)
    for fold, chosen in enumerate(itertools.combinations(ranges, tested)):
        free = np.ones(ruler.count, np.bool_)
        for first, last in chosen:
            free[ruler.before(first, purge) : ruler.after(last, embargo)] = False
        turns = np.flatnonzero(np.diff(free, prepend=False, append=False))
        trained = tuple(itertools.starmap(SessionRange, turns.reshape(-1, 2).tolist()))
        if not trained or edges[1] == 0:
            raise BadInput(
                "a fold has a segment without a session",
                where="walk_forward.groups",
                expected="sessions in every group, and in training once purge and embargo are taken away",
                found=f"{ruler.count} sessions in {groups} groups",
                remedy="take fewer groups, a shorter purge and embargo, or more data",
            )
        yield Segment(fold, TRAIN, trained[0][0], trained[-1][1], pieces=trained)
        yield Segment(fold, TEST, chosen[0][0], chosen[-1][1], pieces=chosen)


def record_places(segments: Sequence[Segment]) -> NDArray[np.int64]:
    """Return the places, among the returns of a trial on all segments, of every tested session once, in their order.

    A session that several folds test is taken from the first of them: run by itself, it earns the same in all.
    """
    place = sum(segment.width for segment in segments)
    found = np.full(max(segment.last for segment in segments), -1)
    for segment in reversed(segments):
        for first, last in reversed(segment.ranges) if segment.width else ():
            place -= last - first
            if segment.name == TEST:
                found[first:last] = np.arange(place, place + last - first)
    return found[found >= 0]


class _Ruler:
    """Finds the session that stands at a distance, months, days, sessions and hours, from the first one's date."""

    def __init__(self, dates: NDArray[np.int32]) -> None:
        self._dates = dates
        self.count = len(dates)

    def place(self, distance: NDArray[np.int64]) -> int:
        """Return the position of the first session at this distance or farther; `count` and more: beyond the data."""
        return int(np.searchsorted(self._dates, self._date(distance))) + _sessions(distance)

    def covers(self, distance: NDArray[np.int64]) -> bool:
        """Return whether every session before this distance is in the data."""
        place = self.place(distance)
        return place < self.count or (place == self.count and self._date(distance) <= self._dates[-1] + 1)

    def before(self, session: int, distance: NDArray[np.int64]) -> int:
        """Return the position of the first session at most this distance before a session's date."""
        first = int(np.searchsorted(self._dates, _shift(int(self._dates[session]), distance, -1)))
        return max(0, min(session, first) - _sessions(distance))

    def before_end(self, distance: NDArray[np.int64]) -> int:
        """Return the position of the first session at most this distance before the end of the last one's date."""
        return int(np.searchsorted(self._dates, _shift(int(self._dates[-1]) + 1, distance, -1))) - _sessions(distance)

    def after(self, session: int, distance: NDArray[np.int64]) -> int:
        """Return the position of the first session at this distance after the date of the one before `session`."""
        first = int(np.searchsorted(self._dates, _shift(int(self._dates[session - 1]) + 1, distance)))
        return max(session, first) + _sessions(distance)

    def _date(self, distance: NDArray[np.int64]) -> int:
        return _shift(int(self._dates[0]) if self.count else 0, distance)


_SPANS = ("train", "test", "step", "purge", "embargo", "holdout")
_UNITS = {  # months, days, sessions, hours
    "y": (12, 0, 0, 0),
    "mo": (1, 0, 0, 0),
    "w": (0, 7, 0, 0),
    "d": (0, 1, 0, 0),
    "s": (0, 0, 1, 0),
    "h": (0, 0, 0, 1),
}


def _read(text: str) -> NDArray[np.int64]:
    """Read a span as int64[4]: months, days, sessions, hours."""
    match = re.fullmatch(r"(\d+)(\D+)", text)
    assert match is not None  # noqa: S101 - the section's pattern has been checked
    return int(match[1]) * np.array(_UNITS[match[2]], dtype=np.int64)


def _sessions(distance: NDArray[np.int64]) -> int:
    return int(distance[2])


def _shift(day: int, distance: NDArray[np.int64], sign: int = 1) -> int:
    """Move a day since 1970 by months, days and hours; the last of a month stands for days that it does not have."""
    months, days, _, hours = map(int, distance)
    start = _EPOCH + timedelta(days=day)
    year, month = divmod(start.year * 12 + start.month - 1 + sign * months, 12)
    moved = date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))
    return (moved - _EPOCH).days + sign * (days - (-hours // _HOURS))
