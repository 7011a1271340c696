"""The records of what a study selected, or of a backtest, read back: fills, trades, equity, orders and cash flows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import polars.selectors as cs

from backsweep.errors import StudyConflict
from backsweep.study.store.selected import REWRITE, SELECTED, read_selected
from backsweep.study.store.stored_tables import decoded

if TYPE_CHECKING:
    import polars as pl

    from backsweep.storage.protocol import Files
    from backsweep.study.store.selected import Selected

_NEEDED = {
    "fills": ("timestamp", "asset", "quantity", "price", "commission", "slippage", "reason"),
    "trades": ("asset", "quantity", "entry_timestamp", "entry_price", "exit_timestamp", "exit_price", "pnl"),
    "equity": ("timestamp", "cash", "equity", "drawdown", "exposure"),
    "orders": ("asset", "order_type", "status", "reject_reason"),
    "cash_flows": ("timestamp", "kind", "amount"),
}


@dataclass(frozen=True, eq=False)
class RunRecords:
    """The frames of `bs.Result`; of a study with folds they have `fold` and `number`, and each test is a run."""

    fills: pl.DataFrame
    trades: pl.DataFrame
    equity: pl.DataFrame
    orders: pl.DataFrame
    cash_flows: pl.DataFrame

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that tell runs apart; none where there is one run."""
        return tuple(name for name in ("fold", "number") if name in self.equity.columns)

    def on_clock(self, zone: str | None) -> RunRecords:
        """Return the records with the times of a zone's clock; as they are, UTC, without one."""
        if zone is None:
            return self
        return RunRecords(**{each.name: on_clock(getattr(self, each.name), zone) for each in fields(self)})


def on_clock(frame: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Return a frame whose times, UTC without saying so, are those of a zone's clock."""
    local = cs.datetime().dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return frame.with_columns(local)


def read_run_records(files: Files, folder: str = SELECTED) -> tuple[Selected, RunRecords] | None:
    """Read the records in a folder with what they are of; None where there are none, or not yet all of them.

    Raises StudyConflict for a file that cannot be read or lacks columns.
    """
    selected = read_selected(files, folder)
    names = {each.name: f"{folder}{each.name}.parquet" for each in fields(RunRecords)}
    if selected is None or selected.unfinished or not all(map(files.exists, names.values())):
        return None
    frames = {name: decoded(files, place, files.get(place)) for name, place in names.items()}
    for name, frame in frames.items():
        if lacking := [column for column in _NEEDED[name] if column not in frame.columns]:
            raise StudyConflict(
                f"the {name} lack columns",
                where=files.where(names[name]),
                expected=", ".join(_NEEDED[name]),
                found=f"no {', '.join(lacking)}",
                remedy=REWRITE,
            )
    return selected, RunRecords(**frames)
