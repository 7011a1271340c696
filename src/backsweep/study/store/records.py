"""Reading the block sums of all trials: from the table `blocks`, or from returns where a study has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.statistics.blocks import Records
from backsweep.study.table.blocks import BLOCKS_TABLE, gather_records, rows_of_returns

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from backsweep.study.store.entry import Entry
    from backsweep.study.store.folder import StudyFolder


def read_records(folder: StudyFolder, entries: list[Entry]) -> Records | None:
    """Read the block sums of a study's trials; None if no trial has a record of four sessions."""
    return gather_records(_parts(folder, entries))


def _parts(folder: StudyFolder, entries: list[Entry]) -> Iterator[pl.DataFrame]:
    """Yield the parts of `blocks`; for commits without that table, computed from the returns."""
    for entry in entries:
        if BLOCKS_TABLE in entry.files:
            yield from folder.parts(BLOCKS_TABLE, [entry])
            continue
        for part in folder.parts("returns", [entry]):
            yield rows_of_returns(part)
