"""From a shard to the arrays that the engine reads: records for bars, plain columns for everything beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.engine.compile.kernel import record_dtype
from backsweep.engine.tables import ACTION, BAR, FINER_BAR, FINER_RANGE, GROUP
from backsweep.errors import BadData
from backsweep.trial.benchmark import Benchmark
from backsweep.trial.session_clock import minutes_of_day, minutes_to_close

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from backsweep.dataset import Shard
    from backsweep.dataset.finer_bars import FinerBars
    from backsweep.dataset.sessions import SessionTable

FILLER = " "  # the field of a record without columns: no name that a strategy could use


@dataclass(frozen=True, eq=False)
class Market:
    """A shard as the engine sees it; every array is read only.

    Attributes
    ----------
    bars : records of BAR, sorted by timestamp and asset.
    groups : records of GROUP, one for each timestamp.
    signals, context : float64 columns by name, one value for each bar, or for each group.
    sessions : the sessions that `groups` numbers.
    actions : records of ACTION, corporate actions in order of their group.
    rows : the shard's frame, for features.
    pieces : parts of `rows` with whole assets, on which features are computed one after the other.
    notes : the shard's.
    benchmark : what runs are compared with, if there is one.
    finer_bars, finer_ranges : records of FINER_BAR and, one for each bar, of FINER_RANGE; None without `data.detail`.

    """

    assets: tuple[str, ...]
    bars: NDArray[Any]
    groups: NDArray[Any]
    signals: dict[str, NDArray[np.float64]]
    context: dict[str, NDArray[np.float64]]
    sessions: SessionTable
    actions: NDArray[Any]
    rows: pl.DataFrame
    pieces: tuple[slice, ...]
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    benchmark: Benchmark | None = field(default=None, kw_only=True)
    finer_bars: NDArray[Any] | None = field(default=None, kw_only=True)
    finer_ranges: NDArray[Any] | None = field(default=None, kw_only=True)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: buffers that another process on this machine can map, and never a frame."""
        return {**self.__dict__, "rows": self.rows.to_arrow(), "signals": tuple(self.signals)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore from buffers as they are, without a copy."""
        rows = pl.from_arrow(state["rows"], rechunk=False)
        assert isinstance(rows, pl.DataFrame)  # noqa: S101 - it was a frame's table
        self.__dict__.update(state, rows=rows, signals={name: column(rows[name]) for name in state["signals"]})

    @property
    def codes(self) -> NDArray[np.int32]:
        """int32[bars], the position in `assets` of each bar's asset."""
        return self.rows["asset"].to_numpy()


def pack(shard: Shard) -> Market:
    """Lay a shard out for the engine."""
    rows = shard.rows
    bars = pack_bars(rows)
    bars["asset"] = rows["asset"].to_numpy()
    timestamps = rows["timestamp"].to_numpy()
    first = np.flatnonzero(np.diff(timestamps, prepend=timestamps[0] - 1))
    sessions = shard.sessions.astype(np.int64)
    groups = np.zeros(len(first), GROUP)
    groups["timestamp"] = timestamps[first]
    groups["first_row"] = first
    groups["count"] = np.diff(first, append=rows.height)
    bars["last_of_session"] = last_of_session(bars["asset"], np.repeat(sessions, groups["count"]))
    last, numbers = bars["last_of_session"] == 1, np.repeat(sessions, groups["count"])
    bars["to_close"] = minutes_to_close(timestamps, bars["asset"], numbers, last, shard.session_table)
    groups["minute"] = minutes_of_day(groups["timestamp"], shard.session_table.clock)
    groups["session"] = sessions
    groups["nights"] = nights(shard.session_table.dates[sessions])
    groups["last_of_session"] = np.diff(sessions, append=sessions[-1] + 1) != 0
    series = [name for name in shard.context.columns if name != "timestamp"]
    finer_bars, finer_ranges = pack_finer_bars(shard.finer_bars)
    return Market(
        assets=shard.assets,
        bars=locked(bars),
        groups=locked(groups),
        signals={name: column(rows[name]) for name in shard.signals},
        context={name: column(shard.context[name]) for name in series},
        sessions=shard.session_table,
        actions=locked(_pack_actions(shard, groups["timestamp"])),
        rows=rows,
        pieces=(slice(None),),
        notes=shard.notes,
        benchmark=None if shard.benchmark is None else Benchmark(shard.benchmark, shard.session_table.per_year),
        finer_bars=finer_bars,
        finer_ranges=finer_ranges,
    )


def nights(dates: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the days from the date of the timestamp before, given those of the sessions of timestamps in their order.

    They are 0 within a session, and for the first timestamp.
    """
    return np.diff(dates, prepend=dates[:1])


def last_of_session(codes: NDArray[Any], sessions: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether each bar, in order of time, is the last of its asset's session, bool[bars]."""
    order = np.argsort(codes, kind="stable")
    last = (np.diff(codes[order], append=-1) != 0) | (np.diff(sessions[order], append=-1) != 0)
    flags = np.empty(len(order), bool)
    flags[order] = last
    return flags


def _pack_actions(shard: Shard, timestamps: NDArray[np.int64]) -> NDArray[Any]:
    actions = np.zeros(shard.actions.height, ACTION)
    actions["group"] = np.searchsorted(timestamps, shard.actions["timestamp"].to_numpy())
    for name in ("asset", "split", "dividend", "delisting"):
        actions[name] = shard.actions[name].to_numpy()
    return actions


def pack_finer_bars(finer: FinerBars | None) -> tuple[NDArray[Any], NDArray[Any]] | tuple[None, None]:
    """Return records of FINER_BAR, and of FINER_RANGE for each row; None where there are none."""
    if finer is None:
        return None, None
    bars, ranges = np.zeros(len(finer.timestamps), FINER_BAR), np.zeros(len(finer.count), FINER_RANGE)
    bars["timestamp"] = finer.timestamps
    for number, name in enumerate(("open", "high", "low")):
        bars[name] = finer.prices[:, number]
    ranges["first"], ranges["count"] = finer.first, finer.count
    return locked(bars), locked(ranges)


def column(series: pl.Series) -> NDArray[np.float64]:
    """Return a series as contiguous float64, null as NaN, read only and without a copy where it can be."""
    values = series.cast(float).fill_null(float("nan")).rechunk().to_numpy()
    return locked(np.ascontiguousarray(values, dtype=np.float64))


def pack_bars(rows: pl.DataFrame) -> NDArray[Any]:
    """Return records of BAR for a shard's rows, all of asset 0."""
    if rows.height > np.iinfo(np.int32).max:
        raise BadData(
            "a shard has too many bars",
            expected=f"at most {np.iinfo(np.int32).max}",
            found=str(rows.height),
            remedy="narrow data.assets or data.start and data.end, or cut account.mode: sleeves into more shards",
        )
    if "last_of_session" in rows.columns:
        raise BadData(
            "a column has the name of what every bar has",
            expected="another name",
            found="last_of_session",
            remedy="rename it with data.columns",
        )
    bars = np.zeros(rows.height, BAR)
    for name in ("open", "high", "low", "close", "volume"):
        bars[name] = rows[name].to_numpy()
    return bars


def locked(array: NDArray[Any]) -> NDArray[Any]:
    """Make an array read only."""
    array.flags.writeable = False
    return array


def columns_record(columns: Mapping[str, NDArray[np.float64]]) -> NDArray[Any]:
    """Return a table of one record, the columns' addresses by name; the caller keeps the columns alive."""
    table = np.zeros(1, record_dtype([(name, "i8") for name in columns] or [(FILLER, "i8")]))
    for name, values in columns.items():
        table[0][name] = values.ctypes.data
    return table
