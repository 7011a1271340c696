import hashlib

import numpy as np
import pytest

from backsweep.study.search.quadratic import fit, least_within, quadratic_step, solve, terms


def drawn(k, p, seed=0):
    return np.random.default_rng([seed, k, p]).uniform(-1.0, 1.0, (k, p))


@pytest.mark.parametrize(("p", "full", "expected"), [(1, True, 3), (2, True, 6), (2, False, 5), (12, True, 91)])
def test_a_quadratic_has_a_constant_and_a_coefficient_for_each_variable_and_product(p, full, expected):
    assert terms(p, full=full) == expected
    points = drawn(3 * expected, p)
    assert len(fit(points, points[:, 0], np.ones(len(points)), full)) == expected


def test_the_least_point_of_a_quadratic_is_found_exactly():
    """f = (x - 0.2)^2 + 3 (y + 0.3)^2 + (x - 0.2)(y + 0.3) is least at (0.2, -0.3)."""
    x, y = (points := drawn(20, 2)).T
    losses = (x - 0.2) ** 2 + 3.0 * (y + 0.3) ** 2 + (x - 0.2) * (y + 0.3)
    assert quadratic_step(points, losses, np.ones(20), True, 1.0) == pytest.approx([0.2, -0.3], abs=1e-7)
    assert quadratic_step(points, losses, drawn(20, 1)[:, 0], True, 1.0) == pytest.approx([0.2, -0.3], abs=1e-6)


def test_without_products_the_axes_are_fitted_each_by_itself():
    x, y, z = (points := drawn(9, 3)).T
    losses = (x - 0.1) ** 2 + 2.0 * (y + 0.2) ** 2 + 5.0 * z**2
    assert quadratic_step(points, losses, np.ones(9), False, 1.0) == pytest.approx([0.1, -0.2, 0.0], abs=1e-6)


def test_a_fit_equals_weighted_least_squares():
    points, losses, weights = drawn(40, 3), drawn(40, 1)[:, 0], drawn(40, 1, 7)[:, 0]
    products = [points[:, a] * points[:, b] for a in range(3) for b in range(a, 3)]
    matrix = np.column_stack([np.ones(40), points, *products]) * weights[:, None]
    expected = np.linalg.lstsq(matrix, losses * weights, rcond=None)[0]
    assert fit(points, losses, weights, True) == pytest.approx(expected, abs=1e-6)


def test_a_plane_is_followed_down_to_the_radius():
    points = drawn(12, 2)
    step = quadratic_step(points, 3.0 * points[:, 0] - 4.0 * points[:, 1], np.ones(12), True, 0.5)
    assert step == pytest.approx([-0.3, 0.4], abs=1e-6)  # against the gradient (3, -4) / 5, half as long as 1


@pytest.mark.parametrize("seed", range(6))
def test_no_point_within_the_radius_is_lower_than_the_step(seed):
    """Also of a saddle: a least point of the ball is a matter of the ball, not of the quadratic alone."""
    stream = np.random.default_rng(seed)
    gradient, half = stream.standard_normal(3), stream.standard_normal((3, 3))
    matrix = half + half.T
    with np.errstate(over="ignore"):  # the tangent of a tiny turn is 1 / inf
        step = least_within(gradient, matrix.copy(), 0.8)
    others = stream.standard_normal((20_000, 3))
    others *= 0.8 * stream.random((20_000, 1)) ** (1 / 3) / np.linalg.norm(others, axis=1, keepdims=True)

    def model(s):
        return s @ gradient + 0.5 * np.einsum("...i,ij,...j", s, matrix, s)

    assert np.linalg.norm(step) <= 0.8 + 1e-12
    assert model(step) <= model(others).min() + 1e-12


def test_what_cannot_be_fitted_makes_no_step():
    assert np.array_equal(quadratic_step(np.zeros((9, 2)), np.zeros(9), np.ones(9), True, 1.0), np.zeros(2))
    assert np.array_equal(least_within(np.zeros(2), np.zeros((2, 2)), 1.0), np.zeros(2))
    assert np.array_equal(solve(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones(2)), np.zeros(2))


def test_the_bits_of_a_step_are_the_same_on_every_machine_and_without_the_compiler():
    points, losses = drawn(60, 4), drawn(60, 1, 1)[:, 0]
    step = quadratic_step(points, losses, np.ones(60), True, 0.7)
    assert np.array_equal(step, quadratic_step.py_func(points, losses, np.ones(60), True, 0.7))
    assert hashlib.sha256(step.tobytes()).hexdigest()[:16] == "5dc73a4b4ee7088d"
