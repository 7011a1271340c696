"""The keys that files of vendors need are found, and with them every bar is read as it was written."""

import polars as pl
import pytest
from scenarios import platform_files, vendor_files

from backsweep.dataset import DataSpec, load
from backsweep.dataset.sniff import find_keys, refuse
from backsweep.errors import BadInput

FORMS = [(form, vendor_files.make_days()) for form in vendor_files.DAILY]
FORMS += [(form, vendor_files.make_minutes()) for form in vendor_files.INTRADAY]
FORMS += [(form, vendor_files.make_days()) for form in platform_files.DAILY]
FORMS += [(form, vendor_files.make_minutes()) for form in platform_files.INTRADAY]


def read(place, keys):
    return load(DataSpec.model_validate({"bars": str(place), **keys}))


def write(folder, name, content):
    place = folder / name
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(place)


@pytest.mark.parametrize(("form", "bars"), FORMS, ids=[form.__name__ for form, _ in FORMS])
def test_what_a_vendor_writes_is_read_bar_by_bar(tmp_path, form, bars):
    place = write(tmp_path, *form(bars))
    shard = read(place, find_keys(place, {}, refuse).keys)
    ahead = vendor_files.OFFSETS.get(form)
    expected = pl.DataFrame(
        bars, schema=["timestamp", "open", "high", "low", "close", "volume"], orient="row"
    ).with_columns((pl.col("timestamp") - (ahead or pl.duration())).cast(pl.Datetime("ns")).cast(pl.Int64))
    if form in platform_files.WITHOUT_VOLUMES:
        expected = expected.with_columns(volume=0.0)
    assert shard.rows.select(expected.columns).equals(expected)
    assert len(shard.assets) == 1
    assert shard.sessions[-1] + 1 == len({moment.date() for moment, *_ in bars})


@pytest.mark.parametrize(
    ("form", "asset"),
    [
        (vendor_files.stooq, "AAPL.US"),
        (vendor_files.polygon, "TRUE"),
        (vendor_files.yfinance, "ACME"),
        (vendor_files.crypto_data_download, "BTC/USDT"),
        (vendor_files.pandas_levels, "SPY"),
        (vendor_files.kibot, "IBM"),
        (platform_files.tushare, "000001.SZ"),
        (platform_files.akshare, "000001"),
        (platform_files.kaggle_stocks, "AAL"),
        (platform_files.crsp, "AAPL"),
        (platform_files.finam, "SBER"),
    ],
)
def test_assets_are_named_by_a_column_a_row_or_the_file(tmp_path, form, asset):
    place = write(tmp_path, *form(vendor_files.make_days()))
    assert read(place, find_keys(place, {}, refuse).keys).assets == (asset,)


HEAD = "date,open,high,low,close,volume\n"
AMBIGUOUS = HEAD + "03/01/2024,10,11,9,10,100\n04/01/2024,10,11,9,10,100\n"


def test_a_date_with_two_readings_is_refused_with_both_and_their_options(tmp_path):
    place = write(tmp_path, "bars.csv", AMBIGUOUS)
    with pytest.raises(BadInput, match="the timestamps can be read in 2 ways") as caught:
        find_keys(place, {}, refuse)
    assert caught.value.where == f"{place}, column date"
    assert "'03/01/2024', '04/01/2024'" in caught.value.found
    assert "--set 'data.format.timestamp=%m/%d/%Y' or --set 'data.format.timestamp=%d/%m/%Y'" in caught.value.remedy


@pytest.mark.parametrize(("chosen", "first"), [("%m/%d/%Y", "2024-03-01"), ("%d/%m/%Y", "2024-01-03")])
@pytest.mark.parametrize("how", ["given", "asked"])
def test_a_date_with_two_readings_is_decided_by_an_option_or_by_asking(tmp_path, chosen, first, how):
    place = write(tmp_path, "bars.csv", AMBIGUOUS)
    asked = []

    def ask(question):
        asked.append(question)
        return chosen

    given = {"data.format.timestamp": chosen} if how == "given" else {}
    shard = read(place, find_keys(place, given, ask).keys)
    assert str(pl.from_epoch(shard.rows["timestamp"], time_unit="ns").dt.date()[0]) == first
    assert [question.key for question in asked] == (["data.format.timestamp"] if how == "asked" else [])


