"""Prices outside their bar by rounding only, as adjusted prices may be: the bar is widened to contain them."""

from __future__ import annotations

import numpy as np
import polars as pl

from backsweep.dataset.schema import PRICES

ULPS = 4
"""Units in the last place of the high or the low that count as rounding; prices farther outside are an error."""


def widen(bars: pl.DataFrame, *, single: bool = False) -> tuple[pl.DataFrame, int]:
    """Return the bars with high and low moved as far as rounding goes, and how many bars were.

    `single` is for prices that were stored in single precision, whose units in the last place are larger.
    """
    top, bottom = pl.max_horizontal(PRICES), pl.min_horizontal(PRICES)
    outside = (top > pl.col("high")) | (bottom < pl.col("low"))
    if not bars.select(outside.any()).item():
        return bars, 0
    facts = bars.select(top.alias("top"), bottom.alias("bottom"), outside.alias("outside"), "high", "low")
    columns = {
        name: facts[name].cast(float).fill_null(float("nan")).to_numpy() for name in ("top", "bottom", "high", "low")
    }
    with np.errstate(invalid="ignore"):
        near = (columns["top"] - columns["high"] <= ULPS * _unit(columns["high"], single=single)) & (
            columns["low"] - columns["bottom"] <= ULPS * _unit(columns["low"], single=single)
        )
    moved = pl.Series(near) & facts["outside"].fill_null(value=False)
    widened = bars.with_columns(
        pl.when(moved).then(top).otherwise("high").alias("high"),
        pl.when(moved).then(bottom).otherwise("low").alias("low"),
    )
    return widened, int(moved.sum())


def _unit(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], *, single: bool
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return one unit in the last place of each value, as large as it is stored."""
    magnitude = np.abs(values)
    return np.spacing(magnitude.astype(np.float32)).astype(np.float64) if single else np.spacing(magnitude)
