"""When a strategy must wake: comparisons of columns with parameters, joined by | and &.

    def wake(self):
        return bs.above("pred", "entry") | bs.below("pred", "-entry")

    def wake_held(self):
        return bs.below("pred", "exit") | bs.held_for("bars")

While the account holds a position or a live order, `wake_held` is asked instead; without it, `on_data` sees every bar
then. A condition is a promise that `on_data` does nothing on the bars where it does not hold; it changes the speed,
never the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backsweep.engine.codes import ABOVE, BELOW, HELD_FOR
from backsweep.errors import StrategyError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Comparison:
    """One column of a bar against a number, or a parameter's name, with an optional minus sign before it.

    `kind` is ABOVE or BELOW; HELD_FOR compares the bars that the bar's asset has been held, and has no column.
    """

    column: str
    threshold: float | str
    kind: int

    def value(self, values: Mapping[str, float], strategy: str) -> float:
        """Return the threshold under a strategy's parameters; raises StrategyError for an unknown name."""
        if not isinstance(self.threshold, str):
            return float(self.threshold)
        sign, name = (-1.0, self.threshold[1:]) if self.threshold.startswith("-") else (1.0, self.threshold)
        if name not in values:
            raise StrategyError(
                f"{strategy} wakes by a comparison with an unknown parameter {name!r}",
                expected=f"a number or one of {', '.join(values) or 'no parameters'}",
                found=repr(self.threshold),
            )
        return sign * float(values[name])


@dataclass(frozen=True)
class Condition:
    """A disjunction of conjunctions of comparisons."""

    clauses: tuple[tuple[Comparison, ...], ...]

    def __bool__(self) -> bool:
        """Refuse: `or` and `and` would drop one of the two."""
        raise TypeError("conditions are joined with | and &, not with `or`, `and` or `not`")

    def __or__(self, other: Condition) -> Condition:
        """Hold where one of the two holds."""
        return Condition(self.clauses + other.clauses)

    def __and__(self, other: Condition) -> Condition:
        """Hold where both hold."""
        return Condition(tuple(mine + theirs for mine in self.clauses for theirs in other.clauses))


def above(column: str, threshold: float | str) -> Condition:
    """Return the condition that a signal or feature is greater than a number, or than a parameter by its name.

    A parameter may have a minus sign before it: `"-entry"`. A missing value is not greater.
    """
    return Condition(((Comparison(column, threshold, ABOVE),),))


def below(column: str, threshold: float | str) -> Condition:
    """Return the condition that a signal or feature is less than a number, or than a parameter by its name."""
    return Condition(((Comparison(column, threshold, BELOW),),))


def held_for(bars: float | str) -> Condition:
    """Return the condition that a bar's asset has been held for at least so many bars, or a parameter by its name.

    Counted as `Position.bars_held`: 1 at the close of the bar at which the position began. For `wake_held`; without a
    position it does not hold.
    """
    return Condition(((Comparison("", bars, HELD_FOR),),))


def never() -> Condition:
    """Return the condition that holds on no bar: orders at work do the rest."""
    return Condition(())
