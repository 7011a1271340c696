"""Validation of the parts of a study's tables: a part may have been edited, and its digest as well.

Columns and types are those that this version writes; rows are those of the entry's trials, one per trial, or one per
trial and segment.
"""

from __future__ import annotations

import io
import json
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.statistics.blocks import FEWEST_SESSIONS, standard_blocks
from backsweep.storage.protocol import unreadable
from backsweep.study.search.batch_sizes import BatchSizes, batch_sizes
from backsweep.study.search.in_turns import Searches, searches_of
from backsweep.study.search.proposals import Proposals
from backsweep.study.search.space import Space
from backsweep.study.store.documents import malformed
from backsweep.study.table.blocks import BLOCKS_TABLE, summarise_records
from backsweep.study.table.columns import ASSET_GROUP, PARAMS
from backsweep.study.table.folds import fold_rows
from backsweep.study.table.outcomes import Outcomes
from backsweep.study.table.trials import WHOLE, Table
from backsweep.trial.contract import DataInfo
from backsweep.trial.folds import Segment, make_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from backsweep.storage.protocol import Files
    from backsweep.study.search.dimension import Dimension
    from backsweep.study.store.entry import Entry
    from backsweep.sweepfile.sweep import Sweep

SESSIONS = "sessions.parquet"

_PARAM_TYPES = (pl.Float64, pl.Int64, pl.Boolean)
_STATES = ("COMPLETE", "PRUNED", "FAIL")
_ENDS = {"timestamp": pl.Datetime("ns", "UTC")}

_Segment = tuple[int, str, int]
"""Fold, name and number of stored returns."""
_SESSIONS = {**_ENDS, "date": pl.Date()}


