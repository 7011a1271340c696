"""What a verdict counts: the looks that came before it, whatever is made, deleted or damaged afterwards."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
from scenarios.formula_study import FormulaBackend

from backsweep.errors import StudyConflict
from backsweep.storage.sealed import sealed, unsealed
from backsweep.study.results.study import open_study
from backsweep.study.store.holdout_log import record_use
from backsweep.study.store.looks import FOLDER, _later, _own_past, record_looks, recording_looks
from backsweep.study.store.registry import REGISTRY, RegisteredStudy, register_studies


def begin(bench, name, backend=None, **search):
    """Run a study to its end, batch by batch, but for what is kept there."""
    bench.run(name, bench.sweep(**search).model_copy(update={"study": name}), backend, chunk_size=16)


def run(bench, name, backend=None, **search):
    with recording_looks(bench.folder / name):
        begin(bench, name, backend, **search)
    return open_study(bench.folder / name)


def found(bench, name):
    return open_study(bench.folder / name).statistics


def named(looks):
    return [(each.study, each.trials, each.times) for each in looks]


def ended(study):
    """Return when the last trials came back, which in these studies is not after all others did."""
    last = study.trials.filter(study.trials["batch"] == study.trials["batch"].max())
    return last["datetime_complete"].max().isoformat(timespec="seconds")


def judged(findings):
    """Leave out what may be said afterwards."""
    return repr(replace(findings, later=()))


def look_at_holdout(study):
    more = {"trial": 3, "params": {}, "start": "2020-01-01", "end": "2020-12-31", "metrics": {"sharpe": 1.0}}
    return record_use(study.path, study.identity.hash, why="final check", **more)


def test_a_later_study_is_listed_and_changes_no_verdict(bench):
    digest, before = run(bench, "one").digest(), found(bench, "one")
    assert (before.tried, before.looks, before.before, before.later) == (100, 1, (), ())
    second = run(bench, "two", seed=8, trials=50)
    after = found(bench, "one")
    assert judged(after) == judged(before)
    assert named(after.later) == [("two", 50, 1)]
    assert after.later[0].date == ended(second)
    assert open_study(bench.folder / "one").digest() == digest


def test_an_earlier_study_counts_by_its_name_date_and_trials(bench):
    first = run(bench, "one")
    second = run(bench, "two", seed=8, trials=50).statistics
    assert (second.tried, second.looks, second.later) == (150, 2, ())
    assert named(second.before) == [("one", 100, 1)]
    assert second.before[0].date == ended(first)
    assert second.counted > second.before[0].date


def test_a_study_without_a_trial_is_no_look(bench):
    with pytest.raises(KeyboardInterrupt):
        run(bench, "begun", backend=FormulaBackend(interrupt_after=0))
    assert len(open_study(bench.folder / "begun").trials) == 0
    second = run(bench, "two", seed=8).statistics
    assert (second.tried, second.looks, second.before) == (100, 1, ())
    older = RegisteredStudy("ab" * 32, "cd" * 32, "Formula", trials=0, looks=1, name="other")
    place = next((bench.folder / "two" / FOLDER).iterdir())
    kept = unsealed(place.read_bytes(), str(place))
    place.write_bytes(sealed(kept | {"before": [asdict(older)]}))
    assert found(bench, "two").looks == 1


def test_an_extension_has_a_verdict_of_its_own_that_counts_what_was_made_in_between(bench):
    run(bench, "one", trials=40)
    run(bench, "two", seed=8)
    extended = run(bench, "one", trials=60).statistics
    assert (extended.tried, extended.looks) == (160, 3)  # twice here and once there
    assert named(extended.before) == [("two", 100, 1)]
    assert named(found(bench, "two").before) == [("one", 40, 1)]
    assert named(found(bench, "two").later) == [("one", 20, 1)]


def test_a_run_without_new_trials_counts_nothing_anew(bench):
    before = run(bench, "one").statistics
    run(bench, "two", seed=8)
    assert judged(run(bench, "one").statistics) == judged(before)


def test_a_verdict_outlives_the_registry_and_the_studies_that_it_counts(bench):
    run(bench, "one")
    before = run(bench, "two", seed=8).statistics
    shutil.rmtree(bench.folder / REGISTRY)
    shutil.rmtree(bench.folder / "one")
    assert judged(found(bench, "two")) == judged(before)
    shutil.copytree(bench.folder / "two", bench.folder / "elsewhere" / "copy")
    assert judged(found(bench, "elsewhere/copy")) == judged(before)


def test_of_two_studies_at_a_time_the_one_that_ends_last_counts_the_other(bench):
    begin(bench, "one")
    begin(bench, "two", seed=8)
    for name in ("one", "two"):
        register_studies(bench.folder / name)
        record_looks(bench.folder / name)
    assert named(found(bench, "two").before) == [("one", 100, 1)]


def test_a_study_without_a_record_counts_what_is_known_now_and_says_so(bench):
    begin(bench, "one")  # killed before it could keep anything
    run(bench, "two", seed=8)
    now = found(bench, "one")
    assert (now.counted, now.tried, now.looks, named(now.before)) == ("", 200, 2, [("two", 100, 1)])


def test_entries_of_the_registry_without_names_and_times_still_count(bench):
    run(bench, "one")
    entry = next((bench.folder / REGISTRY).iterdir())
    content = unsealed(entry.read_bytes(), "")
    entry.write_bytes(sealed({key: value for key, value in content.items() if key not in {"name", "time"}}))
    shutil.rmtree(bench.folder / "one")
    second = run(bench, "two", seed=8).statistics
    assert (second.tried, named(second.before), second.before[0].date) == (200, [("", 100, 1)], "")


def test_looks_at_a_holdout_count_from_the_next_verdict_on(bench):
    study = run(bench, "one", trials=40)
    look_at_holdout(study)
    register_studies(study.path)
    after = found(bench, "one")
    assert (after.looks, named(after.later)) == (1, [("one", 0, 1)])
    assert run(bench, "two", seed=8).statistics.looks == 3  # its own, and two of the other
    assert run(bench, "one", trials=60).statistics.looks == 4  # twice here, the holdout, and the other


@pytest.mark.parametrize(
    "change",
    [
        {"study": "f" * 64},
        {"trials": 99},
        {"own": 0},
        {"own": True},
        {"touches": -1},
        {"time": 3},
        {"before": {}},
        {"before": [{"study": "x"}]},
        {"before": [{"study": "x", "data": "", "strategy": "", "trials": "7", "looks": 1}]},
        {"more": 1},
    ],
)
def test_a_record_that_was_changed_and_sealed_again_is_an_error(bench, change):
    study = run(bench, "one")
    record = next((study.path / FOLDER).iterdir())
    record.write_bytes(sealed(unsealed(record.read_bytes(), "") | change))
    with pytest.raises(StudyConflict, match=r"looks/000000100\.json"):
        found(bench, "one")


def test_a_study_that_cannot_be_written_is_left_as_it_is(bench):
    begin(bench, "one")
    (bench.folder / "one" / FOLDER).write_text("no folder\n")
    record_looks(bench.folder / "one")
    assert found(bench, "one").counted == ""


def test_no_record_is_kept_while_something_beside_cannot_be_read(bench, caplog):
    run(bench, "one")
    shutil.rmtree(bench.folder / REGISTRY)
    hidden = bench.folder / "one" / "study.json"
    content = hidden.read_bytes()
    hidden.write_text("{}")
    with caplog.at_level(logging.WARNING):
        study = run(bench, "two", seed=8)
        assert caplog.text.count("folders that cannot be read are not counted as studies") == 1
        caplog.clear()
        assert (study.statistics.tried, study.statistics.counted) == (100, "")
        assert caplog.text.count("folders that cannot be read are not counted as studies") == 1
    hidden.write_bytes(content)
    assert found(bench, "two").tried == 200
    kept = run(bench, "two", seed=8).statistics
    assert (kept.tried, named(kept.before)) == (200, [("one", 100, 1)])
    assert kept.counted


def test_the_file_system_s_own_folder_beside_a_study_is_not_looked_into(bench, caplog):
    (bench.folder / "lost+found").mkdir()
    (bench.folder / "lost+found" / "study.json").symlink_to("study.json")
    assert run(bench, "one").statistics.counted
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("trials", "times", "more"),
    [(10, 2, None), (9, 2, None), (10, 1, None), (11, 2, (1, 0)), (10, 3, (0, 1)), (30, 1, (20, 0)), (5, 4, (0, 2))],
)
def test_what_another_study_has_come_to_since_is_never_less_than_nothing(trials, times, more):
    before = RegisteredStudy("ab" * 32, "cd" * 32, "Hold", trials=10, looks=2, name="other")
    now = replace(before, trials=trials, looks=times)
    found = [(look.study, look.trials, look.times) for look in _later([now], [before])]
    assert found == ([] if more is None else [("other", *more)])
    assert [(look.trials, look.times) for look in _later([now], [])] == [(trials, times)]


@pytest.mark.parametrize(
    ("past", "expected"),
    [([], (0, 0)), ([(8, 2)], (0, 1)), ([(0, 2)], (2, 0)), ([(8, 3), (0, 2)], (2, 0)), ([(0, 3), (8, 2)], (0, 1))],
)
def test_a_study_whose_data_grew_counts_what_it_left_behind_or_how_often_it_was_seen(monkeypatch, past, expected):
    """Of several times the data grew, the last one knows of all before it."""
    studies = [SimpleNamespace(trials=trials, looks=looks) for trials, looks in past]
    monkeypatch.setattr("backsweep.study.store.looks.past_of", lambda *_: studies)
    times, left = _own_past(None, None)
    assert (times, len(left)) == expected
    assert left == studies[-1:] * len(left)