@pytest.mark.parametrize("volume", ["", ";1.000", ";1000"])
def test_commas_in_numbers_with_two_readings_are_asked_for(tmp_path, volume):
    rows = ["2024-01-02", "2024-01-03"]
    head = "date;open;high;low;close" + (";volume" if volume else "") + "\n"
    text = head + "".join(f"{day};1,234;1,300;1,200;1,250{volume}\n" for day in rows)
    place = write(tmp_path, "bars.csv", text)
    with pytest.raises(BadInput, match="numbers with a comma can be read in 2 ways"):
        find_keys(place, {}, refuse)
    for comma, price in ((True, 1.25), (False, 1250.0)):
        keys = find_keys(place, {"data.format.decimal_comma": comma}, refuse).keys
        assert read(place, keys).rows["close"].to_list() == [price, price]


@pytest.mark.parametrize(
    ("price", "volume", "keys", "read_as"),
    [
        ("10,5", "1.000", {"decimal_comma": True, "thousands": "."}, (10.5, 1000.0)),
        ("1.250,50", "7", {"decimal_comma": True, "thousands": "."}, (1250.5, 7.0)),
        ("1,250", "10.5", {"thousands": ","}, (1250.0, 10.5)),
        ("1 250,5", "7", {"decimal_comma": True, "thousands": " "}, (1250.5, 7.0)),
        ("1'250.5", "7", {"thousands": "'"}, (1250.5, 7.0)),
        ("$1.5", "1.5K", {"strip": "$", "suffixes": {"K": 1e3}}, (1.5, 1500.0)),
        ("151.234", "1.000", {}, (151.234, 1.0)),
    ],
)
def test_marks_in_numbers_are_found(tmp_path, price, volume, keys, read_as):
    text = f"date;open;high;low;close;volume\n2024-01-02;{price};{price};{price};{price};{volume}\n"
    place = write(tmp_path, "bars.csv", text)
    found = find_keys(place, {}, refuse).keys
    assert found["format"] == {"separator": ";", **keys}
    assert read(place, found).rows.select("close", "volume").row(0) == read_as


def test_all_files_of_a_folder_decide_how_dates_are_read(tmp_path):
    write(tmp_path, "A.csv", AMBIGUOUS)
    write(tmp_path, "B.csv", AMBIGUOUS.replace("04/01", "14/01"))
    found = find_keys(str(tmp_path), {}, refuse)
    assert found.keys["format"] == {"timestamp": "%d/%m/%Y"}
    assert read(tmp_path, found.keys).assets == ("A", "B")


def bars_from(day, count=3):
    return HEAD + "".join(f"2024-{month:02}-{day:02},10,11,9,10,100\n" for month in range(1, count + 1))


def test_files_that_follow_each_other_and_differ_in_digits_are_asked_for(tmp_path):
    for year in (2023, 2024):
        write(tmp_path, f"EURUSD-1d-{year}.csv", bars_from(5).replace("2024", str(year)))
    with pytest.raises(BadInput, match="which asset each file has can be read in 2 ways") as caught:
        find_keys(str(tmp_path), {}, refuse)
    assert "--set 'data.asset=EURUSD-1d' or --set 'data.asset=from_name'" in caught.value.remedy
    one = find_keys(str(tmp_path), {"data.asset": "EURUSD"}, refuse).keys
    assert (read(tmp_path, one).assets, read(tmp_path, one).rows.height) == (("EURUSD",), 6)


