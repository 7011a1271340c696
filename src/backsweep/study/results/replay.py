"""One parameter set of a study again, with full records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.dataset import fingerprint, sealed
from backsweep.errors import BadInput
from backsweep.strategy import fits, load_strategy, to_row
from backsweep.study.results.data_changes import check_data
from backsweep.study.search.space import Space, build_space, trial_spec
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.trial.evaluate import make_evaluator, make_group_evaluator
from backsweep.trial.models import check_models
from backsweep.trial.own_metrics import check_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from backsweep.strategy import Value
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.evaluator import Evaluator
    from backsweep.trial.result import Result


def replay_values(
    spec: TrialSpec, values: Mapping[str, Value], *, group: str | None = None, compiled: bool = True
) -> Result:
    """Run parameters by name over the data before the holdout, with full records.

    On all assets, or on those of a `group` that has trials of its own.
    """
    return _make_evaluator(spec, values, group).replay(_row(spec, values, values), compiled=compiled)


def replay_groups(
    spec: TrialSpec, values: Mapping[str, Mapping[str, Value]], *, compiled: bool = True
) -> tuple[Result, NDArray[np.int64]]:
    """Run all groups of assets together, each with its parameters by name; also returns the sessions' ends.

    Raises BadInput where a group has none: its assets cannot be traded.
    """
    if missing := [name for name in spec.asset_groups if name not in values]:
        raise BadInput(
            "a group without parameters",
            where="search.asset_groups",
            expected="a selected trial in every group",
            found=f"none in {', '.join(missing)}",
            remedy="loosen the constraints, run more trials, or take the group's assets out of the study",
        )
    names = tuple(dict.fromkeys(name for each in values.values() for name in each))
    evaluator = _make_evaluator(spec, names)
    group_of = {asset: name for name, assets in spec.asset_groups.items() for asset in assets}
    rows = {name: _row(spec, own, names) for name, own in values.items()}
    each = np.array([rows[group_of[asset]] for asset in evaluator.info.assets])
    return evaluator.replay(each, compiled=compiled), evaluator.info.sessions


def replay_to_the_end(
    spec: TrialSpec, values: Mapping[str, Value], *, group: str | None = None
) -> tuple[Result, NDArray[np.int64]]:
    """Run parameters by name over all data, also those held out, with full records; also returns the sessions' ends."""
    evaluator = _make_evaluator(spec, values, group, holdout=True)
    return evaluator.replay(_row(spec, values, values)), evaluator.info.sessions


def _make_evaluator(
    spec: TrialSpec, names: Iterable[str], group: str | None = None, *, holdout: bool = False
) -> Evaluator:
    """Return what runs parameters with these names again; `holdout`: also over the sessions held out."""
    names = tuple(names)
    fixed = {name: value for name, value in spec.fixed.items() if name not in names}
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
    spec = spec.model_copy(update={"params": names, "fixed": fixed, "folds": folds})
    return make_evaluator(spec.of_all_assets()) if group is None else make_group_evaluator(spec).of(group)


def _row(spec: TrialSpec, values: Mapping[str, Value], names: Iterable[str]) -> NDArray[np.float64]:
    return to_row(values, load_strategy(spec.strategy).declared(), names)


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
