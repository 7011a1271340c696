import numpy as np

from backsweep.engine.blocks import BLOCK
from backsweep.engine.codes import ABOVE, BELOW
from backsweep.trial.column_extremes import ColumnExtremes


def test_a_comparison_above_has_the_greatest_of_each_block_and_one_below_the_least():
    column = np.arange(BLOCK + 1, dtype=float)
    extremes = ColumnExtremes()
    assert extremes.find(column, ABOVE).tolist() == [BLOCK - 1, BLOCK]
    assert extremes.find(column, BELOW).tolist() == [0, BLOCK]


def test_extremes_are_kept_with_their_column_and_no_longer():
    column, extremes = np.zeros(BLOCK), ColumnExtremes()
    first = extremes.find(column, ABOVE)
    assert extremes.find(column, ABOVE) is first
    del column
    assert extremes._kept == {}
