"""The fingerprint follows the content of the files, not their place."""

import shutil

import pytest

from backsweep.dataset import DataSpec, fingerprint
from backsweep.errors import BadInput


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
