"""A picture of a study as SVG: every trial in the order of its number, and the equity of the one that was selected.

python -m generate.picture studies/demo docs/demo.svg
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

import backsweep as bs

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT, GAP, MARGIN = 420, 220, 70, 46
POINTS = 400
"""Of the curve of equity; more cannot be seen."""

STYLE = "font-family='sans-serif' font-size='12' fill='#333'"


@dataclass(frozen=True)
class Axes:
    """One panel: where it is, and the range of its values."""

    left: float
    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return a value's place in the picture."""
        across, up = (x - self.x[0]) / (self.x[1] - self.x[0]), (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * WIDTH, MARGIN + (1.0 - up) * HEIGHT

    def frame(self, title: str, ticks: Sequence[tuple[float, str]], labels: Sequence[tuple[float, str]]) -> list[str]:
        """Draw the frame, the title, horizontal lines at `ticks` and texts below at `labels`."""
        lines = [f"<text x='{self.left:.0f}' y='{MARGIN - 16}' {STYLE} font-weight='bold'>{title}</text>"]
        for value, text in ticks:
            x, y = self.place(self.x[0], value)
            lines.append(f"<path d='M{x:.1f} {y:.1f}h{WIDTH}' stroke='#ddd'/>")
            lines.append(f"<text x='{x - 6:.1f}' y='{y + 4:.1f}' {STYLE} text-anchor='end'>{text}</text>")
        for value, text in labels:
            x, _ = self.place(value, self.y[0])
            lines.append(f"<text x='{x:.1f}' y='{MARGIN + HEIGHT + 18}' {STYLE} text-anchor='middle'>{text}</text>")
        return lines

    def line(self, points: Sequence[tuple[float, float]], color: str) -> str:
        """Draw a line through points."""
        path = "L".join("{:.1f} {:.1f}".format(*self.place(*point)) for point in points)
        return f"<path d='M{path}' fill='none' stroke='{color}' stroke-width='1.5'/>"


def draw(folder: Path | str) -> str:
    """Return the picture of a study that maximizes one metric; raises as `bs.open_study` does."""
    study = bs.open_study(folder)
    goal = study.sweep.search.objective[0].metric
    trials = study.trials.select("number", "value").drop_nulls().sort("number")
    equity = pl.read_parquet(Path(folder) / "selected" / "equity.parquet").select("timestamp", "equity")
    parts = [*_draw_trials(trials, goal), *_draw_equity(equity, study.best)]
    width, height = 2 * WIDTH + 2 * GAP + 20, HEIGHT + 2 * MARGIN
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img'>"
    return "\n".join([head, f"<rect width='{width}' height='{height}' fill='white'/>", *parts, "</svg>", ""])


def _draw_trials(trials: pl.DataFrame, goal: str) -> list[str]:
    numbers, values = trials["number"].to_list(), trials["value"].to_list()
    low, high = min(*values, 0.0), max(values)
    axes = Axes(GAP, (0, numbers[-1] + 1), (low, high + 0.05 * (high - low)))
    best = list(zip(numbers, trials["value"].cum_max().to_list(), strict=True))
    ends = [(0, "0"), (numbers[-1] + 1, f"{numbers[-1] + 1}")]
    dots = (axes.place(*point) for point in zip(numbers, values, strict=True))
    title = f"{len(numbers)} trials by number: {goal}, and the best so far"
    return [
        *axes.frame(title, [(0.0, "0"), (high, f"{high:.2f}")], ends),
        "<g fill='#4878a8' fill-opacity='.55'>",
        *(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2'/>" for x, y in dots),
        "</g>",
        axes.line(best, "#c0504d"),
    ]


def _draw_equity(equity: pl.DataFrame, best: dict[str, object] | None) -> list[str]:
    shown = equity.gather_every(max(1, len(equity) // POINTS))
    values = (shown["equity"] / equity["equity"][0]).to_list()
    axes = Axes(WIDTH + 2 * GAP, (0, len(values) - 1), (min(values), max(values) * 1.05))
    years = [(0, f"{shown['timestamp'][0]:%Y}"), (len(values) - 1, f"{shown['timestamp'][-1]:%Y}")]
    title = f"Equity of trial {best['number']}, the best of them" if best else "Equity"
    ticks = [(1.0, "1"), (max(values), f"{max(values):.1f}")]
    return [*axes.frame(title, ticks, years), axes.line(list(enumerate(values)), "#4878a8")]


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(draw(sys.argv[1]))
