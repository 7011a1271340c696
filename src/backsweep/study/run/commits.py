"""Complete trials on their way into the study's folder: those of quick batches are committed together."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from backsweep.study.search.proposals import joined
from backsweep.study.table.blocks import BLOCKS_TABLE, block_rows
from backsweep.study.table.folds import fold_tables
from backsweep.study.table.outcomes import Outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from backsweep.study.search.proposals import Proposals
    from backsweep.study.store.folder import StudyFolder
    from backsweep.study.table.trials import Table
    from backsweep.trial.contract import DataInfo


class Complete(NamedTuple):
    """Complete trials: their proposals and outcomes, and the only fold that they ran on, None for all."""

    proposals: Proposals
    results: Outcomes
    fold: int | None


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
        for (fold, _), group in itertools.groupby(self._waiting, key=self._part):
            proposals, results, _ = zip(*group, strict=True)
            part = info.of(None if fold is None else range(fold, fold + 1))
            yield self._write(Complete(joined(proposals), Outcomes.joined(results), fold), part)
        self._waiting.clear()
        self.count = 0

    def _part(self, complete: Complete) -> tuple[int | None, int]:
        """Return what is equal for trials whose rows are committed together."""
        return complete.fold, 0 if self._together else complete.results.numbers.start

    def _write(self, complete: Complete, info: DataInfo) -> pl.DataFrame:
        trials, results = self._table.trials(*complete), complete.results
        if info.segments:
            tables = fold_tables(results, self._table.search, info)
        else:
            tables = {"returns": self._table.returns(results)}
        tables |= {BLOCKS_TABLE: block_rows(results, info.segments), "trials": trials}
        self._folder.commit(tables, self._total)
        return trials
