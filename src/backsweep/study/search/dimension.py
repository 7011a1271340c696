"""One axis of a search space: a range of floats, of integers or of steps, a logarithmic range, or choices.

Values live in three forms. *Unit*: a float in [0, 1), what a sampler without a memory draws. *Float*: what is sent to
the workers; booleans are 0 and 1, integers whole, and texts and null are codes: their places among the choices that the
strategy declares. *Plain*: the Python number, boolean, text or None that a reader sees. `number` makes a float of a
plain value, `plain` a plain value of a float.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.strategy.fields import Value, place_of
from backsweep.study.search.elementary import exp_of, log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SLACK = 1e-9  # of a step: `high` counts as on the grid of steps when it is this near
_DIGITS = 12  # decimals kept on a grid of steps: 0.1 + 2 * 0.1 is 0.3


@dataclass(frozen=True)
class Dimension:
    """An axis; either `choices`, or `low` and `high` (both included).

    `step` is the distance of neighbours (1 for integers without one, None = continuous); `log` makes equal ratios
    equally likely and goes with no step but an integer's 1. Choices with texts or null have `codes`.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    step: float | None = None
    log: bool = False
    integer: bool = False
    choices: tuple[Value, ...] | None = None
    codes: tuple[int, ...] | None = None

    @property
    def size(self) -> int | None:
        """How many values there are; None for a continuous range."""
        if self.choices is not None:
            return len(self.choices)
        if self.step is None:
            return None
        return math.floor((self.high - self.low) / self.step + _SLACK) + 1

    @property
    def boolean(self) -> bool:
        """Whether the values are true and false, null aside."""
        return self.choices is not None and all(each is None or isinstance(each, bool) for each in self.choices)

    @property
    def text(self) -> bool:
        """Whether the values are texts, null aside."""
        return any(isinstance(each, str) for each in self.choices or ())

    @property
    def nullable(self) -> bool:
        """Whether null is one of the choices."""
        return self.choices is not None and None in self.choices

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The choices as floats: float64[choices]."""
        return np.asarray(self.choices if self.codes is None else self.codes, np.float64)

    def at(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Values number `index`, counted from `low` or from the first choice; for axes with a size."""
        if self.choices is not None:
            return self.numbers[index]
        step = 1.0 if self.step is None else self.step
        return np.round(self.low + index * step, _DIGITS)

    def from_unit(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map [0, 1) onto the axis, equal parts to equally likely values."""
        if self.log:
            slack = 0.5 if self.integer else 0.0
            low, high = log(self.low - slack), log(self.high + slack)
            values = exp_of(low + unit * (high - low))
            return np.clip(np.round(values) if self.integer else values, self.low, self.high)
        size = self.size
        if size is not None:
            return self.at(np.minimum((unit * size).astype(np.int64), size - 1))
        return np.minimum(self.low + unit * (self.high - self.low), self.high)

    def nearest(self, value: Value) -> float | None:
        """Return a plain value as the axis has it, None if it is none of the axis: exact steps and choices."""
        if self.choices is not None and self.codes is not None:
            place = place_of(value, self.choices)
            return None if place is None else float(self.codes[place])
        if value is None or isinstance(value, str):
            return None
        if self.choices is not None:
            return float(value) if value in self.choices else None
        slack = 0.0 if self.step is None else _SLACK * self.step
        if not self.low - slack <= value <= self.high + slack:
            return None
        snapped = self.snap(value)
        return snapped if abs(snapped - value) <= slack else None

    def snap(self, value: float) -> float:
        """Move a sampler's value onto the axis: exact steps, whole integers."""
        if self.choices is not None or self.step is None:
            return float(value)
        return float(self.at(np.asarray(round((value - self.low) / self.step))))

    def number(self, value: Any) -> float:
        """Return a plain value, which the axis has, as a float."""
        if self.choices is not None and self.codes is not None:
            return float(self.codes[self.choices.index(value)])
        return float(value)

    def quantities(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what can be computed of floats, float64[k]: NaN for null among numbers; of texts their codes."""
        if self.codes is None or self.choices is None or self.text:
            return column
        found = np.full(len(column), np.nan)
        for choice, code in zip(self.choices, self.codes, strict=True):
            found[column == code] = np.nan if choice is None else float(choice)
        return found

    def plain(self, value: float) -> Value:
        """Turn a float into what a reader sees."""
        if self.choices is not None and self.codes is not None:
            return self.choices[self.codes.index(int(value))]
        if self.boolean:
            return bool(value)
        return int(value) if self.integer else float(value)


def from_unit(axes: Sequence[Dimension], unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[k, p] in [0, 1) to float64[k, p] on the axes."""
    return np.stack([axis.from_unit(unit[:, j]) for j, axis in enumerate(axes)], axis=1)
