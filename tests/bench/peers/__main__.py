"""Compare what a sweep costs with other engines, and write the table of docs/performance.md: `make bench-peers`.

Every engine runs thresholds of the same spread over the same minute bars, on one core. Trades come first: an engine
whose trades are not those of this project is named with its number of trades, and no ratio is quoted for it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from peers.case import Prices, Trade, make_prices
from peers.engines import ENGINES, Engine
from peers.table import Measured, describe, write

if TYPE_CHECKING:
    from numpy.typing import NDArray

BARS, COMPARED, REPEATS = 200_000, 20_000, 5
SWEEPS = {"dense": (1.9, 2.3), "rare": (3.4, 3.9)}
PAGE = Path(__file__).parents[3] / "docs" / "performance.md"


def thresholds(sweep: str, count: int) -> NDArray[np.float64]:
    """Return a spread of thresholds: one that is repeated would train the processor's branch prediction on it."""
    return np.random.default_rng(1).permutation(np.linspace(*SWEEPS[sweep], count))


def compare(engine: Engine, prices: Prices, value: float, expected: list[Trade]) -> tuple[int, int]:
    """Return how many trades an engine has under a threshold, and how many of these are those that are expected."""
    trades = engine.read(engine.prepare(prices)(np.array([value])), 0)
    return len(trades), sum(one.near(other) for one, other in zip(trades, expected, strict=False))


def measure(engine: Engine, prices: Prices, sweep: str) -> tuple[float, ...]:
    """Return the nanoseconds for a bar of a trial in each repeat; the first run, which may compile, is not one."""
    run = engine.prepare(prices)
    values = thresholds(sweep, engine.most)
    run(values[:2])
    repeats = REPEATS if engine.most > 1 else 1
    found = []
    for _ in range(repeats):
        begun = time.process_time()
        run(values)
        found.append((time.process_time() - begun) / len(values) / len(prices.close) * 1e9)
    return tuple(found)


def run_sweep(sweep: str, prices: Prices) -> list[Measured]:
    """Compare and measure every engine."""
    value, short = float(np.mean(SWEEPS[sweep])), prices.first(COMPARED)
    ours = ENGINES[0]
    expected = ours.read(ours.prepare(short)(np.array([value])), 0)
    rows = []
    for engine in ENGINES:
        trades, equal = compare(engine, short, value, expected)
        taken = measure(engine, prices.first(engine.bars), sweep)
        rows.append(Measured(engine.label, engine.most, taken, trades, equal))
        print(f"{sweep:5}  {engine.label:32} {rows[-1].best:12,.2f} ns  {equal} of {len(expected)} trades", flush=True)
    return rows


def processor() -> str:
    """Return the processor's name."""
    known = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in known.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Run both sweeps and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    if os.environ.get("NUMBA_NUM_THREADS") != "1":
        sys.exit("every engine is to have one core: run make bench-peers, which sets that")
    warnings.simplefilter("ignore")  # of other engines
    prices = make_prices(BARS)
    written = [f"Written {date.today()}: one core of {processor()}, Python {platform.python_version()}.", ""]  # noqa: DTZ011
    for sweep, (lowest, highest) in SWEEPS.items():
        title = f"{sweep.capitalize()}: thresholds from {lowest:g} to {highest:g}"
        written += describe(title, run_sweep(sweep, prices))
    write(options.page, written)


if __name__ == "__main__":
    sys.exit(main())
