"""The columns of parameters, from floats and back."""

import numpy as np
import polars as pl
import pytest

from backsweep.study.search.dimension import Dimension
from backsweep.study.table.params import param_column, param_numbers

COLUMNS = [
    (Dimension("x"), [0.25, np.nan], pl.Series([0.25, None], dtype=pl.Float64)),
    (Dimension("n", 1.0, 9.0, 1.0, integer=True), [3.0, np.nan], pl.Series([3, None], dtype=pl.Int64)),
    (Dimension("on", choices=(True, False)), [1.0, np.nan], pl.Series([True, None], dtype=pl.Boolean)),
    (Dimension("kind", choices=("ema", "sma"), codes=(1, 0)), [1.0, 0.0, np.nan], pl.Series(["ema", "sma", None])),
    (Dimension("stop", choices=(None, 0.5), codes=(0, 2)), [0.0, 2.0], pl.Series([None, 0.5])),
    (Dimension("days", choices=(5, None), codes=(1, 0)), [0.0, 1.0], pl.Series([None, 5], dtype=pl.Int64)),
    (Dimension("side", choices=(None, True), codes=(0, 1)), [0.0, 1.0], pl.Series([None, True])),
    (Dimension("exit", choices=("time", None), codes=(2, 0)), [0.0, 2.0], pl.Series([None, "time"])),
]


@pytest.mark.parametrize(("axis", "numbers", "column"), COLUMNS, ids=[axis.name for axis, _, _ in COLUMNS])
def test_a_column_has_what_a_reader_sees_and_gives_back_the_floats(axis, numbers, column):
    found = param_column(axis, np.array(numbers))
    assert found.dtype == column.dtype
    assert found.to_list() == column.to_list()
    assert np.array_equal(param_numbers(axis, found), numbers, equal_nan=True)
