"""Files are found by path, glob, folder or URL; what cannot be found or read is said plainly."""

import contextlib
import gzip
import os
import stat

import polars as pl
import pytest

from backsweep.dataset import DataSpec, load
from backsweep.dataset.sources import find_files, gather, open_parts, part_of_frame
from backsweep.errors import BadData, BadInput
from backsweep.sweepfile.data import FileSpec

WRITERS = {
    "bars.parquet": pl.DataFrame.write_parquet,
    "bars.pq": pl.DataFrame.write_parquet,
    "bars.arrow": pl.DataFrame.write_ipc,
    "bars.ipc": pl.DataFrame.write_ipc,
    "bars.feather": pl.DataFrame.write_ipc,
    "bars.csv": pl.DataFrame.write_csv,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_gives_the_same_shard(bars, tmp_path, name):
    WRITERS[name](bars, tmp_path / name)
    assert load(DataSpec(bars=f"{tmp_path}/{name}")).rows.equals(expected_rows(bars))


def test_a_compressed_csv_is_read(bars, tmp_path):
    (tmp_path / "bars.csv.gz").write_bytes(gzip.compress(bars.write_csv().encode()))
    assert load(DataSpec(bars=f"{tmp_path}/bars.csv.gz")).rows.equals(expected_rows(bars))


def expected_rows(bars):
    return bars.with_columns(
        pl.col("timestamp").cast(pl.Datetime("ns")).cast(pl.Int64),
        pl.col("asset").replace_strict({"AA": 0, "BB": 1}, return_dtype=pl.Int32),
    )


@pytest.mark.parametrize("place", ["{}", "{}/", "{}/*", "{}/**/*.*", "file://{}", "file://{}/", "file://{}/*.*"])
def test_folders_globs_and_urls_join_their_files(bars, tmp_path, place):
    bars.head(2).write_parquet(tmp_path / "a.parquet")
    bars.slice(2, 2).write_csv(tmp_path / "b.csv")
    bars.tail(2).write_ipc(tmp_path / "c.arrow")
    assert load(DataSpec(bars=place.format(tmp_path))).rows.equals(expected_rows(bars))


@pytest.mark.parametrize("name", ["bars.parquet", "bars.csv", "bars.arrow"])
def test_one_file_by_url_is_read(bars, tmp_path, name):
    WRITERS[name](bars, tmp_path / name)
    assert load(DataSpec(bars=f"file://{tmp_path}/{name}")).rows.equals(expected_rows(bars))


def test_a_folder_is_searched_to_its_depth_without_hidden_and_other_files(bars, tmp_path):
    (tmp_path / "2024").mkdir()
    bars.write_parquet(tmp_path / "2024" / "a.parquet")
    (tmp_path / ".a.parquet").write_text("half written")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / "README.md").write_text("")
    assert find_files(str(tmp_path), "bars") == (f"{tmp_path}/2024/a.parquet",)


@pytest.mark.parametrize("role", ["bars", "signals", "context"])
def test_a_missing_file_is_refused_with_the_nearest(bars, tmp_path, role):
    bars.write_parquet(tmp_path / "etf_daily.parquet")
    with pytest.raises(BadInput) as caught:
        find_files(f"{tmp_path}/etf_dayly.parquet", role)
    assert caught.value.where == f"data.{role}: {tmp_path}/etf_dayly.parquet"
    assert caught.value.found == "no such file; nearest is etf_daily.parquet"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("{}/nowhere/bars.parquet", "no such file"),
        ("{}/*.parquet", "no file matches the glob"),
        ("{}", "a folder without such files: notes.md"),
        ("{}/empty", "a folder without such files: it is empty"),
        ("file://{}/*.parquet", "no file matches the glob"),
        ("file://{}/nowhere.parquet", ""),
        ("s3://", "no bucket or folder"),
        ("gs://*/bars.parquet", "no bucket or folder"),
    ],
)
def test_a_place_without_data_is_refused(tmp_path, place, found):
    (tmp_path / "notes.md").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no file to read bars from") as caught:
        find_files(place.format(tmp_path), "bars")
    assert found in caught.value.found


@pytest.mark.parametrize("place", ["{}/bars.csv", "{}", "{}/*", "{}/**"])
@pytest.mark.parametrize("kind", ["pipe", "socket", "link"])
def test_what_is_no_regular_file_is_refused(tmp_path, place, kind):
    path = tmp_path / "bars.csv"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    else:
        path.symlink_to(tmp_path / "nowhere.csv")
    with pytest.raises(BadInput, match="no file to read bars from") as caught:
        find_files(place.format(tmp_path), "bars")
    assert caught.value.found.startswith(("a named pipe", "a socket", "a link to a file", "no such file"))


@pytest.mark.parametrize("place", ["/dev/zero", "{}/" + "a" * 300 + ".csv", "{}/a\0b.csv"])
def test_devices_and_impossible_names_are_refused(tmp_path, place):
    with pytest.raises(BadInput, match="no file to read bars from") as caught:
        find_files(place.format(tmp_path), "bars")
    assert caught.value.found


@pytest.mark.parametrize("place", ["{}", "{}/**/*.parquet", "{}/**"])
def test_links_in_a_circle_are_followed_once(bars, tmp_path, place):
    (tmp_path / "2024").mkdir()
    bars.write_parquet(tmp_path / "2024" / "a.parquet")
    for name in ("one", "two", "2024/three", "2024/four"):
        (tmp_path / name).symlink_to(tmp_path)
    assert find_files(place.format(tmp_path), "bars") == (f"{tmp_path}/2024/a.parquet",)


