"""Charts of what a study selected, over time: growth and drawdown, and the folds beside one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.figures.record import drawdown_figure, equity_figure
from backsweep.figures.style import Chart
from backsweep.figures.trials import folds_figure
from backsweep.study.table.columns import ASSET_GROUP

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from backsweep.study.results.stored_study import StoredStudy

CPCV = "cpcv"


def equity_chart(study: StoredStudy) -> Chart:
    """Return growth and drawdown of what was selected, beside benchmarks; raises BadInput without a record."""
    dates, series = record_series(study)
    positive = all(np.cumprod(1.0 + each).min() > 0.0 for each in series.values())
    scale = "logarithmic" if positive else "linear, as equity is not positive"
    figure = equity_figure(dates, series, _fold_starts(study))
    return Chart("Equity and drawdown", figure, f"{_caption(study, series)} The upper axis is {scale}.")


def drawdown_chart(study: StoredStudy) -> Chart:
    """Return the drawdown of what was selected, beside benchmarks; raises BadInput without a record."""
    dates, series = record_series(study)
    figure = drawdown_figure(dates, series, _fold_starts(study))
    return Chart("Drawdown", figure, f"{_caption(study, series)} The worst drawdown is still to come.")


def folds_chart(study: StoredStudy) -> Chart:
    """Return the first objective of each fold's choice in its training and its test.

    Raises BadInput where there are no folds, or none that has a trial.
    """
    folds, goal = study.walk_forward.folds, study.sweep.search.objective[0].metric
    segments = [
        (f"{what}, {luck}", folds[f"{name}_{goal}"].to_list())
        for name, what, luck in (("train", "training", "chosen there"), ("test", "test", "not seen"))
    ]
    text = (
        "What each fold chose, in the training that chose it and in the test after it. The left bar was the best of "
        "many and flatters itself; how far the right one falls short of it is the price of choosing. A missing bar is "
        "undefined. One test alone says little."
    )
    names = [str(fold) for fold in folds["fold"]]
    if study.groups:
        names = [f"{fold} {group}" for fold, group in zip(names, folds[ASSET_GROUP], strict=True)]
    return Chart(f"{goal} of each fold's choice", folds_figure(names, segments, goal), text)


def record_series(study: StoredStudy) -> tuple[list[date], dict[str, NDArray[np.float64]]]:
    """Return the dates of the record, and returns by name: of what was selected, the benchmark, all assets held.

    Raises BadInput without a record.
    """
    rows = study.record_by_date
    if not len(rows):
        remedy = "run the study until a fold has a test"
        raise BadInput("the record has no session", where=str(study.path), remedy=remedy)
    series = {"what was selected": rows["return"].fill_nan(0.0).fill_null(0.0).to_numpy()}
    levels = study.benchmark_returns
    if levels is not None:
        joined = study.record.join(levels, on="timestamp", how="left", maintain_order="left")
        names = [name for name in joined.columns if name not in {"timestamp", "return"}]
        series |= {name.replace("_", " "): joined[name].fill_nan(0.0).fill_null(0.0).to_numpy() for name in names}
    return rows["date"].to_list(), series


def _fold_starts(study: StoredStudy) -> list[date]:
    if not study.has_folds or study.sweep.walk_forward is None or study.sweep.walk_forward.mode == CPCV:
        return []
    names = dict(zip(study.sessions, study.session_dates, strict=True))
    first = study.walk_forward.equity.group_by("fold", maintain_order=True).first()
    return [names[each] for each in first["timestamp"]]


def _caption(study: StoredStudy, series: dict[str, NDArray[np.float64]]) -> str:
    walk = study.sweep.walk_forward
    if walk is None:
        what = (
            f"{'What the groups selected, together,' if study.groups else 'The selected trial'} over the sessions on "
            "which it was selected, after costs: it shows what the search found, and is no forecast and no "
            "out-of-sample record."
        )
    elif walk.mode == CPCV:
        what = "The mean over the paths of the cross-validation: their trainings lie on both sides of their tests."
    else:
        what = (
            "What each fold selected in its training, in the test after it, after costs; dotted lines mark where folds "
            "begin. It does not show how much of it is luck: the interval is in the verdict."
        )
    return what if len(series) > 1 else f"{what} There is no benchmark: the sweep file names none."
