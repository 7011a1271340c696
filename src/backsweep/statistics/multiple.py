"""Adjusting p-values for the number of tests.

Sources: Holm (1979); Benjamini and Yekutieli (2001); Harvey and Liu (2015), "Backtesting".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.statistics.arguments import number
from backsweep.statistics.normal import shrink

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def bonferroni(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values times their number, at most 1; NaN is not a test and stays NaN."""
    values, defined = _p_values(p)
    return np.minimum(values * np.count_nonzero(defined), 1.0)


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted step by step for the family-wise error; NaN is not a test and stays NaN."""
    values, defined = _p_values(p)
    count = np.count_nonzero(defined)
    order = np.flatnonzero(defined)[np.argsort(values[defined], kind="stable")]
    steps = np.arange(count, 0, -1) * values[order]
    values[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return values


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted for the false discovery rate of independent tests; NaN stays NaN."""
    return _step_up(p, harmonic=False)


def benjamini_yekutieli(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted for the false discovery rate under any dependence; NaN is not a test and stays NaN."""
    return _step_up(p, harmonic=True)


def haircut_sharpe(sharpe: float, years: float, trials: float) -> float:
    """Return the annual Sharpe that is as unlikely for one trial as `sharpe` is for the best of `trials`.

    Two-sided, by Bonferroni, after `years` of record: 0.75 over 20 years and 200 trials is worth 0.31. Never negative
    for a positive `sharpe`; the sign of `sharpe` is kept.
    """
    root = math.sqrt(number("years", years, 0.0, strict=True))
    return math.copysign(shrink(abs(sharpe) * root, number("trials", trials, 1.0)) / root, sharpe)


def _step_up(p: ArrayLike, *, harmonic: bool) -> NDArray[np.float64]:
    values, defined = _p_values(p)
    count = np.count_nonzero(defined)
    ranks = np.arange(1, count + 1)
    factor = float(np.sum(1.0 / ranks)) if harmonic else 1.0
    order = np.flatnonzero(defined)[np.argsort(values[defined], kind="stable")]
    steps = values[order] * (count * factor / ranks)
    values[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return values


def _p_values(p: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a copy of `p` and where it is a number; raises BadInput outside 0 to 1."""
    values = np.array(p, dtype=np.float64)
    defined = ~np.isnan(values)
    if values.ndim != 1 or not ((values[defined] >= 0.0) & (values[defined] <= 1.0)).all():
        raise BadInput(
            "not p-values",
            expected="one dimension of numbers from 0 to 1",
            found=f"shape {values.shape}, {np.nanmin(values, initial=1.0):g} to {np.nanmax(values, initial=0.0):g}",
            remedy="pass one p-value per test",
        )
    return values, defined
