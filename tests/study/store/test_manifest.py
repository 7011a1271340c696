"""What a commit leaves in a study's folder, what is read of it, and what is cleared away."""

from __future__ import annotations

import polars as pl
import pytest

from backsweep.errors import StudyConflict
from backsweep.storage.local import LocalFiles
from backsweep.storage.sealed import sha256, unsealed
from backsweep.study.store.entry import Entry
from backsweep.study.store.manifest import clear_parts, parquet_bytes, put_parts, read_entries, read_parts

STUDY = "ab" * 32


class Unchecked:
    """Stands for the tables of a study: notes what it was asked to check."""

    def __init__(self):
        self.seen = []

    def check(self, table, rows, entry, _):
        self.seen.append((table, rows["number"].to_list(), entry.first))


@pytest.fixture
def files(tmp_path):
    return LocalFiles(tmp_path)


def rows(first, count, **more):
    return pl.DataFrame({"number": range(first, first + count), **more})


def commit(files, first, count, total=20, study=STUDY, **tables):
    return put_parts(files, study, {"trials": rows(first, count), **tables}, total)


def names(files, *folders):
    return [name for folder in folders for name in files.names(folder)]


def test_a_commit_is_a_file_for_each_table_and_an_entry_that_names_them_by_digest(files):
    trials, returns = rows(8, 4), rows(8, 4, fold=0)
    assert commit(files, 8, 4, returns=returns)
    digests = {"trials": sha256(parquet_bytes(trials)), "returns": sha256(parquet_bytes(returns))}
    assert unsealed(files.get("manifest/part-000000008.json"), "") == {
        "study": STUDY,
        "first": 8,
        "count": 4,
        "total": 20,
        "files": digests,
    }
    parts = {table: f"{table}/part-000000008-{digest[:12]}.parquet" for table, digest in digests.items()}
    assert {table: pl.read_parquet(files.location / name).equals(trials) for table, name in parts.items()} == {
        "trials": True,
        "returns": False,
    }
    assert names(files, "trials", "returns", "manifest") == [*parts.values(), "manifest/part-000000008.json"]


def test_a_second_commit_of_the_same_trials_is_not_one(files):
    assert commit(files, 0, 4)
    commit(files, 0, 4)
    assert len(names(files, "trials", "manifest")) == 2
    assert not commit(files, 0, 4, trials=rows(0, 4, loss=1.0))
    assert [entry.files for entry in read_entries(files, STUDY)] == [{"trials": sha256(parquet_bytes(rows(0, 4)))}]


def test_entries_and_their_parts_are_read_in_the_order_of_trials(files):
    commit(files, 4, 3, returns=rows(4, 3))
    commit(files, 0, 4)
    entries = read_entries(files, STUDY)
    assert [(entry.first, entry.count, entry.total) for entry in entries] == [(0, 4, 20), (4, 3, 20)]
    tables = Unchecked()
    assert [part["number"].to_list() for part in read_parts(files, entries, "trials", tables)] == [
        [0, 1, 2, 3],
        [4, 5, 6],
    ]
    assert [part["number"].to_list() for part in read_parts(files, entries, "returns", tables)] == [[4, 5, 6]]
    assert tables.seen == [("trials", [0, 1, 2, 3], 0), ("trials", [4, 5, 6], 4), ("returns", [4, 5, 6], 4)]
    assert list(read_parts(files, entries, "folds", tables)) == []


def test_what_is_no_entry_is_not_read(files):
    commit(files, 0, 4)
    (files.location / "manifest/notes.json").write_text("mine")
    assert len(read_entries(files, STUDY)) == 1
    assert read_entries(LocalFiles(files.location / "nothing"), STUDY) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda place: (place / "part-000000000.json").unlink(), "missing\n(.|\n)*trial 0 next\n(.|\n)*trial 4"),
        (lambda place: (place / "part-000000004.json").unlink(), "missing\n(.|\n)*trial 4 next\n(.|\n)*trial 8"),
        (
            lambda place: (place / "part-000000008.json").rename(place / "part-000000009.json"),
            "under another entry's name",
        ),
        (lambda place: (place / "part-000000008.json").write_text("{}"), r"part-000000008\.json"),
    ],
)
def test_entries_that_are_missing_renamed_or_damaged_are_refused(files, spoil, said):
    for first in (0, 4, 8):
        commit(files, first, 4)
    spoil(files.location / "manifest")
    with pytest.raises(StudyConflict, match=said):
        read_entries(files, STUDY)


def test_an_entry_of_another_study_is_refused(files):
    commit(files, 0, 4, study="cd" * 32)
    with pytest.raises(StudyConflict, match=rf"different studies\n(.|\n)*{STUDY[:16]}\.\.\.(.|\n)*{'cd' * 8}\.\.\."):
        read_entries(files, STUDY)


def test_entries_that_hold_the_same_trials_twice_are_refused(files):
    commit(files, 0, 4)
    commit(files, 3, 4)
    with pytest.raises(StudyConflict, match="a part of the study table is missing"):
        read_entries(files, STUDY)


def test_a_part_that_is_missing_or_damaged_is_refused(files):
    commit(files, 0, 4)
    entries = read_entries(files, STUDY)
    (part,) = names(files, "trials")
    (files.location / part).write_bytes(parquet_bytes(rows(0, 5)))
    with pytest.raises(StudyConflict, match="part-000000000"):
        list(read_parts(files, entries, "trials", Unchecked()))
    (files.location / part).unlink()
    with pytest.raises(StudyConflict, match="part-000000000"):
        list(read_parts(files, entries, "trials", Unchecked()))


def test_what_killed_runs_have_left_of_committed_trials_is_cleared_and_nothing_else(files):
    first = 1_234_567_890  # more digits than the nine that names have at least
    commit(files, 0, 4)
    commit(files, first, 4, returns=rows(first, 4))
    kept = names(files, "trials", "returns", "manifest")
    entries = [Entry(**unsealed(files.get(name), "")) for name in files.names("manifest")]
    lost = ["trials/part-000000000-0123456789ab.parquet", f"trials/part-{first}-0123456789ab.parquet"]
    lost += ["returns/part-000000000-0123456789ab.parquet"]  # that entry has no part of this table
    lost += [f"{folder}.backsweep-0123456789abcdef.tmp" for folder in ("", "manifest/", "trials/", "returns/")]
    mine = ["trials/part-000000004-0123456789ab.parquet", "trials/part-000000000-0123456789ab.parquet.old"]
    mine += ["trials/notes.txt", "manifest/part-7.json", ".backsweep-7.tmp"]
    for name in (*lost, *mine):
        (files.location / name).write_text("left")
    clear_parts(files, entries)
    assert not [name for name in lost if (files.location / name).exists()]
    assert not [name for name in (*kept, *mine) if not (files.location / name).exists()]
