"""The fingerprint follows the content of the files, not their place."""

import os
import pickle
import shutil
import sys
import time

import polars as pl
import pytest

from backsweep.dataset import DataSpec, fingerprint, load, sealed
from backsweep.dataset.calendar import survey
from backsweep.dataset.fingerprint import unchanged
from backsweep.errors import BadData, BadInput


@pytest.fixture
def folder(bars, tmp_path):
    place = tmp_path / "one"
    place.mkdir()
    bars.head(4).write_parquet(place / "a.parquet")
    bars.tail(2).write_csv(place / "b.csv")
    return place


def test_it_is_the_same_for_the_same_content_elsewhere_and_by_url(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "two")
    digest = fingerprint(DataSpec(bars=str(folder)))
    assert len(digest) == 64
    assert digest == fingerprint(DataSpec(bars=f"{tmp_path}/two/*"))
    assert digest == fingerprint(DataSpec(bars=f"file://{folder}"))


def test_it_changes_with_content_and_with_role(folder):
    bars, signals = f"{folder}/a.parquet", f"{folder}/b.csv"
    spec = DataSpec(bars=bars, signals=signals)
    digest = fingerprint(spec)
    assert digest != fingerprint(DataSpec(bars=bars))
    assert digest != fingerprint(DataSpec(bars=bars, context=signals))
    with (folder / "b.csv").open("a") as file:
        file.write("\n")
    assert digest != fingerprint(spec)


def test_it_refuses_what_is_not_there(folder):
    with pytest.raises(BadInput, match="no file to read signals from"):
        fingerprint(DataSpec(bars=str(folder), signals=f"{folder}/none.parquet"))


def test_what_is_loaded_is_what_was_sealed(bars, folder):
    spec = sealed(DataSpec(bars=str(folder)))
    assert fingerprint(spec) == fingerprint(DataSpec(bars=str(folder)))
    assert load(pickle.loads(pickle.dumps(spec))).rows.height == 6  # noqa: S301 - as a worker gets it
    other = folder.parent / "other.parquet"
    bars.head(4).with_columns(volume=pl.col("volume") + 1.0).write_parquet(other)
    other.replace(folder / "a.parquet")
    for read in (load, survey):
        with pytest.raises(BadData, match="have changed since their fingerprint was taken") as caught:
            read(spec)
        assert caught.value.where == f"{folder}/a.parquet"
    assert load(DataSpec(bars=str(folder))).rows.height == 6


def test_a_change_in_place_of_equal_size_and_time_is_seen(folder):
    file = folder / "b.csv"
    spec, before = sealed(DataSpec(bars=str(folder))), file.stat()
    time.sleep(0.02)  # longer than a tick of the file system's clock
    file.write_bytes(file.read_bytes().replace(b"200.0", b"201.0"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(BadData, match="have changed"):
        load(spec)


@pytest.mark.parametrize(
    "change", [lambda path: path.unlink(), lambda path: shutil.copy(path, path.with_name("c.csv"))]
)
def test_a_file_that_is_gone_or_new_is_seen(folder, change):
    spec = sealed(DataSpec(bars=str(folder)))
    change(folder / "b.csv")
    with pytest.raises(BadData, match="have changed") as caught:
        load(spec)
    assert caught.value.expected == "2 files"


def test_the_same_content_elsewhere_is_accepted(folder, tmp_path):
    spec = sealed(DataSpec(bars=str(folder)))
    shutil.copytree(folder, tmp_path / "two")
    assert load(spec.moved({"bars": f"{tmp_path}/two"})).rows.height == 6
    os.utime(folder / "a.parquet")
    assert load(spec).rows.height == 6


def test_a_swap_while_the_data_are_read_is_seen(bars, folder):
    spec, other = sealed(DataSpec(bars=str(folder))), folder.parent / "other.parquet"
    bars.head(4).write_parquet(other)

    def read():
        with unchanged(spec):
            other.replace(folder / "a.parquet")

    with pytest.raises(BadData, match="have changed"):
        read()


def test_a_file_with_another_time_is_digested_once_by_a_process(folder, monkeypatch):
    spec = sealed(DataSpec(bars=str(folder)))
    os.utime(folder / "a.parquet")
    load(spec)
    monkeypatch.setattr(sys.modules["backsweep.dataset.fingerprint"], "_digest", None)
    assert load(spec).rows.height == 6
