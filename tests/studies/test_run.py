"""What `run` does with a strategy that cannot run."""

from datetime import date
from pathlib import Path

import numba
import polars as pl
import pytest

import backsweep as bs
from backsweep.api.sweeps import replay
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


NOTED = (
    "column 'desk' of the bars is not used: ",
    "1 of 61 rows of the signals match no bar: 1 of BB",
)
IDLE = """
import backsweep as bs

class Idle(bs.Strategy):
    size: float = bs.param(0.0, 1.0)

    def on_data(self, timestamp, data, context, broker):
        pass
"""


def write_noted(folder, mode):
    """Write bars with a column that is text, and signals of which one has no bar."""
    days = pl.date_range(date(2024, 1, 1), date(2024, 1, 30), eager=True).alias("timestamp")
    bars = pl.concat(
        pl.DataFrame(days).with_columns(
            asset=pl.lit(asset), open=10.0, high=11.0, low=9.0, close=10.0, volume=1.0, desk=pl.lit("x")
        )
        for asset in ("AA", "BB")
    )
    late = pl.DataFrame({"timestamp": [date(2024, 2, 9)], "asset": ["BB"]})
    signals = pl.concat([bars.select("timestamp", "asset"), late]).with_columns(edge=1.0)
    bars.write_parquet(folder / "bars.parquet")
    signals.write_parquet(folder / "signals.parquet")
    (folder / "idle.py").write_text(IDLE)
    sweep = folder / "sweep.yaml"
    sweep.write_text(
        "study: noted\ndata: {bars: bars.parquet, signals: signals.parquet}\nstrategy: idle.py:Idle\n"
        f"account: {{mode: {mode}}}\n"
        "search: {sampler: random, seed: 1, trials: 4, batch: 4, objective: {maximize: total_return}}\n"
    )
    return sweep


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
def test_what_is_left_out_of_the_data_is_said_once_by_a_run_and_by_a_backtest(tmp_path, mode, caplog):
    sweep = write_noted(tmp_path, mode)
    bs.run(sweep, backend="inline", out=tmp_path / "study")
    said = [each.getMessage() for each in caplog.records if each.name == "backsweep.study.run.driver"]
    assert len(said) == len(NOTED)
    of_part = "AA to BB: " if mode == "sleeves" else ""
    assert said[0].startswith(f"warning: {NOTED[0]}")
    assert said[1] == f"warning: {of_part}{NOTED[1]}"
    assert [f"warning: {each}" for each in replay(sweep, {"size": 1.0}).result.warnings[:2]] == said
