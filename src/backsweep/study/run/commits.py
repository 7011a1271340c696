"""Complete trials on their way into the study's folder: those of quick batches are committed together."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from backsweep.study.search.proposals import joined
from backsweep.study.table.blocks import BLOCKS_TABLE, block_rows
from backsweep.study.table.folds import fold_tables
from backsweep.study.table.outcomes import Outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backsweep.study.search.proposals import Proposals
    from backsweep.study.store.folder import StudyFolder
    from backsweep.study.table.trials import Table
    from backsweep.trial.contract import DataInfo


class Complete(NamedTuple):
    """Complete trials: their proposals and outcomes, and the only fold and group that they ran on, None for all."""

    proposals: Proposals
    results: Outcomes
    fold: int | None
    group: str | None = None


class Commits:
    """What is complete and not yet committed, in the order of trials.

    Parameters
    ----------
    folder : of the study.
    table : makes the rows.
    total : trials in the study.
    together : whether a commit may have several groups of batches.

    """

    def __init__(self, folder: StudyFolder, table: Table, total: int, *, together: bool) -> None:
        self._folder, self._table, self._total, self._together = folder, table, total, together
        self._waiting: list[Complete] = []
        self.count = 0
        """How many trials wait."""

    def add(self, complete: Complete) -> None:
        """Add the next trials."""
        self._waiting.append(complete)
        self.count += len(complete.results.numbers)

    def write(self, info: DataInfo) -> Iterator[pl.DataFrame]:
        """Commit all that waits, and yield its rows of the study table; `info` describes all folds."""
        for part in [self._waiting] if self._together else [[each] for each in self._waiting]:
            tables = []
            for (fold, name), group in itertools.groupby(part, key=lambda each: (each.fold, each.group)):
                proposals, results, *_ = zip(*group, strict=True)
                only = info.of(None if fold is None else range(fold, fold + 1))
                tables.append(self._tables(Complete(joined(proposals), Outcomes.joined(results), fold, name), only))
            rows = {name: pl.concat([each[name] for each in tables]) for name in tables[0]}
            self._folder.commit(rows, self._total, self._table.search.patience)
            yield rows["trials"]
        self._waiting, self.count = [], 0

    def _tables(self, complete: Complete, info: DataInfo) -> dict[str, pl.DataFrame]:
        """Make the rows of trials that ran on the same folds, which `info` describes, by table."""
        results = complete.results
        if info.segments:
            tables = fold_tables(results, self._table.search, info)
        else:
            tables = {"returns": self._table.returns(results)}
        return tables | {BLOCKS_TABLE: block_rows(results, info.segments), "trials": self._table.trials(*complete)}
