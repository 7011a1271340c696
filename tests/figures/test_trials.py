"""Surfaces, parallel coordinates and folds: which cell a trial is in, and what a cell shows."""

import json

import numpy as np
import pytest

from backsweep.figures.trials import MOST_LINES, Axis, folds_figure, parallel_figure, surface_figure

FLAG = Axis("flag", levels=(0.0, 1.0), labels=("false", "true"))


def test_a_cell_has_the_median_of_its_trials_and_the_cross_is_on_the_best():
    x, y = np.array([0.0, 1.0, 1.0, 1.0]), np.array([1.0, 100.0, 100.0, 1.0])
    values = np.array([1.0, 2.0, 8.0, 5.0])
    axes = FLAG, Axis("<b>n</b>", 1.0, 100.0, log=True)
    figure = surface_figure(axes, (x, y), values, "sharpe", best=2)
    heat, cross = figure["data"]
    assert [heat["z"][0], heat["z"][-1]] == [[1.0, 5.0], [None, 5.0]]  # rows from below; the median of 2 and 8 is 5
    assert heat["customdata"][-1] == [0, 2]
    assert (cross["x"], cross["y"]) == ([1.0], [len(heat["z"]) - 0.5])
    assert cross["cliponaxis"] is False  # at the edge it is whole
    assert figure["layout"]["xaxis"]["ticktext"] == ["false", "true"]
    assert figure["layout"]["yaxis"]["title"]["text"] == "&lt;b&gt;n&lt;/b&gt;"
    assert figure["layout"]["yaxis"]["ticktext"] == ["1", "10", "100"]
    assert figure["layout"]["yaxis"]["tickvals"] == [-0.5, 1.5, 3.5]  # 10 is half way in the logarithm, of four cells
    json.dumps(figure, allow_nan=False)


def test_ticks_of_a_range_are_round_and_in_their_places():
    assert Axis("a", 0.15, 0.6).ticks(5) == (
        pytest.approx([1 / 9, 1 / 3, 5 / 9, 7 / 9, 1.0]),
        ["0.2", "0.3", "0.4", "0.5", "0.6"],
    )
    assert Axis("a", -0.0586, 1.04).ticks(5)[1] == ["0", "0.25", "0.5", "0.75", "1"]
    assert Axis("a", 5.0, 100.0, log=True).ticks(5)[1] == ["5", "10", "20", "50", "100"]
    assert Axis("a", 1e-6, 1.0, log=True).ticks(5)[1] == ["1e-06", "0.0001", "0.01", "1"]
    assert Axis("a", 2.0, 2.0).ticks(5) == ([0.5], ["2"])


def test_neighbouring_levels_share_cells_where_there_are_many_for_the_trials():
    """Of 128 trials an axis has 6 cells: 19 numbers share them, 19 names and 12 numbers do not."""
    values, levels = np.arange(128.0), tuple(map(float, range(19)))
    points = np.arange(128.0) % 19
    few = np.arange(128.0) % 12
    for axis, at, cells in (
        (Axis("n", levels=levels, labels=("",) * 19, order=True), points, 6),
        (Axis("n", levels=levels, labels=("",) * 19), points, 19),
        (Axis("n", levels=levels[:12], labels=("",) * 12, order=True), few, 12),
    ):
        heat = surface_figure((FLAG, axis), (values % 2, at), values, "sharpe", best=0)["data"][0]
        assert len(heat["z"]) == cells
        assert sum(map(sum, heat["customdata"])) == 128


def test_where_less_is_better_the_scale_is_reversed():
    values, half = np.array([3.0, 1.0]), np.array([0.0, 1.0])
    heat = surface_figure((FLAG, FLAG), (half, half), values, "turnover", best=1, maximize=False)["data"][0]
    assert heat["reversescale"]
    assert heat["zmin"] == 1.0


def test_a_line_of_parallel_coordinates_goes_through_the_trial_s_values():
    goal = Axis("sharpe", 0.0, 2.0)
    good = np.array([False, True])
    others, best = parallel_figure([FLAG, goal], [np.array([0.0, 1.0]), np.array([1.0, 2.0])], good, "sharpe")["data"]
    assert (others["x"], others["y"]) == ([0, 1, None], [0.25, 0.5, None])
    assert best["y"] == [0.75, 1.0, None]


def test_of_many_lines_as_many_are_drawn_as_are_said():
    count = 10 * MOST_LINES
    values = np.linspace(0.0, 1.0, count)
    axes = [Axis("a"), Axis("sharpe")]
    others, best = parallel_figure(axes, [values, values], values > 0.9, "sharpe")["data"]
    assert (others["x"].count(0), best["x"].count(0)) == (MOST_LINES, MOST_LINES)


def test_an_undefined_fold_has_no_bar():
    train, test = folds_figure(["0", "1"], [("training", [1.0, 2.0]), ("test", [None, float("nan")])], "sharpe")["data"]
    assert (train["y"], test["y"]) == ([1.0, 2.0], [None, None])
