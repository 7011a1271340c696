from __future__ import annotations

import logging
import os
import shutil

import pytest

from backsweep.errors import StudyConflict
from backsweep.storage.protocol import unreadable
from backsweep.storage.sealed import sealed, unsealed
from backsweep.study.results.study import open_study
from backsweep.study.store import registry
from backsweep.study.store.registry import REGISTRY, register_studies


def run(bench, name, **search):
    bench.run(name, bench.sweep(**search))
    register_studies(bench.folder / name)


def tried(bench, name):
    return open_study(bench.folder / name).statistics.tried


def test_a_deleted_study_still_counts(bench):
    run(bench, "one")
    run(bench, "two", seed=8)
    shutil.rmtree(bench.folder / "one")
    assert tried(bench, "two") == 200


def test_a_renamed_or_copied_study_counts_once(bench):
    run(bench, "one")
    run(bench, "two", seed=8)
    (bench.folder / "one").rename(bench.folder / "other")
    shutil.copytree(bench.folder / "other", bench.folder / "copy")
    register_studies(bench.folder / "copy")
    assert tried(bench, "two") == 200


def test_a_study_counts_as_far_as_it_ever_came(bench):
    run(bench, "one", trials=20)
    run(bench, "one", trials=50)
    run(bench, "two", seed=8)
    assert tried(bench, "two") == 150
    shutil.rmtree(bench.folder / "one")
    assert tried(bench, "two") == 150


def test_an_extended_study_was_looked_at_twice(bench):
    run(bench, "one", trials=20)
    assert open_study(bench.folder / "one").statistics.looks == 1
    run(bench, "one", trials=50)
    assert open_study(bench.folder / "one").statistics.looks == 2


def test_a_study_whose_run_was_killed_is_entered_by_the_next_run(bench):
    bench.run("killed", bench.sweep())  # nothing has registered it
    run(bench, "two", seed=8)
    shutil.rmtree(bench.folder / "killed")
    assert tried(bench, "two") == 200


def test_other_data_and_other_strategies_are_other_questions(bench):
    run(bench, "one")
    bench.run("elsewhere", bench.sweep(seed=8), fingerprint="other data")
    register_studies(bench.folder / "elsewhere")
    assert tried(bench, "one") == 100


def test_a_changed_entry_is_an_error_and_not_a_smaller_count(bench):
    run(bench, "one")
    entry = next((bench.folder / REGISTRY).iterdir())
    entry.write_text(entry.read_text().replace("100", "1"))
    with pytest.raises(StudyConflict, match="not what was written"):
        tried(bench, "one")


def test_a_damaged_neighbour_does_not_end_a_run(bench):
    run(bench, "one")
    (bench.folder / "one" / "study.json").write_text("{}")
    run(bench, "two", seed=8)
    assert len(list((bench.folder / REGISTRY).iterdir())) == 2


@pytest.mark.parametrize("odd", ["FIFO", "link to itself", "folder", "closed"])
def test_an_odd_neighbour_is_left_out_and_named(bench, odd, caplog, monkeypatch):
    place = bench.folder / "odd"
    place.mkdir()
    if odd == "FIFO":
        os.mkfifo(place / "study.json")
    elif odd == "link to itself":
        (place / "study.json").symlink_to("study.json")
    elif odd == "folder":
        (place / "study.json").mkdir()
    else:  # permissions do not bind the superuser
        known = registry.StudyFolder.exists.fget

        def exists(folder):
            if folder.path.name == "odd":
                raise unreadable(str(folder.path / "study.json"), "Permission denied")
            return known(folder)

        monkeypatch.setattr(registry.StudyFolder, "exists", property(exists))
    with caplog.at_level(logging.WARNING):
        run(bench, "one")
        assert tried(bench, "one") == 100
    assert "folders that cannot be read are not counted as studies" in caplog.text
    reason = {
        "FIFO": "a FIFO",
        "link to itself": "Too many levels",
        "folder": "a folder",
        "closed": "Permission denied",
    }
    assert f"odd/study.json: the file cannot be read ({reason[odd]}" in caplog.text
    assert len(list((bench.folder / REGISTRY).iterdir())) == 1


def test_an_entry_under_another_s_name_or_with_another_field_is_an_error(bench):
    run(bench, "one")
    (entry,) = (bench.folder / REGISTRY).iterdir()
    content = unsealed(entry.read_bytes(), "")
    for changes, said in (
        ({"trials": 1}, "an entry under another entry's name"),
        ({"trials": "1"}, "ill-formed field `trials`"),
    ):
        entry.write_bytes(sealed(content | changes))
        with pytest.raises(StudyConflict, match=f"{entry.name}: {said}"):
            tried(bench, "one")


def test_a_name_that_is_none_of_the_registry_s_is_left_alone(bench):
    run(bench, "one")
    (bench.folder / REGISTRY / "notes.json").write_text("mine")
    assert tried(bench, "one") == 100
    assert (bench.folder / REGISTRY / "notes.json").read_text() == "mine"
