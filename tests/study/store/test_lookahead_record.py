"""The note that a strategy was tested for look-ahead: from the folder of caches into a study's, and no other's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scenarios.toy_study import run_toy

from backsweep.errors import StudyConflict
from backsweep.storage.sealed import sealed, sha256, unsealed
from backsweep.study.results.study import open_study
from backsweep.study.store.lookahead_record import FILE, describe_test, note, read_passed, remember

OTHER = sha256(b"other")


@pytest.fixture
def study(tmp_path, monkeypatch):
    run_toy(tmp_path / "study", trials=8)
    monkeypatch.setattr("backsweep.study.store.lookahead_record.cache_folder", lambda: tmp_path / "kept")
    return tmp_path / "study"


def test_what_passed_is_noted_once_in_the_study_of_the_same_code_and_data(study):
    identity = open_study(study).identity
    note(study, identity)
    assert read_passed(study, identity) is None
    assert describe_test(None) == "not tested: backsweep check does"
    remember(identity, 36, 12)
    assert read_passed(study, identity) is None
    note(study, identity)
    passed = read_passed(study, identity)
    assert (passed.moments, passed.requests) == (36, 12)
    assert describe_test(passed) == f"none found, tested at 36 times on {passed.time[:10]}"
    remember(identity, 99, 99)
    note(study, identity)
    assert read_passed(study, identity) == passed


def test_a_test_that_looked_at_no_time_is_not_remembered(study, tmp_path):
    remember(open_study(study).identity, 0, 0)
    assert not list((tmp_path / "kept").glob("**/*.json"))


@pytest.mark.parametrize("changes", [{"strategy": OTHER}, {"data": OTHER}, {"files": {"a.py": OTHER}}])
def test_a_test_of_other_code_or_on_other_data_is_not_noted(study, changes):
    identity = open_study(study).identity
    remember(replace(identity, **changes), 36, 12)
    note(study, identity)
    assert read_passed(study, identity) is None


def test_a_note_of_another_strategy_in_the_folder_is_refused(study):
    identity = open_study(study).identity
    remember(identity, 36, 12)
    note(study, identity)
    content = unsealed((study / FILE).read_bytes(), "")
    (study / FILE).write_bytes(sealed({**content, "tested": OTHER}))
    with pytest.raises(StudyConflict, match="a test of another strategy") as caught:
        read_passed(study, identity)
    assert caught.value.where.endswith(FILE)
    assert caught.value.remedy


def test_without_a_folder_of_caches_nothing_is_remembered_or_noted(study, monkeypatch):
    monkeypatch.setattr("backsweep.study.store.lookahead_record.cache_folder", lambda: None)
    identity = open_study(study).identity
    remember(identity, 36, 12)
    note(study, identity)
    assert read_passed(study, identity) is None
