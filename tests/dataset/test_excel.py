"""Workbooks are read like text files, by the same keys."""

import sys
from datetime import date, datetime, time

import polars as pl
import pytest
from scenarios.vendor_files import write_workbook

from backsweep.dataset import DataSpec, load
from backsweep.errors import BadData, BadInput

HEAD = ["timestamp", "asset", "open", "high", "low", "close", "volume"]
ROW = ["000001", 10.25, 11, 9, 10, 1_234_567]


@pytest.fixture
def book(tmp_path):
    """`book(sheet=rows, ...)`: the place of a workbook."""

    def _book(**sheets):
        (tmp_path / "bars.xlsx").write_bytes(write_workbook(sheets))
        return f"{tmp_path}/bars.xlsx"

    return _book


def test_dates_texts_and_numbers_of_a_sheet_are_read(book):
    shard = load(DataSpec(bars=book(prices=[HEAD, [date(2024, 1, 31), *ROW], ["2024-02-01", *ROW]])))
    assert shard.assets == ("000001",)
    assert pl.from_epoch(shard.rows["timestamp"], time_unit="ns").dt.date().to_list() == [
        date(2024, 1, 31),
        date(2024, 2, 1),
    ]
    assert shard.rows.row(0)[2:] == (10.25, 11.0, 9.0, 10.0, 1234567.0)


def test_a_date_and_a_time_of_day_are_joined(book):
    rows = [["Date", "Time", *HEAD[1:]], [date(2024, 1, 31), time(9, 30), *ROW]]
    shard = load(DataSpec(bars=book(prices=rows), columns={"timestamp": ["Date", "Time"]}))
    assert pl.from_epoch(shard.rows["timestamp"], time_unit="ns").to_list() == [datetime(2024, 1, 31, 9, 30)]  # noqa: DTZ001


def test_rows_above_and_below_the_header_are_skipped_and_words_for_nothing_left_out(book):
    rows = [["made by", "hand"], [], HEAD, ["units"], [date(2024, 1, 31), *ROW], [date(2024, 2, 1), "A", *["n/a"] * 5]]
    form = {"skip_rows": 2, "skip_rows_after_header": 1, "null_values": ["n/a"]}
    shard = load(DataSpec(bars=book(prices=rows), format=form))
    assert shard.rows.height == 1
    assert "1 row of the bars without any value left out" in shard.notes


def test_one_of_several_sheets_has_to_be_named(book):
    place = book(notes=[["x"]], prices=[HEAD, [date(2024, 1, 31), *ROW]])
    with pytest.raises(BadData, match="a workbook of several sheets") as caught:
        load(DataSpec(bars=place))
    assert caught.value.found == "notes, prices"
    assert load(DataSpec(bars=place, format={"sheet": "prices"})).rows.height == 1
    with pytest.raises(BadData, match="no sheet 'other'"):
        load(DataSpec(bars=place, format={"sheet": "other"}))


def test_a_damaged_workbook_is_refused_by_name(tmp_path):
    (tmp_path / "bars.xlsx").write_bytes(b"PK but nothing of the kind")
    with pytest.raises(BadData, match="cannot be read") as caught:
        load(DataSpec(bars=f"{tmp_path}/bars.xlsx"))
    assert caught.value.where == f"{tmp_path}/bars.xlsx"


def test_without_the_package_the_remedy_is_to_install_it(book, monkeypatch):
    place = book(prices=[HEAD])
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.delitem(sys.modules, "fastexcel", raising=False)
    with pytest.raises(BadInput, match="fastexcel, which is not installed") as caught:
        load(DataSpec(bars=place))
    assert "backsweep[excel]" in caught.value.remedy