def test_two_columns_of_one_name_are_refused(bars, tmp_path):
    (tmp_path / "bars.csv").write_text(bars.write_csv().replace("volume", "close", 1))
    with pytest.raises(BadData, match="two columns are named 'close'"):
        load(DataSpec(bars=f"{tmp_path}/bars.csv"))


@pytest.mark.parametrize("place", ["{}/bars.xls", "{}/bars*", "file://{}/bars.xls"])
def test_an_unsupported_extension_is_refused(tmp_path, place):
    (tmp_path / "bars.parquet").write_text("")
    (tmp_path / "bars.xls").write_text("")
    with pytest.raises(BadInput, match=r"unsupported extension of bars\.xls") as caught:
        find_files(place.format(tmp_path), "bars")
    assert ".parquet" in caught.value.expected
    assert caught.value.remedy


def test_an_unknown_scheme_is_refused():
    with pytest.raises(BadInput, match="cannot open this URL") as caught:
        find_files("gopher://example.invalid/bars.parquet", "bars")
    assert "s3://" in caught.value.expected


@pytest.mark.parametrize("name", ["bars.parquet", "bars.arrow"])
def test_a_corrupt_file_is_refused_by_name(bars, tmp_path, name):
    bars.write_parquet(tmp_path / "a.parquet")
    (tmp_path / name).write_bytes(b"PAR1 but nothing of the kind")
    with pytest.raises(BadData, match="cannot be read") as caught:
        open_parts(FileSpec(path=str(tmp_path)), "bars")
    assert caught.value.where == f"{tmp_path}/{name}"
    assert caught.value.found
    assert caught.value.remedy


@pytest.mark.parametrize("write", [pl.DataFrame.write_parquet, pl.DataFrame.write_ipc])
def test_a_file_at_which_polars_panics_is_refused_by_name_without_a_trace(bars, tmp_path, write, capfd):
    place = tmp_path / ("bars.parquet" if write is pl.DataFrame.write_parquet else "bars.arrow")
    write(bars, place)
    whole, refused = bytearray(place.read_bytes()), 0
    for at in range(0, len(whole), 11):  # every eleventh byte turned over, one at a time
        damaged = whole.copy()
        damaged[at] ^= 0xFF
        place.write_bytes(damaged)
        with contextlib.suppress(BadData):
            load(DataSpec(bars=str(place)))
            continue
        refused += 1
    assert refused > 10
    assert capfd.readouterr().err == ""


def test_a_file_with_damaged_pages_is_refused_by_name(bars, tmp_path):
    bars.write_parquet(tmp_path / "a.parquet")
    bars.write_parquet(tmp_path / "b.parquet")
    content = bytearray((tmp_path / "b.parquet").read_bytes())
    content[4:200] = b"\xff" * 196
    (tmp_path / "b.parquet").write_bytes(content)
    with pytest.raises(BadData, match="cannot be read") as caught:
        load(DataSpec(bars=str(tmp_path)))
    assert caught.value.where == f"{tmp_path}/b.parquet"


@pytest.mark.parametrize("text", ["timestamp,asset,open\n2024-01-02,AA,1,2,3,4\n", 'timestamp\n"2024-01-02\n'])
def test_a_broken_csv_is_refused_by_name(tmp_path, text):
    (tmp_path / "bars.csv").write_text(text)
    with pytest.raises(BadData) as caught:
        load(DataSpec(bars=f"{tmp_path}/bars.csv"))
    assert f"{tmp_path}/bars.csv" in caught.value.where


def test_a_csv_in_another_encoding_is_refused_by_name(bars, tmp_path):
    (tmp_path / "bars.csv").write_bytes(bars.write_csv().replace("AA", "\xc4A").encode("latin-1"))
    with pytest.raises(BadData, match="cannot be read") as caught:
        load(DataSpec(bars=f"{tmp_path}/bars.csv"))
    assert "utf-8" in caught.value.found


@pytest.mark.parametrize("text", ["", "timestamp,asset,open,high,low,close,volume\n"])
def test_csv_files_without_rows_are_empty_input_alone_and_left_out_among_others(bars, tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(BadData, match="bars hold no rows") as caught:
        load(DataSpec(bars=f"{tmp_path}/a.csv"))
    assert caught.value.where == f"{tmp_path}/a.csv"
    bars.write_csv(tmp_path / "b.csv")
    assert load(DataSpec(bars=str(tmp_path))).rows.height == 6


def test_a_late_fraction_in_a_csv_is_read_as_a_number(bars, tmp_path):
    many = pl.concat([bars.with_columns(pl.col("timestamp").dt.offset_by(f"{i}w")) for i in range(300)])
    text = many.with_columns(pl.col("volume").cast(pl.Int64)).write_csv() + "2040-01-01,AA,1.0,1.0,1.0,1.0,0.5\n"
    (tmp_path / "bars.csv").write_text(text.replace("T00:00:00.000000", ""))
    assert load(DataSpec(bars=f"{tmp_path}/bars.csv")).rows["volume"][-1] == 0.5


def test_only_frames_are_taken():
    with pytest.raises(BadInput, match="bars must be a frame of Polars or pandas") as caught:
        part_of_frame({"timestamp": []}, "bars")
    assert caught.value.found == "builtins.dict"
    assert "from_pandas" in caught.value.remedy


def test_a_lazy_frame_that_fails_is_refused(tmp_path):
    with pytest.raises(BadData, match="cannot be read"):
        part_of_frame(pl.scan_parquet(tmp_path / "gone.parquet"), "bars")


def test_gather_joins_named_scans_in_order(bars):
    both = gather([("one", bars.lazy().head(1)), ("two", bars.lazy().tail(1))])
    assert both["close"].to_list() == [11.0, 23.0]
