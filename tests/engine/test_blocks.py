import numpy as np

from backsweep.engine.blocks import BLOCK, block_extremes


def test_extremes_are_those_of_each_block_and_ignore_what_is_missing():
    values = np.arange(2 * BLOCK + 3, dtype=float)
    values[[0, 2 * BLOCK]] = np.nan
    assert block_extremes(values, np.fmin).tolist() == [1.0, BLOCK, 2 * BLOCK + 1]
    assert block_extremes(values, np.fmax).tolist() == [BLOCK - 1, 2 * BLOCK - 1, 2 * BLOCK + 2]


def test_a_block_without_values_has_none():
    assert np.isnan(block_extremes(np.full(BLOCK, np.nan), np.fmax)).tolist() == [True]
