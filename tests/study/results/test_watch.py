import pytest
from scenarios.toy_study import run_toy

from backsweep.errors import StudyConflict
from backsweep.study.results.study import open_study
from backsweep.study.results.watch import Watch


def test_each_look_reads_what_was_committed_since(tmp_path, monkeypatch):
    run_toy(tmp_path / "study", trials=16)
    watch = Watch(tmp_path / "study", 5)
    assert (watch.look()[0].done, watch.look()[0].batches) == (16, 2)
    read = []
    rows = watch._folder.rows
    monkeypatch.setattr(watch._folder, "rows", lambda table, entries: read.extend(entries) or rows(table, entries))
    run_toy(tmp_path / "study", trials=40)
    state, best = watch.look()
    assert (state.done, state.total, state.batches) == (40, 40, 5)
    assert [entry.first for entry in read] == [16, 24, 32]
    study = open_study(tmp_path / "study")
    assert state == study.state
    assert best.equals(study.top(5))
    assert watch.curve.tolist() == study.trials["value"].cum_max().to_list()
    watch.look()
    assert len(read) == 3


def test_the_total_is_that_of_the_last_run(tmp_path):
    run_toy(tmp_path / "study", trials=8)
    run_toy(tmp_path / "study", trials=16)
    assert Watch(tmp_path / "study", 1).look()[0].total == 16


def test_there_has_to_be_a_study(tmp_path):
    with pytest.raises(StudyConflict, match="no study here"):
        Watch(tmp_path, 1)
