"""Records of a backtest in a folder of the user's: killed, repeated, over an older one, and beside other files."""

from __future__ import annotations

import json

import polars as pl
import pytest

from backsweep.errors import StudyConflict
from backsweep.storage.open import open_files
from backsweep.study.store.selected import begin_records, read_selected, write_selected

NAMES = ("fills", "trades")


class Killed(BaseException):
    """Ends the process, as far as a test can."""


def write(folder, entry, killed_at=None):
    """Write as a backtest does; `killed_at` is how many files are put before it is killed."""
    files = open_files(folder)
    put = files.replace
    done = []

    def replace(name, content):
        if len(done) == killed_at:
            raise Killed
        done.append(name)
        put(name, content)

    files.replace = replace
    begin_records(files, NAMES)
    records = {name: pl.DataFrame({"entry": [entry]}) for name in NAMES}
    write_selected(files, records, {"params": {"entry": entry}, "metrics": {}, "undefined": {}}, "")


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("killed_at", range(4))
def test_a_killed_backtest_can_be_repeated_and_mixes_no_two(tmp_path, killed_at, older):
    if older:
        write(tmp_path, 1.0)
    with pytest.raises(Killed):
        write(tmp_path, 2.0, killed_at=killed_at)
    found = read_selected(open_files(tmp_path), "")
    if killed_at == 0:
        assert found is None or found.params == {"entry": 1.0}
    else:
        assert (found.params, found.unfinished) == (None, True)
    write(tmp_path, 2.0)
    assert json.loads((tmp_path / "params.json").read_text())["params"] == {"entry": 2.0}
    assert [pl.read_parquet(tmp_path / f"{name}.parquet")["entry"].item() for name in NAMES] == [2.0, 2.0]


def test_files_of_the_same_names_that_are_no_backtest_s_are_not_replaced(tmp_path):
    (tmp_path / "fills.parquet").write_text("mine")
    with pytest.raises(StudyConflict, match=r"not a backtest's\n(.|\n)*fills\.parquet"):
        write(tmp_path, 1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["fills.parquet"]
    assert (tmp_path / "fills.parquet").read_text() == "mine"


def test_a_params_json_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "params.json").write_text('{"mine": 1}')
    with pytest.raises(StudyConflict, match=r"params\.json"):
        write(tmp_path, 1.0)
    assert (tmp_path / "params.json").read_text() == '{"mine": 1}'
