"""Latent coordinates: the axes of a space as the kernels see them.

Along a numeric axis a latent coordinate is in [0, 1], from half a step below the lowest value to half a step above the
highest; on a logarithmic axis, of the logarithm. A value on a grid has the coordinate of Optuna's kernel at it: the
cell's middle, or the logarithm of the value. Of a choice it is its index. An axis of one value is a choice of one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backsweep.engine.compile.kernel import kernel
from backsweep.study.search.dimension import from_unit
from backsweep.study.search.elementary import exp, log, log_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.dimension import Dimension

CONTINUOUS, GRID, CHOICE = 0, 1, 2
WIDE = 1.0 / 128.0
"""Cells of a grid at least this wide are integrated exactly."""


class AxisTable(NamedTuple):
    """The axes in arrays for the kernels, one item for each axis.

    Attributes
    ----------
    kind : CONTINUOUS, GRID or CHOICE.
    size : choices, or cells of the grid; 1.0 for a continuous axis.
    wide : cells of the grid, from the lowest on, that are wide.
    low, origin, span : the lowest value; the lower edge of the axis, of logarithms if it is logarithmic, and its
        length. On linear grids the span is 0.0.
    edges : float64[p, w + 1], the latent edges of the wide cells, w the most that an axis has.

    """

    kind: NDArray[np.int64]
    size: NDArray[np.float64]
    wide: NDArray[np.int64]
    low: NDArray[np.float64]
    origin: NDArray[np.float64]
    span: NDArray[np.float64]
    edges: NDArray[np.float64]


class Axes:
    """Values to latent coordinates and back, and the kernels' table."""

    def __init__(self, dimensions: Sequence[Dimension]) -> None:
        self.dimensions = tuple(dimensions)
        self.table = _table_of(self.dimensions)

    def only(self, part: NDArray[np.int64]) -> AxisTable:
        """Return the table of some of the axes."""
        kind, size, wide, low, origin, span, edges = self.table
        return AxisTable(kind[part], size[part], wide[part], low[part], origin[part], span[part], edges[part])

    def to_latent(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[k, p] on the axes to float64[k, p] of latent coordinates; NaN stays NaN."""
        latent = np.empty(values.shape)
        for j, axis in enumerate(self.dimensions):
            column = values[:, j]
            if self.table.kind[j] == CHOICE:
                choices = np.asarray([axis.low]) if axis.choices is None else axis.numbers
                latent[:, j] = np.argmax(column[:, None] == choices, axis=1)
            elif axis.log:
                latent[:, j] = (log_of(column) - self.table.origin[j]) / self.table.span[j]
            elif axis.step is not None:
                latent[:, j] = (np.round((column - axis.low) / axis.step) + 0.5) / self.table.size[j]
            else:
                latent[:, j] = (column - axis.low) / self.table.span[j]
        latent[np.isnan(values)] = np.nan
        return latent

    def to_values(self, latent: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[k, p] of latent coordinates to float64[k, p] on the axes; NaN stays NaN."""
        missing = np.isnan(latent)
        values = from_unit(self.dimensions, self.to_unit(np.where(missing, 0.0, latent)))
        return np.where(missing, np.nan, values)

    def to_unit(self, latent: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return latent coordinates as those that `Dimension.from_unit` has: choices are parts of [0, 1)."""
        return np.where(self.table.kind == CHOICE, (latent + 0.5) / self.table.size, latent)

    def from_unit(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the latent coordinates, with the same values on the axes."""
        return np.where(self.table.kind == CHOICE, np.floor(unit * self.table.size), unit)


def _table_of(dimensions: Sequence[Dimension]) -> AxisTable:
    p = len(dimensions)
    table = AxisTable(
        np.zeros(p, np.int64),
        np.ones(p),
        np.zeros(p, np.int64),
        np.zeros(p),
        np.zeros(p),
        np.zeros(p),
        np.zeros((p, 1)),
    )
    for d, axis in enumerate(dimensions):
        size = axis.size
        if axis.choices is not None or size == 1 or axis.low == axis.high:
            table.kind[d] = CHOICE
        else:
            table.kind[d] = CONTINUOUS if size is None else GRID
            table.low[d] = axis.low
            if axis.log:
                slack = 0.5 if axis.integer else 0.0
                table.origin[d] = log(axis.low - slack)
                table.span[d] = log(axis.high + slack) - table.origin[d]
            elif size is None:
                table.origin[d], table.span[d] = axis.low, axis.high - axis.low
        table.size[d] = 1.0 if size is None else size
        while table.kind[d] == GRID and table.wide[d] < table.size[d] and _width(table, d, table.wide[d]) >= WIDE:
            table.wide[d] += 1
    edges = np.zeros((p, int(table.wide.max(initial=0)) + 1))
    for d in range(p):
        for cell in range(table.wide[d]):
            edges[d, cell : cell + 2] = edges_of(table, d, float(cell))
    return table._replace(edges=edges)


def _width(table: AxisTable, d: int, cell: int) -> float:
    """Return the latent width of a cell of a grid; each is at most as wide as the one before."""
    lower, upper = edges_of(table, d, float(cell))
    return upper - lower


@kernel
def edges_of(axes: AxisTable, d: int, cell: float) -> tuple[float, float]:
    """Return the latent coordinates between which a cell of a grid lies."""
    if axes.span[d] == 0.0:
        return cell / axes.size[d], (cell + 1.0) / axes.size[d]
    value, origin, span = axes.low[d] + cell, axes.origin[d], axes.span[d]
    return (log(value - 0.5) - origin) / span, (log(value + 0.5) - origin) / span


@kernel
def cell_of(axes: AxisTable, d: int, latent: float) -> float:
    """Return the number of the cell that a latent coordinate falls into, as a whole float."""
    if axes.span[d] == 0.0:
        cell = math.floor(latent * axes.size[d])
    else:
        cell = math.floor(exp(axes.origin[d] + latent * axes.span[d]) + 0.5) - axes.low[d]
    return float(min(max(float(cell), 0.0), axes.size[d] - 1.0))


@kernel
def centre_of(axes: AxisTable, d: int, cell: float) -> float:
    """Return the latent coordinate of a kernel at the value in a cell."""
    if axes.span[d] == 0.0:
        return float((cell + 0.5) / axes.size[d])
    return float((log(axes.low[d] + cell) - axes.origin[d]) / axes.span[d])
