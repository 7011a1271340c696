from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from backsweep.dataset import shard_from_frames
from backsweep.dataset.permute import permuted
from backsweep.errors import BadInput

PRICES = ("open", "high", "low", "close")


def shard(days=100, assets=("AAA", "BBB"), bars=1, late=0, seed=0):
    """Random bars; the last asset is listed `late` days after the others; `pred` tells the next return."""
    chance = np.random.default_rng(seed)
    frames = []
    for asset in assets:
        count = days * bars
        close = 50.0 * np.cumprod(1 + chance.normal(0, 0.02, count))
        opened = np.append(50.0, close[:-1]) * np.append(1.0, 1 + chance.normal(0, 0.005, count - 1))
        times = [datetime(2020, 1, 1) + timedelta(days=i // bars, hours=10 + i % bars) for i in range(count)]  # noqa: DTZ001 - as written
        frame = pl.DataFrame(
            {
                "timestamp": times,
                "asset": [asset] * count,
                "open": opened,
                "high": np.maximum(opened, close) * 1.01,
                "low": np.minimum(opened, close) * 0.99,
                "close": close,
                "volume": np.arange(count, dtype=float) + 1,
                "pred": np.arange(count, dtype=float),
            }
        )
        frames.append(frame[late * bars :] if asset == assets[-1] else frame)
    return shard_from_frames(pl.concat(frames))


def test_a_benchmark_moves_with_its_sessions():
    given = shard(assets=("AAA",))
    known = np.array([given.rows["open"][0], *given.rows["close"]])
    known[50] = np.nan  # no value in session 49
    moved = permuted(replace(given, benchmark=known), 5, (1,))
    closes, growth = moved.rows["close"].to_numpy(), moved.benchmark[1:]
    lost = np.flatnonzero(np.isnan(growth))
    assert len(lost) == 1
    apart = np.setdiff1d(np.arange(1, 100), [lost[0], lost[0] + 1])
    # the asset is its own benchmark: its growth from session to session is that of its closes
    np.testing.assert_allclose((growth[1:] / growth[:-1])[apart - 1], (closes[1:] / closes[:-1])[apart - 1])


def values(given, asset, *names):
    return given.rows.filter(pl.col("asset") == asset).select(names).to_numpy()


def growth(given, asset):
    """What each session makes of the close before it, the first one of the 50 that every asset begins at."""
    close = values(given, asset, "close")[:, 0]
    return close / np.append(50.0, close[:-1])


def test_every_session_is_there_once_and_every_asset_ends_where_it_ended():
    real = shard()
    other = permuted(real, 5, (1, 2))
    for asset in (0, 1):
        np.testing.assert_allclose(np.sort(growth(other, asset)), np.sort(growth(real, asset)), rtol=1e-12)
        assert values(other, asset, "close")[-1] == pytest.approx(values(real, asset, "close")[-1])
        assert not np.allclose(growth(other, asset), growth(real, asset))


def test_assets_move_together_and_bars_keep_their_shape():
    real = shard()
    other = permuted(real, 5, (1, 2))
    order = values(other, 0, "volume")[:, 0].astype(int) - 1  # volume counts the days
    assert (values(other, 1, "volume")[:, 0] - 1 == order).all()
    for asset in (0, 1):
        np.testing.assert_allclose(growth(other, asset), growth(real, asset)[order], rtol=1e-12)
        shape, before = values(other, asset, *PRICES), values(real, asset, *PRICES)
        np.testing.assert_allclose(shape / shape[:, 3:], (before / before[:, 3:])[order], rtol=1e-12)
        assert (shape[:, 1] >= shape.max(axis=1)).all()
        assert (shape[:, 2] <= shape.min(axis=1)).all()


def test_blocks_of_neighbours_stay_together():
    order = values(permuted(shard(), 5, (3,)), 0, "volume")[:, 0].astype(int)
    assert 15 <= np.count_nonzero(np.diff(order) != 1) <= 20


def test_signals_context_and_the_calendar_stay_where_they_were():
    real = shard()
    other = permuted(real, 5, (1,))
    assert other.rows.select("timestamp", "asset", "pred").equals(real.rows.select("timestamp", "asset", "pred"))
    assert other.context is real.context
    assert other.sessions is real.sessions


def test_equal_seeds_give_equal_histories_and_others_do_not():
    real = shard()
    assert permuted(real, 5, (1, 2)).rows.equals(permuted(real, 5, (1, 2)).rows)
    assert not permuted(real, 5, (1, 2)).rows.equals(permuted(real, 5, (1, 3)).rows)


def test_an_asset_that_is_listed_later_stays_away_until_then():
    real = shard(days=200, late=100)
    other = permuted(real, 5, (1,))
    assert values(other, 1, "timestamp")[0] == values(real, 1, "timestamp")[0]
    assert values(other, 1, "close")[-1] == pytest.approx(values(real, 1, "close")[-1])
    order = values(other, 0, "volume")[:, 0] - 1
    assert (order[:100] < 100).all()
    assert (order[100:] >= 100).all()


def test_bars_within_a_session_stay_in_their_order():
    real = shard(days=60, bars=4)
    volume = values(permuted(real, 3, (1,)), 0, "volume")[:, 0].reshape(-1, 4) - 1
    assert (np.diff(volume, axis=1) == 1).all()
    assert (volume[:, 0] % 4 == 0).all()
    assert sorted(volume[:, 0]) == list(range(0, 240, 4))


def test_sessions_that_have_nowhere_to_go_are_refused():
    with pytest.raises(BadInput, match="too few sessions can be permuted"):
        permuted(shard(days=30), 5, (1,))


def test_sessions_that_are_kept_apart_stay_and_lend_nothing():
    real = shard()
    other = permuted(real, 5, (1,), stop=60)
    for asset in (0, 1):
        volume = values(other, asset, "volume")[:, 0]
        assert (volume[60:] == values(real, asset, "volume")[60:, 0]).all()
        assert set(volume[:60]) == set(range(1, 61))
        np.testing.assert_allclose(values(other, asset, *PRICES)[60:], values(real, asset, *PRICES)[60:], rtol=1e-12)
    assert (values(other, 0, "volume")[:60] != values(real, 0, "volume")[:60]).any()


def test_corporate_actions_are_refused():
    bars = shard(assets=("AAA",)).rows.select(
        pl.from_epoch("timestamp", time_unit="ns"), pl.lit("AAA").alias("asset"), *PRICES, "volume"
    )
    splits = pl.DataFrame({"timestamp": [bars["timestamp"][50]], "asset": ["AAA"], "split": [2.0]})
    with pytest.raises(BadInput, match="corporate actions"):
        permuted(shard_from_frames(bars, actions=splits), 5, (1,))
