"""A study on data that end later than its own: what may have changed, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from backsweep.dataset import fingerprint
from backsweep.errors import BadInput, StudyConflict
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify

if TYPE_CHECKING:
    from backsweep.study.results.study import Study
    from backsweep.sweepfile.sweep import Sweep
    from backsweep.trial.result import Result


def check_all_but_data(study: Study, sweep: Sweep) -> bool:
    """Return whether the data of `sweep` differ from the study's; raises StudyConflict where anything else does.

    The data of `sweep` must be sealed. Where it ends, `data.end`, may differ.
    """
    folder, found = StudyFolder(study.path), identify(sweep, fingerprint(sweep.data))
    begun = folder.identity()
    data = {key: value for key, value in found.sweep["data"].items() if key != "end"}
    if "end" in begun.sweep["data"]:
        data["end"] = begun.sweep["data"]["end"]
    folder.check(replace(found, data=begun.data, sweep={**found.sweep, "data": data}))
    return found.data != begun.data or found.sweep["data"].get("end") != begun.sweep["data"].get("end")


def describe_newer(study: Study, number: int | None, result: Result) -> str:
    """Return a note on a run on data that end later than the study's; `number`: it is a trial of the study.

    Raises StudyConflict where they do not end later, or where the trial's returns in the study's sessions have changed.
    """
    ended, last = study.sessions[-1].replace(tzinfo=None), result.equity["timestamp"][-1]
    stored = None if number is None or study.has_folds else study.rows("returns", [number])["returns"][0]
    if last < ended or (last == ended and stored is None):
        raise StudyConflict(
            "the data have changed and do not end later than the study's",
            where=str(study.path),
            expected=f"the study's data, or data that go on after {ended:%Y-%m-%d %H:%M}",
            found=f"other data, which end at {last:%Y-%m-%d %H:%M}",
            remedy="undo the change, or run a new study on these data",
        )
    note = f"newer than the study's, which end at {ended:%Y-%m-%d %H:%M}: these end at {last:%Y-%m-%d %H:%M}"
    if stored is None:  # also of a pruned trial
        return f"{note} (whether earlier prices have changed was not compared)"
    before = stored.to_numpy()
    now = np.full(len(before), np.nan, np.float32)  # there may be fewer sessions
    now[: len(result.returns)] = result.returns[: len(before)]
    changed = np.flatnonzero((before != now) & ~(np.isnan(before) & np.isnan(now)))
    if len(changed):
        day = study.session_dates[int(changed[0])]
        raise StudyConflict(
            "the data have changed within the study's sessions",
            where=str(study.path),
            expected=f"the returns of trial {number} in the study up to {ended:%Y-%m-%d}",
            found=f"other returns in {len(changed)} of {len(before)} sessions, the first on {day}",
            remedy="correct the data, or run a new study on them",
        )
    return note if last > ended else "other files than the study's, with no later bar and the same returns"


def check_holdout_used(study: Study) -> None:
    """Raise BadInput where the study holds out sessions that nobody has looked at, on record, yet."""
    rules = study.sweep.walk_forward
    if rules is not None and rules.holdout is not None and not study.holdout_uses:
        remedy = f'look at it first, on record: backsweep holdout {study.path} --why "before trading"'
        raise BadInput("orders would be made of the holdout, which is sealed", where=str(study.path), remedy=remedy)
