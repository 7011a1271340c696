# ruff: noqa: DTZ001 - times without a zone are part of what is tested

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.dataset.anomalies import find_anomalies


def walk(count=200, start=datetime(2024, 1, 1), step=timedelta(days=1)):
    """Return bars of A whose closes move by about one per cent, each opening at the close before."""
    moves = np.random.default_rng(5).normal(0.0, 0.01, count)
    close = 100.0 * np.exp(moves.cumsum())
    opens = np.append(100.0, close[:-1])
    return pl.DataFrame(
        {
            "timestamp": [start + i * step for i in range(count)],
            "asset": "A",
            "open": opens,
            "high": np.maximum(opens, close) * 1.004,
            "low": np.minimum(opens, close) * 0.996,
            "close": close,
            "volume": np.arange(1.0, count + 1.0),
        }
    )


def change(frame, rows, **values):
    """Return the frame with the expressions `values` in `rows`."""
    here = pl.int_range(pl.len()).is_in(list(rows))
    return frame.with_columns(**{n: pl.when(here).then(value).otherwise(pl.col(n)) for n, value in values.items()})


def scaled(factor, *names):
    return {name: pl.col(name) * factor for name in names or ("open", "high", "low", "close")}


def found(frame, **options):
    anomalies = find_anomalies(shard_from_frames(frame, **options))
    return [(each.what, each.count, each.describe(None).split("first: ")[1].split(")")[0]) for each in anomalies]


def test_an_ordinary_walk_has_none():
    assert found(walk()) == []


@pytest.mark.parametrize("factor", [0.01, 0.7, 1.4, 100.0])
def test_a_price_that_jumps_and_returns_is_found(factor):
    frame = change(walk(), [80], **scaled(factor, "close"))
    frame = frame.with_columns(
        high=pl.max_horizontal("high", "close", "open"), low=pl.min_horizontal("low", "close", "open")
    )
    assert ("jumps that the next bar takes back", 1, "A 2024-03-21") in found(frame)  # the 81st day of a leap year


def test_a_low_far_below_its_bar_is_found():
    assert found(change(walk(), [10, 80], **scaled(0.6, "low"))) == [
        ("highs or lows far outside their bar", 2, "A 2024-01-11")
    ]


def test_a_jump_that_stays_is_no_anomaly():
    assert found(change(walk(), range(80, 200), **scaled(0.8))) == []  # bad news, and no ratio of a split


def test_moves_that_are_large_for_weeks_are_no_anomaly():
    frame = walk()
    moves = pl.Series(np.where(np.arange(200) % 2 == 0, 1.0, 1.25))
    crisis = pl.when(pl.int_range(pl.len()).is_between(80, 110)).then(moves).otherwise(1.0)
    prices = {name: pl.col(name) * crisis for name in ("open", "high", "low", "close")}
    assert found(frame.with_columns(**prices)) == []


@pytest.mark.parametrize("ratio", [1.5, 2.0, 7.0, 20.0])
@pytest.mark.parametrize("forward", [True, False])
def test_a_split_that_is_not_declared_is_found(ratio, forward):
    factor = 1.0 / ratio if forward else ratio
    assert found(change(walk(), range(80, 200), **scaled(factor))) == [
        ("openings that look like splits", 1, "A 2024-03-21")
    ]


def test_a_split_that_is_declared_is_no_anomaly():
    frame = change(walk(), range(80, 200), **scaled(0.5))
    actions = pl.DataFrame({"timestamp": [frame["timestamp"][80]], "asset": ["A"], "split": [2.0]})
    assert found(frame, actions=actions) == []


def test_rows_that_repeat_the_one_before_are_counted():
    frame = walk()
    same = frame.with_columns(pl.col(name).shift(1) for name in ("open", "high", "low", "close", "volume"))
    repeated = pl.concat([frame[:50], same[50:51], frame[51:]])
    assert found(repeated) == [("rows that repeat the one before", 1, "A 2024-02-20")]


def test_bars_without_volume_are_counted_unless_the_data_have_none():
    assert found(change(walk(), [3, 4], volume=pl.lit(0.0))) == [("bars without volume", 2, "A 2024-01-04")]
    assert found(walk().with_columns(volume=0.0)) == []


def test_a_price_that_stands_still_for_sessions_is_found_and_for_less_is_not():
    flat = dict.fromkeys(("open", "high", "low", "close"), pl.lit(100.0))
    assert found(change(walk(), range(20, 24), **flat)) == []
    assert found(change(walk(), range(20, 25), **flat)) == [
        ("sessions in runs of 5 or more at one price", 5, "A 2024-01-21")
    ]


def test_an_opening_gap_that_the_session_takes_back_is_no_spike():
    frame = walk(400, datetime(2024, 1, 1, 10), timedelta(hours=1)).filter(pl.col("timestamp").dt.hour() > 3)
    last = pl.col("timestamp").dt.date() != pl.col("timestamp").dt.date().shift(1)
    second_day = (pl.col("timestamp").dt.date() == datetime(2024, 1, 2).date()) & last
    jump = {n: pl.when(second_day).then(pl.col(n) * 1.3).otherwise(pl.col(n)) for n in ("open", "high", "low", "close")}
    assert found(frame.with_columns(**jump)) == []


def test_prices_below_zero_are_left_out():
    frame = change(walk(), [80], low=pl.lit(-90.0), close=pl.lit(-80.0))
    assert found(frame, spec=DataSpec(bars="frame", prices="any")) == []
