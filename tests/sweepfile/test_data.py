"""The data section: dates, moments and texts of them."""

# ruff: noqa: DTZ001 - times without a zone are part of what is tested

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from backsweep.dataset import DataSpec


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2020-12-31", date(2020, 12, 31)),
        ("2020-12-31T00:00:00", datetime(2020, 12, 31)),
        ("2020-12-31 09:30", datetime(2020, 12, 31, 9, 30)),
        ("2020-12-31T09:30:00+00:00", datetime(2020, 12, 31, 9, 30, tzinfo=UTC)),
        (date(2020, 12, 31), date(2020, 12, 31)),
        (datetime(2020, 12, 31), datetime(2020, 12, 31)),
    ],
)
def test_a_date_stays_a_date_and_a_moment_a_moment(given, read):
    spec = DataSpec(bars="/bars.parquet", end=given)
    assert spec.end == read
    assert type(spec.end) is type(read)
    again = DataSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert type(again.end) is type(read)


@pytest.mark.parametrize(
    ("given", "asset", "files"),
    [
        ("SPY", "SPY", None),
        ("BRK.B", "BRK.B", None),
        ("BTC/USD", "BTC/USD", None),
        ({"asset": "odd.csv"}, "odd.csv", None),
        ("index.csv", None, "index.csv"),
        ("s3://bucket/index", None, "s3://bucket/index"),
        ({"path": "index", "columns": {"close": "Last"}}, None, "index"),
    ],
)
def test_a_benchmark_is_an_asset_or_has_files_of_its_own(given, asset, files):
    spec = DataSpec(bars="/bars.parquet", benchmark=given)
    assert spec.benchmark_asset == asset
    assert [file.path for role, file in spec.files.items() if role == "benchmark"] == ([files] if files else [])
    assert DataSpec.model_validate_json(spec.model_dump_json(exclude_none=True)) == spec
    assert spec.metrics[-5:] == ("alpha", "beta", "information_ratio", "up_capture", "down_capture")


def test_a_benchmark_that_is_moved_stays_a_file():
    spec = DataSpec(bars="/bars.parquet", benchmark="/index.csv").moved(
        {"bars": "data/bars", "benchmark": "data/index"}
    )
    assert spec.benchmark_asset is None
    assert {role: file.path for role, file in spec.files.items()} == {"bars": "data/bars", "benchmark": "data/index"}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"start": "2021-01-01", "end": "2020-12-31"}, "start 2021-01-01 is after end 2020-12-31"),
        ({"end": "9999-12-31"}, "outside the years 1678 to 2261"),
        ({"start": "yesterday"}, "expected a date such as 2020-12-31"),
        ({"start": 2006}, "start"),
        ({"assets": []}, "at least 1 item"),
        ({"bars": ""}, "at least 1 character"),
        ({"benchmark": {"columns": {"close": "Last"}}}, "a benchmark has a path"),
        ({"benchmark": {"path": "index.csv", "asset": "SPY"}}, "one of the two"),
        ({"symbols": ["AA"]}, "Extra inputs are not permitted"),
    ],
)
def test_what_makes_no_sense_is_refused(section, message):
    with pytest.raises(ValidationError, match=message):
        DataSpec(**({"bars": "/bars.parquet"} | section))
