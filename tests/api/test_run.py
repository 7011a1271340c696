"""What `run` does with a strategy that cannot run."""

from pathlib import Path

import numba
import pytest

import backsweep as bs
from backsweep.errors import StrategyError

DATA = Path(__file__).parents[2] / "sweeps" / "data" / "stocks_daily.parquet"
BROKEN = """
import backsweep as bs

class Broken(bs.Strategy):
    entry: float = bs.param(0.0, 1.0)

    def on_data(self, timestamp, data, context, broker):
        if data[0].prediction > self.entry:
            broker.submit_order(0, 1.0)
"""
SWEEP = f"""
study: broken
data: {{bars: {DATA}}}
strategy: broken.py:Broken
search: {{sampler: random, seed: 1, trials: 4, batch: 4, objective: {{maximize: sharpe}}}}
"""


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="without the compiler a strategy's mistakes show when it runs")
def test_a_strategy_that_does_not_compile_ends_the_run_before_anything_is_written(tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    with pytest.raises(StrategyError, match=r"broken\.py, line 8: on_data uses an unknown signal 'prediction'"):
        bs.run(tmp_path / "sweep.yaml", backend="inline", out=tmp_path / "study")
    assert not (tmp_path / "study").exists()
