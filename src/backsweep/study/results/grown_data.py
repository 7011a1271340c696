"""A study on data that have only grown goes on: folds that are unchanged are kept, the others run.

The study becomes what a new one on the grown data would be, byte for byte but for timing columns and the history in
`study.json`. What it was before stays in `before/<n>`; see `study.store.growth`, and `study.run.kept_folds` for what is
not run again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.dataset.row_digests import digest_rows
from backsweep.errors import StudyConflict
from backsweep.study.results.data_changes import AS_THEY_ARE, grown_error
from backsweep.study.run.kept_folds import KeptTrials
from backsweep.study.store.growth import Growth, describe_growth, place_of
from backsweep.study.store.registry import describe_study
from backsweep.study.table.columns import ASSET_GROUP, PARAMS
from backsweep.study.table.params import param_numbers
from backsweep.study.table.trials import best_first
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import make_evaluator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backsweep.study.search.space import Space
    from backsweep.study.store.folder import StudyFolder
    from backsweep.study.store.identity import Identity
    from backsweep.sweepfile.sweep import Sweep
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.contract import DataInfo
    from backsweep.trial.evaluator import Evaluator

LOGGER = logging.getLogger(__name__)


def grow_study(
    folder: StudyFolder, identity: Identity, sweep: Sweep, spec: TrialSpec, space: Space, *, declared: bool
) -> None:
    """Begin the study of a folder again on the data of `spec`, which have grown (`data_changes.has_grown`).

    `identity` and `sweep` are those of the study on these data; `declared`: the sweep file says how many sessions a
    year has. Raises StudyConflict, before anything is written, where no fold can be kept.
    """
    if reason := _cannot_go_on(sweep):
        raise _refused(folder, spec, reason)
    if not declared:  # as a new study would have it
        spec = spec.model_copy(update={"data": spec.data.model_copy(update={"sessions_per_year": None})})
    evaluator = make_evaluator(spec)
    info = evaluator.info
    begun = folder.sweep().sessions_per_year
    if info.sessions_per_year != begun:
        raise grown_error(
            folder,
            spec.data,
            "with the data that have grown, a year has another number of sessions",
            f"write `sessions_per_year: {begun:g}` under `data`, or {_elsewhere(folder)}",
            f"{begun:g} sessions a year, as the study was begun with",
            f"{info.sessions_per_year:g}, from the dates of the sessions",
        )
    kept = KeptTrials(folder, sweep, space, identity.proposals, info)
    if not kept.unchanged:
        raise _refused(folder, spec, "and no fold had ended before")
    trials = folder.rows("trials")
    own = trials.filter(pl.col("fold") < kept.unchanged) if len(trials) and kept.by_fold else trials
    _check_outcomes(folder, kept, evaluator, own, sweep, space)
    before, last = folder.sessions()["timestamp"][-1], folder.segments(spec.folds)[-1].fold if spec.folds else 0
    after = datetime.fromtimestamp(int(info.sessions[-1]) / 1e9, UTC)
    growth = Growth(
        study=folder.study_json().hash,
        data=folder.study_json().data,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        before=before.isoformat(timespec="seconds"),
        after=after.isoformat(timespec="seconds"),
        folds=tuple(range(kept.unchanged)),
        trials=len(trials),
        tried=len(trials) + folder.left_behind(),
        kept=len(own),
        looks=describe_study(folder).looks + sum(each.looks for each in folder.history[-1:]),
    )
    folder.grow(identity, info, growth, digest_rows(spec.data))
    others = "; its trials have other numbers now" if kept.by_fold and info.segments[-1].fold != last else ""
    where = place_of(folder.path, len(folder.history))
    text = "%s goes on with data that have grown: %s; as it was it stays in %s%s"
    LOGGER.warning(text, folder.path, describe_growth(growth), where, others)


def _cannot_go_on(sweep: Sweep) -> str:
    """Return why no fold of a study can be kept when its data grow; empty where folds may be."""
    walk = sweep.walk_forward
    if walk is None:
        return "and it has no folds that could be kept: every trial runs over all of them"
    if walk.mode == "cpcv":
        return "and the groups of `mode: cpcv` are parts of all of them"
    if walk.holdout is not None:
        return "and its sealed holdout, which ends with them, would move"
    if walk.state == "continuous":
        return "and its tests, with `state: continuous`, are one run over all of them"
    if sweep.search.between_folds is not None:
        return "and its trials are pruned by comparing them over all of its folds"
    return ""


def _check_outcomes(
    folder: StudyFolder, kept: KeptTrials, evaluator: Evaluator, trials: pl.DataFrame, sweep: Sweep, space: Space
) -> None:
    """Run one trial again on each fold that is to be kept; raises StudyConflict where it comes to something else.

    It is the best one. So a strategy is found out that looks ahead, whose earlier bars depend on later ones.
    """
    for folds, rows in _by_search(kept, trials):
        group = list(sweep.search.named_groups).index(rows[ASSET_GROUP][0]) if sweep.search.named_groups else None
        best = best_first(rows.filter(pl.col("state") == "COMPLETE"), sweep.search).head(1)
        if not len(best):
            continue
        values = [param_numbers(axis, best[PARAMS + axis.name]) for axis in space.dimensions]
        number = best["number"].to_numpy()
        chunk = Chunk(0, number, np.column_stack(values) if values else np.empty((1, 0)), folds, group)
        outcome = evaluator.evaluate(chunk)
        metrics, _, returns = kept.read(number, folds)
        same = np.array_equal(outcome.returns, returns, equal_nan=True) and not outcome.errors
        if same and outcome.segments is not None and np.array_equal(outcome.segments, metrics, equal_nan=True):
            continue
        when = _first_other(evaluator.info.of(folds), returns[0], outcome.returns[0])
        raise StudyConflict(
            "a trial comes to something else on the same sessions now that the data have grown",
            where=str(folder.path),
            expected="a result that depends on nothing later",
            found=f"trial {number[0]} in fold {folds[0]}{when}",
            remedy=f"test the strategy for look-ahead with `backsweep check`, or {_elsewhere(folder)}",
        )


def _by_search(kept: KeptTrials, trials: pl.DataFrame) -> Iterator[tuple[range, pl.DataFrame]]:
    """Yield the folds that are to be kept with the trials that ran on them, those of each search by themselves."""
    if not len(trials):
        return
    for part in trials.partition_by(ASSET_GROUP, maintain_order=True) if ASSET_GROUP in trials.columns else [trials]:
        if not kept.by_fold:
            yield range(kept.unchanged), part
            continue
        for fold in range(kept.unchanged):
            if len(own := part.filter(pl.col("fold") == fold)):
                yield range(fold, fold + 1), own


def _first_other(info: DataInfo, before: np.ndarray, now: np.ndarray) -> str:
    """Return the date of the first return that is another one, to follow the fold in a message."""
    places = np.concatenate([np.arange(*each) for segment in info.segments for each in segment.ranges])
    other = np.flatnonzero((before != now) & ~(np.isnan(before) & np.isnan(now)))
    if not len(other):
        return ""
    session = int(places[other].min())
    return f", from {info.dates[session : session + 1].astype('datetime64[D]')[0]} on"


def _refused(folder: StudyFolder, spec: TrialSpec, reason: str) -> StudyConflict:
    problem = f"the data have grown since this study was begun, {reason}"
    return grown_error(folder, spec.data, problem, f"{_elsewhere(folder)}; {AS_THEY_ARE}")


def _elsewhere(folder: StudyFolder) -> str:
    warm = f"`search: {{warm_start: {{study: {folder.path}}}}}`"
    return (
        f"begin a new study: another folder with --out, or with its best trials: another name with `study:`, and {warm}"
    )
