import numpy as np
import pytest

from backsweep.study.search.dimension import Dimension
from backsweep.study.search.tpe.axes import Axes, cell_of
from backsweep.study.search.tpe.candidates import choose, draw
from backsweep.study.search.tpe.mixture import add_kernels, new_mixture, set_prior

SPACE = Axes(
    [
        Dimension("float", -2.0, 3.0),
        Dimension("log", 1e-3, 10.0, log=True),
        Dimension("steps", 0.0, 1.0, step=0.05),
        Dimension("fine", 0, 500, step=1.0, integer=True),
        Dimension("log integer", 1, 400, step=1.0, log=True, integer=True),
        Dimension("choice", integer=True, choices=(5, 3, 9)),
        Dimension("one", 7, 7, step=1.0, integer=True),
    ]
)


def latent(axes, count, seed):
    unit = np.random.default_rng(seed).random((count, len(axes.dimensions)))
    return axes.to_latent(np.stack([axis.from_unit(unit[:, j]) for j, axis in enumerate(axes.dimensions)], axis=1))


def source(function):
    """Return what Numba compiles, as plain Python."""
    return getattr(function, "py_func", function)


@pytest.mark.parametrize("least", [1.0, 1e-3])
def test_compiled_and_interpreted_proposals_are_equal_to_the_last_bit(least):
    uniforms = np.random.default_rng(1).random((4, 3, 8))
    given = (SPACE.table, latent(SPACE, 5, 2), latent(SPACE, 30, 3), least, uniforms)
    assert source(choose)(*given).tobytes() == choose(*given).tobytes()


def test_a_proposal_is_the_candidate_with_the_largest_ratio_and_then_counts_as_bad():
    good, bad = latent(SPACE, 4, 2), latent(SPACE, 12, 3)
    uniforms = np.random.default_rng(4).random((3, 24, 8))
    chosen = choose(SPACE.table, good, bad, 1.0, uniforms)
    for b in range(3):
        points, cells = np.zeros((24, 7)), np.zeros((24, 7))
        likely = new_mixture(SPACE.table, good, 0, 1.0)
        unlikely = new_mixture(SPACE.table, np.concatenate([bad, chosen[:b]]), 0, 1.0)
        draw(SPACE.table, likely, 4, uniforms[b], points, cells)
        above, below = np.zeros(24), np.zeros(24)
        for densities, mixture, count in ((above, likely, 4), (below, unlikely, 12 + b)):
            set_prior(SPACE.table, points, cells, densities)
            add_kernels(SPACE.table, mixture, count, points, cells, densities)
        assert chosen[b].tolist() == points[np.argmax(above / below)].tolist()


def test_a_batch_spreads():
    axes = Axes([Dimension("x")])
    good, bad = np.array([[0.5]]), np.linspace(0.0, 1.0, 40)[:, None]
    uniforms = np.random.default_rng(5).random((1, 24, 2))
    alone = choose(axes.table, good, bad, 1.0, uniforms)
    together = choose(axes.table, good, bad, 1.0, np.concatenate([uniforms] * 8))
    assert together[0] == alone[0]
    assert len(np.unique(together)) > 4


def test_draws_follow_the_density():
    axes = Axes([Dimension("x")])
    mixture = new_mixture(axes.table, np.array([[0.2], [0.3], [0.9]]), 0, 1.0)
    steps = (np.arange(60) + 0.5) / 60
    uniforms = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    points = np.zeros((3600, 1))
    draw(axes.table, mixture, 3, uniforms, points, np.zeros((3600, 1)))
    middles = (np.arange(1000) + 0.5)[:, None] / 1000
    densities = np.zeros(1000)
    set_prior(axes.table, middles, np.zeros((1000, 1)), densities)
    add_kernels(axes.table, mixture, 3, middles, np.zeros((1000, 1)), densities)
    assert densities.mean() == pytest.approx(4.0, rel=1e-4)  # three kernels and the prior, of mass 1 each
    for place in (0.1, 0.25, 0.5, 0.8):
        assert np.mean(points < place) == pytest.approx(densities[middles[:, 0] < place].sum() / 4000, abs=0.01)


def test_draws_of_choices_and_cells_follow_their_masses():
    axes = Axes([Dimension("c", choices=(0, 1, 2)), Dimension("n", 0, 4, step=1.0, integer=True)])
    mixture = new_mixture(axes.table, np.array([[1.0, 0.5]]), 0, 1.0)
    steps = (np.arange(600) + 0.5) / 600
    points, cells = np.zeros((600, 2)), np.zeros((600, 2))
    draw(axes.table, mixture, 1, np.stack([steps, steps, np.zeros(600)], axis=1), points, cells)
    # One trial: 1 + 1/2 parts of 1 + 3/2 for its own choice, 1/2 for each other one.
    assert np.bincount(points[:, 0].astype(int)).tolist() == [120, 360, 120]
    assert np.array_equal(cells[:, 1], [cell_of(axes.table, 1, place) for place in points[:, 1]])
    masses = mixture.mass[1, :, 0] * np.exp(mixture.factor[1, 0])
    assert np.bincount(cells[:, 1].astype(int)) == pytest.approx(600 * masses, abs=1)
