"""All that is wrong with files is said at once."""

import pickle

import pytest

from backsweep.dataset import DataSpec, load
from backsweep.dataset.problems import raise_together
from backsweep.errors import BadData, BadInput


def test_what_a_file_needs_is_said_at_once(tmp_path):
    (tmp_path / "bars.csv").write_text('Date,Last,Open,High,Low\n01/02/2024,"1,250.5",1,2,"1"\n')
    (tmp_path / "context.csv").write_text("timestamp,calm\n01/02/2024,x\n")
    columns = {"timestamp": "Date", "close": "Last", "open": "Opening"}
    with pytest.raises(BadData) as caught:
        load(DataSpec(bars=f"{tmp_path}/bars.csv", context=f"{tmp_path}/context.csv", columns=columns))
    error = caught.value
    for problem in (
        "column 'Opening', to be renamed to 'open', does not exist",
        "missing columns 'asset', 'high', 'low', 'volume'",
        "wrong dtype of column 'Last', read as close",
        f"{tmp_path}/bars.csv, row 1, column Date: timestamps that are not in ISO form",
        f"{tmp_path}/context.csv, row 1, column timestamp: timestamps that are not in ISO form",
        "context column 'calm' cannot be used",
    ):
        assert problem in error.problem
    for remedy in (
        "high: High, low: Low",
        "asset: NAME",
        "volume: null",
        'thousands: ","',
        "%m/%d/%Y",
        "backsweep init",
    ):
        assert remedy in error.remedy


def test_one_error_stays_what_it_is_and_none_is_none():
    raise_together([])
    one = BadInput("x", where="here")
    with pytest.raises(BadInput) as caught:
        raise_together([one, BadInput("x", where="here")])
    assert caught.value is one


def test_texts_that_are_equal_are_said_once_with_the_numbers_of_their_problems():
    errors = [BadData(f"p{i}", where=f"f, row {i}", expected="same", remedy=f"r{i}") for i in (1, 2)]
    with pytest.raises(BadData) as caught:
        raise_together(errors)
    assert caught.value.where == "f"
    assert caught.value.problem == "2 problems: (1) row 1: p1; (2) row 2: p2"
    assert caught.value.expected == "(1) (2) same"
    assert caught.value.remedy == "(1) r1; (2) r2"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes
