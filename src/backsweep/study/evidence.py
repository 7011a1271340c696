"""What a study's results are worth: its statistics, from its table, its block sums and its out-of-sample record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.statistics.findings import Findings, Tried, find
from backsweep.statistics.out_of_sample import judge_out_of_sample
from backsweep.trial.summaries import SESSIONS_PER_YEAR

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike

    from backsweep.statistics.blocks import Records
    from backsweep.statistics.findings import NullRank, Scenario
    from backsweep.study.config import Sweep
    from backsweep.study.ledger import Earlier, Made


def weigh(
    trials: pl.DataFrame,
    records: Records | None,
    own: Made,
    earlier: Earlier,
    sweep: Sweep,
    selected: int | None = None,
    stitched: ArrayLike | None = None,
    null: NullRank | None = None,
    sensitivity: tuple[Scenario, ...] = (),
) -> Findings | None:
    """Return the findings on a study, or None if no trial has four sessions of returns.

    `trials` is the study table, `records` what is kept of each trial, `own` and `earlier` what the ledger says of this
    study and of those before it, `selected` the number of the selected trial and `stitched` the returns of the tests of
    a walk-forward, one after the other, which of a cross-validation are not judged; `null` and `sensitivity` are handed
    on.
    """
    if records is None:
        return None
    crossed = sweep.walk_forward is not None and sweep.walk_forward.mode == "cpcv"
    looks = own.looks + earlier.looks
    tried = Tried(
        trials=len(trials) + earlier.trials,
        looks=looks,
        pruned=int((trials["state"] == "PRUNED").sum()),
        learned=sweep.learns or (crossed and sweep.searches_by_fold),
        crossed=crossed,
    )
    test = None if stitched is None or crossed else judge_out_of_sample(stitched, looks, SESSIONS_PER_YEAR)
    return find(records, tried, SESSIONS_PER_YEAR, selected, test, null, sensitivity)
