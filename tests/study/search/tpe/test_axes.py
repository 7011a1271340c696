import numpy as np
import pytest

from backsweep.study.search.dimension import Dimension
from backsweep.study.search.tpe.axes import CHOICE, CONTINUOUS, GRID, Axes, cell_of, centre_of, edges_of

DIMENSIONS = (
    Dimension("float", -2.0, 3.0),
    Dimension("log", 1e-3, 10.0, log=True),
    Dimension("steps", 0.0, 1.0, step=0.05),
    Dimension("fine", 0, 500, step=1.0, integer=True),
    Dimension("log integer", 1, 400, step=1.0, log=True, integer=True),
    Dimension("choice", integer=True, choices=(5, 3, 9)),
    Dimension("switch", choices=(False, True)),
    Dimension("one", 7, 7, step=1.0, integer=True),
    Dimension("point", 0.5, 0.5),
)


def some_values(count, seed=0):
    unit = np.random.default_rng(seed).random((count, len(DIMENSIONS)))
    return np.stack([axis.from_unit(unit[:, j]) for j, axis in enumerate(DIMENSIONS)], axis=1)


def test_values_survive_the_way_to_latent_coordinates_and_back():
    values = some_values(300)
    axes = Axes(DIMENSIONS)
    back = axes.to_values(axes.to_latent(values))
    assert np.array_equal(back[:, 2:], values[:, 2:])
    assert back[:, :2] == pytest.approx(values[:, :2], rel=1e-14)


def test_latent_coordinates_are_those_of_optunas_kernels():
    axes = Axes(DIMENSIONS)
    values = np.array([[-2.0, 0.1, 0.05, 500, 1, 9, 1, 7, 0.5], [3.0, 10.0, 1.0, 0, 400, 5, 0, 7, 0.5]])
    span = np.log(400.5) - np.log(0.5)
    first = [0.0, 0.5, 1.5 / 21, 500.5 / 501, np.log(2.0) / span, 2, 1, 0, 0]
    second = [1.0, 1.0, 20.5 / 21, 0.5 / 501, np.log(800.0) / span, 0, 0, 0, 0]
    assert axes.to_latent(values) == pytest.approx(np.array([first, second]), abs=1e-12)


def test_a_trial_without_a_value_has_no_coordinate():
    values = some_values(len(DIMENSIONS))
    np.fill_diagonal(values, np.nan)
    assert np.array_equal(np.isnan(Axes(DIMENSIONS).to_latent(values)), np.eye(len(DIMENSIONS), dtype=bool))


def test_the_ends_of_an_axis_are_reached_and_not_passed():
    axes = Axes(DIMENSIONS)
    low, high = np.zeros((1, len(DIMENSIONS))), np.ones((1, len(DIMENSIONS)))
    high[0, 7:] = 0.0
    for latent, ends in ((low, [axis.low for axis in DIMENSIONS[:5]]), (high, [axis.high for axis in DIMENSIONS[:5]])):
        found = axes.to_values(latent)[0, :5]
        assert found == pytest.approx(ends, rel=1e-15)
        assert found[[0, 2, 3, 4]].tolist() == [ends[d] for d in (0, 2, 3, 4)]
    assert (axes.to_values(high)[0, :5] <= [axis.high for axis in DIMENSIONS[:5]]).all()


def test_kinds_and_the_cells_that_are_integrated_exactly():
    table = Axes(DIMENSIONS).table
    assert table.kind.tolist() == [CONTINUOUS] * 2 + [GRID] * 3 + [CHOICE] * 4
    assert table.size.tolist() == [1, 1, 21, 501, 400, 3, 2, 1, 1]
    # The cell of the value v of the logarithmic grid is about 1 / (6.7 v) wide: 1/128 at 19.
    assert table.wide.tolist() == [0, 0, 21, 0, 19, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        (Dimension("integer", 7, 7, step=1.0, integer=True), 7.0),
        (Dimension("float", 0.5, 0.5), 0.5),
        (Dimension("a step beyond the end", 2.0, 2.5, step=1.0), 2.0),
        (Dimension("choice", choices=(True,)), 1.0),
    ],
)
def test_an_axis_of_one_value_is_a_choice_of_one(axis, value):
    axes = Axes([axis])
    assert (axes.table.kind[0], axes.table.size[0]) == (CHOICE, 1.0)
    assert axes.to_values(np.zeros((2, 1))).tolist() == [[value]] * 2


@pytest.mark.parametrize("d", [2, 3, 4])
def test_a_cell_contains_its_centre_and_ends_where_the_next_begins(d):
    table = Axes(DIMENSIONS).table
    for cell in (0.0, 1.0, 7.0, table.size[d] - 1.0):
        lower, upper = edges_of(table, d, cell)
        assert lower < centre_of(table, d, cell) < upper
        assert cell_of(table, d, centre_of(table, d, cell)) == cell
        assert edges_of(table, d, cell + 1.0)[0] == upper
    assert edges_of(table, d, 0.0)[0] == 0.0
    assert edges_of(table, d, table.size[d] - 1.0)[1] == pytest.approx(1.0, abs=1e-15)
    assert cell_of(table, d, 1.0) == table.size[d] - 1.0