class StoredTables:
    """The tables of one study.

    `proposals` is the version of the rules by which its trials were proposed; `dates` reads those of its sessions, days
    since 1970, when they are first needed; `axes` are those of its search space, as far as they were recorded.
    """

    def __init__(
        self,
        sweep: Sweep,
        proposals: int,
        dates: Callable[[], NDArray[np.int32]],
        axes: Sequence[Dimension] = (),
    ) -> None:
        self._sweep, self._proposals, self._read_dates = sweep, proposals, dates
        self._choices = {PARAMS + axis.name: axis.choices or () for axis in axes if axis.codes is not None}
        self._texts = {PARAMS + axis.name for axis in axes if axis.text}
        self._nullable = {name for name, choices in self._choices.items() if None in choices}
        self._nullable |= {PARAMS + name for name, entry in sweep.search.params.items() if entry.when is not None}
        self._first: dict[str, pl.Schema] = {}  # of each table: that of the first part, as all parts have it

    def check_entries(self, entries: Iterable[Entry], files: Files) -> None:
        """Raise StudyConflict for an entry without a part of a table that this study has, or with another's."""
        expected = {"trials", "returns"} | (set() if self._sweep.walk_forward is None else {"folds"})
        for entry in entries:
            if entry.files.keys() - {BLOCKS_TABLE} != expected:  # older studies have no blocks
                named, found = (", ".join(sorted(each)) for each in (expected, entry.files))
                raise malformed(files, entry.own_name, "not the parts of this study", named, found)

    def check(self, table: str, rows: pl.DataFrame, entry: Entry, files: Files) -> None:
        """Raise StudyConflict, which names the part, unless it holds a table's rows of an entry's trials."""
        problem = self._wrong_columns(table, rows) or self._wrong_rows(table, rows, entry)
        if problem is not None:
            raise malformed(files, entry.name(table), f"this file is not a part of the table `{table}`", *problem)

    def count_on(self, folds: Collection[int], total: int) -> int:
        """Return how many of the first trials ran on some of these folds."""
        if not self._sweep.searches_by_fold:
            return total
        batches = self._sizes.of(np.arange(total)).tolist()
        return sum(self._searches.fold(batch) in folds for batch in batches)

    def _wrong_columns(self, table: str, rows: pl.DataFrame) -> tuple[str, str] | None:
        """Compare columns and types with what is written, and with the table's other parts."""
        expected, found = self._schemas[table], rows.schema
        params = {name for name in found if table == "trials" and name.startswith(PARAMS)}
        for name, kind in found.items():
            if name in params and kind not in ((pl.String,) if name in self._texts else _PARAM_TYPES):
                return f"a {'text' if name in self._texts else 'number or a truth value'} in `{name}`", str(kind)
            if name not in params and name not in expected:
                return "no column of that name", f"`{name}`"
            if name not in params and kind != expected[name]:
                return f"{expected[name]} in `{name}`", str(kind)
        if missing := [name for name in expected if name not in found]:
            return f"a column `{missing[0]}`", "none"
        if self._first.setdefault(table, found) != found:
            return "the columns of the parts before it", ", ".join(found)
        return None

    def _wrong_rows(self, table: str, rows: pl.DataFrame, entry: Entry) -> tuple[str, str] | None:
        numbers = rows["number"].to_numpy()
        last = entry.first + entry.count - 1
        named = f"trials {entry.first} to {last}"
        if table == BLOCKS_TABLE:
            rising = len(numbers) == 0 or (numbers[0] >= entry.first and numbers[-1] <= last)
            if rows["number"].null_count() or not rising or (np.diff(numbers) <= 0).any():
                return f"{named}, each once", "others"
            return self._wrong_blocks(rows)
        trials = np.arange(entry.first, last + 1)
        expected = trials if table == "trials" else np.repeat(trials, [len(each) for each in self._segments_of(trials)])
        if rows["number"].null_count() or not np.array_equal(numbers, expected):
            return f"{named}, with {len(expected)} rows", f"{len(rows)} rows, or other numbers"
        return self._wrong_trials(rows) if table == "trials" else self._wrong_segments(table, rows, trials)

    def _wrong_trials(self, rows: pl.DataFrame) -> tuple[str, str] | None:
        batches = pl.Series(self._sizes.of(rows["number"].to_numpy()))
        if (rows["batch"] != batches).any() or rows["batch"].null_count():
            return f"batch {batches[0]} for trial {rows['number'][0]}, and so on", "others"
        if ASSET_GROUP in rows.columns:
            names = self._searches.groups
            groups = pl.Series([names[self._searches.group(batch) or 0] for batch in batches], dtype=pl.String)
            if (rows[ASSET_GROUP] != groups).any() or rows[ASSET_GROUP].null_count():
                return f"the group {groups[0]} for trial {rows['number'][0]}, and so on", "others"
        if not rows["state"].is_in(_STATES).all() or rows["state"].null_count():
            return "a state among " + ", ".join(_STATES), "another"
        for column in rows.iter_columns():
            if column.dtype == pl.Float64 and column.is_nan().any():
                return f"null where `{column.name}` is undefined", "NaN"
            needed = column.name.startswith((PARAMS, "datetime_", "duration")) and column.name not in self._nullable
            if needed and column.null_count():
                return f"a value in every row of `{column.name}`", "null"
            if column.name in self._choices and not {*column.drop_nulls()} <= {*self._choices[column.name]}:
                return f"choices of `{column.name}`: {', '.join(map(str, self._choices[column.name]))}", "another"
        texts = rows["system_attrs"].drop_nulls().unique()
        return None if all(map(_is_mapping, texts)) else ("JSON in `system_attrs`", "something else")

    def _wrong_segments(self, table: str, rows: pl.DataFrame, trials: NDArray[np.int64]) -> tuple[str, str] | None:
        segments = list(chain.from_iterable(self._segments_of(trials)))
        if rows.select("fold", "segment").rows() != [(fold, name) for fold, name, _ in segments]:
            return "the segments of its folds for each trial", "others"
        if table == "returns":
            lengths = rows["returns"].list.len()
            widths = np.array([width for _, _, width in segments])
            if (lengths.is_not_null().to_numpy() & (lengths.fill_null(0).to_numpy() != widths)).any():
                return "a return for every session of a segment", "more, or less"
        return None

    def _wrong_blocks(self, rows: pl.DataFrame) -> tuple[str, str] | None:
        sessions = rows["sessions"]
        if sessions.null_count() or (sessions.n_unique() > 1 and not self._sweep.searches_by_fold):
            return "the same sessions for every trial", "others"
        blocks = {count: 0 if count < FEWEST_SESSIONS else standard_blocks(count) for count in sessions.unique()}
        expected = pl.Series([blocks[count] for count in sessions], dtype=pl.UInt32)
        for name in ("sums", "squares"):
            if not rows[name].list.len().equals(expected):
                return f"as many `{name}` as there are blocks", "more, or less"
        return None

    def _segments_of(self, trials: NDArray[np.int64]) -> list[list[_Segment]]:
        """Return the segments of each trial."""
        segments = self._segments
        if not self._sweep.searches_by_fold:
            return [segments] * len(trials)
        searches = self._searches
        by_fold = [[each for each in segments if each[0] == fold] for fold in range(searches.folds or 1)]
        return [by_fold[searches.fold(batch) or 0] for batch in self._sizes.of(trials).tolist()]

    @cached_property
    def _dates(self) -> NDArray[np.int32]:
        return self._read_dates()

    @cached_property
    def _searches(self) -> Searches:
        return searches_of(self._sweep, 1 + self._segments[-1][0])

    @cached_property
    def _sizes(self) -> BatchSizes:
        return batch_sizes(self._sweep.search, self._proposals, self._searches.count)

    @cached_property
    def _segments(self) -> list[_Segment]:
        """The segments of all folds; without folds one segment."""
        walk = self._sweep.walk_forward
        if walk is None:
            return [(0, WHOLE, len(self._dates))]
        return [(each.fold, each.name, each.width) for each in make_segments(self._dates, walk)]

    @cached_property
    def _schemas(self) -> dict[str, pl.Schema]:
        """The columns of each table, as they are written; those of the parameters are not among them."""
        names = self._sweep.metric_names
        nothing = Outcomes(range(0), 0, metrics=len(names))
        table = Table(self._sweep.search, Space((), {}), BatchSizes(1), names)
        info = DataInfo(np.zeros(1, np.int64), segments=(Segment(0, "", 0, 1),), metrics=names)
        fold = 0 if self._sweep.searches_by_fold else None
        group = "" if self._sweep.search.named_groups else None
        return {
            "trials": table.trials(Proposals(np.empty((0, 0))), nothing, fold, group).schema,
            "returns": table.returns(nothing).schema,
            "folds": fold_rows(Outcomes(range(0), 0, 1, len(names)), self._sweep.search, info).schema,
            BLOCKS_TABLE: summarise_records(np.empty(0, np.int64), np.empty((0, 0), np.float32)).schema,
        }


