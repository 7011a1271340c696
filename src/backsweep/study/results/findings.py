"""The findings on a study, from its table, its block sums and its out-of-sample record."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from backsweep.statistics.findings import Findings, compute_findings
from backsweep.statistics.out_of_sample import judge_out_of_sample
from backsweep.statistics.study_records import Tried
from backsweep.statistics.verdict import INCONCLUSIVE
from backsweep.study.results.asset_groups import portfolios

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike

    from backsweep.statistics.blocks import Records
    from backsweep.statistics.study_records import NullRank, Scenario
    from backsweep.study.store.looks import Looks
    from backsweep.sweepfile.sweep import Sweep

WARM_FOLDS = "the folds begin with trials of an earlier study: what that saw of their tests is no longer out of sample"


def study_findings(
    trials: pl.DataFrame,
    records: Records | None,
    looks: Looks,
    sweep: Sweep,
    *,
    selected: int | None = None,
    stitched: ArrayLike | None = None,
    null: NullRank | None = None,
    sensitivity: tuple[Scenario, ...] = (),
    chose: bool = True,
) -> Findings | None:
    """Compute the findings on a study; None if no trial has four sessions of returns.

    Parameters
    ----------
    trials : the study table.
    records : the block sums of each trial.
    looks : the looks before the verdict and after it.
    selected : number of the selected trial.
    stitched : the returns of the tests of a walk-forward, one after the other; those of a cross-validation are not
        judged.
    null, sensitivity : the null study's rank and the stress test's scenarios, copied into the findings.
    chose : whether the study selected anything; otherwise the verdict is inconclusive.

    """
    if records is None:
        return None
    crossed = sweep.walk_forward is not None and sweep.walk_forward.mode == "cpcv"
    warm = sweep.search.warm_start is not None
    adaptive = sweep.learns or warm
    tried = Tried(
        trials=len(trials) + sum(each.trials for each in looks.before),
        looks=looks.total,
        pruned=int((trials["state"] == "PRUNED").sum()),
        learned=adaptive or (crossed and sweep.searches_by_fold),
        adaptive=adaptive,
        warm=warm,
        crossed=crossed,
        groups=len(sweep.search.named_groups),
        portfolios=portfolios(trials) if sweep.search.named_groups and stitched is None else 0.0,
    )
    per_year = sweep.sessions_per_year
    test = None if stitched is None or crossed else judge_out_of_sample(stitched, looks.total, per_year)
    found = compute_findings(
        records,
        tried,
        per_year,
        selected=selected,
        out_of_sample=test,
        null=null,
        sensitivity=sensitivity,
    )
    if not chose:
        found = replace(found, verdict=replace(found.verdict, verdict=INCONCLUSIVE, reason=_nothing_chosen(sweep)))
    if begins_warm(sweep):
        warnings = (*found.verdict.warnings, WARM_FOLDS[:1].upper() + WARM_FOLDS[1:] + ".")
        found = replace(found, verdict=replace(found.verdict, warnings=warnings))
    return replace(found, before=looks.before, later=looks.later, counted=looks.counted)


def begins_warm(sweep: Sweep) -> bool:
    """Return whether folds begin with trials of an earlier study."""
    return sweep.search.warm_start is not None and sweep.walk_forward is not None


def _nothing_chosen(sweep: Sweep) -> str:
    subject, place = (
        ("Nothing was selected", "") if sweep.walk_forward is None else ("No fold selected a trial", " in training")
    )
    rule = "meets the constraints and has" if sweep.search.constraints else "has"
    return f"{subject}: no completed trial {rule} a defined objective{place}."
