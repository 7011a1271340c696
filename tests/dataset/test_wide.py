"""Files with columns for each asset."""

import polars as pl
import pytest

from backsweep.dataset import DataSpec, fingerprint, load
from backsweep.dataset.calendar import survey
from backsweep.errors import BadData, BadInput

COLUMNS = {price: f"{{asset}} {price}" for price in ("open", "high", "low", "close")} | {"volume": None}
HEAD = "timestamp," + ",".join(
    f"{asset} {price}" for asset in ("A", "B B") for price in ("open", "high", "low", "close")
)
ROWS = ["2024-01-02,10,11,9,10,,,,", "2024-01-03,10,11,9,10,20,21,19,20"]


def spec(folder, text, **keys):
    (folder / "bars.csv").write_text(text)
    return DataSpec.model_validate({"bars": str(folder / "bars.csv"), "columns": COLUMNS, **keys})


def lines(*rows):
    return "\n".join([HEAD, *(rows or ROWS)]) + "\n"


def test_an_asset_has_a_row_where_it_has_a_price(tmp_path):
    shard = load(spec(tmp_path, lines()))
    assert shard.assets == ("A", "B B")
    assert shard.rows.select("asset", "close").rows() == [(0, 10.0), (0, 10.0), (1, 20.0)]
    assert survey(spec(tmp_path, lines())).bars.tolist() == [2, 1]


def test_assets_are_filtered_by_name(tmp_path):
    assert load(spec(tmp_path, lines(), assets=["B B"])).rows["close"].to_list() == [20.0]


def test_further_patterns_are_signals_and_the_longer_one_comes_first(tmp_path):
    text = "timestamp,A Close,A Adj Close,B Close,B Adj Close\n2024-01-02,10,5,20,7\n"
    prices = dict.fromkeys(("open", "high", "low", "close"), "{asset} Close")
    columns = prices | {"adjusted": "{asset} Adj Close", "volume": None}
    shard = load(spec(tmp_path, text, columns=columns))
    assert shard.rows.select("asset", "open", "close", "adjusted").rows() == [(0, 10, 10, 5), (1, 20, 20, 7)]


def test_names_in_two_rows_are_joined_and_empty_cells_take_the_name_to_their_left(tmp_path):
    text = ",open,,high,,low,,close,\ntimestamp,A,B B,A,B B,A,B B,A,B B\n2024-01-02,10,20,11,21,9,19,10,20\n"
    columns = {price: f"{price} {{asset}}" for price in ("open", "high", "low", "close")} | {"volume": None}
    shard = load(spec(tmp_path, text, columns=columns, format={"header_rows": 2}))
    assert shard.rows.select("open", "high", "low", "close").rows() == [(10, 11, 9, 10), (20, 21, 19, 20)]


def test_a_rule_that_is_broken_is_named_by_the_row_of_the_file(tmp_path):
    broken = lines(*ROWS, "2024-01-04,10,11,9,10,20,21,19,30")
    with pytest.raises(BadData, match=r"bars\.csv, row 3, column close: close is outside \[low, high\]") as caught:
        load(spec(tmp_path, broken))
    assert "asset B B" in caught.value.found


def test_a_price_that_is_missing_beside_others_is_an_error(tmp_path):
    with pytest.raises(BadData, match="row 1, column close: close is not a price"):
        load(spec(tmp_path, lines("2024-01-02,10,11,9,,20,21,19,20")))


def test_a_pattern_that_fits_no_column_and_an_asset_beside_patterns_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"'\{asset\} Last', to be renamed to 'close', does not exist"):
        load(spec(tmp_path, lines(), columns=COLUMNS | {"close": "{asset} Last"}))
    with pytest.raises(BadInput, match="an asset is declared"):
        load(spec(tmp_path, lines(), asset="A"))


def test_signals_may_be_written_so_too(tmp_path):
    (tmp_path / "signals.csv").write_text("timestamp,pred A,pred B B\n2024-01-02,1,\n2024-01-03,2,3\n")
    signals = {"path": str(tmp_path / "signals.csv"), "columns": {"pred": "pred {asset}"}}
    keys = {"bars": {"path": str(tmp_path / "bars.csv"), "columns": COLUMNS}, "signals": signals, "columns": {}}
    shard = load(spec(tmp_path, lines(), **keys))
    assert shard.rows["pred"].to_list() == [1.0, 2.0, 3.0]


def test_the_same_content_in_parquet_is_the_same(tmp_path):
    text = spec(tmp_path, lines())
    pl.read_csv(tmp_path / "bars.csv", try_parse_dates=True).write_parquet(tmp_path / "bars.parquet")
    typed = text.model_copy(update={"bars": str(tmp_path / "bars.parquet")})
    assert load(typed).rows.equals(load(text).rows)
    assert fingerprint(typed) != fingerprint(text)
