"""The first trials that a study takes from an earlier one: `search.warm_start`.

They are the best of the earlier study, by its own objectives and constraints, that lie in the new search space. Only
their parameters are taken: each runs again, so that its row is exact on the new study's data, and counts as tried.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.strategy import load_strategy
from backsweep.study.results.study import open_study
from backsweep.study.search.first_trials import default_of
from backsweep.study.search.space import Space, build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.table.columns import PARAMS
from backsweep.study.table.trials import best_first, standing
from backsweep.sweepfile.messages import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from backsweep.strategy import Param, Value
    from backsweep.study.results.study import Study
    from backsweep.sweepfile.sweep import Sweep


def with_warm_start(sweep: Sweep) -> Sweep:
    """Return a sweep with the trials that it takes from an earlier study, unless it takes none or has them.

    Raises BadInput where there is no study, where it varies what is no parameter here, and where it has no trial in
    this search space.
    """
    warm = sweep.search.warm_start
    if warm is None or warm.trials is not None:
        return sweep
    where = sweep.where("search", "warm_start")
    if not StudyFolder(warm.study).exists:
        raise BadInput(
            "no study to take trials from",
            where=where,
            expected="a folder that holds study.json, relative to the sweep file or to the current folder",
            found=warm.study,
            remedy="correct the path under `study`, or leave `warm_start` out",
        )
    study, declared = open_study(warm.study), load_strategy(sweep.strategy).declared()
    space = build_space(sweep, declared)
    _check_names(study, space, where)
    defaults = _defaults(sweep, study, space, declared, where)
    found = tuple(islice(_trials_within(study, space, defaults), warm.top)) if len(study.trials) else ()
    if not found:
        raise BadInput(
            "nothing of the earlier study to begin with",
            where=where,
            expected="a trial that completed, holds its constraints and lies in this search space",
            found=f"none of {len(study.trials):,} in {warm.study}",
            remedy="widen the ranges, name another study, or leave `warm_start` out",
        )
    return sweep.model_copy(update={"search": sweep.search.with_warm_trials(found)})


def _check_names(study: Study, space: Space, where: str) -> None:
    known = [*space.names, *space.fixed]
    for name in study.space.names:
        if name not in known:
            raise BadInput(
                f"the earlier study varies `{name}`, which is no parameter here",
                where=where,
                expected="a study of the same parameters, or of some of them",
                remedy=nearest(name, known) or "name another study, or leave `warm_start` out",
            )


def _defaults(sweep: Sweep, study: Study, space: Space, declared: Mapping[str, Param], where: str) -> dict[str, Value]:
    """Return the values, by name, of what the earlier study does not vary: as it fixed them, or else the defaults.

    Also of what it varies in some trials: the others ran with the default.
    """
    found: dict[str, Value] = {}
    for axis in space.dimensions:
        name = axis.name
        value = study.space.fixed.get(name, default_of(sweep, name, declared.get(name)))
        if name in study.space.names and name not in study.space.conditional:
            continue
        if value is None and not axis.nullable:
            problem = f"the earlier study has no `{name}`, which has no default"
            raise BadInput(problem, where=where, remedy="declare a default, or name another study")
        found[name] = value
    return found


def _trials_within(study: Study, space: Space, defaults: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """Yield the parameters of trials that lie in a space, the best first and each set once.

    A parameter that conditions rule out there is left out; one that they ruled out in the study has its default.
    """
    search = study.sweep.search
    rows = study.trials.filter(standing(study.trials, search)[1])
    names = [name for name in study.space.names if name in space.names]
    seen = set()
    for values in best_first(rows, search).select(PARAMS + name for name in names).iter_rows():
        pairs = zip(names, values, strict=True)
        given = {name: value for name, value in pairs if value is not None or name not in study.space.conditional}
        trial = {**defaults, **given}
        found = [axis.nearest(trial[axis.name]) for axis in space.dimensions]
        row = np.array([math.nan if each is None else each for each in found])
        active = space.region.conditions.active(row[None])[0]
        if not np.isnan(row[active]).any() and space.region.holds(row[None]).all():
            kept = {name: trial[name] for name, there in zip(space.names, active, strict=True) if there}
            if (key := tuple(kept.items())) not in seen:
                seen.add(key)
                yield kept
