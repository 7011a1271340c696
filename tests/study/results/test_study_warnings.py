"""What a sweep file shows before it runs."""

import pytest

from backsweep.study.results.study_warnings import _costs
from backsweep.sweepfile.load import load_sweep

SWEEP = """
study: mine
data: {bars: bars.csv}
strategy: mine.py:Mine
search: {sampler: random, trials: 4, objective: {maximize: sharpe}}
"""


@pytest.mark.parametrize(
    ("execution", "what"),
    [("", "trading is free"), ("execution: {quotes: true}\n", "trading costs no more than the spread")],
)
def test_a_sweep_without_costs_says_what_trading_costs(tmp_path, execution, what):
    path = tmp_path / "sweep.yaml"
    path.write_text(SWEEP + execution)
    (warning,) = _costs(load_sweep(path))
    assert warning.what == f"there is no costs section: {what}"
