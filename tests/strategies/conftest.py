"""Run a shipped strategy on the shipped data, or on a few bars made by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backsweep.dataset import DataSpec, load, shard_from_frames
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.evaluate import SharedEvaluator

DATA = Path(__file__).parents[2] / "sweeps" / "data"
SHIPPED = DataSpec(
    bars=str(DATA / "stocks_daily.parquet"),
    signals=str(DATA / "stocks_signals.parquet"),
    context=str(DATA / "market_context.parquet"),
)
COSTS = CostsSpec.model_validate(
    {"commission": {"kind": "percentage", "rate": 5e-4}, "slippage": {"kind": "percentage", "rate": 2e-4}}
)
SIGNALS = ("pred", "momentum", "reversal")


def _replay(cls, shard, params, costs, *, compiled):
    spec = TrialSpec(
        data=SHIPPED,
        strategy=f"{cls.__module__}:{cls.__name__}",
        account=AccountSpec(kind="margin", leverage=2.0, lot=0),
        costs=costs,
        fixed=params,
    )
    return SharedEvaluator(spec, shard, cls).replay(np.zeros(0), compiled=compiled)


@pytest.fixture(scope="session")
def shipped():
    return load(SHIPPED)


@pytest.fixture
def on_shipped(shipped):
    """Replay a strategy on the shipped data, with costs."""

    def replay(cls, *, compiled=True, **params):
        return _replay(cls, shipped, params, COSTS, compiled=compiled)

    return replay


@pytest.fixture
def by_hand():
    """Replay a strategy without costs on hand-made assets: name to lists, None in `close` where there is no bar."""

    def replay(cls, assets, *, volatility=0.2, **params):
        frames = [_frame(name, **columns) for name, columns in assets.items()]
        rows = pl.concat(frames).drop_nulls("close")
        days = rows["timestamp"].unique().sort()
        context = pl.DataFrame({"timestamp": days, "volatility": volatility, "trend": 0.0, "breadth": 0.0})
        shard = shard_from_frames(rows.drop(SIGNALS), rows.select("timestamp", "asset", *SIGNALS), context)
        return _replay(cls, shard, params, CostsSpec(), compiled=True)

    return replay


def _frame(name, close, spread=1.0, **signals):
    """Bars that open at the close before and reach `spread` beyond open and close."""
    close = pl.Series(close, dtype=pl.Float64)
    count = len(close)
    before = close.shift(1).fill_null(strategy="backward")
    spread = pl.Series(spread if isinstance(spread, list) else [spread] * count, dtype=pl.Float64)
    frame = pl.DataFrame(
        {
            "timestamp": [date(2020, 1, 1) + timedelta(days=day) for day in range(count)],
            "asset": name,
            "open": before,
            "close": close,
            "volume": 1e6,
            "spread": spread,
        }
    ).with_columns(
        high=pl.max_horizontal("open", "close") + pl.col("spread"),
        low=pl.min_horizontal("open", "close") - pl.col("spread"),
    )
    columns = {signal: pl.Series(signals.get(signal, [0.0] * count), dtype=pl.Float64) for signal in SIGNALS}
    return frame.with_columns(**columns).drop("spread")
