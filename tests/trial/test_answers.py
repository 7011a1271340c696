"""What a strategy's method answers, asked again only where it may answer something else."""

import numpy as np
import pytest

from backsweep.strategy import Strategy, choice, param
from backsweep.trial.answers import Answers, is_plain


class Windows(Strategy):
    """Looks at one of two windows, which `long` chooses."""

    window: int = param(2, 20)
    other: int = param(2, 20)
    long: bool = choice([False, True])


PARAMS = ("window", "other", "long")


def asked(method, cls=Windows, params=PARAMS, **options):
    """Return a function that finds a method's answer under values, and the list of the times it was called."""
    calls = []

    def ask(strategy):
        calls.append(1)
        return method(strategy)

    answers = Answers(cls, params, ask, **options)

    def find(*values):
        given = dict(zip(params, values, strict=True))
        return answers.find(np.array(values, float), lambda: cls(**given))

    return find, calls


def test_trials_that_differ_in_what_is_not_read_share_an_answer():
    find, calls = asked(lambda strategy: strategy.window)
    assert [find(3, 2, 0), find(3, 9, 1), find(4, 2, 0), find(3, 5, 0)] == [3, 3, 4, 3]
    assert len(calls) == 2


def test_what_is_read_only_under_some_values_tells_trials_apart():
    find, calls = asked(lambda strategy: strategy.other if strategy.long else strategy.window)
    values = [(3, 5, 0), (3, 6, 0), (3, 6, 1), (3, 7, 1), (4, 7, 1), (3, 6, 0)]
    assert [find(*each) for each in values] == [3, 3, 6, 7, 7, 3]
    assert len(calls) == 5  # once `other` is known to be read, it tells all trials apart


@pytest.mark.parametrize("read", [vars, lambda strategy: strategy.__dict__, Strategy.values])
def test_who_reads_all_parameters_at_once_is_asked_for_each_trial(read):
    find, _ = asked(lambda strategy: dict(read(strategy)))
    assert find(3, 5, 0)["other"] == 5
    assert find(3, 6, 0)["other"] == 6


def test_an_answer_that_does_not_last_is_asked_for_again():
    find, calls = asked(lambda _: len(calls), lasts=lambda answer: answer > 1)
    assert [find(3, 5, 0), find(3, 5, 0)] == [1, 2]


def test_no_answer_is_an_answer():
    find, calls = asked(lambda _: None)
    assert [find(3, 5, 0), find(3, 5, 0)] == [None, None]
    assert len(calls) == 1


class Ordered(Windows):
    """Sorts its windows."""

    def __init__(self, **values):
        super().__init__(**values)
        self.window, self.other = sorted((self.window, self.other))


def test_a_class_that_changes_its_values_is_asked_for_each_trial():
    assert is_plain(Windows)
    assert not is_plain(Ordered)
    find, _ = asked(lambda strategy: strategy.window, Ordered)
    assert [find(9, 5, 0), find(9, 4, 0)] == [5, 4]
