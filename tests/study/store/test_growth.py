"""A study that goes on with data that have grown: at every moment it is the one before or the one after, whole."""

from __future__ import annotations

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from scenarios.toy_study import run_toy

from backsweep.errors import StudyConflict
from backsweep.storage.local import LocalFiles
from backsweep.study.results.study import open_study
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.growth import Growth, describe_growth
from backsweep.trial.contract import DataInfo

DAYS = np.arange(9)
INFO = DataInfo(sessions=DAYS * 86_400_000_000_000, assets=("SPY",), dates=DAYS.astype(np.int32))
BLOCKS = pl.DataFrame({"role": ["bars"], "rows": [9]})


class Killed(BaseException):
    pass


@pytest.fixture
def begun(tmp_path):
    run_toy(tmp_path / "study")
    return tmp_path / "study"


def grow(place):
    folder = StudyFolder(place)
    known = folder.study_json()
    growth = Growth(known.hash, known.data, "2026-01-02T00:00:00", "2026-01-01", "2026-01-02", (0, 1), 40, 40, 24, 1)
    folder.grow(replace(known.identity, data="f" * 64), INFO, growth, BLOCKS)
    return growth


def kill_after(monkeypatch, count):
    """Kill what writes to a folder before its file number `count`."""
    left = [count]

    def counted(write):
        def go(self, *arguments):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return write(self, *arguments)

        return go

    for name in ("put", "replace", "remove"):
        monkeypatch.setattr(LocalFiles, name, counted(getattr(LocalFiles, name)))


def test_it_begins_again_and_keeps_what_it_was(begun, monkeypatch):
    digest, hash_before = open_study(begun).digest(), open_study(begun).identity.hash
    growth = grow(begun)
    study = open_study(begun)
    assert len(study.trials) == 0
    assert study.identity.hash != hash_before
    assert study.history == (growth,)
    assert len(study.sessions) == 9
    assert StudyFolder(begun).row_digests().equals(BLOCKS)
    (former,) = StudyFolder(begun).former()
    assert open_study(former.path).digest() == digest
    assert sorted(path.name for path in begun.iterdir()) == ["before", "rows.parquet", "sessions.parquet", "study.json"]
    assert StudyFolder(begun).left_behind() == 40
    with monkeypatch.context() as patch:  # the study on the grown data has 10 of the 24 that were kept
        patch.setattr(StudyFolder, "committed", lambda _: [SimpleNamespace(count=10)])
        assert StudyFolder(begun).left_behind() == 30
    assert describe_growth(growth) == "2026-01-01 to 2026-01-02, on 2026-01-02; kept: folds 0 to 1, 24 of 40 trials"


@pytest.mark.long
def test_a_run_that_is_killed_leaves_the_study_before_or_the_one_after(begun, monkeypatch, tmp_path):
    digest, hash_before = open_study(begun).digest(), open_study(begun).identity.hash
    stages, count = set(), 0
    while True:
        place = tmp_path / f"killed-{count}"
        shutil.copytree(begun, place)
        with monkeypatch.context() as patch:
            kill_after(patch, count)
            try:
                grow(place)
                ended = True
            except Killed:
                ended = False
        study = open_study(place)
        before = study.identity.hash == hash_before
        stages.add(before)
        assert (len(study.trials), len(study.sessions), len(study.history)) == ((40, 6, 0) if before else (0, 9, 1))
        study.verify()
        if before:
            assert study.digest() == digest
            grow(place)
        else:
            with StudyFolder(place).hold():
                pass
        assert open_study(place / "before" / "1").digest() == digest
        assert StudyFolder(place).committed() == []
        assert not list(place.glob("*next*"))
        assert [path.name for path in (*place.glob("trials/*"), *place.glob("manifest/*"))] == []
        if ended:
            break
        count += 1
    assert stages == {True, False}
    assert count > 20


def test_a_study_that_another_run_holds_does_not_begin_again(begun):
    with StudyFolder(begun).hold(), pytest.raises(StudyConflict, match="another run is working on this study"):
        grow(begun)
    assert not open_study(begun).history
