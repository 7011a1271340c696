"""How far a study has come: how many trials of each kind, and whether it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from backsweep.study.run.batches import Batches
from backsweep.study.run.patience import Patience
from backsweep.study.search.batch_sizes import batch_sizes
from backsweep.study.search.in_turns import searches_of
from backsweep.study.table.columns import ASSET_GROUP, PARAMS
from backsweep.study.table.trials import standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.study.search.space import Space
    from backsweep.study.store.entry import Entry
    from backsweep.study.store.folder import StudyFolder
    from backsweep.study.store.identity import Identity
    from backsweep.sweepfile.sweep import Sweep


@dataclass(frozen=True)
class State:
    """The state of a study.

    `total` is the number of trials that its last run was to reach, `duplicates` how many trials have the parameters of
    an earlier one. `patience` is that of its last run, and `ended` says why it has fewer trials, if it has ended.
    """

    study: str
    hash: str
    done: int
    total: int | None
    failed: int
    batches: int
    pruned: int = 0
    duplicates: int = 0
    patience: int | None = None
    ended: str = ""

    @property
    def finished(self) -> bool:
        """Whether its last run came to its end."""
        return bool(self.ended) or (self.total is not None and self.done >= self.total)


def read_state(
    folder: StudyFolder, sweep: Sweep, identity: Identity, entries: Sequence[Entry], trials: pl.DataFrame, space: Space
) -> State:
    """Return the state of the study in a folder, with all that has been read from there."""
    done = len(trials)
    failed = int((trials["state"] == "FAIL").sum()) if done else 0
    batches = int(trials["batch"].n_unique()) if done else 0
    pruned = int((trials["state"] == "PRUNED").sum()) if done else 0
    axes = trials.select(pl.selectors.starts_with(PARAMS) | pl.selectors.by_name(ASSET_GROUP, require_all=False))
    distinct = axes.n_unique() if done and space.dimensions else min(done, 1)
    total = max(done, entries[-1].total) if entries else None
    patience = entries[-1].patience if entries else None
    ended = ""
    if patience is not None and total is not None and done < total:
        folds = 1
        if sweep.walk_forward is not None and sweep.searches_by_fold:
            folds = folder.segments(sweep.walk_forward)[-1].fold + 1
        searches = searches_of(sweep, folds)
        sizes = batch_sizes(sweep.search, identity.proposals, searches.count)
        ended = _ended(sweep, trials, patience, Batches(sizes, 1, total, searches))
    return State(
        sweep.study,
        identity.hash,
        done,
        total,
        failed,
        batches,
        pruned,
        done - distinct,
        patience=patience,
        ended=ended,
    )


def _ended(sweep: Sweep, trials: pl.DataFrame, limit: int, batches: Batches) -> str:
    """Return why a study has ended with fewer trials than it was to have, empty if it has not."""
    patience = Patience(limit, batches)
    patience.add(*standing(trials, sweep.search))
    return f"after {limit:,} trials without a better one (search.patience)" if patience.end is not None else ""
