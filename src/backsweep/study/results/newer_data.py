"""A study on data that end later than its own: what may have changed, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.dataset import fingerprint
from backsweep.errors import BadInput, StudyConflict
from backsweep.study.results.data_changes import on_data_of
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import make_evaluator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.study.results.study import Study
    from backsweep.sweepfile.sweep import Sweep
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.result import Result


def check_all_but_data(study: Study, sweep: Sweep) -> bool:
    """Return whether the data of `sweep` differ from the study's; raises StudyConflict where anything else does.

    The data of `sweep` must be sealed. Where it ends, `data.end`, may differ.
    """
    folder, found = StudyFolder(study.path), identify(sweep, fingerprint(sweep.data))
    begun = folder.identity()
    folder.check(on_data_of(begun, found))
    return found.data != begun.data or found.sweep["data"].get("end") != begun.sweep["data"].get("end")


def describe_newer(study: Study, number: int | None, result: Result, spec: TrialSpec) -> str:
    """Return a note on a run of `spec` on data that end later than the study's; `number`: it is a trial of the study.

    Raises StudyConflict where they do not end later, or where the trial's returns in the study's sessions have changed.
    """
    ended, last = study.sessions[-1].replace(tzinfo=None), result.equity["timestamp"][-1]
    known = None if number is None else study.rows("returns", [number]).drop_nulls("returns")
    stored = known is not None and len(known) > 0  # not of a trial that failed or was pruned
    if last < ended or (last == ended and not stored):
        raise _refused(
            study,
            "the data have changed and do not end later than the study's",
            f"the study's data, or data that go on after {ended:%Y-%m-%d %H:%M}",
            f"other data, which end at {last:%Y-%m-%d %H:%M}",
        )
    note = f"newer than the study's, which end at {ended:%Y-%m-%d %H:%M}: these end at {last:%Y-%m-%d %H:%M}"
    if known is None or not stored:
        return f"{note} (whether earlier prices have changed was not compared)"
    changed = (
        _changed_in_folds(study, known, spec) if study.has_folds else _changed(known["returns"][0], result.returns)
    )
    if len(changed):
        raise _refused(
            study,
            "the data have changed within the study's sessions",
            f"the returns of trial {number} in the study up to {ended:%Y-%m-%d}",
            f"other returns in {len(changed):,} sessions, the first on {study.session_dates[int(changed.min())]}",
        )
    return note if last > ended else "other files than the study's, with no later bar and the same returns"


def _changed_in_folds(study: Study, known: pl.DataFrame, spec: TrialSpec) -> NDArray[np.int64]:
    """Run a trial's folds again on the data up to the study's end; return the sessions whose returns have changed."""
    end = study.sweep.data.end or study.session_dates[-1]
    number, ran = int(known["number"][0]), known["fold"].to_list()
    params = study.describe(number)["params"]
    values = study.space.encode(params)[None]
    evaluator = make_evaluator(spec.model_copy(update={"data": spec.data.model_copy(update={"end": end})}))
    folds = range(min(ran), max(ran) + 1) if study.sweep.searches_by_fold else None
    group = study.group_of(number)
    place = None if group is None else list(spec.asset_groups).index(group)
    returns = evaluator.evaluate(Chunk(0, np.array([number]), values, folds, place)).returns[0]
    part = evaluator.info.of(folds)
    ends = np.cumsum([segment.width for segment in part.segments])
    found = [np.empty(0, np.int64)]
    for segment, stop in zip(part.segments, ends, strict=True):
        before = known.filter((pl.col("fold") == segment.fold) & (pl.col("segment") == segment.name))["returns"]
        if len(before) and segment.width:
            places = np.concatenate([np.arange(*each) for each in segment.ranges])
            changed = _changed(before[0], returns[stop - segment.width : stop])
            found.append(places[np.minimum(changed, len(places) - 1)])
    return np.unique(np.concatenate(found))


def _changed(before: pl.Series, now: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Return the places at which returns have changed; `now` may have more, or fewer."""
    stored, again = before.to_numpy(), np.full(len(before), np.nan, np.float32)
    again[: len(now)] = now[: len(stored)]
    return np.flatnonzero((stored != again) & ~(np.isnan(stored) & np.isnan(again)))


def _refused(study: Study, problem: str, expected: str, found: str) -> StudyConflict:
    remedy = "undo the change, or run a new study on these data"
    return StudyConflict(problem, where=str(study.path), expected=expected, found=found, remedy=remedy)


def check_holdout_used(study: Study) -> None:
    """Raise BadInput where the study holds out sessions that nobody has looked at, on record, yet."""
    rules = study.sweep.walk_forward
    if rules is not None and rules.holdout is not None and not study.holdout_uses:
        remedy = f'look at it first, on record: backsweep holdout {study.path} --why "before trading"'
        raise BadInput("orders would be made of the holdout, which is sealed", where=str(study.path), remedy=remedy)
