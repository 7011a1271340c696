import numpy as np
import pytest
from cmaes import CMA

from backsweep.study.search.cma import Cma, Distribution, constants, decompose, draw, move


def bowl(points, condition=1e4, seed=5):
    """Measure a turned ellipsoid around 0.3."""
    axes, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((points.shape[1],) * 2))
    return (((points - 0.3) @ axes) ** 2 * np.geomspace(1.0, condition, points.shape[1])).sum(axis=1)


@pytest.mark.parametrize(("axes", "size"), [(1, 4), (2, 8), (6, 32), (20, 64)])
def test_the_constants_are_those_of_the_cmaes_package(axes, size):
    if axes == 1:  # which that package does not accept
        assert constants(1, 4).chi == pytest.approx(1.0 - 1.0 / 4.0 + 1.0 / 21.0)
        return
    ours, other = constants(axes, size), CMA(np.full(axes, 0.5), 0.25, population_size=size)
    assert ours.weights == pytest.approx(other._weights)
    expected = (other._mu_eff, other._c_sigma, other._d_sigma, other._cc, other._c1, other._cmu, other._chi_n)
    assert ours[1:] == pytest.approx(expected)


def test_a_distribution_moves_as_that_of_the_cmaes_package():
    other = CMA(np.full(4, 0.5), 0.25, population_size=12)
    ours = Cma(np.full(4, 0.5), 0.25, np.random.default_rng(0))
    for _ in range(2):
        points = ours.draw(12)
        order = np.argsort(bowl(points))
        ours.tell(points[order])
        other.tell([(point, float(rank)) for rank, point in enumerate(points[order])])
    assert ours._state.mean == pytest.approx(other._mean)
    assert ours._state.scale[0] == pytest.approx(other._sigma)
    assert ours._state.covariance == pytest.approx(other._C)
    assert ours._state.step_path == pytest.approx(other._p_sigma)
    assert ours._state.shape_path == pytest.approx(other._pc)


def test_eigenvectors_are_orthogonal_and_give_the_covariance_back():
    factor = np.random.default_rng(1).standard_normal((9, 9))
    covariance = factor @ factor.T
    state = Distribution(
        np.zeros(9), np.ones(1), covariance, np.eye(9), np.ones(9), *np.zeros((2, 9)), np.zeros(1, int)
    )
    decompose(state)
    assert state.axes @ state.axes.T == pytest.approx(np.eye(9), abs=1e-12)
    assert (state.axes * state.lengths**2) @ state.axes.T == pytest.approx(covariance, abs=1e-12)
    assert np.sort(state.lengths**2) == pytest.approx(np.linalg.eigvalsh(covariance))


@pytest.mark.parametrize("mean", [0.0, 0.5, 1.0])
def test_points_lie_in_the_cube_and_around_the_mean(mean):
    points = Cma(np.array([0.5, mean, 0.5]), 0.2, np.random.default_rng(2)).draw(2000)
    assert points.min() >= 0.0
    assert points.max() <= 1.0
    assert np.median(points[:, 1]) == pytest.approx(abs(mean - 0.2 * 0.6745) if mean != 0.5 else 0.5, abs=0.02)


@pytest.mark.parametrize("late", [0, 1, 3])
def test_a_search_finds_the_bottom_of_a_narrow_valley_also_when_it_is_told_late(late):
    search, waiting, best = Cma(np.full(6, 0.5), 0.25, np.random.default_rng(3)), [], np.inf
    for _ in range(250):
        waiting.append(search.draw(32))
        best = min(best, bowl(waiting[-1]).min())
        if len(waiting) > late:
            points = waiting.pop(0)
            search.tell(points[np.argsort(bowl(points))])
    assert best < 1e-12
    assert search.spread < 1e-3
    assert 10.0 < search.ratio < 1e4  # the root of the condition is 100


def test_compiled_and_interpreted_moves_have_the_same_bits():
    """What the compiler would fuse or reorder would differ."""
    uniform = np.random.default_rng(7).random((12, 10, 5))
    states = []
    for moving, drawing in ((move, draw), (move.py_func, draw.py_func)):
        search = Cma(np.full(5, 0.4), 0.2, np.random.default_rng(0))
        for _ in range(3):
            points = drawing(search._state, uniform)
            moving(search._state, constants(5, 12), points[np.argsort(bowl(points), kind="stable")])
        states.append(b"".join(np.ascontiguousarray(each).tobytes() for each in search._state))
    assert states[0] == states[1]
