"""What a study's results are worth: its statistics, from its table, its block sums and its out-of-sample record."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from backsweep.statistics.findings import Findings, Tried, find
from backsweep.statistics.out_of_sample import judge_out_of_sample
from backsweep.statistics.verdict import INCONCLUSIVE
from backsweep.trial.summaries import SESSIONS_PER_YEAR

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike

    from backsweep.statistics.blocks import Records
    from backsweep.statistics.findings import NullRank, Scenario
    from backsweep.study.store.looks import Looks
    from backsweep.sweepfile.sweep import Sweep


def weigh(
    trials: pl.DataFrame,
    records: Records | None,
    looks: Looks,
    sweep: Sweep,
    selected: int | None = None,
    stitched: ArrayLike | None = None,
    null: NullRank | None = None,
    sensitivity: tuple[Scenario, ...] = (),
    *,
    chose: bool = True,
) -> Findings | None:
    """Return the findings on a study, or None if no trial has four sessions of returns.

    `trials` is the study table, `records` what is kept of each trial, `looks` what came before the verdict and after,
    `selected` the number of the selected trial and `stitched` the returns of the tests of
    a walk-forward, one after the other, which of a cross-validation are not judged; `null` and `sensitivity` are handed
    on. Where the study `chose` nothing, there is nothing to reach a verdict on.
    """
    if records is None:
        return None
    crossed = sweep.walk_forward is not None and sweep.walk_forward.mode == "cpcv"
    tried = Tried(
        trials=len(trials) + sum(each.trials for each in looks.before),
        looks=looks.total,
        pruned=int((trials["state"] == "PRUNED").sum()),
        learned=sweep.learns or (crossed and sweep.searches_by_fold),
        crossed=crossed,
    )
    test = None if stitched is None or crossed else judge_out_of_sample(stitched, looks.total, SESSIONS_PER_YEAR)
    found = find(records, tried, SESSIONS_PER_YEAR, selected, test, null, sensitivity)
    if not chose:
        found = replace(found, verdict=replace(found.verdict, verdict=INCONCLUSIVE, reason=_nothing_chosen(sweep)))
    return replace(found, before=looks.before, later=looks.later, counted=looks.counted)


def _nothing_chosen(sweep: Sweep) -> str:
    subject, place = (
        ("Nothing was selected", "") if sweep.walk_forward is None else ("No fold chose anything", " in training")
    )
    rule = "holds the constraints and has" if sweep.search.constraints else "has"
    return f"{subject}: no completed trial {rule} a defined objective{place}."
