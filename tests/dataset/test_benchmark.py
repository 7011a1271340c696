"""What a benchmark is worth at the sessions of the bars."""

# ruff: noqa: DTZ001 - times without a zone are part of what is tested

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from backsweep.dataset import DataSpec, fingerprint, load, shard_from_frames
from backsweep.dataset.calendar import survey
from backsweep.errors import BadData

NAN = float("nan")


def write(folder, bars, benchmark=None):
    """Write the files and return the `data` section; `bars` is the fixture with sessions 2 to 4 January 2024."""
    bars.write_parquet(folder / "bars.parquet")
    spec = {"bars": str(folder / "bars.parquet")}
    if isinstance(benchmark, pl.DataFrame):
        benchmark.write_csv(folder / "index.csv")
        benchmark = str(folder / "index.csv")
    return DataSpec(**spec, benchmark=benchmark)


def index(*days, values=None):
    return pl.DataFrame({"timestamp": list(days), "close": values or [100.0 + i for i in range(len(days))]})


def levels(spec):
    found = [load(spec).benchmark, survey(spec).benchmark]
    np.testing.assert_array_equal(*found)
    return found[0]


def test_an_asset_of_the_bars_is_its_closes(tmp_path, bars):
    np.testing.assert_array_equal(levels(write(tmp_path, bars, "BB")), [NAN, 21.0, 22.0, 23.0])


def test_an_asset_need_not_be_among_those_that_are_traded(tmp_path, bars):
    spec = write(tmp_path, bars, "BB").model_copy(update={"assets": ("AA",), "start": date(2024, 1, 3)})
    assert load(spec).assets == ("AA",)
    np.testing.assert_array_equal(levels(spec), [NAN, 22.0, 23.0])


def test_a_file_counts_from_before_the_first_session_and_at_other_days(tmp_path, bars):
    file = index(date(2023, 12, 29), date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 4), date(2024, 1, 5))
    np.testing.assert_array_equal(levels(write(tmp_path, bars, file)), [101.0, 102.0, NAN, 103.0])


def test_the_last_value_of_a_session_counts(tmp_path, bars):
    times = [datetime(2024, 1, 2) + timedelta(hours=hours) for hours in (-5, 0, 24, 30, 48)]
    np.testing.assert_array_equal(levels(write(tmp_path, bars, index(*times))), [100.0, 101.0, 102.0, 104.0])


def test_keys_of_the_file_say_how_it_is_read(tmp_path, bars):
    (tmp_path / "spx.txt").write_text("Date;Adj Close;Note\n01/02/2024;4.742,83;x\n01/04/2024;4.688,68;\n")
    form = {"timestamp": "%m/%d/%Y", "separator": ";", "decimal_comma": True, "thousands": "."}
    columns = {"timestamp": "Date", "close": "Adj Close"}
    spec = write(tmp_path, bars, {"path": str(tmp_path / "spx.txt"), "format": form, "columns": columns})
    np.testing.assert_array_equal(levels(spec), [NAN, 4742.83, NAN, 4688.68])


def test_splits_and_dividends_of_an_asset_are_included(bars):
    actions = pl.DataFrame(
        {"timestamp": [datetime(2024, 1, 3)] * 2, "asset": ["AA", "BB"], "split": [2.0, None], "dividend": [None, 2.0]}
    )
    for asset, expected in (("AA", [11.0, 24.0, 26.0]), ("BB", [21.0, 24.0, 24.0 * 23.0 / 22.0])):
        shard = shard_from_frames(bars, actions=actions, spec=DataSpec(bars="frame", benchmark=asset))
        # AA: 12 a unit, of which there are two, then 13; BB: 22 and the dividend of 2, bought again at the close
        np.testing.assert_allclose(shard.benchmark, [NAN, *expected])


def test_the_content_of_the_file_is_in_the_fingerprint(tmp_path, bars):
    one = fingerprint(write(tmp_path, bars, index(date(2024, 1, 2), date(2024, 1, 3))))
    two = fingerprint(write(tmp_path, bars, index(date(2024, 1, 2), date(2024, 1, 4))))
    assert len({one, two, fingerprint(write(tmp_path, bars, "BB"))}) == 3


@pytest.mark.parametrize(
    ("benchmark", "problem", "remedy"),
    [
        ("BBB", "the benchmark 'BBB' is no asset of the bars", "nearest is 'BB'"),
        (index(date(2020, 1, 1), date(2021, 1, 2)), "has no return over the sessions", "of the same years"),
        (index(date(2024, 1, 2), date(2024, 1, 2)), "duplicate timestamp", "keep one of the rows"),
        (index(date(2024, 1, 2), date(2024, 1, 3), values=[1.0, -1.0]), "close is not a price", "drop the row"),
        (index(date(2024, 1, 2)).rename({"close": "closing"}), "missing column 'close'", "columns: {close: closing}"),
    ],
)
def test_a_benchmark_that_cannot_be_used_is_named(tmp_path, bars, benchmark, problem, remedy):
    with pytest.raises(BadData, match=problem) as error:
        load(write(tmp_path, bars, benchmark))
    assert remedy in error.value.remedy


def test_a_part_of_the_assets_has_none(tmp_path, bars):
    assert load(write(tmp_path, bars, "BB").model_copy(update={"assets": ("AA",)}), part=True).benchmark is None
