"""Columns are found, renamed and typed; what does not fit is named with its file and the nearest name."""

from datetime import UTC, date, datetime, time

import polars as pl
import pytest

from backsweep.dataset import DataSpec, load, shard_from_frames
from backsweep.dataset.schema import BAR, nearest
from backsweep.errors import BadData, BadInput


@pytest.fixture
def stored(tmp_path):
    """`stored(bars=frame, ...)`: write the frames as Parquet and give the places as keywords of DataSpec."""

    def _stored(**frames):
        for name, frame in frames.items():
            frame.write_parquet(tmp_path / f"{name}.parquet")
        return {name: f"{tmp_path}/{name}.parquet" for name in frames}

    return _stored


@pytest.mark.parametrize("column", BAR)
def test_a_missing_column_is_refused_with_the_columns_found_and_the_nearest(bars, stored, column):
    places = stored(bars=bars.rename({column: column.title()}))
    with pytest.raises(BadData) as caught:
        load(DataSpec(**places))
    assert caught.value.problem == f"missing column {column!r}"
    assert caught.value.where == f"{places['bars']}, column {column}"
    assert column.title() in caught.value.found
    assert caught.value.remedy == f"nearest is {column.title()!r}: write columns: {{{column}: {column.title()}}}"


def test_a_missing_column_without_a_near_name_says_how_to_rename(bars):
    with pytest.raises(BadData) as caught:
        shard_from_frames(bars.rename({"timestamp": "when"}))
    assert caught.value.remedy.endswith("columns: {timestamp: NAME_IN_THE_FILE}")


def test_renames_hold_for_all_files_and_a_file_may_use_the_own_name(bars, stored):
    places = stored(
        bars=bars.rename({"timestamp": "date", "asset": "symbol", "close": "Close"}),
        signals=bars.select(date="timestamp", symbol="asset", raw="close"),
        context=bars[::2].select("timestamp", vix="close"),
    )
    columns = {"timestamp": "date", "asset": "symbol", "close": "Close", "pred": "raw"}
    shard = load(DataSpec(**places, columns=columns))
    assert shard.signals == ("pred",)
    assert shard.rows["pred"].to_list() == bars["close"].to_list()
    assert shard.context["vix"].to_list() == bars[::2]["close"].to_list()


def test_a_rename_puts_one_column_in_the_place_of_another(bars, stored):
    places = stored(bars=bars.with_columns(adjusted=pl.col("close") - 0.5))
    shard = load(DataSpec(**places, columns={"close": "adjusted"}))
    assert shard.rows["close"].to_list() == (bars["close"] - 0.5).to_list()
    assert shard.signals == ()


def test_one_stored_column_may_be_several(bars, stored):
    places = stored(bars=bars.select("timestamp", "asset", "volume", price="close"))
    shard = load(DataSpec(**places, columns=dict.fromkeys(("open", "high", "low", "close"), "price")))
    assert shard.rows["open"].equals(shard.rows["close"], check_names=False)


def test_a_rename_of_a_column_that_is_not_there_is_refused_with_the_nearest(bars, stored):
    places = stored(bars=bars.rename({"timestamp": "date"}))
    with pytest.raises(BadInput) as caught:
        load(DataSpec(**places, columns={"timestamp": "dates"}))
    assert caught.value.problem == "column 'dates', to be renamed to 'timestamp', does not exist"
    assert caught.value.where == f"{places['bars']}, data.columns.timestamp"
    assert caught.value.found.startswith("date, asset, open")
    assert caught.value.remedy == "nearest is 'date'"


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("timestamp", pl.int_range(pl.len()), "Date or Datetime"),
        ("timestamp", pl.lit(time(9, 30)), "Date or Datetime"),
        ("asset", pl.lit(1.5), "text"),
        ("asset", pl.lit(value=True), "text"),
        ("close", pl.lit(value=True), "a number"),
        ("volume", pl.lit(date(2024, 1, 1)), "a number"),
    ],
)
def test_a_wrong_dtype_is_refused(bars, stored, column, values, expected):
    places = stored(bars=bars.with_columns(values.alias(column)))
    with pytest.raises(BadData, match=f"wrong dtype of column '{column}'") as caught:
        load(DataSpec(**places))
    assert caught.value.where.startswith(f"{places['bars']}, row 1, column {column}") or column != "asset"
    assert expected in caught.value.expected
    assert caught.value.remedy


