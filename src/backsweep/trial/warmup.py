"""How many bars a feature needs: the data begins later, and the bars are counted until the feature is what it was.

Polars rolls a window on by adding what enters and taking off what leaves, so a feature keeps a residue of rounding
from bars that its window left long ago. What differs by less than a millionth of what the feature varies is residue:
so is the tail of an exponential mean, whose weights never end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

RESIDUE = 1e-6
"""Of a feature's standard deviation: smaller differences are rounding."""

TOLERANCE = 1e-9
"""Relative to the value: so are these, also where a feature does not vary."""


def find_warmup(
    full: Mapping[str, NDArray[np.float64]], short: Mapping[str, NDArray[np.float64]], assets: NDArray[np.integer]
) -> dict[str, int | None]:
    """Return, by feature, after how many bars of an asset it no longer depends on where the data begins.

    `full` are the features of all bars, `short` those of the last bars alone, whose assets are `assets`, int[bars].
    None for a feature that depends on it to the end.
    """
    rows = [np.flatnonzero(assets == asset) for asset in np.unique(assets)]
    warmup: dict[str, int | None] = {}
    for name, values in short.items():
        counts = [_settle(full[name][len(full[name]) - len(assets) :][own], values[own]) for own in rows]
        warmup[name] = None if None in counts else max(count for count in counts if count is not None)
    return warmup


def _settle(full: NDArray[np.float64], short: NDArray[np.float64]) -> int | None:
    """Count the bars of one asset up to the last that differs; None if the data ends with it."""
    finite = full[np.isfinite(full)]
    spread = float(finite.std()) if len(finite) else 0.0
    wrong = ~np.isclose(full, short, rtol=TOLERANCE, atol=RESIDUE * spread, equal_nan=True)
    last = int(np.flatnonzero(wrong)[-1]) + 1 if wrong.any() else 0
    return None if last and last == len(wrong) else last
