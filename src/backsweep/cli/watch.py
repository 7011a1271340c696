"""`backsweep show STUDY --watch`: follow a study that runs in another process, until it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import typer
from rich.live import Live
from rich.text import Text

from backsweep.api.sweeps import study_warnings
from backsweep.cli.console import echo, make_console, print_benchmarks, print_warnings, print_worth
from backsweep.cli.progress import Clock
from backsweep.figures.style import thinned
from backsweep.report.formats import format_number
from backsweep.study.results.study import open_study
from backsweep.study.results.watch import Watch
from backsweep.study.run.progress import Progress
from backsweep.study.store.lookahead_record import describe_test

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray
    from rich.console import Console

    from backsweep.study.results.state import State
    from backsweep.sweepfile.search import Search

    Printer = Callable[[Console, State, Search, pl.DataFrame, Mapping[str, str]], None]

_BLOCKS = "▁▂▃▄▅▆▇█"
_SHARE = 5  # a refresh may take a fifth of the time


def draw_curve(curve: NDArray[np.float64], width: int = 24) -> str:
    """Return a line of blocks for the best so far, float64[trials], with its ends; empty where there is none yet."""
    known = np.flatnonzero(np.isfinite(curve))
    if len(known) < 2:
        return ""
    values = curve[known[0] :][thinned(len(curve) - int(known[0]), width)]
    low, high = float(values.min()), float(values.max())
    steps = np.round((values - low) / ((high - low) or 1.0) * (len(_BLOCKS) - 1)).astype(int)
    line = "".join(_BLOCKS[step] for step in steps)
    return f" · best so far {line} {format_number(float(values[0]))} to {format_number(float(values[-1]))}"


def watch(path: Path | str, top: int, every: float, show: Printer) -> None:
    """Show a study's state and its best trials every so many seconds, until all its trials are committed.

    On a terminal the table changes in place; elsewhere a line is printed for each commit, and at the end the table,
    which `show` prints. Ctrl-C exits with code 130 and does not affect the study.
    """
    console, study, clock = make_console(), Watch(path, top), Clock()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        before = -1
        while True:
            begun = time.monotonic()
            try:
                state, best = study.look()
                total = state.total if state.total is not None else state.done
                row = best.row(0, named=True) if len(best) else None
                text = clock.describe(Progress(state.done, total, state.failed, row, state.batches))
                if console.is_terminal:
                    text += draw_curve(study.curve)
                    with console.capture() as captured:
                        show(console, state, study.search, best, {"now": text})
                    live.update(Text.from_ansi(captured.get()), refresh=True)
                elif state.done != before:
                    echo(f"{state.done:,} of {total:,} trials · {text}", err=True)
                if state.finished:
                    break
                before = state.done
                time.sleep(max(every, _SHARE * (time.monotonic() - begun)))
            except KeyboardInterrupt:
                raise typer.Exit(130) from None
    ended = open_study(path)
    show(console, state, study.search, best, {"look-ahead": describe_test(ended.lookahead)})
    print_benchmarks(console, ended.benchmark)
    print_warnings(study_warnings(ended))
    if len(best):
        print_worth(path)
