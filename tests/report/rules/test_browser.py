"""The page in a headless Chromium: no errors in the console, every chart drawn, tables that sort."""

import re
import shutil
import subprocess

import pytest

from backsweep.report.write import report_bytes
from backsweep.study.results.study import open_study

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CLICK = "<script>[...document.querySelectorAll('table')].at(-1).querySelector('th button').click()</script></body>"

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


def test_charts_are_drawn_and_a_table_sorts_without_an_error(bench, tmp_path):
    bench.run("study", bench.sweep())
    page = report_bytes(open_study(bench.folder / "study")).decode()
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", CLICK))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=8000"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *options, profile, "--dump-dom", file.as_uri()]
    ended = subprocess.run(  # noqa: S603 - a program of this machine with a file of ours
        command, capture_output=True, text=True, timeout=120, check=True
    )
    assert "CONSOLE" not in ended.stderr
    charts = ended.stdout.count('class="chart js-plotly-plot"')
    assert charts == page.count('<div class="chart"') > 4
    table = ended.stdout[ended.stdout.index('aria-sort="ascending"') :]
    numbers = [float(each) for each in re.findall(r'<tr><td data-order="([^"]*)"', table.partition("</table>")[0])]
    assert len(numbers) > 1
    assert numbers == sorted(numbers)
