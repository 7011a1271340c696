from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backsweep.metrics import METRICS
from backsweep.statistics.blocks import block_sums
from backsweep.storage.sealed import sealed, unsealed
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.records import read_records
from backsweep.study.table.blocks import block_rows, gather_records, rows_of_returns, summarise_records
from backsweep.study.table.outcomes import Outcomes
from backsweep.trial.block_sums import sum_records
from backsweep.trial.contract import Outcome


def test_what_is_kept_of_a_trial_is_what_its_returns_give():
    record = np.random.default_rng(0).normal(0, 0.01, (5, 300)).astype(np.float32)
    found = gather_records(
        [summarise_records(np.arange(3), record[:3]), summarise_records(np.arange(3, 5), record[3:])]
    )
    wanted = block_sums(record.T, 128, np.float32)
    np.testing.assert_array_equal(found.block_sums.sums, wanted.sums)
    np.testing.assert_array_equal(found.block_sums.squares, wanted.squares)
    assert found.block_sums.sessions == 300
    assert found.numbers.tolist() == [0, 1, 2, 3, 4]


def test_a_study_keeps_block_sums_of_every_trial_that_came_back(bench):
    bench.run("one", bench.sweep())
    folder = StudyFolder(bench.folder / "one")
    entries = folder.entries()
    kept = read_records(folder, entries)
    again = gather_records(rows_of_returns(part) for part in folder.parts("returns", entries))
    failed = int((folder.rows("trials")["state"] == "FAIL").sum())
    assert 0 < failed == 100 - len(kept.numbers)
    np.testing.assert_array_equal(kept.block_sums.sums, again.block_sums.sums)
    np.testing.assert_array_equal(kept.numbers, again.numbers)


def test_of_a_study_without_block_sums_they_are_made_of_its_returns(bench):
    bench.run("one", bench.sweep(), chunk_size=16)
    folder = StudyFolder(bench.folder / "one")
    kept = read_records(folder, folder.entries())
    for path in sorted((bench.folder / "one" / "manifest").iterdir())[::2]:  # some batches of an older version
        content = unsealed(path.read_bytes(), "")
        del content["files"]["blocks"]
        path.write_bytes(sealed(content))
    again = read_records(folder, folder.entries())
    np.testing.assert_array_equal(kept.block_sums.sums, again.block_sums.sums)
    np.testing.assert_array_equal(kept.numbers, again.numbers)


def test_the_statistics_do_not_read_returns(bench):
    bench.run("one", bench.sweep())
    folder = StudyFolder(bench.folder / "one")
    for part in (bench.folder / "one" / "returns").iterdir():
        part.unlink()
    assert read_records(folder, folder.entries()).block_sums.sessions == 6


@pytest.mark.parametrize("sessions", [0, 3])
def test_records_of_too_few_sessions_are_none(sessions):
    assert gather_records([summarise_records(np.arange(2), np.zeros((2, sessions), np.float32))]) is None


def test_records_of_different_lengths_are_none():
    parts = [summarise_records(np.arange(1), np.zeros((1, sessions), np.float32)) for sessions in (10, 12)]
    assert gather_records(parts) is None


def test_what_workers_kept_are_the_rows_that_the_driver_would_make():
    record = np.random.default_rng(0).normal(0, 0.01, (5, 300)).astype(np.float32)
    results = [Outcomes(range(10, 15), 300) for _ in range(2)]
    for numbers in ([12, 13, 14], [10, 11], [11, 12]):  # two came back twice
        rows = np.array(numbers) - 10
        blank = np.zeros((len(rows), len(METRICS)))
        times = np.zeros(len(rows))
        errors = {11: "it raised"} if 11 in numbers else {}
        plain = Outcome(0, rows + 10, blank, blank.astype(np.uint8), record[rows], errors, times, times)
        results[0].store(plain)
        results[1].store(replace(plain, record_sums=sum_records(record[rows])))
    made, kept = (block_rows(each, ()) for each in results)
    assert kept["number"].to_list() == [10, 12, 13, 14]
    assert kept.equals(made)
