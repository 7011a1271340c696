"""A strategy's wake conditions as the engine has them: a table of comparisons, whose parts are words of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backsweep.engine.compile.kernel import WORD
from backsweep.engine.tables import CONDITION
from backsweep.errors import BadInput, StrategyError
from backsweep.strategy import Comparison, Condition, Strategy, head_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.engine.state import Tables

ROOM = 16
"""Comparisons that a strategy with conditions has room for, whatever its parameters; more where its defaults have."""


class Entry(NamedTuple):
    """One word of a condition: the address of a feature, a parameter with its sign, or else `word`."""

    word: int = 0
    feature: str = ""
    param: str = ""
    sign: float = 1.0


class WakeTable:
    """Where the conditions of a run stand: how many there are, then each as a record of CONDITION.

    `signals` are the addresses of the columns that all trials share, `features` the names of those that they do not.
    """

    def __init__(self, tables: Tables, room: int, signals: Mapping[str, int], features: Sequence[str]) -> None:
        self._room, self._signals, self.features = room, signals, tuple(features)
        first = tables.conditions.ctypes.data
        self.places = [tables.sizes["conditions"].ctypes.data] if room else []
        self.places += range(first, first + room * CONDITION.itemsize, WORD)

    def entries(self, wake: Condition | None, cls: type[Strategy], values: Mapping[str, float]) -> list[Entry]:
        """Return the words of what `wake` answered, one for each place.

        Raises StrategyError or BadInput where a name is neither a column nor among `values`, the class's parameters.
        """
        clauses = () if wake is None else wake.clauses
        comparisons = [(number, each) for number, clause in enumerate(clauses) for each in clause]
        if len(comparisons) > self._room:
            raise StrategyError(
                f"{cls.__name__}.wake gives more comparisons under some parameters",
                where=head_of(cls, "wake"),
                expected=f"at most {self._room}",
                found=str(len(comparisons)),
                remedy="compare with parameters by their names, rather than building conditions from their values",
            )
        found = [Entry(len(comparisons))] if self._room else []
        for number, comparison in comparisons:
            threshold = _threshold(comparison, cls, values)
            found += [self._column(comparison, cls), threshold, Entry(int(comparison.above)), Entry(number)]
        return found + [Entry()] * (len(self.places) - len(found))

    def _column(self, comparison: Comparison, cls: type[Strategy]) -> Entry:
        name = comparison.column
        if name in self._signals:
            return Entry(self._signals[name])
        if name in self.features:
            return Entry(feature=name)
        names = [*self._signals, *self.features]
        raise BadInput(
            f"{cls.__name__}.wake names an unknown signal or feature {name!r}",
            where=head_of(cls, "wake"),
            expected=f"one of {', '.join(names) or 'none: there are neither signals nor features'}",
            found=name,
            remedy='a price must be a feature to be compared: {"price": pl.col("close")}',
        )


def _threshold(comparison: Comparison, cls: type[Strategy], values: Mapping[str, float]) -> Entry:
    word = int(np.float64(comparison.value(values, cls.__name__)).view(np.int64))
    if not isinstance(comparison.threshold, str):
        return Entry(word)
    name = comparison.threshold.removeprefix("-")
    return Entry(word, param=name, sign=1.0 if name == comparison.threshold else -1.0)