def read_sessions(files: Files, raw: bytes) -> pl.DataFrame:
    """Read the sessions: `timestamp` of their ends, Datetime(ns, UTC), and `date`.

    Older studies have no dates: they took those of the ends in UTC. Raises StudyConflict unless both ascend.
    """
    rows = decoded(files, SESSIONS, raw)
    if dict(rows.schema) not in (_ENDS, _SESSIONS) or not len(rows) or sum(rows.null_count().row(0)):
        found = ", ".join(f"{name} ({kind})" for name, kind in rows.schema.items())
        raise malformed(files, SESSIONS, "no sessions", "columns `timestamp`, times in UTC, and `date`", found)
    rows = rows if "date" in rows.columns else rows.with_columns(date=pl.col("timestamp").dt.date())
    if any(not rows[name].is_sorted() or rows[name].n_unique() < len(rows) for name in _SESSIONS):
        raise malformed(files, SESSIONS, "sessions that do not follow one another", "ascending times and dates", "")
    return rows


def decoded(files: Files, name: str, raw: bytes) -> pl.DataFrame:
    """Decode a Parquet file; raises StudyConflict for one that is none."""
    try:
        return pl.read_parquet(io.BytesIO(raw))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise unreadable(files.where(name), f"no Parquet file: {str(error).splitlines()[0][:120]}") from None


def _is_mapping(text: str) -> bool:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict)
