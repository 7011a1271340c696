"""Charts as Plotly's own figures, for notebooks: the one place that imports Plotly."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from backsweep.figures.style import Chart, Figure, escaped

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

_WIDTH = 110  # letters in a line of the text under the title


def to_plotly(chart: Chart) -> PlotlyFigure:
    """Return a chart as a Plotly figure, its title and what it shows and does not above it."""
    import plotly.graph_objects as go  # noqa: PLC0415 - takes a second, for those who ask for a figure

    figure = go.Figure(chart.figure)
    lines = textwrap.wrap(chart.text, _WIDTH)
    title: Figure = {"text": escaped(chart.title), "subtitle": {"text": "<br>".join(map(escaped, lines))}}
    legend = 24 if any(trace.showlegend is not False and trace.name for trace in figure.data) else 0
    above = 50 + 17 * len(lines) + legend
    title |= {"y": 1.0, "yref": "container", "yanchor": "top", "pad": {"t": 14}}
    figure.update_layout(title=title, margin={"t": above}, height=chart.figure["layout"]["height"] + above - 24)
    return figure
