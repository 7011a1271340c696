"""One axis of a search space: a range of floats, of integers or of steps, a logarithmic range, or choices.

Values live in three forms. *Unit*: a float in [0, 1), what a sampler without a memory draws. *Float*: what is sent to
the workers; booleans are 0 and 1, integers whole. *Plain*: the Python number or boolean that a reader sees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.elementary import exp_of, log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Number = float | int | bool

_SLACK = 1e-9  # of a step: `high` counts as on the grid of steps when it is this near
_DIGITS = 12  # decimals kept on a grid of steps: 0.1 + 2 * 0.1 is 0.3


@dataclass(frozen=True)
class Dimension:
    """An axis; either `choices`, or `low` and `high` (both included).

    `step` is the distance of neighbours (1 for integers without one, None = continuous); `log` makes equal ratios
    equally likely and goes with no step but an integer's 1.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    step: float | None = None
    log: bool = False
    integer: bool = False
    choices: tuple[Number, ...] | None = None

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
        """Whether the values are true and false."""
        return self.choices is not None and isinstance(self.choices[0], bool)

    def at(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Values number `index`, counted from `low` or from the first choice; for axes with a size."""
        if self.choices is not None:
            return np.asarray(self.choices, dtype=np.float64)[index]
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

    def nearest(self, value: float) -> float | None:
        """Return a value as the axis has it, None if it is none of the axis: exact steps and choices."""
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

    def plain(self, value: float) -> Number:
        """Turn a float into what a reader sees."""
        if self.boolean:
            return bool(value)
        return int(value) if self.integer else float(value)


def from_unit(axes: Sequence[Dimension], unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[k, p] in [0, 1) to float64[k, p] on the axes."""
    return np.stack([axis.from_unit(unit[:, j]) for j, axis in enumerate(axes)], axis=1)
