"""Results of trades in ranges, excursions, and fills on prices."""

from datetime import datetime

import numpy as np
import pytest

from backsweep.figures.style import GAIN, LOSS
from backsweep.figures.trades import excursion_figure, histogram_figure, price_figure

DAYS = [datetime(2020, 1, day) for day in range(1, 5)]  # noqa: DTZ001 - times as records have them


@pytest.mark.parametrize("values", [[-3.0, -1.0, 1.0, 2.0, 5.0], [0.0], [4.0, 4.0], [-1e-9, 1e12], [*range(-500, 500)]])
def test_every_trade_is_counted_once_and_no_bar_holds_losses_and_gains(values):
    (bars,) = histogram_figure(np.array(values, float), "result")["data"]
    assert sum(bars["y"]) == len(values)
    for middle, colour in zip(bars["x"], bars["marker"]["color"], strict=True):
        assert colour == (LOSS if middle < 0.0 else GAIN)
    assert abs(bars["x"][0] / bars["width"] * 0.94 % 1.0 - 0.5) < 1e-4  # zero is an edge


def test_trades_are_coloured_by_their_results():
    lost, gained = excursion_figure(np.array([0.1, 0.2]), np.array([0.3, 0.4]), np.array([True, False]))["data"]
    assert (lost["x"], gained["y"]) == ([0.2], [0.3])


def test_fills_are_marked_with_what_they_were_and_a_wide_range_is_logarithmic():
    fills = [(DAYS[0], 2.0, 1.0, "<b>signal</b>"), (DAYS[3], -2.0, 9.0, "stop_loss")]
    figure = price_figure(DAYS, np.array([1.0, 2.0, 4.0, 9.0]), fills)
    _, bought, sold = figure["data"]
    assert bought["text"] == ["+2 at 1: &lt;b&gt;signal&lt;/b&gt;"]
    assert (sold["y"], sold["x"]) == ([9.0], ["2020-01-04T00:00:00"])
    assert figure["layout"]["yaxis"]["type"] == "log"


def test_prices_below_zero_have_a_linear_axis_and_no_closes_leave_the_fills():
    figure = price_figure([], np.zeros(0), [(DAYS[0], 1.0, -5.0, "signal"), (DAYS[1], -1.0, 40.0, "signal")])
    assert [trace["name"] for trace in figure["data"]] == ["bought", "sold"]
    assert figure["layout"]["yaxis"].get("type") != "log"


def test_the_diagonal_of_excursions_ends_where_the_shorter_axis_does():
    figure = excursion_figure(np.array([0.02, 0.05]), np.array([0.3, 0.01]), np.array([True, False]))
    (line,) = figure["layout"]["shapes"]
    assert (line["x0"], line["y0"], line["x1"], line["y1"]) == (0, 0, 0.05, 0.05)