def test_a_word_among_prices_is_refused_with_its_row(bars, tmp_path):
    (tmp_path / "bars.csv").write_text(bars.write_csv().replace("22.0,200.0", "n/a,200.0", 1))
    with pytest.raises(BadData) as caught:
        load(DataSpec(bars=f"{tmp_path}/bars.csv"))
    assert caught.value.problem == "wrong dtype of column 'close'"
    assert caught.value.where == f"{tmp_path}/bars.csv, row 4, column close"
    assert caught.value.found == "'n/a' (String)"


@pytest.mark.parametrize("odd", ["03/01/2024", "soon", "2024-01-03 10:00:00+01:00"])
def test_a_timestamp_in_another_form_is_refused_with_its_row(bars, tmp_path, odd):
    lines = bars.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%d %H:%M:%S")).write_csv().splitlines()
    lines[3] = odd + lines[3][lines[3].index(",") :]
    (tmp_path / "bars.csv").write_text("\n".join(lines))
    with pytest.raises(BadData) as caught:
        load(DataSpec(bars=f"{tmp_path}/bars.csv"))
    assert caught.value.where == f"{tmp_path}/bars.csv, row 3, column timestamp"
    assert repr(odd) in caught.value.found
    assert "ISO form" in caught.value.remedy


@pytest.mark.parametrize("dtype", [pl.Int32, pl.Float32, pl.UInt16, pl.Decimal(10, 2)])
def test_prices_may_be_of_any_number_type(bars, dtype):
    typed = bars.with_columns(pl.col("open", "high", "low", "close", "volume").cast(dtype))
    assert shard_from_frames(typed).rows.equals(shard_from_frames(bars).rows)


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["BB", "AA"])])
def test_assets_may_be_categories(bars, tmp_path, dtype):
    bars.with_columns(pl.col("asset").cast(dtype)).write_parquet(tmp_path / "bars.parquet")
    assert load(DataSpec(bars=f"{tmp_path}/bars.parquet", assets=("BB",))).assets == ("BB",)
    assert load(DataSpec(bars=f"{tmp_path}/bars.parquet")).assets == ("AA", "BB")


def test_assets_may_be_whole_numbers(bars, tmp_path):
    bars.with_columns(pl.col("asset").replace_strict({"AA": 10, "BB": 9})).write_csv(tmp_path / "bars.csv")
    assert load(DataSpec(bars=f"{tmp_path}/bars.csv", assets=("9",))).rows["close"].to_list() == [21.0, 22.0, 23.0]


@pytest.mark.parametrize(
    "form",
    [pl.Date, pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("ns"), pl.Datetime("us", "UTC")],
)
def test_every_form_of_time_is_the_same_nanoseconds(bars, form):
    timestamp = bars["timestamp"].dt.replace_time_zone(getattr(form, "time_zone", None)).cast(form)
    shard = shard_from_frames(bars.with_columns(timestamp))
    first = int(datetime(2024, 1, 2, tzinfo=UTC).timestamp()) * 10**9
    assert shard.rows["timestamp"].dtype == pl.Int64
    assert shard.rows["timestamp"][0] == first


