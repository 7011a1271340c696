import numpy as np
import pytest
from scenarios.scripted import bars, evaluator, flat

from backsweep.errors import BadInput, StrategyError
from backsweep.strategy import Strategy, above, below, param


class Sleepy(Strategy):
    entry: float = param(0.0, 3.0, default=1.5)


def test_conditions_join_into_a_disjunction_of_conjunctions():
    a, b, c = above("a", 1), below("b", 2), above("c", 3)
    assert (a | b).clauses == (*a.clauses, *b.clauses)
    (only,) = (a & b).clauses
    assert [each.column for each in only] == ["a", "b"]
    # (a or b) and c = (a and c) or (b and c)
    assert [[each.column for each in clause] for clause in ((a | b) & c).clauses] == [["a", "c"], ["b", "c"]]


@pytest.mark.parametrize(("threshold", "value"), [(2, 2.0), (0.5, 0.5), ("entry", 1.5), ("-entry", -1.5)])
def test_a_threshold_is_a_number_or_a_parameter(threshold, value):
    ((comparison,),) = above("pred", threshold).clauses
    assert comparison.value(Sleepy().values(), "Sleepy") == value


def test_a_threshold_that_is_no_parameter_is_an_error():
    ((comparison,),) = above("pred", "exit").clauses
    with pytest.raises(StrategyError, match="unknown parameter 'exit'"):
        comparison.value(Sleepy().values(), "Sleepy")


def test_a_condition_on_an_unknown_column_is_an_error():
    class Wakes(Sleepy):
        def wake(self):
            return above("pred", "entry")

        def on_data(self, timestamp, data, context, broker):
            pass

    with pytest.raises(BadInput, match="unknown signal or feature 'pred'"):
        evaluator(bars(*flat(100, 3)), Wakes).replay(np.empty(0), compiled=False)


def test_or_between_conditions_is_refused_because_it_would_drop_one():
    with pytest.raises(TypeError, match=r"joined with \| and &"):
        above("pred", 1.0) or below("pred", -1.0)
