"""The page in a headless Chromium: no errors in the console, every chart drawn, tables that sort."""

import re
import shutil
import subprocess
from datetime import datetime

import numpy as np
import pytest

from backsweep.figures.trades import price_figure
from backsweep.report.page import render_page
from backsweep.report.parts import Chart, Charts, Section
from backsweep.report.write import report_bytes
from backsweep.study.results.study import open_study

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CLICK = "<script>[...document.querySelectorAll('table')].at(-1).querySelector('th button').click()</script></body>"

CHOOSE = """<script>setTimeout(() => {
  const pick = document.querySelector(".pick select");
  pick.selectedIndex = 2;
  pick.dispatchEvent(new Event("change"));
}, 1000)</script></body>"""

EARLY = """<script>addEventListener("load", () => {
  document.body.dataset.early = `${Boolean(window.Plotly)} ${document.querySelectorAll(".js-plotly-plot").length}`;
  dispatchEvent(new Event("beforeprint"));
  document.body.dataset.printed = document.querySelectorAll(".js-plotly-plot").length;
})</script></body>"""

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


def open_page(page, script, tmp_path):
    """Open a page, then run a script in it; returns what it has become, with nothing said in the console."""
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", script))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=8000"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *options, profile, "--dump-dom", file.as_uri()]
    ended = subprocess.run(  # noqa: S603 - a program of this machine with a file of ours
        command, capture_output=True, text=True, timeout=120, check=True
    )
    assert "CONSOLE" not in ended.stderr
    return ended.stdout


def test_charts_are_drawn_and_a_table_sorts_without_an_error(bench, tmp_path):
    bench.run("study", bench.sweep())
    page = report_bytes(open_study(bench.folder / "study")).decode()
    shown = open_page(page, CLICK, tmp_path)
    charts = shown.count('class="chart js-plotly-plot"')
    assert charts == page.count('<div class="chart"') > 4
    table = shown[shown.index('aria-sort="ascending"') :]
    numbers = [float(each) for each in re.findall(r'<tr><td data-order="([^"]*)"', table.partition("</table>")[0])]
    assert len(numbers) > 1
    assert numbers == sorted(numbers)


def test_a_page_is_there_before_its_charts_and_printed_with_all_of_them(tmp_path):
    fills = [(datetime(2020, 1, 2), 1.0, 2.0, "signal")]  # noqa: DTZ001 - times as records have them
    charts = [Chart(str(place), price_figure([], np.zeros(0), fills), "") for place in range(12)]
    page = render_page("a", "b", [Section("c", charts)]).decode()
    shown = open_page(page, EARLY, tmp_path)
    assert 'data-early="false 0"' in shown
    assert 'data-printed="12"' in shown


def test_an_asset_that_is_chosen_is_drawn_and_the_one_before_is_hidden(tmp_path):
    fills = [(datetime(2020, 1, 2), 1.0, 2.0, "signal")]  # noqa: DTZ001 - times as records have them
    charts = [Chart(asset, price_figure([], np.zeros(0), fills), "") for asset in "ABC"]
    page = render_page("a", "b", [Section("c", [Charts("Prices", charts, "d", pick=True)])]).decode()
    shown = open_page(page, CHOOSE, tmp_path)
    figures = re.findall(r"<figure( hidden=\"\")?>\s*<h4>(.)</h4>\s*<div class=\"(chart[^\"]*)\"", shown)
    drawn = {asset: (not hidden, "js-plotly-plot" in kind) for hidden, asset, kind in figures}
    assert drawn == {"A": (False, True), "B": (False, False), "C": (True, True)}