def test_files_of_codes_at_the_same_times_are_an_asset_each(tmp_path):
    for code in ("000001", "600000"):
        write(tmp_path, f"{code}.csv", bars_from(5))
    assert read(tmp_path, find_keys(str(tmp_path), {}, refuse).keys).assets == ("000001", "600000")


def test_files_of_several_kinds_are_refused(tmp_path):
    write(tmp_path, "a.csv", bars_from(5))
    pl.read_csv(bars_from(6).encode()).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(BadInput, match="files of several kinds") as caught:
        find_keys(str(tmp_path), {}, refuse)
    assert "'*.csv'" in caught.value.remedy


def test_folders_that_name_the_assets_are_found(tmp_path):
    frame = pl.DataFrame({"timestamp": ["2024-01-02"], "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1})
    for asset in ("A", "B"):
        (tmp_path / f"symbol={asset}").mkdir()
        frame.write_parquet(tmp_path / f"symbol={asset}" / "0.parquet")
    found = find_keys(str(tmp_path), {}, refuse)
    assert found.keys == {"columns": {"asset": "symbol"}}
    assert read(tmp_path, found.keys).assets == ("A", "B")


@pytest.mark.parametrize("volume", ["", ",", ",-"])
def test_a_file_without_volumes_says_so(tmp_path, volume):
    head = "date,open,high,low,close" + (",volume" if volume else "")
    place = write(tmp_path, "eurusd.csv", f"{head}\n2024-01-02,1.1,1.2,1.0,1.1{volume}\n")
    found = find_keys(place, {}, refuse)
    assert found.keys["columns"]["volume"] is None
    assert read(place, found.keys).rows["volume"].to_list() == [0.0]


def test_prices_below_zero_are_declared(tmp_path):
    place = write(tmp_path, "oil.csv", HEAD + "2020-04-20,17.73,17.85,-40.32,-37.63,120\n")
    assert find_keys(place, {}, refuse).keys["prices"] == "any"


SYDNEY = [f"2024-01-{day:02}T{hour}:00:00+11:00" for day in (8, 9) for hour in range(10, 17)]
BOTH = ["2024-03-08T09:30:00-05:00", "2024-03-11T09:30:00-04:00"]


@pytest.mark.parametrize(
    ("times", "zone"),
    [(SYDNEY, "Australia/Sydney"), (BOTH, "America/New_York"), (["2024-01-08T10:00:00Z"], None)],
)
def test_the_zone_of_offsets_is_that_of_an_exchange_which_has_them(tmp_path, times, zone):
    place = write(tmp_path, "bars.csv", HEAD + "".join(f"{each},10,11,9,10,100\n" for each in times))
    keys = find_keys(place, {}, refuse).keys
    assert keys.get("timezone") == zone
    assert read(place, keys).sessions[-1] + 1 == len({each[:10] for each in times})


def test_offsets_of_no_exchange_are_asked_for(tmp_path):
    place = write(tmp_path, "bars.csv", HEAD + "2024-01-08T10:00:00+05:45,10,11,9,10,100\n")
    with pytest.raises(BadInput, match="the zone of the sessions"):
        find_keys(place, {}, refuse)
    assert find_keys(place, {"data.timezone": "Asia/Kathmandu"}, refuse).keys["timezone"] == "Asia/Kathmandu"


@pytest.mark.parametrize("form", platform_files.WIDE, ids=[form.__name__ for form in platform_files.WIDE])
def test_assets_beside_each_other_are_stacked(tmp_path, form):
    bars = vendor_files.make_days()
    place = write(tmp_path, *form(bars))
    shard = read(place, find_keys(place, {}, refuse).keys)
    assert shard.assets == ("ACME", "EMCA")
    for code, own in ((0, bars), (1, bars[1:])):
        rows = shard.rows.filter(pl.col("asset") == code)
        assert rows.select("open", "high", "low", "close").rows() == [bar[1:5] for bar in own]
        assert pl.from_epoch(rows["timestamp"], time_unit="ns").to_list() == [bar[0] for bar in own]


def test_columns_of_one_name_without_a_row_of_assets_are_refused(tmp_path):
    place = write(tmp_path, "wide.csv", "Date,Close,Close,High,High,Low,Low,Open,Open\n2024-01-02,1,2,1,2,1,2,1,2\n")
    with pytest.raises(
        BadInput, match="several columns are named 'Close', and no row beside names the assets"
    ) as caught:
        find_keys(place, {}, refuse)
    assert "new_columns" in caught.value.remedy


def test_bids_and_asks_are_no_assets(tmp_path):
    names = [f"{side}_{price}" for side in ("bid", "ask") for price in ("open", "high", "low", "close")]
    place = write(tmp_path, "quotes.csv", f"time,{','.join(names)}\n2024-01-02 10:00,{','.join('1' * 8)}\n")
    assert find_keys(place, {}, refuse).keys["columns"]["open"] == "bid_open"


def test_a_header_of_unknown_words_is_not_read_by_position(tmp_path):
    place = write(tmp_path, "bars.csv", "dag,hejmo,alta,malalta,fino\n2024-01-02,10,11,9,10.5\n2024-01-03,10,11,9,10\n")
    with pytest.raises(BadInput, match="names of the columns are not known") as caught:
        find_keys(place, {}, refuse)
    assert "--set data.columns.open=NAME" in caught.value.remedy
    words = {"timestamp": "dag", "open": "hejmo", "high": "alta", "low": "malalta", "close": "fino"}
    given = {f"data.columns.{here}": name for here, name in words.items()}
    assert read(place, find_keys(place, given, refuse).keys).rows["close"].to_list() == [10.5, 10.0]


def test_columns_without_names_in_another_order_are_refused(tmp_path):
    place = write(tmp_path, "bars.csv", "2024-01-02,10,10.5,11,9,100\n2024-01-03,10,10.5,11,9,100\n")
    with pytest.raises(BadInput, match="not open, high, low and close in this order"):
        find_keys(place, {}, refuse)
    names = ["timestamp", "open", "close", "high", "low", "volume"]
    keys = find_keys(place, {"data.format.new_columns": names}, refuse).keys
    assert read(place, keys).rows.row(0)[2:] == (10.0, 11.0, 9.0, 10.5, 100.0)


@pytest.mark.parametrize("word", ["null", "NaN", "-", "N/A"])
def test_words_for_nothing_are_found_and_their_rows_left_out(tmp_path, word):
    empty = ",".join([word] * 5)
    place = write(tmp_path, "bars.csv", f"\n\n{HEAD}2024-01-02,10,11,9,10,100\n2024-01-03,{empty}\n")
    found = find_keys(place, {}, refuse)
    assert found.keys["format"] == {"null_values": [word]}
    assert read(place, found.keys).rows.height == 1


@pytest.mark.parametrize("text", ["", "\n\n", "nothing here\n", "a,b,c,d,e\n1,2,3,4,5\n"])
def test_a_file_without_bars_is_refused(tmp_path, text):
    with pytest.raises(BadInput) as caught:
        find_keys(write(tmp_path, "bars.csv", text), {}, refuse)
    assert str(tmp_path) in caught.value.where


def test_text_in_another_encoding_is_refused_with_its_line(tmp_path):
    place = write(tmp_path, "bars.csv", (HEAD + "2024-01-02,10,11,9,10,\xe9\n").encode("latin-1"))
    with pytest.raises(BadInput, match="not UTF-8") as caught:
        find_keys(place, {}, refuse)
    assert caught.value.where == f"{place}, line 2"


def test_a_workbook_of_several_sheets_is_asked_for_one(tmp_path):
    rows = [["Date", "Open", "High", "Low", "Close"], ["2024-01-02", 1.0, 2.0, 1.0, 2.0]]
    place = write(tmp_path, "book.xlsx", vendor_files.write_workbook({"notes": [["x"]], "prices": rows}))
    with pytest.raises(BadInput, match="which sheet can be read in 2 ways"):
        find_keys(place, {}, refuse)
    found = find_keys(place, {"data.format.sheet": "prices"}, refuse)
    assert read(place, found.keys).rows["close"].to_list() == [2.0]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M"])
def test_an_hour_that_is_there_twice_tells_the_zone_or_asks_which(tmp_path, newest_first, form):
    hours = pl.datetime_range(
        pl.datetime(2024, 10, 26, 20), pl.datetime(2024, 10, 27, 6), "1h", time_zone="UTC", eager=True
    )
    rows = [f"{moment.strftime(form)},10,11,9,10,100\n" for moment in hours.dt.convert_time_zone("Europe/Berlin")]
    place = write(tmp_path, "bars.csv", HEAD + "".join(rows[::-1] if newest_first else rows))
    keys = find_keys(place, {}, refuse).keys
    assert keys["timezone"] == "Europe/Berlin"
    assert read(place, keys).rows["timestamp"].to_list() == hours.dt.epoch("ns").to_list()


def test_an_hour_that_is_there_twice_in_several_zones_is_asked_for(tmp_path):
    text = HEAD + "".join(f"2024-11-03 {hour},10,11,9,10,100\n" for hour in ("00:30", "01:30", "01:30", "02:30"))
    with pytest.raises(BadInput, match="times that are there twice can be read in 2 ways") as caught:
        find_keys(write(tmp_path, "bars.csv", text), {}, refuse)
    assert "America/New_York" in caught.value.remedy
    assert "America/Chicago" in caught.value.remedy


GROUPS = "date;open;high;low;close\n{};34.567;34.600;34.100;34.500\n{};34.567;34.600;34.100;34.500\n"


def test_three_digits_behind_every_point_are_asked_for_where_dates_have_points_too(tmp_path):
    place = write(tmp_path, "dax.csv", GROUPS.format("13.01.2024", "15.01.2024"))
    with pytest.raises(BadInput, match="numbers with a point and three digits behind it can be read in 2 ways"):
        find_keys(place, {}, refuse)
    for thousands, price in ((True, 34500.0), (False, 34.5)):
        keys = find_keys(place, {"data.format.decimal_comma": thousands}, refuse).keys
        assert read(place, keys).rows["close"].to_list() == [price, price]


def test_three_digits_behind_every_point_are_a_decimal_point_elsewhere_and_a_hint_says_so(tmp_path):
    found = find_keys(write(tmp_path, "jpy.csv", GROUPS.format("2024-01-13", "2024-01-15")), {}, refuse)
    assert found.keys["format"] == {"separator": ";"}
    assert "34.567 is a whole number" in found.hints["format.thousands"]
    few = GROUPS.format("2024-01-13", "2024-01-15").replace("34.100", "34.1")
    assert "format.thousands" not in find_keys(write(tmp_path, "eur.csv", few), {}, refuse).hints


def test_blanks_behind_the_marks_between_columns_are_part_of_no_name(tmp_path):
    text = "Date, Symbol, Open, High, Low, Close, Volume\n2024-01-13, SPY, 10, 11, 9, 10, 100\n"
    place = write(tmp_path, "bars.csv", text)
    shard = read(place, find_keys(place, {}, refuse).keys)
    assert shard.assets == ("SPY",)
    assert read(place, find_keys(place, {}, refuse).keys | {"assets": ["SPY"]}).rows.height == 1


@pytest.mark.parametrize("above", ['Report "daily\n', 'Rain: 5" a day\nby me\n', '\n\nReport "daily\n'])
def test_a_quotation_mark_above_the_header_that_none_closes_hides_no_row(tmp_path, above):
    place = write(tmp_path, "bars.csv", above + HEAD + "2024-01-15,10,11,9,10,100\n2024-01-16,10,11,9,10,100\n")
    assert read(place, find_keys(place, {}, refuse).keys).rows["close"].to_list() == [10.0, 10.0]
