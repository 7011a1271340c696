import numpy as np
import pytest

from backsweep.study.search.eigenvectors import diagonalise


@pytest.mark.parametrize("p", [1, 2, 7])
def test_eigenvalues_are_on_the_diagonal_and_eigenvectors_in_columns(p):
    drawn = np.random.default_rng(p).standard_normal((p, p))
    matrix = drawn + drawn.T
    values, axes = matrix.copy(), np.empty((p, p))
    with np.errstate(over="ignore"):  # the tangent of a tiny turn is 1 / inf
        diagonalise(values, axes)
    assert axes @ axes.T == pytest.approx(np.eye(p), abs=1e-13)
    assert (axes * np.diag(values)) @ axes.T == pytest.approx(matrix, abs=1e-13)
    assert np.sort(np.diag(values)) == pytest.approx(np.linalg.eigvalsh(matrix), abs=1e-13)


def test_a_diagonal_matrix_stays_as_it_is():
    values, axes = np.diag([3.0, -1.0]), np.empty((2, 2))
    diagonalise(values, axes)
    assert np.array_equal(values, np.diag([3.0, -1.0]))
    assert np.array_equal(axes, np.eye(2))
