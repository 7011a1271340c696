"""The extremes of columns that wake conditions compare, worked out once for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from backsweep.engine.blocks import block_extremes
from backsweep.engine.codes import ABOVE

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ColumnExtremes:
    """The extremes of the columns that were asked for, each kept as long as its column lives."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, int], tuple[Any, NDArray[np.float64]]] = {}

    def find(self, column: NDArray[np.float64], kind: int) -> NDArray[np.float64]:
        """Return the greatest of each block of a column for a comparison ABOVE, the least for one BELOW."""
        key = id(column), kind
        if key not in self._kept:
            extremes = np.ascontiguousarray(block_extremes(column, np.fmax if kind == ABOVE else np.fmin))
            self._kept[key] = ref(column, lambda _: self._kept.pop(key, None)), extremes
        return self._kept[key][1]
