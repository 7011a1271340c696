"""Charts of a study's trials and parameters: search, slices, surfaces, parallel coordinates, importances, front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.errors import BadInput
from backsweep.figures.record import bar_figure
from backsweep.figures.style import Chart
from backsweep.figures.trials import (
    MOST_LINES,
    Axis,
    describe_thinning,
    parallel_figure,
    scatter_figure,
    surface_figure,
)
from backsweep.study.table.columns import PARAMS
from backsweep.study.table.params import param_numbers
from backsweep.study.table.trials import value_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.study.results.stored_study import StoredStudy
    from backsweep.study.search.dimension import Dimension

_MOST_LEVELS = 20


def search_chart(study: StoredStudy) -> Chart:
    """Return the objective by the number of the trial; raises BadInput where none is complete."""
    rows, values = _measured(study)
    forms = ("", _form(_goal(study)))
    figure = scatter_figure(rows["number"].to_list(), values, ("trial", _goal(study)), forms=forms)
    text = (
        "The objective of the completed trials in the order in which they were proposed. It shows where the search "
        "went, not whether its best values are more than luck: the verdict says that."
    )
    return Chart("Search", figure, text + describe_thinning(len(rows)))


def slice_chart(study: StoredStudy, name: str | None = None) -> Chart:
    """Return the objective by one parameter, the most important one by default; raises BadInput for an unknown one."""
    rows, values = _measured(study)
    axis = _dimension(study, ranked_names(study)[0] if name is None and study.space.names else name or "")
    rows, values = _with(study, rows, values, axis)
    best = np.arange(len(rows)) == _best(study, rows, values)
    titles, column = (axis.name, _goal(study)), rows[PARAMS + axis.name]
    places = ["null" if value is None else f"{value}" for value in column] if axis.nullable else column.to_list()
    forms = ("", _form(_goal(study)))
    figure = scatter_figure(places, values, titles, log=axis.log, marked=best, forms=forms)
    text = (
        "Every completed trial by this parameter, the best one marked; the others vary at the same time. A broad hill "
        "is a plateau, a lone point a peak. It says nothing about sessions that the trials have not seen."
    )
    return Chart(f"{_goal(study)} by {axis.name}", figure, text + describe_thinning(len(rows)))


def surface_chart(study: StoredStudy, x: str, y: str) -> Chart:
    """Return the objective over two parameters; raises BadInput for a name that is not searched, or is given twice."""
    rows, values = _measured(study)
    pair = _dimension(study, x), _dimension(study, y)
    if x == y:
        raise BadInput("a surface has two parameters", found=f"{x!r} twice", remedy="name another one")
    rows, values = _with(study, rows, values, *pair)
    points = tuple(param_numbers(each, rows[PARAMS + each.name]) for each in pair)
    axes = tuple(_axis(each, column) for each, column in zip(pair, points, strict=True))
    figure = surface_figure(
        (axes[0], axes[1]),
        (points[0], points[1]),
        values,
        _goal(study),
        best=_best(study, rows, values),
        maximize=_maximizes(study),
    )
    text = (
        "The median of the completed trials in each cell, whatever their other parameters: brighter is better, empty "
        "where no trial is, the cross is the best trial. Bright all round the cross is a plateau; bright under it "
        "alone is a peak, and probably luck. Where the search went often, a cell is better known, and all of it is in "
        "sample."
    )
    return Chart(f"{_goal(study)} over {x} and {y}", figure, text)


def parallel_chart(study: StoredStudy) -> Chart:
    """Return a line for each trial across all parameters, those of the best tenth in colour."""
    rows, values = _measured(study)
    if not study.space.names:
        raise BadInput("the study searches no parameter", where=str(study.path), remedy="declare one in the strategy")
    points = [param_numbers(axis, rows[PARAMS + axis.name]) for axis in study.space.dimensions]
    axes = [_axis(each, column) for each, column in zip(study.space.dimensions, points, strict=True)]
    maximize = _maximizes(study)
    limit = np.quantile(values, 0.9 if maximize else 0.1)
    good = values >= limit if maximize else values <= limit
    low, high = np.quantile(values, [0.02, 1.0] if maximize else [0.0, 0.98])
    goal = Axis(_goal(study), float(low), float(high))
    figure = parallel_figure([*axes, goal], [*points, values], good, _goal(study))
    text = (
        "A line is a completed trial, from its value of each parameter to its objective at the right; the best tenth "
        "are in colour. Where coloured lines meet, the search found that value good; where they spread, it hardly "
        "mattered. All of it is in sample."
    )
    if study.space.conditional:
        text += " A line is interrupted where its trial does not have a parameter."
    drawn = [describe_thinning(int(which.sum()), MOST_LINES, what) for which, what in _tenths(good)]
    return Chart("Parallel coordinates", figure, text + "".join(drawn))


def importances_chart(study: StoredStudy) -> Chart:
    """Return the importances as bars; raises BadInput where there are too few trials for them."""
    shares = study.importances
    if not shares:
        found = f"{len(study.trials):,} trials"
        raise BadInput(
            "importances are undefined", expected="20 completed trials or more, of two parameters", found=found
        )
    figure = bar_figure(list(shares), list(shares.values()), ".0%", sideways=True)
    text = (
        "Each parameter's share in whether a trial is among the best tenth. It says what the search was sensitive to, "
        "not what will matter out of sample."
    )
    return Chart("Importances", figure, text)


def front_chart(study: StoredStudy) -> Chart:
    """Return the completed trials by the first two objectives; raises BadInput with a single one."""
    columns, goals = value_columns(study.sweep.search)[:2], study.sweep.search.objective[:2]
    if len(goals) == 1:
        remedy = "name two objectives in search.objective, or use plot_slice"
        raise BadInput("the study has one objective, and no front", where=str(study.path), remedy=remedy)
    finite = [pl.col(column).cast(pl.Float64).is_finite() for column in columns]
    rows = study.top(len(study.trials)).filter((pl.col("state") == "COMPLETE") & finite[0] & finite[1])
    if not len(rows):
        raise _nothing(study)
    x, y = (rows[column].cast(pl.Float64).to_numpy() for column in columns)
    first = (rows["front"] == 1).fill_null(value=False).to_numpy()
    titles, forms = (goals[0].metric, goals[1].metric), (_form(goals[0].metric), _form(goals[1].metric))
    figure = scatter_figure(x.tolist(), y, titles, marked=first, forms=forms)
    text = (
        "The completed trials by two objectives, the front in another colour: no other trial is as good in every "
        "objective and better in one. It was found by looking for the best, and flatters itself."
    )
    return Chart("Objectives", figure, text + describe_thinning(len(rows) - int(first.sum())))


def ranked_names(study: StoredStudy) -> list[str]:
    """Return the parameters, the most important first; in the order of the space where that is unknown."""
    return list(study.importances or study.space.names)


def _goal(study: StoredStudy) -> str:
    return study.sweep.search.objective[0].metric


def _form(metric: str) -> str:
    """Return the number format of d3 for a metric: fractions are in per cent."""
    from backsweep.metrics.table import FRACTION, TABLE, YEARLY  # noqa: PLC0415 - loads Numba

    return ".2~%" if metric in TABLE and TABLE[metric].unit in {FRACTION, YEARLY} else ""


def _maximizes(study: StoredStudy) -> bool:
    return study.sweep.search.objective[0].maximize is not None


def _measured(study: StoredStudy) -> tuple[pl.DataFrame, NDArray[np.float64]]:
    """Return the completed trials with a defined objective, and the first objective, float64[trials]."""
    column = value_columns(study.sweep.search)[0]
    rows = study.trials
    if len(rows):
        rows = rows.filter((pl.col("state") == "COMPLETE") & pl.col(column).cast(pl.Float64).is_finite())
    if not len(rows):
        raise _nothing(study)
    return rows, rows[column].cast(pl.Float64).to_numpy()


def _nothing(study: StoredStudy) -> BadInput:
    remedy = "run it until trials are complete; `backsweep show` says why they are not"
    return BadInput("no completed trial has a defined objective", where=str(study.path), remedy=remedy)


def _best(study: StoredStudy, rows: pl.DataFrame, values: NDArray[np.float64]) -> int:
    """Return the place in `rows` of the best feasible trial, of the best of all where none is feasible."""
    best = study.best
    found = [] if best is None else np.flatnonzero((rows["number"] == best["number"]).to_numpy()).tolist()
    if found:
        return int(found[0])
    return int(np.argmax(values if _maximizes(study) else -values))


def _dimension(study: StoredStudy, name: str) -> Dimension:
    for dimension in study.space.dimensions:
        if dimension.name == name:
            return dimension
    expected = f"one of {', '.join(study.space.names)}" if study.space.names else "none: the study searches none"
    raise BadInput(
        "the study does not search this parameter", where=str(study.path), expected=expected, found=repr(name)
    )


def _axis(dimension: Dimension, values: NDArray[np.float64]) -> Axis:
    """Return an axis of figures: a cell for each value where there are few, or the range."""
    size = dimension.size
    if size is None or size > _MOST_LEVELS:
        known = values[~np.isnan(values)]
        low, high = min(dimension.low, known.min(initial=np.inf)), max(dimension.high, known.max(initial=-np.inf))
        return Axis(dimension.name, float(low), float(high), dimension.log)
    levels = np.unique(np.concatenate([dimension.at(np.arange(size)), values[~np.isnan(values)]]))
    labels = [_label(dimension, level) for level in levels.tolist()]
    order = dimension.codes is None and not dimension.boolean
    return Axis(dimension.name, levels=tuple(levels.tolist()), labels=tuple(labels), order=order)


def _label(dimension: Dimension, level: float) -> str:
    if dimension.codes is None and not dimension.boolean:
        return f"{level:g}"
    value = dimension.plain(level)
    return "null" if value is None else value if isinstance(value, str) else str(value).lower()


def _with(
    study: StoredStudy, rows: pl.DataFrame, values: NDArray[np.float64], *axes: Dimension
) -> tuple[pl.DataFrame, NDArray[np.float64]]:
    """Return the trials that have some parameters, and their objective; raises BadInput where none has."""
    kept = np.ones(len(rows), np.bool_)
    for axis in axes:
        if axis.name in study.space.conditional:
            kept &= rows[PARAMS + axis.name].is_not_null().to_numpy()
    if not kept.any():
        raise _nothing(study)
    return rows.filter(kept), values[kept]


def _tenths(good: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], str]]:
    return [(good, "lines of the best tenth"), (~good, "other lines")]
