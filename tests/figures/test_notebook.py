"""A chart as Plotly's own figure: the same data, and what it shows in words."""

import ast
from pathlib import Path

from backsweep import figures
from backsweep.figures.notebook import to_plotly
from backsweep.figures.record import bar_figure
from backsweep.figures.style import Chart


def test_a_chart_keeps_its_data_and_says_what_it_shows():
    chart = Chart("Years <b>", bar_figure(["2020"], [0.1], ".1%"), "A few years prove nothing. " * 6)
    figure = to_plotly(chart)
    assert (figure.data[0].x, figure.data[0].y) == (("2020",), (0.1,))
    assert figure.layout.title.text == "Years &lt;b&gt;"
    assert figure.layout.title.subtitle.text.replace("<br>", " ") + " " == chart.text


def test_plotly_is_imported_by_nothing_but_a_figure_that_is_asked_for():
    root = Path(figures.__file__).parents[1]
    found = set()
    for path in root.rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if "import plotly" in text else ():
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.partition(".")[0] == "plotly" for name in names):
                found.add((path.name, node.col_offset > 0))
    assert found == {("notebook.py", True)}  # inside a function
