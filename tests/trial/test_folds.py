"""The invariants of folds, over random calendars, and some folds worked out by hand."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backsweep.errors import BadInput
from backsweep.sweepfile.folds import FoldSpec
from backsweep.trial.folds import check_hours, holdout_start, make_segments, record_places, trained_on

DAY = 1


def day(year, month, date):
    return (datetime(year, month, date, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days


def every_day(first, last):
    return np.arange(first, last, DAY, dtype=np.int32)


def read(segments):
    return [(s.name, s.first, s.last, s.short) for s in segments]


def test_rolling_folds_in_sessions():
    spec = FoldSpec(train="4s", test="2s", purge="1s")
    assert read(make_segments(every_day(0, 10 * DAY), spec)) == [
        ("train", 0, 4, False),
        ("test", 5, 7, False),
        ("train", 2, 6, False),
        ("test", 7, 9, False),
        ("train", 4, 8, False),
        ("test", 9, 10, True),
    ]


def test_anchored_folds_train_from_the_first_session():
    spec = FoldSpec(mode="anchored", train="4s", test="3s")
    assert read(make_segments(every_day(0, 10 * DAY), spec)) == [
        ("train", 0, 4, False),
        ("test", 4, 7, False),
        ("train", 0, 7, False),
        ("test", 7, 10, False),
    ]


def test_a_holdout_is_one_fold():
    days = every_day(0, 10 * DAY)
    assert read(make_segments(days, FoldSpec(mode="holdout", train="6d"))) == [
        ("train", 0, 6, False),
        ("test", 6, 10, False),
    ]
    assert read(make_segments(days, FoldSpec(mode="holdout", train="6d", test="2d", purge="1d")))[1] == (
        ("test", 7, 9, False)
    )
    long = FoldSpec(mode="anchored", train="6d", test="100d")
    tests = [(s.first, s.last) for s in make_segments(days, long)]
    assert tests == [(s.first, s.last) for s in make_segments(days, FoldSpec(mode="holdout", train="6d"))]


@pytest.mark.parametrize(
    ("spec", "first"),
    [
        ({"train": "4s", "test": "2s", "purge": "1s"}, 6),  # as long as the others, and with nothing left out
        ({"train": "3d", "test": "2d", "step": "4d"}, 7),
        ({"mode": "anchored", "train": "4s", "test": "3s"}, 0),
        ({"mode": "holdout", "train": "6d"}, 0),
        ({"mode": "cpcv", "groups": 3, "test_groups": 1}, 0),
    ],
)
def test_the_final_training_ends_with_the_data_and_changes_no_fold(spec, first):
    days = every_day(0, 10 * DAY)
    *folds, final = make_segments(days, FoldSpec(**spec, final=True))
    assert tuple(folds) == make_segments(days, FoldSpec(**spec))
    assert (final.name, final.ranges, final.fold) == ("final", ((first, 10),), folds[-1].fold + 1)
    assert record_places([*folds, final]).tolist() == record_places(folds).tolist()


def test_before_a_holdout_the_last_fold_is_the_final_training():
    spec = {"train": "4s", "test": "2s", "purge": "1s", "holdout": "3d"}
    days = every_day(0, 12 * DAY)
    assert make_segments(days, FoldSpec(**spec, final=True)) == make_segments(days, FoldSpec(**spec))


def test_a_trials_own_figures_are_those_of_the_folds_trainings_or_of_the_final_one_alone():
    segments = make_segments(every_day(0, 10 * DAY), FoldSpec(train="4s", test="3s", final=True))
    assert [segment.name for segment in segments] == ["train", "test", "train", "test", "final"]
    assert trained_on(segments).tolist() == [True, False, True, False, False]
    assert trained_on(segments[-1:]).tolist() == [True]


def test_calendar_spans_are_counted_from_the_first_date_and_never_drift():
    days = every_day(day(2000, 1, 31), day(2001, 1, 1))
    tests = make_segments(days, FoldSpec(train="1mo", test="1mo"))[1::2]
    firsts = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=int(days[s.first])) for s in tests]
    assert [(f.month, f.day) for f in firsts[:4]] == [(2, 29), (3, 31), (4, 30), (5, 31)]


def test_a_test_that_ends_with_the_data_is_not_short():
    days = every_day(day(2000, 1, 1), day(2002, 1, 1))
    assert not make_segments(days, FoldSpec(train="1y", test="1y"))[-1].short
    assert make_segments(days[:-1], FoldSpec(train="1y", test="1y"))[-1].short


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (FoldSpec(train="11d", test="1d"), "too short for one fold"),
        (FoldSpec(train="3d", test="3d", step="2d"), "overlap"),
    ],
)
def test_what_makes_no_folds_is_refused(spec, message):
    with pytest.raises(BadInput, match=message):
        make_segments(every_day(0, 10 * DAY), spec)


def test_a_segment_without_a_session_is_refused():
    days = np.array([0, 1, 2, 40, 41], np.int64) * DAY
    with pytest.raises(BadInput, match="without a session"):
        make_segments(days, FoldSpec(train="2d", test="5d"))


@st.composite
def calendars(draw):
    gaps = draw(st.lists(st.integers(1, 4), min_size=40, max_size=200))
    return (np.cumsum(gaps) + draw(st.integers(0, 20_000))).astype(np.int64) * DAY


spans = st.sampled_from(["8d", "2w", "1mo", "6s", "15s"])


@settings(max_examples=100, deadline=None)
@given(calendars(), st.sampled_from(["rolling", "anchored"]), spans, spans, st.sampled_from(["0d", "3d", "2s"]))
def test_tests_are_disjoint_and_cover_everything_after_the_first_training_and_its_purge(days, mode, train, test, purge):
    segments = make_segments(days, FoldSpec(mode=mode, train=train, test=test, purge=purge))
    trains, tests = segments[0::2], segments[1::2]
    covered = np.concatenate([np.arange(s.first, s.last) for s in tests])
    assert covered.tolist() == list(range(tests[0].first, len(days)))
    assert all(earlier.last <= later.first for earlier, later in zip(trains, tests, strict=True))
    assert not any(s.short for s in segments[:-1])
    assert [s.fold for s in tests] == list(range(len(tests)))
    if mode == "anchored":
        assert all(s.first == 0 for s in trains)


@settings(max_examples=100, deadline=None)
@given(calendars(), st.sampled_from(["rolling", "anchored"]), spans, spans, st.integers(1, 30))
def test_appending_sessions_changes_no_fold_but_a_short_last_one(days, mode, train, test, more):
    spec = FoldSpec(mode=mode, train=train, test=test)
    before, after = (make_segments(each, spec) for each in (days[:-more] if more < 10 else days[:-9], days))
    whole = before[:-2] if before[-1].short else before
    assert after[: len(whole)] == whole
    assert after[len(whole) : len(before) - 1] == before[len(whole) : -1]


def cross(groups, tested, **rules):
    return FoldSpec(mode="cpcv", groups=groups, test_groups=tested, **rules)


def runs(segments):
    return [segment.ranges for segment in segments]


def test_cross_validation_tests_every_choice_of_groups_and_trains_on_the_rest():
    assert runs(make_segments(every_day(0, 9 * DAY), cross(3, 2))) == [
        ((6, 9),),
        ((0, 3), (3, 6)),
        ((3, 6),),
        ((0, 3), (6, 9)),
        ((0, 3),),
        ((3, 6), (6, 9)),
    ]


def test_purge_before_and_embargo_after_every_tested_group_are_not_trained_on():
    segments = make_segments(every_day(0, 12 * DAY), cross(4, 1, purge="1s", embargo="2d"))
    assert runs(segments[0::2]) == [((5, 12),), ((0, 2), (8, 12)), ((0, 5), (11, 12)), ((0, 8),)]
    assert runs(segments[1::2]) == [((0, 3),), ((3, 6),), ((6, 9),), ((9, 12),)]


def test_cross_validation_without_training_is_refused():
    with pytest.raises(BadInput, match="without a session"):
        make_segments(every_day(0, 9 * DAY), cross(3, 2, purge="2w", embargo="2w"))


@settings(max_examples=60, deadline=None)
@given(calendars(), st.sampled_from([(2, 1), (4, 1), (5, 2), (6, 3)]), st.sampled_from(["0d", "3d", "2s"]))
def test_every_session_is_tested_equally_often_and_never_trained_on_near_its_test(days, shape, gap):
    groups, tested = shape
    segments = make_segments(days, cross(groups, tested, purge=gap, embargo=gap))
    often = np.zeros(len(days), int)
    for train, test in zip(segments[0::2], segments[1::2], strict=True):
        for first, last in test.ranges:
            often[first:last] += 1
            for start, end in train.ranges:
                assert end <= first or start >= last
                if gap == "2s":
                    assert end <= first - 2 or start >= last + 2
                if gap == "3d":
                    assert days[end - 1] < days[first] - 3 * DAY or days[start] > days[last - 1] + 3 * DAY
    assert set(often) == {math.comb(groups - 1, tested - 1)}
    kept = np.concatenate([np.concatenate([np.arange(*run) for run in test.ranges]) for test in segments[1::2]])
    assert kept[record_places(segments)].tolist() == list(range(len(days)))


def test_the_tests_of_a_walk_are_its_record():
    segments = make_segments(every_day(0, 10 * DAY), FoldSpec(train="4s", test="3s"))
    assert record_places(segments).tolist() == [4, 5, 6, 11, 12, 13]


def test_years_are_twelve_months_and_weeks_are_seven_days():
    days = every_day(day(2000, 2, 29), day(2003, 1, 1))
    assert make_segments(days, FoldSpec(train="1y", test="2w")) == make_segments(
        days, FoldSpec(train="12mo", test="14d")
    )


def test_before_a_holdout_there_are_folds_and_then_a_training_that_ends_a_purge_before_it():
    days = every_day(0, 12 * DAY)
    rolling = FoldSpec(train="4s", test="2s", purge="1s", holdout="3d")
    folds = [("train", 0, 4, False), ("test", 5, 7, False), ("train", 2, 6, False), ("test", 7, 9, False)]
    assert holdout_start(days, rolling) == 9
    assert read(make_segments(days, rolling)) == [*folds, ("train", 4, 8, False)]
    assert make_segments(days, rolling)[-1].fold == 2
    anchored = rolling.model_copy(update={"mode": "anchored", "purge": "2d"})
    assert read(make_segments(days, anchored))[-1] == ("train", 0, 7, False)
    assert holdout_start(days, FoldSpec(train="4s", test="2s")) == 12


@pytest.mark.parametrize("holdout", ["11d", "11s"])
def test_one_session_before_a_holdout_is_no_fold(holdout):
    with pytest.raises(BadInput, match="too short for one fold"):
        make_segments(every_day(0, 12 * DAY), FoldSpec(train="1s", test="1s", holdout=holdout))


@pytest.mark.parametrize("days", [every_day(0, 12 * DAY), every_day(0, 0)])
def test_a_holdout_of_everything_is_refused(days):
    with pytest.raises(BadInput, match="the holdout leaves no data for training"):
        make_segments(days, FoldSpec(train="4s", test="2s", holdout="12d"))


def test_without_sessions_there_is_no_fold():
    with pytest.raises(BadInput, match="too short for one fold"):
        make_segments(every_day(0, 0), FoldSpec(train="4s", test="2s"))


def test_a_final_training_without_a_session_is_refused():
    # The holdout begins on day 30, and the two days before it have no session.
    days = np.array([0, 1, 2, 3, 10, 30, 31], np.int64) * DAY
    spec = FoldSpec(train="2d", test="40d", holdout="2d")
    with pytest.raises(BadInput, match="without a session"):
        make_segments(days, spec)
    wide = spec.model_copy(update={"train": "20d", "mode": "rolling", "test": "1d"})
    with pytest.raises(BadInput, match="too short for one fold"):
        make_segments(days, wide)
    assert read(make_segments(days, spec.model_copy(update={"mode": "anchored"})))[-1] == ("train", 0, 5, False)


def test_more_groups_than_sessions_are_refused():
    with pytest.raises(BadInput, match="without a session"):
        make_segments(every_day(0, 3 * DAY), cross(4, 1))
    assert runs(make_segments(every_day(0, 2 * DAY), cross(2, 1))) == [((1, 2),), ((0, 1),), ((0, 1),), ((1, 2),)]


def test_returns_are_kept_of_every_session_but_those_of_a_training_in_pieces():
    train, test = make_segments(every_day(0, 9 * DAY), cross(3, 1))[2:4]
    assert (train.sessions, train.width) == (6, 0)
    assert (test.sessions, test.width) == (3, 3)
    train, test = make_segments(every_day(0, 9 * DAY), FoldSpec(train="5s", test="4s"))
    assert runs([train, test]) == [((0, 5),), ((5, 9),)]
    assert [(s.sessions, s.width) for s in (train, test)] == [(5, 5), (4, 4)]


def test_hours_are_rounded_up_to_whole_sessions():
    days = every_day(0, 10 * DAY)
    assert make_segments(days, FoldSpec(train="96h", test="48h")) == make_segments(
        days, FoldSpec(train="4d", test="2d")
    )
    halves = make_segments(days, FoldSpec(train="48h", test="36h"))
    assert [(s.first, s.last) for s in halves[1::2]] == [(2, 4), (4, 5), (5, 7), (7, 8), (8, 10)]
    assert make_segments(days, cross(3, 1, purge="1h")) == make_segments(days, cross(3, 1, purge="1d"))


def test_a_test_that_is_shorter_than_a_session_is_refused():
    with pytest.raises(BadInput, match="a segment without a session"):
        make_segments(every_day(0, 10 * DAY), FoldSpec(train="48h", test="12h"))


@pytest.mark.parametrize("span", ["train", "purge", "holdout"])
def test_hours_are_for_sessions_of_several_bars(span):
    spec = FoldSpec(**{"train": "4d", "test": "2d", span: "24h"})
    check_hours(spec, intraday=True)
    with pytest.raises(BadInput, match=rf"walk_forward\.{span}"):
        check_hours(spec, intraday=False)
