"""One parameter set of a study again, with full records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.dataset import fingerprint, sealed
from backsweep.errors import BadInput
from backsweep.strategy import fits, load_strategy, to_row
from backsweep.study.results.data_changes import check_data
from backsweep.study.search.space import Space, build_space, trial_spec
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.trial.evaluate import make_evaluator
from backsweep.trial.models import check_models
from backsweep.trial.own_metrics import check_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from backsweep.strategy import Value
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.evaluator import Evaluator
    from backsweep.trial.result import Result


def replay_values(spec: TrialSpec, values: Mapping[str, Value], *, compiled: bool = True) -> Result:
    """Run parameters by name over the data before the holdout, with full records."""
    return _make_evaluator(spec, values).replay(_row(spec, values), compiled=compiled)


def replay_to_the_end(spec: TrialSpec, values: Mapping[str, Value]) -> tuple[Result, NDArray[np.int64]]:
    """Run parameters by name over all data, also those held out, with full records; also returns the sessions' ends."""
    evaluator = _make_evaluator(spec, values, holdout=True)
    return evaluator.replay(_row(spec, values)), evaluator.info.sessions


def _make_evaluator(spec: TrialSpec, values: Mapping[str, Value], *, holdout: bool = False) -> Evaluator:
    """Return what runs parameters by name again; `holdout`: also over the sessions held out."""
    fixed = {name: value for name, value in spec.fixed.items() if name not in values}
    fitted = fits(load_strategy(spec.strategy))
    held_out = spec.folds is not None and spec.folds.holdout is not None
    if holdout and held_out and fitted:
        raise BadInput(
            "a strategy with `fit` cannot be run from its tests on into the holdout",
            where="walk_forward.holdout",
            remedy="run a study without `holdout`",
        )
    keep = fitted or (held_out and not holdout)  # for their models, and to end before the holdout
    folds = spec.folds if keep else None
    spec = spec.model_copy(update={"params": tuple(values), "fixed": fixed, "folds": folds})
    return make_evaluator(spec)


def _row(spec: TrialSpec, values: Mapping[str, Value]) -> NDArray[np.float64]:
    return to_row(values, load_strategy(spec.strategy).declared(), values)


def unchanged_spec(path: str | Path) -> tuple[TrialSpec, Space]:
    """Return what the trials of a study's folder run; raises StudyConflict where data or code have changed since."""
    folder = StudyFolder(path)
    sweep = folder.completed(folder.sweep())
    sweep = sweep.model_copy(update={"data": sealed(sweep.data)})
    space = build_space(sweep, load_strategy(sweep.strategy).declared())
    check_models(sweep.costs)  # what is compared is what was loaded
    check_metrics(sweep.metrics)
    identity = identify(sweep, fingerprint(sweep.data))
    check_data(folder, identity, sweep.data)
    folder.check(identity)
    return trial_spec(sweep, space), space
