"""Importances of parameters: how much each one decides whether a trial is among the best tenth, by PED-ANOVA.

On each axis, laid on a grid of at most 50 cells, two densities are estimated: of the best tenth of the trials and of
all of them. The importance is the Pearson divergence between the two, in shares of one. It says how a parameter alone
parts good trials from others where the search has been; what two parameters do together only is not seen.

Sources: Watanabe, Bansal and Hutter (2023), "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
Subspaces", equation 13; the densities, their least width and the grid are those of Optuna's
`PedAnovaImportanceEvaluator`, with widths after Scott (1992), "Multivariate Density Estimation".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.statistics.normal import cumulative
from backsweep.study.table.columns import ASSET_GROUP, PARAMS
from backsweep.study.table.params import param_numbers
from backsweep.study.table.trials import best_first, losses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.dimension import Dimension
    from backsweep.sweepfile.search import Search

BEST = 0.1
"""The share of trials that counts as the best."""

FEWEST = 20
"""Trials below which there are no importances: the best tenth would be one trial."""

_CELLS = 50  # of a grid, at most
_LEAST_WIDTH = 0.5 / 1.64  # of a kernel, in cells: nine tenths of it lie inside its own cell


def importances_of_trials(trials: pl.DataFrame, axes: Sequence[Dimension], search: Search) -> dict[str, float]:
    """Return the importances among the completed trials of a study table, as `importances` does.

    Where groups of assets have trials of their own, trials are compared within their group, and the importances are the
    means over the groups.
    """
    parts = trials.partition_by(ASSET_GROUP) if ASSET_GROUP in trials.columns else [trials]
    shares = [_of_one_search(part, axes, search) for part in parts]
    known = [each for each in shares if each]
    total = {axis.name: sum(each.get(axis.name, 0.0) for each in known) for axis in axes}
    found = {name: each / len(known) for name, each in total.items() if any(name in own for own in known)}
    return {name: found[name] for name in sorted(found, key=lambda name: -found[name])}


def _of_one_search(trials: pl.DataFrame, axes: Sequence[Dimension], search: Search) -> dict[str, float]:
    rows = best_first(trials.filter(pl.col("state") == "COMPLETE"), search)
    values = np.empty((len(rows), len(axes)))
    for j, axis in enumerate(axes):
        values[:, j] = param_numbers(axis, rows[PARAMS + axis.name])
    values = values[np.isfinite(losses(rows, search)).all(axis=1)]
    return importances(axes, values, np.arange(len(values)))


def importances(axes: Sequence[Dimension], values: NDArray[np.float64], order: NDArray[np.int64]) -> dict[str, float]:
    """Return each parameter's share of importance, the largest first; the shares add up to 1.

    `values` is float64[k, p], NaN where a trial does not have a parameter, whose share is that among the trials that
    have it; `order` the trials from best to worst, int64[k]. Empty for fewer than `FEWEST` trials, and where no
    parameter differs between the best and all.
    """
    if len(values) < FEWEST:
        return {}
    best = order[: math.ceil(BEST * len(order))]
    found: Mapping[str, float] = {
        axis.name: _divergence(axis, *(column[~np.isnan(column)] for column in (values[best, j], values[:, j])))
        for j, axis in enumerate(axes)
        if axis.size != 1 and (axis.choices is not None or axis.low < axis.high)
    }
    total = sum(found.values())
    if total <= 0.0:
        return {}
    return {name: found[name] / total for name in sorted(found, key=lambda name: -found[name])}


def _divergence(axis: Dimension, best: NDArray[np.float64], every: NDArray[np.float64]) -> float:
    """Return the Pearson divergence of the best trials' density on an axis from that of all; 0 where none is there."""
    if not len(best):
        return 0.0
    top, whole = (_density(axis, values) + 1e-12 for values in (best, every))
    return float(whole @ (top / whole - 1.0) ** 2)


def _density(axis: Dimension, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate the probability of each cell of an axis from trials' values: kernels, and one that covers the axis."""
    if axis.choices is not None:
        counts = np.bincount(_places(values, axis.numbers), minlength=len(axis.choices)).astype(np.float64)
        return _of_choices(counts)
    return _of_cells(np.bincount(_cells(axis, values), minlength=_grid(axis)).astype(np.float64))


def _places(values: NDArray[np.float64], choices: NDArray[np.float64]) -> NDArray[np.int64]:
    places: NDArray[np.int64] = np.argmax(values[:, None] == choices[None, :], axis=1)
    return places


def _grid(axis: Dimension) -> int:
    """Return how many cells an axis of numbers has."""
    if axis.log and axis.integer:
        return min(math.ceil(math.log2(axis.high - axis.low + 1.0)) + 1, _CELLS)
    return min(axis.size or _CELLS, _CELLS)


def _cells(axis: Dimension, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the cell of each value; halfway between two, the lower."""
    low, high, count = axis.low, axis.high, _grid(axis)
    if axis.log:
        low, high, values = math.log(low), math.log(high), np.log(values)
    cells: NDArray[np.int64] = np.ceil((values - low) / ((high - low) / (count - 1)) - 0.5).astype(np.int64)
    return cells.clip(0, count - 1)


def _of_choices(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mix a distribution around each choice that was tried, by how often, with one that is even."""
    tried = np.flatnonzero(counts)
    around = np.full((len(tried) + 1, len(counts)), 1.0 / (len(tried) + 1))
    around[np.arange(len(tried)), tried] += 1.0
    around /= around.sum(axis=1, keepdims=True)
    weights = np.append(counts[tried], 1.0)
    mixed: NDArray[np.float64] = weights / weights.sum() @ around
    return mixed


def _of_cells(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mix a normal distribution around each cell that was tried, cut at the ends of the axis, with a wide one."""
    tried, last = np.flatnonzero(counts), len(counts) - 1
    weights = counts[tried]
    middles = np.append(tried, last / 2.0)
    widths = np.append(np.full(len(tried), _width(tried, weights)), last + 1.0)
    edges = (np.arange(last + 2)[None, :] - 0.5 - middles[:, None]) / widths[:, None]
    below = np.vectorize(cumulative, otypes=[np.float64])(edges)
    masses = np.diff(below, axis=1) / (below[:, -1:] - below[:, :1])
    weights = np.append(weights, 1.0)
    mixed: NDArray[np.float64] = weights / weights.sum() @ masses
    return mixed


def _width(tried: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Return the kernels' standard deviation in cells, by Scott's rule from the smaller of two measures of spread."""
    count, up_to = float(weights.sum()), np.cumsum(weights)
    deviation = math.sqrt(float((tried - tried @ weights / count) ** 2 @ weights) / max(1.0, count - 1.0))
    first = np.searchsorted(up_to, count // 4, side="left")
    third = min(len(tried) - 1, int(np.searchsorted(up_to, count * 3 // 4, side="right")))
    quartiles = float(tried[third] - tried[first])
    width: float = max(1.059 * min(quartiles / 1.34, deviation) * count**-0.2, _LEAST_WIDTH)
    return width
