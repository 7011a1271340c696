"""Text files are read as text, and converted by what is declared."""

import gzip

import polars as pl
import pytest

from backsweep.dataset import DataSpec, load
from backsweep.dataset.text import scan_cells
from backsweep.errors import BadData
from backsweep.sweepfile.format import Format

BARS = """timestamp,asset,open,high,low,close,volume
2024-01-02,A,10.5,11.25,9,10,1000
2024-01-03,A,10,12,10,11.5,2000000
"""
READ = [(10.5, 11.25, 9.0, 10.0, 1000.0), (10.0, 12.0, 10.0, 11.5, 2000000.0)]


@pytest.fixture
def write(tmp_path):
    """`write(text)`: the place of a file with a text, or with bytes."""

    def _write(content, name="bars.csv"):
        place = tmp_path / name
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(place)

    return _write


def values(shard):
    return shard.rows.select("open", "high", "low", "close", "volume").rows()


def swapped(old, new, text=BARS):
    return text.replace(old, new)


FORMS = {
    "a semicolon": (swapped(",", ";"), {"separator": ";"}),
    "a tab": (swapped(",", "\t"), {"separator": "\t"}),
    "a decimal comma": (swapped(".", ",", swapped(",", ";")), {"separator": ";", "decimal_comma": True}),
    "thousands": (swapped("2000000", '"2,000,000"'), {"thousands": ","}),
    "a currency": (swapped(",10.5", ",$10.5"), {"strip": "$"}),
    "suffixes": (swapped("2000000", "2M"), {"suffixes": {"M": 1e6}}),
    "rows above": ("made by hand\n\n" + BARS, {"skip_rows": 2}),
    "rows below the header": (swapped("volume\n", "volume\nunits,,,,,,\n"), {"skip_rows_after_header": 1}),
    "no header": (
        BARS.partition("\n")[2],
        {"has_header": False, "new_columns": ["timestamp", "asset", "open", "high", "low", "close", "volume"]},
    ),
    "other names": (
        swapped("timestamp,asset,open", "a,b,c"),
        {"new_columns": ["timestamp", "asset", "open", "high", "low", "close", "volume"]},
    ),
    "utf-16": (BARS.encode("utf-16"), {"encoding": "utf-16"}),
    "cp1252": (swapped("volume", "volume,ö").encode("cp1252"), {"encoding": "cp1252"}),
    "a mark of utf-8": (b"\xef\xbb\xbf" + BARS.encode(), {}),
    "spaces around names and numbers": (swapped(",", ", ").replace(", A", ",A"), {}),
    "lines of Windows": (swapped("\n", "\r\n"), {}),
    "words for nothing": (BARS + "2024-01-04,A,null,null,null,null,null\n", {"null_values": ["null"]}),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("ending", [".csv", ".txt", ".csv.gz"])
def test_each_form_gives_the_same_bars(write, name, ending):
    content, form = FORMS[name]
    content = content if isinstance(content, bytes) else content.encode()
    place = write(gzip.compress(content) if ending.endswith(".gz") else content, "bars" + ending)
    shard = load(DataSpec(bars=place, format=form or None))
    assert values(shard) == READ
    assert shard.assets == ("A",)


def test_a_tab_separates_by_itself_in_a_tsv_file(write):
    assert values(load(DataSpec(bars=write(swapped(",", "\t"), "bars.tsv")))) == READ


def test_codes_stay_text_where_a_reader_would_see_numbers(write):
    shard = load(DataSpec(bars=write(swapped(",A,", ",000001,"))))
    assert shard.assets == ("000001",)


def test_a_signal_may_be_a_number_late_a_boolean_or_empty(write):
    rows = "".join(f"2024-02-{day:02},A,1,1,1,1,1,{day},{str(day > 3).lower()},,x\n" for day in range(1, 29))
    text = BARS.partition("\n")[0] + ",count,late,none,word\n" + rows.replace(",28,true,,x", ",28.5,true,,")
    shard = load(DataSpec(bars=write(text)))
    assert shard.signals == ("count", "late", "none")
    assert shard.rows["count"][-1] == 28.5
    assert shard.rows["late"].to_list()[:5] == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert shard.rows["none"].is_nan().all()
    assert "'word' of the bars is not used" in shard.notes[0]


def test_rows_without_a_price_are_left_out_counted_and_keep_the_numbers_of_others(write):
    empty = "2024-01-02,A,,,,,0\n\nDownloaded by hand\n"
    place = write(BARS.replace("\n2024-01-03", "\n" + empty + "2024-01-03"))
    shard = load(DataSpec(bars=place))
    assert values(shard) == READ
    assert "3 rows of the bars without any value left out" in shard.notes
    with pytest.raises(BadData, match="high is below low") as caught:
        load(DataSpec(bars=write(BARS.replace("volume\n", "volume\n" + empty).replace("10,12,10", "10,9,10"))))
    assert ", row 5, column high" in caught.value.where


def test_a_price_that_is_missing_alone_is_still_an_error(write):
    with pytest.raises(BadData, match="open is not a price"):
        load(DataSpec(bars=write(swapped("10.5,", ","))))


@pytest.mark.parametrize(
    ("content", "problem", "remedy"),
    [
        (swapped(",", ";"), "columns are separated by ';'", 'format: {separator: ";"}'),
        (swapped(",", "\t"), r"columns are separated by '\\t'", r'format: {separator: "\t"}'),
        (BARS.encode("utf-16"), "the text is UTF-16", "format: {encoding: utf-16}"),
        (swapped("2000000", '"2,000,000"'), "wrong dtype of column 'volume'", 'format: {thousands: ","}'),
        (swapped(",10.5", ",$10.5"), "wrong dtype of column 'open'", 'format: {strip: "$"}'),
        (swapped(",10.5", ',"10,5"'), "wrong dtype of column 'open'", "format: {decimal_comma: true}"),
        (swapped(",10.5", ",soon"), "wrong dtype of column 'open'", "null_values: ['soon']"),
    ],
)
def test_an_undeclared_form_is_refused_with_the_key_that_declares_it(write, content, problem, remedy):
    with pytest.raises(BadData, match=problem) as caught:
        load(DataSpec(bars=write(content)))
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"new_columns": ["timestamp", "asset"]}, "new_columns does not name every column"),
        ({"encoding": "utf-32"}, "not utf-32, as is declared"),
        ({"decimal_comma": True}, "wrong dtype of column 'open'"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(write, form, problem):
    with pytest.raises(BadData, match=problem):
        load(DataSpec(bars=write(BARS), format=form))


def test_signals_context_and_actions_are_read_by_the_same_keys(write):
    signals = write("Day;Code;pred\n02.01.2024;A;1,5\n", "signals.txt")
    context = write("Day;calm\n01.01.2024;0,25\n", "context.txt")
    actions = write("Day;Code;dividend\n03.01.2024;A;0,5\n", "actions.txt")
    columns = {"timestamp": "Day", "asset": "Code"}
    form = {"separator": ";", "decimal_comma": True, "timestamp": "%d.%m.%Y"}
    files = {"signals": signals, "context": context, "actions": actions}
    own = {role: {"path": place, "format": form} for role, place in files.items()}
    for role in ("signals", "actions"):
        own[role]["columns"] = columns
    own["context"]["columns"] = {"timestamp": "Day"}
    shard = load(DataSpec(bars=write(BARS), **own))
    assert shard.rows["pred"][0] == 1.5
    assert shard.context["calm"].to_list() == [0.25, 0.25]
    assert shard.actions["dividend"].to_list() == [0.5]


def test_text_and_typed_files_of_one_folder_are_one_table(write, tmp_path):
    write(BARS, "a.csv")
    later = [pl.col("timestamp").str.replace("2024", "2025").str.to_date()]
    pl.read_csv(BARS.encode()).with_columns(later).write_parquet(tmp_path / "b.parquet")
    assert values(load(DataSpec(bars=str(tmp_path), format={"null_values": ["-"]}))) == READ + READ


def test_other_text_beside_tables_is_left_out_of_a_folder_and_named(write, tmp_path):
    write(BARS, "a.csv")
    write("how these were made", "notes.txt")
    shard = load(DataSpec(bars=str(tmp_path)))
    assert any("notes.txt" in note for note in shard.notes)


def test_a_name_that_only_looks_like_a_second_one_stays(write):
    cells = scan_cells(write("a,x_duplicated_0\n1,2\n"), Format())
    assert cells.collect_schema().names() == ["a", "x_duplicated_0"]
