"""What `data.format` and its neighbours refuse, and what of them enters a study's identity."""

import pytest

from backsweep.errors import BadInput
from backsweep.sweepfile.data import DataSpec
from backsweep.sweepfile.load import load_sweep
from backsweep.sweepfile.trial import read_section

NAMES = ["timestamp", "open", "high", "low", "close", "volume"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"has_header": False}, "new_columns: [timestamp, open, high, ...]"),
        ({"new_columns": ["a", "a"]}, "two of new_columns are 'a'"),
        ({"separator": ";;"}, "at most 1 character"),
        ({"encoding": "latin-99"}, "name of a text encoding"),
        ({"encoding": "base64"}, "name of a text encoding"),
        ({"thousands": "."}, "decimal_comma: true"),
        ({"thousands": ",", "decimal_comma": True}, "which is the decimal mark"),
        ({"strip": "$."}, "which is the decimal mark"),
        ({"strip": "-"}, "'-' is part of numbers"),
        ({"strip": "()"}, "'(' is part of numbers"),
        ({"strip": "\u2212"}, "is part of numbers"),
        ({"strip": "e"}, "'e' is part of numbers"),
        ({"suffixes": {"%": 0.01}}, "not made of letters"),
        ({"suffixes": {"K": 1024}}, "power of ten"),
        ({"skip_rows": -1}, "greater than or equal to 0"),
        ({"timestamp": "day"}, "a pattern such as"),
        ({"separater": ";"}, "not permitted"),
    ],
)
def test_a_format_that_cannot_be_is_refused(form, said):
    with pytest.raises(BadInput) as caught:
        read_section(DataSpec, "data", {"bars": "bars.csv", "format": form})
    assert said in caught.value.problem
    assert caught.value.where.startswith("data.format")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"open": ["a", "b"]}, "open cannot be several columns"),
        ({"open": None}, "open cannot be left out"),
        ({"open": 3}, "valid string"),
    ],
)
def test_columns_that_cannot_be_are_refused(columns, said):
    with pytest.raises(BadInput) as caught:
        read_section(DataSpec, "data", {"bars": "bars.csv", "columns": columns})
    assert said in caught.value.problem


SWEEP = """
study: s
data:
  bars: {path: bars.csv, asset: from_name}
  columns: {timestamp: [Date, Time], volume: null, asset: ""}
  format:
    separator: "\\t"
    strip: "$"
    suffixes: {K: 1e3}
    null_values: ["null", "-"]
    has_header: false
    new_columns: [Date, Time, open, high, low, close]
    skip_rows: 2
    encoding: utf-16
search: {trials: 4}
strategy: backsweep.strategies.moving_average_cross:MovingAverageCross
"""


def test_a_resolved_sweep_file_keeps_every_key(tmp_path):
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    sweep = load_sweep(tmp_path / "sweep.yaml")
    content = sweep.model_dump_json(exclude_none=True)
    again = type(sweep).model_validate_json(content, strict=True)
    assert again.data == sweep.data
    assert again.data.columns == {"timestamp": ("Date", "Time"), "volume": None, "asset": ""}
    assert again.data.format.separator == "\t"


def test_keys_that_are_not_given_are_no_part_of_what_a_study_stores():
    content = DataSpec(bars="bars.csv", format={"timestamp": "%d/%m/%Y"}).model_dump(mode="json", exclude_none=True)
    assert content == {
        "bars": "bars.csv",
        "columns": {},
        "format": {"timestamp": "%d/%m/%Y"},
        "prices": "positive",
    }


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("execution.volume_share", "execution: {volume_share: 0.1}"),
        ("costs.slippage", "costs: {slippage: {kind: square_root, rate: 0.1}}"),
        ("costs.per_asset.A.slippage", "costs: {per_asset: {A: {slippage: {kind: volume_share, rate: 0.1}}}}"),
    ],
)
def test_what_depends_on_volumes_is_refused_where_there_are_none(tmp_path, key, line):
    (tmp_path / "sweep.yaml").write_text(SWEEP + line + "\n")
    with pytest.raises(BadInput, match=f"`{key}` depends on volumes, and the bars have none"):
        load_sweep(tmp_path / "sweep.yaml")
    (tmp_path / "sweep.yaml").write_text(SWEEP.replace("volume: null, ", "") + line + "\n")
    assert load_sweep(tmp_path / "sweep.yaml").data.bars