def test_a_zoned_time_is_its_instant(bars):
    zoned = bars.with_columns(pl.col("timestamp").dt.replace_time_zone("America/New_York"))
    shard = shard_from_frames(zoned)
    assert shard.zone == "America/New_York"
    assert shard.rows["timestamp"][0] == int(datetime(2024, 1, 2, 5, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize("role", ["signals", "context"])
@pytest.mark.parametrize("zoned", [True, False])
def test_naive_beside_zoned_tables_are_refused(bars, role, zoned):
    other = bars[::2].select("timestamp", *(["asset"] if role == "signals" else []), x="close")
    zone = pl.col("timestamp").dt.replace_time_zone("UTC")
    frames = {"bars": bars.with_columns(zone), role: other} if zoned else {"bars": bars, role: other.with_columns(zone)}
    with pytest.raises(BadData, match="mixed time zones") as caught:
        shard_from_frames(**frames)
    assert caught.value.where == f"{role}, column timestamp"
    assert caught.value.expected == ("UTC" if zoned else "no time zone") + ", as in bars"
    assert caught.value.found == ("no time zone" if zoned else "UTC")


def test_tables_in_different_zones_meet_at_the_instant(bars):
    zoned = bars.with_columns(pl.col("timestamp").dt.replace_time_zone("America/New_York"))
    signals = zoned.select(pl.col("timestamp").dt.convert_time_zone("UTC"), "asset", pred="close")
    assert shard_from_frames(zoned, signals).rows["pred"].to_list() == bars["close"].to_list()


@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_files_of_one_table_in_different_zones_are_refused(bars, tmp_path, zone):
    bars.head(2).with_columns(pl.col("timestamp").dt.replace_time_zone("UTC")).write_parquet(tmp_path / "a.parquet")
    bars.tail(2).with_columns(pl.col("timestamp").dt.replace_time_zone(zone)).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(BadData, match="mixed time zones") as caught:
        load(DataSpec(bars=str(tmp_path)))
    assert caught.value.where == f"{tmp_path}/b.parquet, column timestamp"
    assert caught.value.expected == f"UTC, as in {tmp_path}/a.parquet"


def test_files_of_one_table_may_differ_in_number_types(bars, tmp_path):
    bars.head(2).with_columns(pl.col("volume").cast(pl.Int64)).write_parquet(tmp_path / "a.parquet")
    bars.tail(4).select(reversed(bars.columns)).write_parquet(tmp_path / "b.parquet")
    assert load(DataSpec(bars=str(tmp_path))).rows.equals(shard_from_frames(bars).rows)


def test_files_of_one_table_with_different_columns_are_refused(bars, tmp_path):
    bars.head(2).write_parquet(tmp_path / "a.parquet")
    bars.tail(2).with_columns(vwap=1.0).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(BadData, match="no numeric column 'vwap'") as caught:
        load(DataSpec(bars=str(tmp_path)))
    assert caught.value.where == f"{tmp_path}/a.parquet"
    assert "b.parquet" in caught.value.problem


def test_more_numeric_columns_of_the_bars_are_signals_and_others_are_left_out(bars):
    more = bars.with_columns(dividend=pl.lit(1), halted=pl.lit(value=True), exchange=pl.lit("N"), Adj_Close="close")
    more = more.with_columns(pl.lit(0.0).alias("Adj Close"), pl.lit(0.0).alias("max"))
    shard = shard_from_frames(more)
    assert shard.signals == ("dividend", "halted", "Adj_Close", "max")
    assert shard.notes == (
        "column 'exchange' of the bars is not used: it is String, not a number",
        "column 'Adj Close' of the bars is not used: its name cannot be an attribute of a bar",
    )


def test_a_column_of_the_bars_with_a_name_that_every_bar_has_is_refused(bars):
    with pytest.raises(BadData, match="its name is that of an attribute which every bar has") as caught:
        shard_from_frames(bars.with_columns(time_of_day=1.0))
    assert "data.columns" in caught.value.remedy


@pytest.mark.parametrize("role", ["signals", "context"])
def test_a_column_of_words_is_refused_by_name(bars, role):
    frame = bars[::2].select("timestamp", *(["asset"] if role == "signals" else []), mood=pl.Series(["1", "good", "2"]))
    with pytest.raises(BadData, match="column 'mood' cannot be used: it is String, not a number") as caught:
        shard_from_frames(**{"bars": bars, role: frame})
    assert caught.value.where == f"{role}, row 2, column mood"
    assert caught.value.found == "'good' (String)"


@pytest.mark.parametrize("name", ["close", "volume", "last_of_session", "my signal", "class", "", "_row"])
def test_a_signal_whose_name_is_taken_or_no_name_is_refused(bars, name):
    signals = bars.select("timestamp", "asset", pl.col("close").alias(name))
    with pytest.raises(BadData, match="cannot be used: its name") as caught:
        shard_from_frames(bars, signals)
    assert caught.value.where == f"signals, column {name}"
    assert "rename" in caught.value.remedy


def test_a_signal_in_both_files_is_refused(bars):
    with pytest.raises(BadData, match="signal 'pred' is also a column of the bars"):
        shard_from_frames(bars.with_columns(pred=1.0), bars.select("timestamp", "asset", pred="close"))


def test_context_may_use_names_of_the_bars(bars):
    assert shard_from_frames(bars, None, bars[::2].select("timestamp", "close")).context.columns == [
        "timestamp",
        "close",
    ]


@pytest.mark.parametrize("role", ["signals", "context"])
def test_a_table_without_values_is_refused(bars, role):
    frame = bars[::2].select("timestamp", *(["asset"] if role == "signals" else []))
    with pytest.raises(BadData, match=f"no {role.rstrip('s')} column") as caught:
        shard_from_frames(**{"bars": bars, role: frame})
    assert caught.value.where == role


def test_nearest_ignores_case_and_gives_none_for_strangers():
    assert nearest("CLOSE", ["Open", "Close"]) == "Close"
    assert nearest("zzz", ["Open", "Close"]) is None
