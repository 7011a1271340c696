"""The values of a chunk's trials as they reach the engine: staged together, each as if it were alone."""

import numpy as np
import polars as pl
import pytest

import backsweep as bs
from backsweep.dataset import shard_from_frames
from backsweep.errors import StrategyError
from backsweep.strategy import Strategy, choice, param
from backsweep.trial.features import Features
from backsweep.trial.market import pack
from backsweep.trial.runner import Runner, Settings


class Kinds(Strategy):
    """Has a parameter of each kind, a feature of one of them, and a wake condition of another."""

    window: int = param(2, 20, default=5)
    entry: float = param(0.0, 2.0, default=1.0)
    both: bool = choice([False, True])

    def features(self):
        if self.window == 13:
            raise ValueError("an unlucky number")
        return {"average": pl.col("close").rolling_mean(self.window)}

    def wake(self):
        if self.both:
            return None
        return bs.above("pred", "entry") | bs.below("pred", "-entry") & bs.above("average", "window")

    def on_data(self, timestamp, data, context, broker):
        """Do nothing."""


PARAMS = ("window", "entry", "both")


@pytest.fixture(scope="module")
def packed(market):
    return pack(shard_from_frames(market))


def make(packed, cls=Kinds, **options):
    return Runner(packed, cls, Settings(), params=PARAMS, compiled=False, **options)


def staged(runner, values):
    """Return the words of trials, the rows of each part, and the errors."""
    words, failed = np.zeros((len(values), runner._assigner.width), np.int64), {}
    parts = [part.rows.tolist() for part in runner._assigner.stage(np.array(values, float), words, failed)]
    return words, parts, failed


def written(runner):
    """Return what the tables say of the trial taken."""
    conditions = runner.tables.conditions[: max(runner.tables.sizes[0].conditions, 0)]
    record = runner._values[0]
    return (record.window, record.entry, record.both), [each.tolist()[2:] for each in conditions]


def test_each_kind_of_parameter_reaches_its_record(packed):
    runner = make(packed)
    runner.take(np.array([7.0, 0.25, 0.0]))
    assert written(runner) == ((7, 0.25, False), [(0.25, 1, 0), (-0.25, 0, 1), (7.0, 1, 0)])


def test_a_value_that_is_absent_is_the_default(packed):
    runner = make(packed)
    runner.take(np.array([7.0, 0.25, 1.0]))
    runner.take(np.full(3, np.nan))
    assert written(runner) == ((5, 1.0, False), [(1.0, 1, 0), (-1.0, 0, 1), (5.0, 1, 0)])


def test_a_trial_without_a_condition_keeps_none_of_the_trial_before(packed):
    runner = make(packed)
    runner.take(np.array([7.0, 0.25, 0.0]))
    runner.take(np.array([7.0, 0.25, 1.0]))
    assert written(runner)[1] == []


def test_a_condition_is_kept_where_the_defaults_have_none(packed):
    class Reversed(Kinds):
        both: bool = choice([True, False])

    runner = make(packed, Reversed)
    runner.take(np.array([7.0, 0.25, 0.0]))
    assert len(written(runner)[1]) == 3


def test_words_do_not_depend_on_the_company(packed):
    values = [(7, 0.25, 0), (3, 0.5, 1), (7, 0.75, 0), (np.nan, np.nan, np.nan), (3, 0.25, 0)]
    runner = make(packed)
    words, _, _ = staged(runner, values)
    for row, each in enumerate(values):
        alone, _, _ = staged(runner, [each])
        assert words[row].tolist() == alone[0].tolist()


def test_only_the_trials_that_are_wrong_fail(packed):
    values = [(13, 0.5, 0), (7, 0.5, 0), (3.5, 0.5, 0), (7, np.inf, 0), (13, 0.25, 1), (8, 0.5, 0)]
    _, parts, failed = staged(make(packed), values)
    assert sorted(row for part in parts for row in part) == [1, 5]
    assert sorted(failed) == [0, 2, 3, 4]
    for row, error in failed.items():
        with pytest.raises(StrategyError) as alone:
            make(packed).take(np.array(values[row], float))
        assert str(error) == str(alone.value)


def test_trials_wait_until_their_features_fill_a_part_of_the_cache(packed):
    size = packed.rows.height * 8
    runner = make(packed, features=Features(packed, cache_bytes=4 * 2 * size))  # room for two columns that wait
    values = [(window, 0.5, 0) for window in (2, 3, 2, 4, 5, 6, 2)]
    _, parts, _ = staged(runner, values)
    assert parts == [[0, 2, 6, 1, 3], [4, 5]]


def test_more_comparisons_than_there_is_room_for_are_refused(packed):
    class Many(Kinds):
        def wake(self):
            found = bs.above("pred", 0.0)
            for number in range(self.window):
                found = found | bs.above("pred", float(number))
            return found

    runner = make(packed, Many)
    runner.take(np.array([15.0, 0.5, 0.0]))
    with pytest.raises(StrategyError, match="too many comparisons") as caught:
        runner.take(np.array([16.0, 0.5, 0.0]))
    assert caught.value.expected == "at most 16 in both together"
