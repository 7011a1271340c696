"""The columns of parameters: from floats, as proposals have them, to what a reader sees, and back.

Null stands for a null choice, and in the column of a parameter with a condition for its absence; none has both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.study.search.dimension import Dimension


def param_column(axis: Dimension, numbers: NDArray[np.float64]) -> pl.Series:
    """Return a parameter's values, float64[k], as a column of texts, whole numbers, floats or truth values."""
    if axis.codes is not None:
        known = [each for each in axis.choices or () if each is not None]
        kind = pl.Boolean if axis.boolean else pl.Int64 if isinstance(known[0], int) else pl.Float64
        plain = [None if np.isnan(number) else axis.plain(number) for number in numbers]
        return pl.Series(plain, dtype=pl.String if axis.text else kind)
    kind = pl.Boolean if axis.boolean else pl.Int64 if axis.integer else pl.Float64
    return pl.Series(np.ascontiguousarray(numbers), nan_to_null=True).cast(kind)


def param_numbers(axis: Dimension, column: pl.Series) -> NDArray[np.float64]:
    """Return the floats, float64[k], that a column was made from: NaN where a trial does not have the parameter."""
    if axis.codes is not None:
        codes = {value: float(axis.number(value)) for value in axis.choices or ()}
        return np.array([codes.get(value, np.nan) for value in column], np.float64)
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy()
