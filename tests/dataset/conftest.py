"""Small bars, and a folder of real data for the tests that need size and dirt."""

# ruff: noqa: DTZ001 - times without a zone are part of what is tested

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def bars():
    """Three daily bars each of AA and BB, sorted: rows 1, 3, 5 are AA, rows 2, 4, 6 BB."""
    days = [datetime(2024, 1, 2) + timedelta(days=i) for i in range(3) for _ in range(2)]
    return pl.DataFrame(
        {
            "timestamp": days,
            "asset": ["AA", "BB"] * 3,
            "open": [10.0, 20.0, 11.0, 21.0, 12.0, 22.0],
            "high": [12.0, 22.0, 13.0, 23.0, 14.0, 24.0],
            "low": [9.0, 19.0, 10.0, 20.0, 11.0, 21.0],
            "close": [11.0, 21.0, 12.0, 22.0, 13.0, 23.0],
            "volume": [100.0, 200.0, 0.0, 200.0, 100.0, 200.0],
        }
    )


@pytest.fixture
def change(bars):
    """`change(row, column=value)`: the bars with one row, counted from 1, changed."""

    def _change(row, **values):
        index = pl.int_range(1, pl.len() + 1)
        return bars.with_columns(
            pl.when(index == row).then(pl.lit(value, dtype=bars.schema[name])).otherwise(pl.col(name)).alias(name)
            for name, value in values.items()
        )

    return _change


@pytest.fixture
def shared_data():
    if not SHARED.is_dir():
        pytest.skip(f"real data is not here: {SHARED}")
    return SHARED
