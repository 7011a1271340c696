"""The search space of a study as its folder has it, for those who read the study without its strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backsweep.study.search.dimension import Dimension
from backsweep.study.search.space import Space
from backsweep.study.table.columns import PARAMS

if TYPE_CHECKING:
    from backsweep.study.store.identity import Identity
    from backsweep.sweepfile.search import Search


def recorded_space(identity: Identity, trials: pl.DataFrame, search: Search) -> Space:
    """Return the recorded search space; of a version that did not record it, the ranges that its trials span."""
    axes = identity.space
    tried = trials.select(f"^{PARAMS}.*$").iter_columns()
    dimensions = map(_axis_of, tried) if axes is None else (Dimension(**axis) for axis in axes)
    conditional = frozenset(name for name, entry in search.params.items() if entry.when is not None)
    return Space(tuple(dimensions), dict(search.fixed), conditional=conditional)


def _axis_of(column: pl.Series) -> Dimension:
    """Return the range that the values of a parameter span."""
    name = column.name.removeprefix(PARAMS)
    if column.dtype == pl.Boolean:
        return Dimension(name, choices=tuple(column.unique().sort()))
    whole = column.dtype == pl.Int64
    values = column.cast(pl.Float64).to_numpy()
    return Dimension(name, float(values.min()), float(values.max()), 1.0 if whole else None, integer=whole)
