"""Trials of a study whose data have grown: what they came to on folds that have not changed is not run again.

A fold is unchanged where its segments have the same sessions as before. What a trial does there depends on nothing
that comes later, so its outcome is read from what the study was before; everything else runs. The outcome is that of
a study on the grown data: nothing is taken of a trial that failed, or that has other parameters now.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.metrics.summary import REASONS
from backsweep.study.search.batch_sizes import batch_sizes
from backsweep.study.search.in_turns import searches_of
from backsweep.study.table.columns import PARAMS, USER_ATTRS
from backsweep.study.table.params import param_numbers
from backsweep.trial.contract import Outcome
from backsweep.trial.folds import FINAL, trained_on
from backsweep.trial.summaries import mean_of_trainings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.space import Space
    from backsweep.study.store.folder import StudyFolder
    from backsweep.sweepfile.sweep import Sweep
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.contract import Backend, Chunk, DataInfo
    from backsweep.trial.folds import Segment

_PARTS = 6  # of tables that are kept in memory
_CODES = {text: code for code, text in enumerate(REASONS)}


def count_unchanged(before: StudyFolder, sweep: Sweep, info: DataInfo) -> int:
    """Return how many folds, from the first on, have the same sessions in a study and on the data of `info`.

    Finer bars of a daily bar may come after its time, and those after the last bar were not compared: with them the
    last session counts as another.
    """
    spec = sweep.walk_forward
    assert spec is not None  # noqa: S101 - no other study goes on with data that have grown
    rows = before.sessions()
    ends, dates = rows["timestamp"].to_physical().to_numpy(), rows["date"].to_physical().to_numpy()
    count = min(len(ends) - (sweep.data.detail is not None), len(info.sessions))
    other = (ends[:count] != info.sessions[:count]) | (dates[:count] != info.dates[:count])
    same = int(np.argmax(other)) if other.any() else count
    old, new = _by_fold(before.segments(spec)), _by_fold(info.segments)
    for fold, segments in old.items():
        if segments[0].name == FINAL or new.get(fold) != segments or segments[-1].last > same:
            return fold
    return len(old)


def _by_fold(segments: Sequence[Segment]) -> dict[int, list[Segment]]:
    folds: dict[int, list[Segment]] = {}
    for each in segments:
        folds.setdefault(each.fold, []).append(each)
    return folds


class KeptFolds:
    """The `Backend` of a study whose data have grown: another one, without what is known of its trials.

    Parameters
    ----------
    backend : runs the rest.
    former : what the study was before, the latest first.
    sweep, space : of the study.
    proposals : the version of the rules by which its trials are proposed.

    """

    def __init__(
        self, backend: Backend, former: Sequence[StudyFolder], sweep: Sweep, space: Space, proposals: int
    ) -> None:
        self._backend, self._former = backend, former
        self._sweep, self._space, self._proposals = sweep, space, proposals
        self._sources: list[KeptTrials] = []
        self._ready: list[Outcome] = []
        self._partly: dict[int, KeptTrials] = {}  # where the rest of trials is known of which some folds run

    @property
    def remote(self) -> bool:
        """Whether the other one runs trials in other processes."""
        return self._backend.remote

    def start(self, spec: TrialSpec) -> DataInfo:
        """Start the other backend, and look for folds that have not changed."""
        info = self._backend.start(spec)
        found = (KeptTrials(each, self._sweep, self._space, self._proposals, info) for each in self._former)
        self._sources = [each for each in found if each.unchanged]
        return info

    def submit(self, chunk: Chunk) -> None:
        """Queue what is not known of a chunk; never blocks."""
        rest = np.ones(len(chunk.numbers), np.bool_)
        for source in self._sources:
            if not source.covers(chunk) or not rest.any():
                continue
            known = rest.copy()
            known[rest] = source.knows(_of(chunk, rest))
            rest &= ~known
            if not known.any():
                continue
            part = _of(chunk, known)
            if source.missing is None:
                self._ready.append(source.outcome(part))
            else:
                self._partly |= dict.fromkeys(part.numbers.tolist(), source)
                self._backend.submit(replace(part, folds=source.missing))
        if rest.any():
            self._backend.submit(chunk if rest.all() else _of(chunk, rest))

    def wait(self, timeout: float) -> list[Outcome]:
        """Return what is known at once, and else what has come back."""
        if self._ready:
            ready, self._ready = self._ready, []
            return ready
        return [self._completed(each) for each in self._backend.wait(timeout)]

    def _completed(self, outcome: Outcome) -> Outcome:
        """Add the folds that were not run; the sums of records are left to be computed with those of all trials."""
        source = self._partly.get(int(outcome.numbers[0]))
        if source is not None and outcome.folds == source.missing:
            outcome = source.joined(outcome)
        return replace(outcome, record_sums=None)

    def capacity(self) -> int:
        """How many more chunks are wanted now."""
        return max(0, self._backend.capacity() - len(self._ready))

    def wind_down(self) -> None:
        """End what has no work in the other backend: no chunk is to come."""
        self._backend.wind_down()

    def close(self) -> None:
        """Close the other backend."""
        self._backend.close()


def _of(chunk: Chunk, which: NDArray[np.bool_]) -> Chunk:
    return replace(chunk, numbers=chunk.numbers[which], values=chunk.values[which])


class KeptTrials:
    """What a study was before: the outcomes of its trials on the folds that are unchanged.

    Attributes
    ----------
    unchanged : how many folds are, from the first on.
    by_fold : whether every fold is a search of its own.
    missing : the other folds, where trials run on all.

    """

    def __init__(self, folder: StudyFolder, sweep: Sweep, space: Space, proposals: int, info: DataInfo) -> None:
        assert sweep.walk_forward is not None  # noqa: S101 - no other study has gone on with data that have grown
        self._folder, self._space, self._info = folder, space, info
        self._entries = folder.entries()
        self.unchanged = count_unchanged(folder, sweep, info)
        self.by_fold = sweep.searches_by_fold
        folds = [1 + each[-1].fold for each in (folder.segments(sweep.walk_forward), info.segments)]
        sizes = (batch_sizes(sweep.search, proposals, searches_of(sweep, each).count) for each in folds)
        self._sizes_before, self._sizes = sizes
        rest = range(self.unchanged, folds[1])
        self.missing = rest if rest and not self.by_fold else None
        self._parts: OrderedDict[tuple[str, int], pl.DataFrame] = OrderedDict()

    def covers(self, chunk: Chunk) -> bool:
        """Return whether a chunk's trials run on an unchanged fold."""
        return chunk.folds is None if not self.by_fold else chunk.folds is not None and chunk.folds[0] < self.unchanged

    def knows(self, chunk: Chunk) -> NDArray[np.bool_]:
        """Return of which trials of a chunk the outcomes are known."""
        numbers = self._numbers_before(chunk.numbers)
        total = sum(entry.count for entry in self._entries)
        known: NDArray[np.bool_] = numbers < total
        if known.any():
            rows = self._rows("trials", numbers[known])
            values = [param_numbers(axis, rows[PARAMS + axis.name]) for axis in self._space.dimensions]
            same = np.ones(len(rows), np.bool_)
            for column, now in zip(values, chunk.values[known].T, strict=True):
                same &= (column == now) | (np.isnan(column) & np.isnan(now))
            known[known] = same & (rows["state"] != "FAIL").to_numpy()
        return known

    def outcome(self, chunk: Chunk) -> Outcome:
        """Return the outcome of trials that are known, on all the folds of a chunk."""
        numbers = self._numbers_before(chunk.numbers)
        folds = range(self.unchanged) if chunk.folds is None else chunk.folds
        segments, reasons, returns = self.read(numbers, folds)
        metrics, codes = mean_of_trainings(segments, reasons, trained_on(self._info.of(folds).segments))
        rows = self._rows("trials", numbers)
        started, completed = (
            rows[name].to_physical().to_numpy() / 1e6 for name in ("datetime_start", "datetime_complete")
        )
        return Outcome(
            batch=chunk.batch,
            numbers=chunk.numbers,
            metrics=metrics,
            reasons=codes,
            returns=returns,
            errors={},
            started=started,
            completed=completed,
            segments=segments,
            segment_reasons=reasons,
            folds=chunk.folds,
            reused=True,
        )

    def joined(self, outcome: Outcome) -> Outcome:
        """Return an outcome on the folds that were missing as one on all of them."""
        assert outcome.segments is not None  # noqa: S101 - it is of folds
        assert outcome.segment_reasons is not None  # noqa: S101 - the same
        metrics, codes, returns = self.read(self._numbers_before(outcome.numbers), range(self.unchanged))
        segments = np.concatenate([metrics, outcome.segments], axis=1)
        reasons = np.concatenate([codes, outcome.segment_reasons], axis=1)
        returns = np.concatenate([returns, outcome.returns], axis=1)
        failed = np.isin(outcome.numbers, list(outcome.errors))
        segments[failed], reasons[failed], returns[failed] = np.nan, 0, np.nan
        metrics, codes = mean_of_trainings(segments, reasons, trained_on(self._info.segments))
        return replace(
            outcome,
            metrics=metrics,
            reasons=codes,
            returns=returns,
            segments=segments,
            segment_reasons=reasons,
            folds=None,
        )

    def _numbers_before(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers that trials had, all of one batch where every fold is a search: there folds take turns."""
        if not self.by_fold:
            return numbers
        batch = int(self._sizes.of(numbers[:1])[0])
        turn, search = divmod(batch, self._sizes.searches)
        before = turn * self._sizes_before.searches + search
        return numbers - self._sizes.start(batch) + self._sizes_before.start(before)

    def read(
        self, numbers: NDArray[np.int64], folds: range
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float32]]:
        """Return metrics, reasons and returns of trials on some folds: float64 and uint8[k, segments, metrics]."""
        part, names, count = self._info.of(folds), self._info.metrics, len(numbers)
        wanted = pl.col("fold").is_between(folds[0], folds[-1])
        rows = self._rows("folds", numbers).filter(wanted)
        shape = (count, len(part.segments), len(names))
        metrics = np.column_stack([rows[USER_ATTRS + name].fill_null(np.nan).to_numpy() for name in names])
        reasons = np.zeros((len(rows), len(names)), np.uint8)
        for row, text in enumerate(rows["undefined"]):
            for name, reason in json.loads(text).items() if text else ():
                reasons[row, names.index(name)] = _CODES[reason]
        returns = np.full((count, part.width), np.nan, np.float32)
        kept = self._rows("returns", numbers).filter(wanted)["returns"]
        ends = np.cumsum([segment.width for segment in part.segments])
        for place, values in enumerate(kept):
            if values is not None:
                row, segment = divmod(place, len(part.segments))
                end = ends[segment]
                returns[row, end - len(values) : end] = values.to_numpy()
        return metrics.reshape(shape), reasons.reshape(shape), returns

    def _rows(self, table: str, numbers: NDArray[np.int64]) -> pl.DataFrame:
        """Read the rows of trials, in the order of `numbers`, which ascend."""
        low, high = int(numbers[0]), int(numbers[-1])
        found = [
            self._part(table, place)
            for place, entry in enumerate(self._entries)
            if entry.first <= high and low < entry.first + entry.count
        ]
        return pl.concat(part.filter(pl.col("number").is_in(numbers.tolist())) for part in found)

    def _part(self, table: str, place: int) -> pl.DataFrame:
        key = (table, place)
        if key not in self._parts:
            (self._parts[key],) = self._folder.parts(table, [self._entries[place]])
        self._parts.move_to_end(key)
        while len(self._parts) > _PARTS:
            self._parts.popitem(last=False)
        return self._parts[key]
