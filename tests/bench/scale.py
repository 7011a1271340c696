"""`make bench-scale`: what whole studies cost, from 10^5 to 10^10 bars of trials, written into docs/performance.md.

Each study runs as a user's does: data read from a file, proposals, runs, metrics, the study's files. The strategy sees
every bar and trades with brackets. What is already compiled is found on disk, as in every run but the first.
"""

import math
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl

import backsweep as bs

sys.path.insert(0, str(Path(__file__).parent))
from bench import make_bars
from peers.table import replace_between

ROOT = Path(__file__).parents[2]
PAGE, PICTURE = ROOT / "docs" / "performance.md", ROOT / "docs" / "scale.svg"
SIZES = ((1_000, 100), (10_000, 100), (10_000, 1_000), (100_000, 1_000), (100_000, 10_000), (100_000, 100_000))
SWEEPS = (("dense", "Bracket", 2.2, 2.8), ("rare", "Asleep", 3.9, 4.3))  # the last two are the ends of `entry`
BARS, SETS = 200_000, 10_000
TENTHS = 200_000  # trials of the study whose tenths are compared
SWEEP = """
study: scale
data: {{bars: bars.parquet}}
strategy: {bench}/bracket.py:{strategy}
account: {{cash: 1000000, kind: margin, leverage: 2.0, lot: 1}}
costs: {{commission: {{kind: percentage, rate: 0.0005}}, slippage: {{kind: percentage, rate: 0.0002}}}}
search:
  sampler: {sampler}
  trials: {trials}
  params: {{entry: {{low: {low}, high: {high}}}, distance: {{low: 0.005, high: 0.02}}}}
  objective: {{maximize: sharpe}}
runtime: {{workers: {workers}, backend: {backend}}}
"""
Marks = list[tuple[float, float, int]]


def run_study(frame: pl.DataFrame, trials: int, **settings: object) -> tuple[float, Marks, float]:
    """Run a study.

    Returns seconds of processor time of this process; clock, processor and trials as it went on; and the median trades
    of a trial.
    """
    marks: Marks = []
    with tempfile.TemporaryDirectory() as home:
        frame.write_parquet(Path(home) / "bars.parquet")
        values = {"sampler": "sobol", "strategy": "Bracket", "low": 2.2, "high": 2.8, "workers": 1, "backend": "inline"}
        text = SWEEP.format(**(values | settings), trials=trials, bench=ROOT / "tests" / "bench")
        (Path(home) / "sweep.yaml").write_text(text)
        begin = time.process_time()
        study = bs.run(
            Path(home) / "sweep.yaml",
            out=Path(home) / "study",
            progress=lambda now: marks.append((time.perf_counter(), time.process_time(), now.done)),
        )
        return time.process_time() - begin, marks, study.trials["user_attrs_trades"].median()


