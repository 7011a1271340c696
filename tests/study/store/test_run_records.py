"""Records of runs read back, and times on a zone's clock."""

from __future__ import annotations

import json
from datetime import datetime

import polars as pl
import pytest
from scenarios.scripted import bars, close, flat, market, run

from backsweep.errors import StudyConflict
from backsweep.storage.open import open_files
from backsweep.study.store.run_records import on_clock, read_run_records
from backsweep.study.store.selected import write_selected

NAMES = ("fills", "trades", "equity", "orders", "cash_flows")


@pytest.fixture
def files(tmp_path):
    result = run(bars(*flat(100.0, 4)), [market(0, 10), close(1)])
    written = open_files(tmp_path)
    write_selected(written, {name: getattr(result, name) for name in NAMES}, {"params": {"entry": 2.0}})
    return written


def test_records_are_read_back_with_what_they_are_of(files):
    selected, records = read_run_records(files)
    assert selected.params == {"entry": 2.0}
    assert records.fills["quantity"].to_list() == [10.0, -10.0]
    assert (records.trades.height, records.equity.height) == (1, 4)
    assert records.keys == ()
    assert read_run_records(files, "elsewhere/") is None


def test_runs_of_folds_are_told_apart(files, tmp_path):
    path = tmp_path / "selected" / "equity.parquet"
    pl.read_parquet(path).with_columns(fold=1, number=7).write_parquet(path)
    assert read_run_records(files)[1].keys == ("fold", "number")


@pytest.mark.parametrize("name", [*NAMES, "unfinished"])
def test_records_that_are_not_complete_yet_are_none(files, tmp_path, name):
    if name == "unfinished":
        (tmp_path / "selected" / "params.json").write_text(json.dumps({"params": None, "unfinished": True}))
    else:
        (tmp_path / "selected" / f"{name}.parquet").unlink()
    assert read_run_records(files) is None


def test_records_without_a_column_are_refused(files, tmp_path):
    path = tmp_path / "selected" / "fills.parquet"
    pl.read_parquet(path).drop("price", "reason").write_parquet(path)
    with pytest.raises(StudyConflict, match="the fills lack columns") as caught:
        read_run_records(files)
    assert caught.value.found == "no price, reason"
    assert caught.value.expected.startswith("timestamp, asset, quantity, price")
    assert caught.value.where.endswith("fills.parquet")


def test_times_are_those_of_a_zones_clock(files):
    _, records = read_run_records(files)
    frame = pl.DataFrame({"timestamp": [datetime(2024, 1, 2, 20), datetime(2024, 7, 2, 20)], "price": [1.0, 2.0]})  # noqa: DTZ001
    local = on_clock(frame, "America/New_York")
    assert local["timestamp"].to_list() == [datetime(2024, 1, 2, 15), datetime(2024, 7, 2, 16)]  # noqa: DTZ001
    assert local["price"].to_list() == [1.0, 2.0]
    assert records.on_clock(None) is records
    moved = records.on_clock("Asia/Tokyo")
    assert (moved.equity["timestamp"] - records.equity["timestamp"]).dt.total_hours().to_list() == [9] * 4
    assert (moved.trades["exit_timestamp"] - records.trades["exit_timestamp"]).dt.total_hours().to_list() == [9]
