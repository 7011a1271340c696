"""Columns that a file lacks: by its name or folder, from several columns, or declared to be missing."""

from datetime import date, datetime, time

import polars as pl
import pytest

from backsweep.dataset import DataSpec, fingerprint, load, sealed
from backsweep.errors import BadData, BadInput

HEAD = "timestamp,open,high,low,close,volume\n"
ROWS = "2024-01-02,10,11,9,10,100\n2024-01-03,10,11,9,10,100\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with the files A.csv and BRK.B.csv, without a column of assets."""
    for name in ("A", "BRK.B"):
        (tmp_path / f"{name}.csv").write_text(HEAD + ROWS)
    return tmp_path


def test_assets_are_named_by_their_files(folder):
    shard = load(DataSpec(bars=str(folder), asset="from_name"))
    assert shard.assets == ("A", "BRK.B")
    assert load(DataSpec(bars=str(folder), asset="from_name", assets=("BRK.B",))).rows.height == 2


def test_one_name_holds_for_all_rows(folder):
    shard = load(DataSpec(bars=f"{folder}/A.csv", asset="000001"))
    assert shard.assets == ("000001",)


@pytest.mark.parametrize(("key", "columns"), [("asset", {}), ("symbol", {"asset": "symbol"})])
@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_folders_name_the_assets(folder, key, columns, ending):
    place = folder / "tree"
    for asset in ("000001", "A B"):
        inner = place / f"{key}={asset.replace(' ', '%20')}"
        inner.mkdir(parents=True)
        frame = pl.read_csv(HEAD.encode() + ROWS.encode(), try_parse_dates=True)
        write = {"csv": frame.write_csv, "parquet": frame.write_parquet, "arrow": frame.write_ipc}[ending]
        write(inner / f"0.{ending}")
    assert load(DataSpec(bars=str(place), columns=columns)).assets == ("000001", "A B")


def test_a_column_of_the_file_holds_before_that_of_a_folder(folder):
    inner = folder / "tree" / "asset=B"
    inner.mkdir(parents=True)
    (inner / "0.csv").write_text("asset," + HEAD + ROWS.replace("2024", "A,2024"))
    assert load(DataSpec(bars=str(folder / "tree"))).assets == ("A",)


def test_names_count_in_the_fingerprint_only_where_they_say_something(folder):
    named, single = DataSpec(bars=str(folder), asset="from_name"), DataSpec(bars=f"{folder}/A.csv", asset="A")
    seal, before, alone = sealed(named), fingerprint(named), fingerprint(single)
    (folder / "A.csv").rename(folder / "AA.csv")
    assert fingerprint(named) != before
    assert fingerprint(DataSpec(bars=f"{folder}/AA.csv", asset="A")) == alone
    with pytest.raises(BadData, match="have changed since"):
        load(seal)


def test_a_fingerprint_of_folders_that_name_nothing_is_that_of_the_content(folder):
    moved = folder / "year=2024"
    moved.mkdir()
    before = fingerprint(DataSpec(bars=f"{folder}/A.csv", asset="A"))
    (folder / "A.csv").rename(moved / "A.csv")
    assert fingerprint(DataSpec(bars=f"{moved}/A.csv", asset="A")) == before


@pytest.mark.parametrize(
    ("head", "row", "columns", "form"),
    [
        ("Date,Time", "2024-01-02,09:30", ["Date", "Time"], None),
        ("day,hour", "01/02/2024,9:30 AM", ["day", "hour"], "%m/%d/%Y %I:%M %p"),
        ("Date,Time", "20240102,093000", ["Date", "Time"], "%Y%m%d %H%M%S"),
    ],
)
def test_a_timestamp_may_be_several_columns_joined_by_a_space(tmp_path, head, row, columns, form):
    (tmp_path / "bars.csv").write_text(f"asset,{HEAD.replace('timestamp', head)}A,{row},10,11,9,10,100\n")
    form = {"timestamp": form} if form else None
    shard = load(DataSpec(bars=f"{tmp_path}/bars.csv", columns={"timestamp": columns}, format=form))
    assert pl.from_epoch(shard.rows["timestamp"], time_unit="ns").to_list() == [datetime(2024, 1, 2, 9, 30)]  # noqa: DTZ001
    assert shard.signals == ()


def test_dates_and_times_of_typed_columns_are_joined_too(tmp_path):
    frame = pl.DataFrame({"d": [date(2024, 1, 2)], "t": [time(9, 30)], "asset": "A", "volume": 1.0})
    frame = frame.with_columns(**{price: pl.lit(10.0) for price in ("open", "high", "low", "close")})
    frame.write_parquet(tmp_path / "bars.parquet")
    shard = load(DataSpec(bars=f"{tmp_path}/bars.parquet", columns={"timestamp": ["d", "t"]}))
    assert pl.from_epoch(shard.rows["timestamp"], time_unit="ns").to_list() == [datetime(2024, 1, 2, 9, 30)]  # noqa: DTZ001


def test_bars_without_volumes_are_read_where_that_is_declared_and_it_is_said(tmp_path):
    text = "timestamp,asset,open,high,low,close\n2024-01-02,A,10,11,9,10\n"
    (tmp_path / "bars.csv").write_text(text)
    place = f"{tmp_path}/bars.csv"
    with pytest.raises(BadData, match="missing column 'volume'") as caught:
        load(DataSpec(bars=place))
    assert "columns: {volume: null}" in caught.value.remedy
    shard = load(DataSpec(bars=place, columns={"volume": None}))
    assert shard.rows["volume"].to_list() == [0.0]
    assert "the bars have no volume, as is declared: it is 0 in every bar" in shard.notes


def test_signals_may_name_their_asset_by_themselves(folder):
    (folder / "bars.csv").write_text("asset," + HEAD + ROWS.replace("2024", "A,2024"))
    (folder / "pred.csv").write_text("timestamp,pred\n2024-01-02,1.5\n")
    spec = DataSpec(bars=f"{folder}/bars.csv", signals={"path": f"{folder}/pred.csv", "asset": "A"})
    assert load(spec).rows["pred"][0] == 1.5


@pytest.mark.parametrize("own", [True, False])
def test_an_asset_beside_a_column_of_assets_is_refused(folder, own):
    (folder / "bars.csv").write_text("asset," + HEAD + ROWS.replace("2024", "A,2024"))
    place = f"{folder}/bars.csv"
    spec = DataSpec(bars={"path": place, "asset": "B"}) if own else DataSpec(bars=place, asset="B")
    with pytest.raises(BadInput, match="an asset is declared, and the files have a column of assets") as caught:
        load(spec)
    assert ("data.bars.asset" if own else "data.asset") in caught.value.where


def test_keys_of_text_files_are_refused_where_none_is_text(bars, tmp_path):
    bars.write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(BadInput, match="separator: for text files, of which there is none"):
        load(DataSpec(bars=f"{tmp_path}/bars.parquet", format={"separator": ";"}))


def test_a_row_of_a_joined_time_that_does_not_fit_is_named(tmp_path):
    head = HEAD.replace("timestamp", "Date,Time")
    text = f"asset,{head}A,2024-01-02,09:30,10,11,9,10,100\nA,2024-01-02,noon,1,1,1,1,1\n"
    (tmp_path / "bars.csv").write_text(text)
    with pytest.raises(BadData, match="not in ISO form") as caught:
        load(DataSpec(bars=f"{tmp_path}/bars.csv", columns={"timestamp": ["Date", "Time"]}))
    assert caught.value.where.endswith("row 2, column Date Time")
