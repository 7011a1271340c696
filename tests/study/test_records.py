from __future__ import annotations

import numpy as np
import pytest

from backsweep.statistics.blocks import block_sums
from backsweep.study.folder import StudyFolder
from backsweep.study.records import gather_records, read_records, rows_of_returns, summarise_records


def test_what_is_kept_of_a_trial_is_what_its_returns_give():
    record = np.random.default_rng(0).normal(0, 0.01, (5, 300)).astype(np.float32)
    found = gather_records(
        [summarise_records(np.arange(3), record[:3]), summarise_records(np.arange(3, 5), record[3:])]
    )
    wanted = block_sums(record.T, 128, np.float32)
    np.testing.assert_array_equal(found.kept.sums, wanted.sums)
    np.testing.assert_array_equal(found.kept.squares, wanted.squares)
    assert found.kept.sessions == 300
    assert found.numbers.tolist() == [0, 1, 2, 3, 4]


def test_a_study_keeps_block_sums_of_every_trial_that_came_back(bench):
    bench.run("one", bench.sweep())
    folder = StudyFolder(bench.folder / "one")
    entries = folder.entries()
    kept = read_records(folder, entries)
    again = gather_records(rows_of_returns(part) for part in folder.parts("returns", entries))
    failed = int((folder.rows("trials")["state"] == "FAIL").sum())
    assert 0 < failed == 100 - len(kept.numbers)
    np.testing.assert_array_equal(kept.kept.sums, again.kept.sums)
    np.testing.assert_array_equal(kept.numbers, again.numbers)


def test_the_statistics_do_not_read_returns(bench):
    bench.run("one", bench.sweep())
    folder = StudyFolder(bench.folder / "one")
    for part in (bench.folder / "one" / "returns").iterdir():
        part.unlink()
    assert read_records(folder, folder.entries()).kept.sessions == 6


@pytest.mark.parametrize("sessions", [0, 3])
def test_records_of_too_few_sessions_are_none(sessions):
    assert gather_records([summarise_records(np.arange(2), np.zeros((2, sessions), np.float32))]) is None


def test_records_of_different_lengths_are_none():
    parts = [summarise_records(np.arange(1), np.zeros((1, sessions), np.float32)) for sessions in (10, 12)]
    assert gather_records(parts) is None
