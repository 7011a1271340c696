"""Digests of rows say what of the data has changed, and that nothing has where only the files are others."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from backsweep.dataset import DataSpec
from backsweep.dataset.row_digests import describe_changes, digest_rows, last_bar

END = int(datetime(2024, 1, 4, tzinfo=UTC).timestamp()) * 10**9  # of the last bar


@pytest.fixture
def digest(tmp_path):
    """Return what makes blocks of frames, written to files of their own."""

    def make(bars, until=None, days=None, **others):
        paths = {}
        for role, frame in {"bars": bars, **others}.items():
            paths[role] = str(tmp_path / f"{role}-{len(list(tmp_path.iterdir()))}.parquet")
            frame.write_parquet(paths[role])
        return digest_rows(DataSpec(**paths), until, days)

    return make


def changed(frame, row, column, value):
    return frame.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )


def test_there_is_a_block_for_each_asset_and_day(bars, digest):
    found = digest(bars)
    days = [date(2024, 1, day) for day in (2, 3, 4)]
    assert found.select("role", "asset", "first", "days", "rows").rows() == [
        ("bars", asset, day, 1, 1) for asset in ("AA", "BB") for day in days
    ]
    assert found["digest"].n_unique() == 6


def test_neither_the_order_of_rows_and_columns_nor_the_kind_of_file_counts(bars, digest, tmp_path):
    found = digest(bars)
    assert digest(bars.reverse().select(sorted(bars.columns))).equals(found)
    bars.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%d")).write_csv(tmp_path / "bars.csv")
    assert digest_rows(DataSpec(bars=str(tmp_path / "bars.csv"))).equals(found)


def test_data_that_have_grown_have_the_same_blocks_up_to_where_they_ended(bars, digest, tmp_path):
    later = bars.with_columns(pl.col("timestamp") + pl.duration(days=3))
    grown = digest(pl.concat([bars, later]), until=END)
    assert grown.equals(digest(bars))
    bars.write_parquet(tmp_path / "bars.parquet")
    assert last_bar(DataSpec(bars=str(tmp_path / "bars.parquet"))) == END


def test_each_change_is_named_by_role_asset_and_day(bars, digest):
    signals = bars.select("timestamp", "asset", pred=pl.col("close") / 10)
    before = digest(bars, signals=signals)

    def said(now, also=signals):
        return describe_changes(before, digest(now, END, 1, signals=also))

    assert said(bars) == []
    assert said(changed(bars, 2, "high", 13.5)) == ["bars of AA on 2024-01-03: other values"]
    assert said(bars, changed(signals, 1, "pred", None)) == ["signals of BB on 2024-01-02: other values"]
    assert said(bars.filter(pl.int_range(pl.len()) != 3)) == ["bars of BB on 2024-01-03: 1 row fewer"]
    assert said(bars.with_columns(volume=pl.col("volume") + 1.0)) == [
        f"bars of {asset} between 2024-01-02 and 2024-01-04, on 3 days: other values" for asset in ("AA", "BB")
    ]
    third = bars.filter(pl.col("asset") == "AA").with_columns(asset=pl.lit("CC"))
    assert said(pl.concat([bars, third])) == ["bars of CC between 2024-01-02 and 2024-01-04, on 3 days: 3 rows more"]
    assert said(bars, signals.rename({"pred": "score"})) == ["signals have the columns score, and had pred"]
    assert describe_changes(before, digest(bars)) == ["signals are no longer there"]
    assert describe_changes(digest(bars), before) == ["signals are new"]


def test_values_that_two_rows_of_a_day_have_exchanged_are_a_change(digest):
    hours = [datetime(2024, 1, 2, hour) for hour in (10, 11)]  # noqa: DTZ001 - times as they are written
    bars = pl.DataFrame(
        {"timestamp": hours, "asset": "AA", "open": 5.0, "high": 6.0, "low": 4.0, "close": [5.0, 5.5], "volume": 1.0}
    )
    before = digest(bars)
    assert len(before) == 1
    assert describe_changes(before, digest(bars.with_columns(close=pl.Series([5.5, 5.0])))) == [
        "bars of AA on 2024-01-02: other values"
    ]


def test_wider_blocks_are_sums_of_narrower_ones(bars, digest):
    narrow, wide = digest(bars), digest(bars, days=28)
    assert wide["rows"].to_list() == [3, 3]
    assert (
        wide["digest"].to_list()
        == narrow.group_by("asset").agg(pl.col("digest").sum()).sort("asset")["digest"].to_list()
    )
    other = digest(changed(bars, 0, "volume", 5.0), days=28)
    assert describe_changes(wide, other) == [
        "bars of AA between 2023-12-21 and 2024-01-17: other values"
    ]  # 28 * 704 days since 1970
