"""Charts as plain data: what they draw, and that names from data stay text."""

import json
from datetime import date, timedelta

import numpy as np

from backsweep.figures.record import bar_figure, equity_figure, monthly_figure
from backsweep.figures.style import GAIN, LOSS, MOST_POINTS, faded
from backsweep.figures.trials import scatter_figure

DATES = [date(2020, 1, 1) + timedelta(days=day) for day in range(3)]


def test_equity_is_compounded_and_the_drawdown_is_below_the_highest_so_far():
    figure = equity_figure(DATES, {"a": np.array([0.1, -0.5, 0.2])}, starts=DATES[1:2])
    growth, fall = figure["data"]
    assert growth["y"] == [1.1, 0.55, 0.66]
    assert fall["y"] == [0.0, -0.5, -0.4]
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert [line["x0"] for line in figure["layout"]["shapes"]] == ["2020-01-02"]


def test_a_first_loss_is_a_drawdown_from_where_the_account_began():
    assert equity_figure(DATES[:1], {"a": np.array([-0.25])})["data"][-1]["y"] == [-0.25]


def test_an_account_that_is_lost_has_a_linear_axis():
    figure = equity_figure(DATES, {"a": np.array([0.1, -1.0, 0.0])})
    assert figure["layout"]["yaxis"]["type"] == "linear"
    json.dumps(figure, allow_nan=False)


def test_months_without_a_session_are_empty():
    figure = monthly_figure([2020, 2021], [12, 2], [0.01, -0.02])
    grid = figure["data"][0]["z"]
    assert not any(figure["layout"][axis]["showgrid"] for axis in ("xaxis", "yaxis"))  # lines would cross the numbers
    assert (grid[0][11], grid[1][1]) == (0.01, -0.02)
    assert sum(value is None for row in grid for value in row) == 22


def test_names_of_bars_are_escaped_and_what_is_undefined_is_null():
    (bars,) = bar_figure(["<b>a</b>", "b"], [0.1, float("nan")], ".0%")["data"]
    assert bars["x"] == ["&lt;b&gt;a&lt;/b&gt;", "b"]
    assert bars["y"] == [0.1, None]


def test_many_points_are_thinned_to_the_same_ones_every_time():
    count = 10 * MOST_POINTS
    first, second = (scatter_figure(range(count), np.arange(float(count)), ("x", "y"))["data"][0] for _ in range(2))
    assert first == second
    assert len(first["x"]) == MOST_POINTS
    assert (first["x"][0], first["x"][-1]) == (0, count - 1)


def test_ticks_over_several_decades_are_round_and_apart():
    axis = equity_figure(DATES, {"a": np.array([1.0, 9.0, 0.0])})["layout"]["yaxis"]
    assert axis["ticktext"] == ["1", "2", "5", "10", "20", "50", "100", "200", "500"]


def test_marked_points_have_a_colour_of_their_own_and_what_is_no_number_is_a_text():
    marked = np.array([False, True, False])
    others, front = scatter_figure([True, "<b>", 2], np.arange(3.0), ("x", "y"), marked=marked)["data"]
    assert (others["x"], front["x"]) == (["true", 2], ["&lt;b&gt;"])
    assert others["marker"]["color"] != front["marker"]["color"]


def test_the_middle_of_the_months_scale_shows_the_page_behind_it():
    scale = monthly_figure([2020], [1], [0.1])["data"][0]["colorscale"]
    assert scale == [[0.0, LOSS], [0.5, faded(LOSS)], [0.5, faded(GAIN)], [1.0, GAIN]]
    assert faded("#10ff00") == "rgba(16, 255, 0, 0)"


def test_bars_have_their_numbers_outside_of_them_also_where_they_are_zero():
    bars = bar_figure(["2012", "2013"], [0.01, 0.0], ".1%")["data"][0]
    assert bars["textposition"] == "outside"
    assert bars["marker"]["line"]["width"] > 0  # without it Plotly leaves out the number of a bar without height
