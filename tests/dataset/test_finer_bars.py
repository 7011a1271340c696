"""Which bar a finer bar belongs to, and which are used."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.dataset.permute import permuted
from backsweep.errors import BadData, BadInput

MONDAY = datetime(2024, 1, 8)  # noqa: DTZ001 - as written
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NAMES = ("timestamp", "asset", "open", "high", "low", "close")


def frame(*rows, asset="A"):
    """Make bars from (timestamp, open, high, low, close)."""
    return pl.DataFrame([(when, asset, *map(float, prices)) for when, *prices in rows], schema=NAMES, orient="row")


def whole(*rows, asset="A"):
    return frame(*rows, asset=asset).with_columns(volume=pl.lit(1.0))


def read(bars, detail, **keys):
    return shard_from_frames(bars, spec=DataSpec(bars="frame", **keys), detail=detail)


def times(shard, row):
    """Return the times of a row's finer bars."""
    finer = shard.finer_bars
    own = finer.timestamps[finer.first[row] : finer.first[row] + finer.count[row]]
    return pl.from_epoch(pl.Series(own), time_unit="ns").to_list()


def prices(shard, row):
    finer = shard.finer_bars
    return finer.prices[finer.first[row] : finer.first[row] + finer.count[row]].tolist()


@pytest.mark.parametrize("hour", [0, 16, 23], ids=["midnight", "close", "evening"])
def test_a_daily_bar_has_the_finer_bars_of_its_day_whatever_its_own_hour(hour):
    bars = whole(*((MONDAY + day * DAY + hour * HOUR, 10, 12, 9, 11) for day in range(3)))
    moments = [MONDAY + day * DAY + at * HOUR for day in range(3) for at in (10, 15)]
    detail = frame(*((moment, 10, 12, 9, 11) for moment in moments))
    shard = read(bars, detail)
    assert [times(shard, row) for row in range(3)] == [moments[0:2], moments[2:4], moments[4:6]]
    assert shard.notes == ()


def test_the_evening_before_belongs_to_the_session_of_the_day():
    # Sessions from 18:00: what trades on Sunday evening is Monday's.
    bars = whole((MONDAY + 17 * HOUR, 10, 12, 9, 11), (MONDAY + DAY + 17 * HOUR, 10, 12, 9, 11))
    moments = [MONDAY - 3 * HOUR, MONDAY + 12 * HOUR, MONDAY + 19 * HOUR]
    shard = read(bars, frame(*((moment, 10, 12, 9, 11) for moment in moments)), session_start="18:00")
    assert [times(shard, row) for row in range(2)] == [moments[:2], moments[2:]]


def test_a_weekly_bar_has_the_days_up_to_its_own():
    friday = MONDAY + 4 * DAY
    bars = whole(*((friday + week * 7 * DAY, 10, 12, 9, 11) for week in range(3)))
    days = [MONDAY + day * DAY for day in range(19) if day % 7 < 5]
    shard = read(bars, frame(*((day, 10, 12, 9, 11) for day in days)))
    assert [times(shard, row) for row in range(3)] == [days[0:5], days[5:10], days[10:15]]


def test_an_intraday_bar_has_the_finer_bars_from_the_bar_before_to_its_own_end():
    bars = whole(*((MONDAY + hour * HOUR, 10, 12, 9, 11) for hour in (10, 11, 12, 34, 35)))
    moments = [MONDAY + 9 * HOUR + minute * MINUTE for minute in (-30, 0, 1, 60, 61, 120, 180, 181, 24 * 60 + 1)]
    shard = read(bars, frame(*((moment, 10, 12, 9, 11) for moment in moments)))
    # 8:30 and 9:00 lie before the hour that ends at 10:00, 12:01 after the last of the day.
    assert [times(shard, row) for row in range(5)] == [moments[2:4], moments[4:6], moments[6:7], moments[8:], []]
    assert "3 of 9 finer bars lie within no bar of their asset" in shard.notes
    assert any(note.startswith("1 of 5 bars have no finer bars") and "1 of A" in note for note in shard.notes)


def test_finer_bars_are_fitted_to_their_bar():
    # The open is an auction's, and the extremes differ by less than one part in 10,000.
    bars = whole((MONDAY, 10.0, 12.0, 9.0, 11.0))
    nine, ten, noon = (MONDAY + hour * HOUR for hour in (9, 10, 12))
    detail = frame((nine, 10.4, 10.5, 10.2, 10.3), (ten, 10.3, 12.0005, 10.3, 11), (noon, 11, 11.0, 9.0003, 11))
    shard = read(bars, detail)
    assert prices(shard, 0) == [[10.0, 10.5, 10.0], [10.3, 12.0, 10.3], [11.0, 11.0, 9.0]]


