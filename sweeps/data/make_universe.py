"""Make data for strategies that need more assets, or finer bars, than the data that ship: twenty assets, and minutes.

    python sweeps/data/make_universe.py

The prices are drawn at random with a fixed seed, so no result on them says anything about a market: they show that a
strategy runs, and what it does. Two files are written to the folder `generated` beside this script:

    universe_daily.parquet      20 assets, S01 to S20, on the weekdays of 2010 to 2017
    universe_minutes.parquet    3 assets, X, Y and Z, in bars of five minutes, weekdays of half a year, one half day

What is put into them: volatility that comes in clusters, a drift that lasts for months and then changes, days on which
all fall or rise together, and dips that are made up for within days.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20
OPEN, CLOSE, HALF_DAY = 570, 960, 780  # minutes of the local day
STEP = 5  # minutes of a bar
NARROW = date(2015, 11, 27)  # the half day


def weekdays(first: date, last: date) -> list[date]:
    """List the days from Monday to Friday, both ends included."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5]


def walk(generator: np.random.Generator, count: int, common: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the daily log returns of one asset, float64[count]."""
    calm = generator.uniform(0.007, 0.014)
    log_scale = np.empty(count)
    level = 0.0
    for i, shock in enumerate(generator.normal(0.0, 0.12, count)):
        level = 0.96 * level + shock
        log_scale[i] = level
    drift = np.repeat(generator.normal(0.0, 0.0011, count // 90 + 1), 90)[:count]
    noise = generator.normal(0.0, 1.0, count)
    dip = np.append(0.0, -0.12 * noise[:-1])  # a part of a move is undone the day after
    return 0.0002 + drift + calm * np.exp(log_scale) * (noise + dip) + common * generator.uniform(0.5, 1.2)


def bars_of(
    generator: np.random.Generator, asset: str, stamps: list[datetime] | list[date], returns: NDArray[np.float64]
) -> pl.DataFrame:
    """Return bars whose closes have these log returns; opens and extremes are drawn around them."""
    close = generator.uniform(20.0, 150.0) * np.exp(np.cumsum(returns))
    before = np.append(close[0], close[:-1])
    size = np.abs(returns).mean()
    opened = before * np.exp(generator.normal(0.0, 0.3 * size, len(close)))
    high = np.maximum(opened, close) * np.exp(generator.exponential(0.4 * size, len(close)))
    low = np.minimum(opened, close) * np.exp(-generator.exponential(0.4 * size, len(close)))
    volume = np.round(generator.lognormal(13.0, 0.3, len(close)))
    columns = {"open": opened, "high": high, "low": low, "close": close}
    rounded = {name: np.round(values, 4) for name, values in columns.items()}
    return pl.DataFrame({"timestamp": stamps, "asset": asset, **rounded, "volume": volume})


def make_daily() -> pl.DataFrame:
    """Return the daily bars of twenty assets, by timestamp and asset."""
    generator = np.random.default_rng(SEED)
    days = weekdays(date(2010, 1, 1), date(2017, 12, 31))
    common = generator.standard_t(4, len(days)) * 0.004
    assets = [f"S{number:02}" for number in range(1, 21)]
    frames = [bars_of(generator, asset, days, walk(generator, len(days), common)) for asset in assets]
    return pl.concat(frames).sort("timestamp", "asset")


def make_minutes() -> pl.DataFrame:
    """Return bars of five minutes of three assets, stamped at their ends on New York's clock."""
    generator = np.random.default_rng(SEED + 1)
    days = weekdays(date(2015, 7, 1), date(2015, 12, 31))
    stamps: list[datetime] = []
    for day in days:
        end = HALF_DAY if day == NARROW else CLOSE
        stamps += [datetime.combine(day, time(m // 60, m % 60)) for m in range(OPEN + STEP, end + 1, STEP)]
    number = np.array([(stamp.date() - days[0]).days for stamp in stamps])
    frames = []
    for asset in ("X", "Y", "Z"):
        trend = generator.normal(0.0, 0.00003, number[-1] + 1)[number]  # a day's own direction
        scale = 0.0007 * np.exp(generator.normal(0.0, 0.3, number[-1] + 1))[number]
        frames.append(bars_of(generator, asset, stamps, trend + scale * generator.normal(0.0, 1.0, len(stamps))))
    return pl.concat(frames).sort("timestamp", "asset")


def main() -> None:
    """Write both files, each whole or not at all."""
    folder = Path(__file__).parent / "generated"
    folder.mkdir(exist_ok=True)
    for name, frame in (("universe_daily", make_daily()), ("universe_minutes", make_minutes())):
        file = folder / f"{name}.parquet"
        part = file.with_suffix(".part")
        frame.write_parquet(part)
        part.replace(file)
        sys.stdout.write(f"{file}: {frame.height} bars of {frame['asset'].n_unique()} assets\n")


if __name__ == "__main__":
    main()
