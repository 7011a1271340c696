"""A strategy's wake conditions as the engine has them: a table of comparisons, whose parts are words of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backsweep.engine.codes import HELD_FOR, NONE
from backsweep.engine.compile.kernel import WORD
from backsweep.engine.tables import CONDITION
from backsweep.errors import BadInput, StrategyError
from backsweep.strategy import Comparison, Condition, Strategy, ask, head_of
from backsweep.trial.column_extremes import ColumnExtremes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.engine.state import Tables

ROOM = 16
"""Comparisons that both methods together have room for, or twice those that they have under the defaults."""


class Entry(NamedTuple):
    """One word of a condition: the address of a feature or of its extremes, a parameter with its sign, or `word`."""

    word: int = 0
    feature: str = ""
    extremes: int = NONE  # of a feature, those that a comparison of this kind looks at; NONE for its values
    param: str = ""
    sign: float = 1.0


METHODS = ("wake", "wake_held")
SIZES = {"wake": "conditions", "wake_held": "held_conditions"}
Conditions = tuple[Condition | None, Condition | None]


def ask_all(strategy: Strategy) -> Conditions:
    """Return what `wake` and `wake_held` answer."""
    return ask(strategy, "wake"), ask(strategy, "wake_held")


def room_of(strategy: Strategy) -> int:
    """Return how many comparisons a class with such an instance has room for, 0 where it declares no condition."""
    if all(getattr(type(strategy), method) is getattr(Strategy, method) for method in METHODS):
        return 0
    return max(ROOM, 2 * sum(max(_count(condition), 0) for condition in ask_all(strategy)))


def _count(condition: Condition | None) -> int:
    """Return the comparisons of a condition, NONE for none."""
    return NONE if condition is None else sum(map(len, condition.clauses))


class WakeTable:
    """Where the conditions of a run stand: how many there are of each method, then each as a record of CONDITION.

    `signals` are the columns that all trials share, `features` the names of those that they do not.
    """

    def __init__(
        self, tables: Tables, room: int, signals: Mapping[str, NDArray[np.float64]], features: Sequence[str]
    ) -> None:
        self._room, self._signals, self.features = room, signals, tuple(features)
        self._sleeps = bool(tables.sizes[0].sleeps) and tables.sizes[0].log_capacity == 0
        self._extremes = ColumnExtremes()
        first = tables.conditions.ctypes.data
        self.places = [tables.sizes[SIZES[method]].ctypes.data for method in METHODS if room]
        self.places += range(first, first + room * CONDITION.itemsize, WORD)

    def ask(self, strategy: Strategy) -> Conditions:
        """Return the conditions of a strategy, those of METHODS; none where there is no room."""
        return ask_all(strategy) if self._room else (None, None)

    def entries(self, conditions: Conditions, cls: type[Strategy], values: Mapping[str, float]) -> list[Entry]:
        """Return the words of what the strategy answered, one for each place.

        Raises StrategyError or BadInput where a name is neither a column nor among `values`, the class's parameters.
        """
        comparisons = [
            (method, len(clause) - place, each)
            for method, condition in zip(METHODS, conditions, strict=True)
            for clause in (() if condition is None else condition.clauses)
            for place, each in enumerate(clause, 1)
        ]
        if len(comparisons) > self._room:
            raise StrategyError(
                f"{cls.__name__}: wake and wake_held have too many comparisons under these parameters",
                where=head_of(cls, comparisons[-1][0]),
                expected=f"at most {self._room} in both together",
                found=f"{len(comparisons)}, with every `&` of `|` multiplied out",
                remedy="compare with parameters by their names instead of building conditions from their values, or "
                "return a condition that holds more often: on_data may look closer",
            )
        found = [Entry(_count(condition)) for condition in conditions if self._room]
        for method, following, comparison in comparisons:
            threshold = _threshold(comparison, cls, values)
            found += [*self._column(comparison, cls, method), threshold, Entry(comparison.kind), Entry(following)]
        return found + [Entry()] * (len(self.places) - len(found))

    def extremes_of(self, column: NDArray[np.float64], kind: int) -> int:
        """Return the address of a column's extremes, which live as long as it does; 0 where no run sleeps."""
        return self._extremes.find(column, kind).ctypes.data if self._sleeps else 0

    def _column(self, comparison: Comparison, cls: type[Strategy], method: str) -> tuple[Entry, Entry]:
        """Return the addresses of a comparison's column and of its extremes."""
        name, kind = comparison.column, comparison.kind
        if kind == HELD_FOR:
            return Entry(), Entry()
        if name in self._signals:
            values = self._signals[name]
            return Entry(values.ctypes.data), Entry(self.extremes_of(values, kind))
        if name in self.features:
            return Entry(feature=name), Entry(feature=name, extremes=kind)
        names = [*self._signals, *self.features]
        raise BadInput(
            f"{cls.__name__}.{method} names an unknown signal or feature {name!r}",
            where=head_of(cls, method),
            expected=f"one of {', '.join(names) or 'none: there are neither signals nor features'}",
            found=name,
            remedy='a price must be a feature to be compared: {"price": pl.col("close")}',
        )


def _threshold(comparison: Comparison, cls: type[Strategy], values: Mapping[str, float]) -> Entry:
    name = str(comparison.threshold).removeprefix("-")
    if name in cls.declared() and cls.declared()[name].coded:
        raise StrategyError(
            f"{cls.__name__} wakes by a comparison with {name!r}, whose choices are texts or have None",
            expected="a number, or a parameter that always is one",
            remedy=f"branch on self.{name} in wake, and return another condition for each choice",
        )
    word = int(np.float64(comparison.value(values, cls.__name__)).view(np.int64))
    if not isinstance(comparison.threshold, str):
        return Entry(word)
    return Entry(word, param=name, sign=1.0 if name == comparison.threshold else -1.0)