def test_bars_with_other_extremes_keep_none_and_are_counted():
    bars = whole(*((MONDAY + day * DAY, 10, 12, 9, 11) for day in range(3)))
    detail = frame(
        (MONDAY + HOUR, 10, 12, 9, 11), (MONDAY + DAY + HOUR, 10, 11.5, 9, 11), (MONDAY + 2 * DAY, 10, 12, 9, 11)
    )
    shard = read(bars, detail)
    assert shard.finer_bars.count.tolist() == [1, 0, 1]
    (note,) = shard.notes
    assert note.startswith("1 of 3 bars have other extremes than their finer bars, which are not used: A at 2024-01-09")
    assert note.endswith("with high 12 and low 9, by its finer bars 11.5 and 9")


def test_an_asset_whose_bars_mostly_differ_is_an_error():
    bars = whole(*((MONDAY + day * DAY, 10, 12, 9, 11) for day in range(3)))
    detail = frame(*((MONDAY + day * DAY, 20, 24, 18, 22) for day in range(3)))
    with pytest.raises(BadData, match="do not make up its bars") as error:
        read(bars.vstack(bars.with_columns(asset=pl.lit("B"))), detail)
    assert error.value.where == "detail, A"
    assert "3 of 3 bars, the first A at 2024-01-08" in error.value.found
    assert "adjusted" in error.value.remedy


def test_finer_bars_of_other_assets_are_an_error_or_a_note():
    bars = whole((MONDAY, 10, 12, 9, 11))
    with pytest.raises(BadData, match="no asset of the detail has bars"):
        read(bars, frame((MONDAY, 10, 12, 9, 11), asset="B"))
    both = frame((MONDAY, 10, 12, 9, 11)).vstack(frame((MONDAY, 10, 12, 9, 11), asset="B"))
    assert read(bars, both).notes == ("1 of 2 assets of the detail have no bars: B",)


def test_finer_bars_need_prices_and_no_volume_and_other_columns_are_not_read():
    bars = whole((MONDAY, 10, 12, 9, 11))
    detail = frame((MONDAY, 10, 12, 9, 11)).with_columns(vwap=pl.lit("x"))
    assert read(bars, detail).signals == ()
    with pytest.raises(BadData, match="missing column 'low'"):
        read(bars, detail.drop("low"))
    with pytest.raises(BadData, match="open is outside"):
        read(bars, detail.with_columns(open=pl.lit(13.0)))


def test_a_part_of_the_assets_has_its_own_finer_bars():
    days = [(MONDAY + day * DAY, 10, 12, 9, 11) for day in range(2)]
    bars = pl.concat([whole(*days, asset=name) for name in "ABC"])
    parts = [(moment + HOUR, *bar) for moment, *bar in days]
    detail = pl.concat([frame(*parts, asset=name) for name in "AC"])
    shard = read(bars, detail)
    part = shard.part(("B", "C"))
    assert part.finer_bars.count.tolist() == [0, 1, 0, 1]
    assert part.finer_bars.timestamps.tolist() == shard.finer_bars.timestamps[2:].tolist()
    assert times(part, 1) == times(shard, 2) == [parts[0][0]]


def test_finer_bars_follow_their_bars_where_these_are_sorted_by_asset():
    days = [MONDAY + day * DAY for day in range(2)]
    bars = pl.concat([whole(*((day, 10, 12, 9, 11) for day in days), asset=asset) for asset in ("B", "A")])
    close = {("A", 0): 10.25, ("A", 1): 10.5, ("B", 0): 10.75, ("B", 1): 11.0}
    detail = [frame((days[day] + HOUR, 10, 12, 9, price), asset=asset) for (asset, day), price in close.items()]
    moved = frame((days[1] + 2 * HOUR, 10.125, 12, 9, 11), asset="B")
    shard = read(bars, pl.concat([*detail, moved])).by_asset()
    assert shard.rows["asset"].to_list() == [0, 0, 1, 1]
    assert [pl.from_epoch(shard.rows["timestamp"], time_unit="ns").to_list()[row] for row in range(4)] == days * 2
    assert shard.finer_bars.count.tolist() == [1, 1, 1, 2]
    assert [times(shard, row)[0] for row in range(4)] == [day + HOUR for day in days * 2]
    assert prices(shard, 3)[1][0] == 10.125


def test_before_a_row_finer_bars_are_as_they_were_and_later_ones_are_gone():
    days = [(MONDAY + day * DAY, 10, 12, 9, 11) for day in range(3)]
    finer = read(whole(*days), frame(*days)).finer_bars
    assert finer.before(1).count.tolist() == [1, 0, 0]
    assert np.array_equal(finer.before(1).timestamps, finer.timestamps)


def test_a_null_study_with_finer_bars_is_refused():
    days = [(MONDAY + day * DAY, 10, 12, 9, 11) for day in range(30)]
    with pytest.raises(BadInput, match="with finer bars cannot be permuted"):
        permuted(read(whole(*days), frame(*days)), 1, (1,))
