from __future__ import annotations

import math

import pytest

from backsweep.errors import StudyConflict
from backsweep.storage.sealed import sealed, unsealed
from backsweep.study.store.null_results import History, rank, read_histories, write_history

HASH = "ab" * 32


def histories(*sharpes):
    return [History(HASH, 100, 5, number, sharpe) for number, sharpe in enumerate(sharpes)]


@pytest.mark.parametrize(
    ("sharpe", "others", "p_value"),
    [(2.0, (0.1, 0.5, 1.0), 1 / 4), (0.5, (0.1, 0.5, 1.0), 3 / 4), (0.0, (0.1, None, 1.0), 3 / 4), (-1.0, (0.1,), 1.0)],
)
def test_the_p_value_counts_the_real_history_as_one_more(sharpe, others, p_value):
    assert rank(sharpe, histories(*others)).p_value == p_value


def test_a_rank_says_how_many_did_as_well_and_what_they_were():
    found = rank(0.5, histories(0.1, 0.5, None, 1.5))
    assert (found.histories, found.block, found.sharpe, found.above) == (4, 5, 0.5, 2)
    assert (found.median, found.highest) == (0.5, 1.5)
    nothing = rank(0.5, histories(None, None))
    assert (nothing.above, nothing.p_value) == (0, 1 / 3)
    assert math.isnan(nothing.median)
    assert math.isnan(nothing.highest)


def test_without_a_result_there_is_no_rank():
    assert math.isnan(rank(None, histories(0.1)).p_value)
    assert rank(1.0, []) is None


def test_histories_are_read_as_they_were_written_and_only_those_of_as_many_trials(tmp_path):
    for history in reversed(histories(0.1, None, 1.0)):
        write_history(tmp_path, history)
    write_history(tmp_path, History(HASH, 50, 5, 0, 9.0))
    assert read_histories(tmp_path, HASH, 100, 5) == histories(0.1, None, 1.0)


def test_other_blocks_are_another_hypothesis(tmp_path):
    write_history(tmp_path, *histories(0.1))
    with pytest.raises(StudyConflict, match="--block 5"):
        read_histories(tmp_path, HASH, 100, 10)


def test_a_changed_history_is_refused(tmp_path):
    write_history(tmp_path, *histories(0.25))
    path = next((tmp_path / "null").iterdir())
    path.write_text(path.read_text().replace("0.25", "0.05"))
    with pytest.raises(StudyConflict, match="not what was written"):
        read_histories(tmp_path, HASH, 100)


def test_a_history_of_another_study_or_under_another_s_name_is_refused(tmp_path):
    write_history(tmp_path, *histories(0.25))
    with pytest.raises(StudyConflict, match=r"000000100-000000\.json: a history of another study"):
        read_histories(tmp_path, "cd" * 32, 100)
    path = next((tmp_path / "null").iterdir())
    path.rename(path.with_name("000000100-000001.json"))
    with pytest.raises(StudyConflict, match=r"000000100-000001\.json: a history of another study"):
        read_histories(tmp_path, HASH, 100)


@pytest.mark.parametrize(
    "change", [{"sharpe": "2"}, {"number": True}, {"block": 0}, {"more": 1}, {"study": "../victim"}]
)
def test_a_history_that_was_edited_and_sealed_again_is_refused(tmp_path, change):
    write_history(tmp_path, *histories(0.25))
    path = next((tmp_path / "null").iterdir())
    content = unsealed(path.read_bytes(), "")
    path.write_bytes(sealed(content | change))
    with pytest.raises(
        StudyConflict, match=rf"000000100-000000\.json: (ill-formed|unknown) field `{next(iter(change))}`"
    ):
        read_histories(tmp_path, HASH, 100)