def draw(points: list[tuple[float, float]]) -> str:
    """Return a picture of seconds by bars of trials, both in powers of ten, and a line of 10 ns for each."""
    width, height, edge = 560, 320, 50

    def place(bars: float, seconds: float) -> tuple[float, float]:
        across, up = (math.log10(bars) - 5) / 5, (math.log10(seconds) + 1) / 4
        return edge + across * (width - 2 * edge), height - edge - up * (height - 2 * edge)

    def text(x: float, y: float, what: str, anchor: str = "middle") -> str:
        return f"<text x='{x:.0f}' y='{y:.0f}' text-anchor='{anchor}'>{what}</text>"

    parts = [f"<rect width='{width}' height='{height}' fill='white'/>"]
    for power in range(5, 11):
        x, y = place(10.0**power, 0.1)
        parts.append(f"<path d='M{x:.0f} {y:.0f}V{edge}' stroke='#ddd'/>" + text(x, y + 16, f"10^{power}"))
    for power in range(-1, 4):
        x, y = place(1e5, 10.0**power)
        parts.append(
            f"<path d='M{x:.0f} {y:.0f}H{width - edge}' stroke='#ddd'/>"
            + text(x - 6, y + 4, f"{10.0**power:g} s", "end")
        )
    (x, y), (end, top) = place(1e7, 0.1), place(1e10, 100.0)
    parts.append(f"<path d='M{x:.0f} {y:.0f}L{end:.0f} {top:.0f}' stroke='#999' stroke-dasharray='4 4'/>")
    parts.append(text(end + 5, top + 4, "10 ns", "start"))
    spots = [place(*point) for point in points]
    parts.append(
        f"<path d='M{'L'.join(f'{x:.1f} {y:.1f}' for x, y in spots)}' fill='none' stroke='#1565c0' stroke-width='1.5'/>"
    )
    parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='#1565c0'/>" for x, y in spots]
    parts.append(text(width / 2, height - 12, "bars x trials; seconds of processor time"))
    style = "font-family='sans-serif' font-size='11' fill='#333'"
    return "\n".join(
        [f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' {style}>", *parts, "</svg>", ""]
    )


def measure_sizes() -> tuple[list[str], list[tuple[float, float]]]:
    """Return the rows of the table of sizes, and seconds by bars of trials."""
    frame = make_bars(max(bars for bars, _ in SIZES), 1, timedelta(minutes=1))
    run_study(frame.head(1_000), 10)  # compiles what is not on disk
    rows, points = [], []
    for bars, trials in SIZES:
        seconds, *_ = run_study(frame.head(bars), trials)
        points.append((float(bars * trials), seconds))
        rows.append(
            f"| {bars:,} | {trials:,} | {bars * trials:.0e} | {seconds:,.2f} | {seconds / bars / trials * 1e9:,.1f} |"
        )
        print(rows[-1], flush=True)
    return rows, points


def measure_pipelines() -> list[str]:
    """Return the rows of the sweeps on two Ray workers, from their first finished trials to the last."""
    frame = make_bars(BARS, 1, timedelta(minutes=1))
    rows = []
    for name, strategy, low, high in SWEEPS:
        settings = {"strategy": strategy, "low": low, "high": high, "workers": 2, "backend": "ray"}
        _, marks, trades = run_study(frame, SETS, **settings)
        (first, _, before), (last, _, done) = next(mark for mark in marks if mark[2] > SETS / 50), marks[-1]
        seconds = (last - first) / (done - before) * SETS
        cells = (name, f"{SETS:,}", f"{BARS:,}", f"{BARS / trades:,.0f}", f"{seconds:.1f}")
        rows.append(f"| {' | '.join(cells)} | {seconds / SETS / BARS * 1e9:.2f} |")
        print(rows[-1], flush=True)
    return rows


def measure_tenths() -> list[float]:
    """Return the microseconds of processor time that a trial costs in each tenth of one study but the first."""
    year = make_bars(252, 1, timedelta(days=1))
    _, marks, _ = run_study(year, TENTHS)
    edges = [next(mark for mark in marks if mark[2] >= TENTHS * tenth // 10) for tenth in range(1, 11)]
    return [(b[1] - a[1]) / (b[2] - a[2]) * 1e6 for a, b in pairwise(edges)]


def main() -> None:
    """Measure, and write the page and the picture."""
    rows, points = measure_sizes()
    tenths = ", ".join(f"{cost:.0f}" for cost in measure_tenths())
    pipelines = measure_pipelines()
    PICTURE.write_text(draw(points))
    cores, today = os.cpu_count(), datetime.now(UTC).date()
    lines = [
        f"Written {today} on {cores} cores of {platform.machine()}, perhaps with other work: a figure may double.",
        "",
        "| bars | trials | bars x trials | s of processor time | ns a bar and trial |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "![Seconds of a study by bars and trials](scale.svg)",
        "",
        f"One study of {TENTHS:,} trials on a year of daily bars: us of processor time for a trial, by tenths of the",
        f"study from the second to the last: {tenths}.",
        "",
        "Two Ray workers on two cores, from the first finished trials to the last:",
        "",
        "| sweep | parameter sets | bars | bars a trade | s | ns a bar and set |",
        "|---|---|---|---|---|---|",
        *pipelines,
        "",
    ]
    replace_between(PAGE, "<!-- written by make bench-scale -->", lines)


if __name__ == "__main__":
    main()
