"""Densities of mixtures, run as plain Python, against those of Optuna's estimator."""

import math

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_weights

from backsweep.study.search.dimension import Dimension
from backsweep.study.search.tpe.axes import CONTINUOUS, GRID, Axes, cell_of, edges_of
from backsweep.study.search.tpe.mixture import add_kernel, add_kernels, new_mixture, set_prior

PARAMETERS = _ParzenEstimatorParameters(1.0, True, False, default_weights, True)
EXACT = {
    Dimension("float", -2.0, 3.0): FloatDistribution(-2.0, 3.0),
    Dimension("log", 1e-3, 10.0, log=True): FloatDistribution(1e-3, 10.0, log=True),
    Dimension("choice", choices=(0, 1, 2, 3)): CategoricalDistribution((0, 1, 2, 3)),
}
GRIDS = {
    Dimension("steps", 0.0, 49.5, step=0.5): FloatDistribution(0.0, 49.5, step=0.5),
    Dimension("integer", 0, 99, step=1.0, integer=True): IntDistribution(0, 99),
}
FINE = {
    Dimension("fine", 0, 999, step=1.0, integer=True): IntDistribution(0, 999),
    Dimension("log integer", 1, 400, step=1.0, log=True, integer=True): IntDistribution(1, 400, log=True),
}


def distinct(axis, count, seed):
    """Return values of an axis, of a range each at most once: Optuna's order of equals is not defined."""
    draws = np.random.default_rng(seed)
    if axis.size is None or axis.choices is not None:
        return axis.from_unit(draws.random(count))
    return axis.at(draws.permutation(axis.size)[:count])


def log_densities(dimensions, trials, points):
    """Return what `_ParzenEstimator.log_pdf` does, per unit of its axes."""
    axes = Axes(dimensions)
    table, latent = axes.table, axes.to_latent(points)
    mixture = new_mixture(table, axes.to_latent(trials), 0, 1.0)
    cells = np.zeros(latent.shape)
    change = np.zeros(len(points))
    for d, axis in enumerate(dimensions):
        if table.kind[d] == CONTINUOUS:
            change -= math.log(math.log(axis.high / axis.low) if axis.log else axis.high - axis.low)
        for row in range(len(points)) if table.kind[d] == GRID else ():
            cells[row, d] = cell_of(table, d, latent[row, d])
            lower, upper = edges_of(table, d, cells[row, d])
            change[row] += 0.0 if cells[row, d] < table.wide[d] else math.log(upper - lower)
    densities = np.zeros(len(points))
    set_prior(table, latent, cells, densities)
    add_kernels(table, mixture, len(trials), latent, cells, densities)
    return np.log(densities / (mixture.weight[: len(trials)].sum() + 1.0)) + change


@pytest.mark.parametrize("count", [0, 1, 2, 24, 25, 27, 99])
@pytest.mark.parametrize(
    ("axes", "error"), [(EXACT, 1e-9), (GRIDS, 1e-9), (FINE, 5e-3)], ids=["exact", "grids", "fine grids"]
)
def test_optuna_finds_the_same_densities(axes, error, count):
    dimensions, space = list(axes), {axis.name: distribution for axis, distribution in axes.items()}
    trials = np.stack([distinct(axis, count, seed) for seed, axis in enumerate(dimensions)], axis=1)
    points = np.stack([distinct(axis, 8, 7 + seed) for seed, axis in enumerate(dimensions)], axis=1)
    columns = {name: trials[:, d] for d, name in enumerate(space)}
    estimator = _ParzenEstimator(columns, space, PARAMETERS)
    expected = estimator.log_pdf({name: points[:, d] for d, name in enumerate(space)})
    assert log_densities(dimensions, trials, points) == pytest.approx(expected, abs=error)


@pytest.mark.parametrize("count", [0, 1, 30, 99])
def test_a_kernel_that_is_added_gives_the_mixture_of_all(count):
    axes = Axes([*EXACT, *GRIDS])
    trials = np.stack([distinct(axis, count + 1, 3) for axis in axes.dimensions], axis=1)
    latent = axes.to_latent(trials)
    grown = new_mixture(axes.table, latent[:-1], 1, 1.0)
    add_kernel(axes.table, grown, count, latent[-1], 1.0)
    made = new_mixture(axes.table, latent, 0, 1.0)
    for name, expected, found in zip(made._fields, made, grown, strict=True):
        assert np.array_equal(found, expected), name


def test_least_widths_can_be_finer_than_optunas_but_not_than_a_cell():
    table = Axes(
        [Dimension("x"), Dimension("n", 0, 499, step=1.0, integer=True), Dimension("m", 0, 4, step=1.0, integer=True)]
    ).table
    same = np.full((25, 3), 0.5)
    same[:, 1] = 0.501
    for least, expected in ((1.0, [27, 27, 27]), (1 / 50, [50, 50, 27]), (1 / 10_000, [10_000, 500, 27])):
        mixture = new_mixture(table, same, 0, least)
        assert 1 / mixture.inverse[:, 12] == pytest.approx(1 / np.array(expected))


def test_a_space_of_many_axes_has_densities_too():
    axes = Axes([Dimension(f"x{j}") for j in range(150)])
    latent = np.full((3, 150), 0.5)
    densities = np.zeros(2)
    points = np.stack([latent[0], np.zeros(150)])
    set_prior(axes.table, points, np.zeros((2, 150)), densities)
    add_kernels(axes.table, new_mixture(axes.table, latent, 0, 1e-4), 3, points, np.zeros((2, 150)), densities)
    assert 0.0 < densities[1] < densities[0] < math.inf
