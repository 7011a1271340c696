"""Looking at the holdout of a study: one parameter set, on record before its result is seen."""

from __future__ import annotations

from pathlib import Path

from backsweep.errors import BadInput
from backsweep.study.results.replay import unchanged_spec
from backsweep.study.results.study import open_study
from backsweep.study.store.holdout_log import HoldoutUse, record_use
from backsweep.study.store.registry import registering
from backsweep.trial.evaluate import make_evaluator


def open_holdout(path: str | Path, why: str, *, trial: int | None = None) -> HoldoutUse:
    """Run the selected trial of the study at `path`, or another one, on its holdout, and put that on record.

    The selected trial is what the final training chose, on the sessions before the holdout. Raises BadInput where the
    study has no holdout, is not finished, or `why` says nothing; StudyConflict if data or strategy have changed.
    """
    study = open_study(path)
    sweep = study.sweep
    if sweep.walk_forward is None or sweep.walk_forward.holdout is None:
        raise BadInput("the study has no holdout", where=str(path), remedy="add `holdout: 2y` under `walk_forward`")
    if not why.strip():
        raise BadInput(
            "a look at the holdout needs a reason, which is recorded",
            where="--why",
            expected="what the look is to decide, in words",
            found="nothing",
            remedy='add --why "final check before trading"; only the first look is out of sample',
        )
    state = study.state
    if not state.finished:
        raise BadInput(
            "the study is not finished",
            where=str(path),
            expected="all trials: a look before the last choice is made would be wasted",
            found=f"{state.done} of {state.total if state.total is not None else 'an unknown number of'} trials",
            remedy="run it to its end first",
        )
    number = study.selected if trial is None else trial
    if number is None:
        raise BadInput("the study has selected nothing", where=str(path), remedy="say which trial with --trial N")
    params = study.describe(number)["params"]
    spec, space = unchanged_spec(study.path)
    evaluator = make_evaluator(spec)
    result = evaluator.replay_holdout(space.encode(params))
    times = study.sessions.gather([evaluator.holdout.start, evaluator.holdout.stop - 1]).to_list()
    with registering(study.path):
        return record_use(
            study.path,
            study.identity.hash,
            why=why.strip(),
            trial=number,
            params=params,
            start=times[0].isoformat(),
            end=times[1].isoformat(),
            metrics=result.metrics,
        )
