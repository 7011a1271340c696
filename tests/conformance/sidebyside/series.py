"""Bars to play on: random series with gaps, and real ones where they are present, all in ticks of 1e-4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

PROJECT = Path(__file__).parents[3]
SHIPPED = PROJECT / "sweeps" / "data" / "stocks_daily.parquet"
SHARED = PROJECT.parent / "shared" / "data"
DAILY = SHARED / "sp500_daily.parquet"
MINUTE = SHARED / "us_minute_2024.parquet"
DECIMALS = 4


def random_bars(seed: int, *, assets: int = 1, length: int = 1500) -> NDArray[np.float64]:
    """Draw float64[assets, length, 4] in three regimes: calm, trending with gaps, wild; every tenth open is a gap."""
    generator = np.random.default_rng(seed)
    bars = np.empty((assets, length, 4))
    regimes = ((0.000, 0.008), (0.001, 0.015), (-0.001, 0.030))
    for asset in range(assets):
        close = float(generator.uniform(20.0, 200.0))
        for index in range(length):
            drift, wild = regimes[3 * index // length]
            gap = 0.03 if generator.random() < 0.1 else 0.002
            opened = close * float(np.exp(generator.normal(0.0, gap)))
            close = opened * float(np.exp(generator.normal(drift, wild)))
            high = max(opened, close) * (1.0 + abs(float(generator.normal(0.0, wild / 2))))
            low = min(opened, close) * (1.0 - abs(float(generator.normal(0.0, wild / 2))))
            bars[asset, index] = opened, high, low, close
            close = float(np.clip(close, 5.0, 2000.0))
    return in_ticks(bars)


def random_volumes(seed: int, *, assets: int = 1, length: int = 1500) -> NDArray[np.float64]:
    """Draw float64[assets, length] of whole units: around 10,000, sometimes a tenth of that, rarely zero."""
    generator = np.random.default_rng(seed)
    volumes = np.exp(generator.normal(9.0, 0.6, (assets, length)))
    volumes[generator.random(volumes.shape) < 0.1] /= 10.0
    volumes[generator.random(volumes.shape) < 0.02] = 0.0
    volumes[:, 0] = 10_000.0
    return np.round(volumes)


def in_ticks(bars: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to ticks, and keep open and close inside the range."""
    bars = np.round(bars, DECIMALS)
    bars[..., 1] = bars.max(axis=-1)
    bars[..., 2] = bars.min(axis=-1)
    return bars


def missing(path: Path) -> str:
    """Return the reason why real data cannot be used here, "" if it can."""
    return "" if path.exists() else f"{path} is not here"


def real_bars(path: Path, asset: str, *, length: int) -> NDArray[np.float64]:
    """Return the first `length` bars of one asset as float64[1, n, 4]."""
    frame = pl.scan_parquet(path).filter(pl.col("asset") == asset).sort("timestamp").head(length)
    prices = frame.select("open", "high", "low", "close").collect().drop_nulls().to_numpy()
    return in_ticks(prices[(prices > 0.0).all(axis=1)][None])


def real_volumes(path: Path, asset: str, *, length: int) -> NDArray[np.float64]:
    """Return the volumes of the same bars in thousands, float64[1, n], so that some hundred units are a large order."""
    frame = pl.scan_parquet(path).filter(pl.col("asset") == asset).sort("timestamp").head(length)
    rows = frame.select("open", "high", "low", "close", "volume").collect().drop_nulls().to_numpy()
    return np.round(rows[(rows[:, :4] > 0.0).all(axis=1), 4] / 1000.0)[None]


def real_panel(path: Path, assets: tuple[str, ...], *, length: int) -> NDArray[np.float64]:
    """Return the last `length` timestamps that all assets share, as float64[assets, n, 4]."""
    frame = pl.read_parquet(path).filter(pl.col("asset").is_in(assets))
    shared = frame.group_by("timestamp").len().filter(pl.col("len") == len(assets))["timestamp"].sort().tail(length)
    rows = frame.filter(pl.col("timestamp").is_in(shared.implode())).sort("timestamp")
    columns = [
        rows.filter(pl.col("asset") == name).select("open", "high", "low", "close").to_numpy() for name in assets
    ]
    return in_ticks(np.stack(columns))
