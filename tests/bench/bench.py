"""`make bench`: what a bar costs. Parity first, then nanoseconds a bar, best of many runs; ratios hold on any machine.

The floor is the least that any backtest must do: read every bar and add up its closes. Figures are for 200,000 minute
bars of one asset (or 2,000 days of 100 assets) in sessions of 390, percentage commission and slippage, whole lots.
With `wake` and `wake_held`, whole trials are measured, as a worker runs them, each with parameters of its own.
"""

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numba import njit
from rich.console import Console
from rich.table import Table

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.metrics.summary import METRICS
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import SharedEvaluator
from backsweep.trial.market import pack
from backsweep.trial.runner import Runner, Settings

sys.path.insert(0, str(Path(__file__).parent))
from bracket import Asleep, AsleepOfMany, Bracket

LIMIT = 15.0
REPEATS = 60
TRIALS = 60  # of a strategy that sleeps, spread over its thresholds
ACCOUNT = AccountSpec(cash=1e6, kind="margin", leverage=2.0, lot=1.0)
COSTS = CostsSpec.model_validate(
    {"commission": {"kind": "percentage", "rate": 0.0005}, "slippage": {"kind": "percentage", "rate": 0.0002}}
)


def make_bars(timestamps: int, assets: int, step: timedelta, seed: int = 0) -> pl.DataFrame:
    """Make mean-reverting prices in ticks of 1e-4, with a random signal `pred` of unit variance."""
    rng = np.random.default_rng(seed)
    level = np.zeros((timestamps, assets))
    shocks = rng.normal(0.0, 0.001, level.shape)
    for row in range(1, timestamps):
        level[row] = 0.999 * level[row - 1] + shocks[row]
    close = np.round(100.0 * np.exp(level), 4)
    open_ = np.vstack([np.full((1, assets), 100.0), close[:-1]])
    spread = np.abs(rng.normal(0.0, 0.04, (2, *level.shape)))
    start = datetime(2020, 1, 1)  # noqa: DTZ001 - exchange time, as written
    frame = {
        "timestamp": np.repeat(np.array([start + i * step for i in range(timestamps)], "datetime64[us]"), assets),
        "asset": np.tile([f"A{i:03d}" for i in range(assets)], timestamps),
        "open": open_.ravel(),
        "high": np.round(np.maximum(open_, close) + spread[0], 4).ravel(),
        "low": np.round(np.minimum(open_, close) - spread[1], 4).ravel(),
        "close": close.ravel(),
        "volume": np.full(close.size, 1000.0),
        "pred": rng.normal(0.0, 1.0, close.size),
    }
    return pl.DataFrame(frame)


def evaluator(bars: pl.DataFrame, params: tuple[str, ...], cls: type[Bracket] = Bracket) -> SharedEvaluator:
    """Make an evaluator of the bracket strategy on frames."""
    spec = TrialSpec(data=DataSpec(bars="frame"), strategy=cls.__name__, account=ACCOUNT, costs=COSTS, params=params)
    return SharedEvaluator(spec, shard_from_frames(bars), cls)


def check_parity() -> None:
    """Stop unless compiled and interpreted runs leave the same records, and runs asleep the metrics of runs awake."""
    small = evaluator(make_bars(1500, 2, timedelta(minutes=1)), ("entry", "distance"))
    values = np.array([1.0, 0.004])
    compiled, interpreted = small.replay(values), small.replay(values, compiled=False)
    for name in ("fills", "trades", "equity", "orders"):
        if not getattr(compiled, name).equals(getattr(interpreted, name)):
            sys.exit(f"compiled and interpreted runs differ in {name}: no figure is worth anything")
    print(f"parity: {compiled.fills.height} fills of a compiled and an interpreted run are the same bits")
    several = make_trials(3.0, 4.5, 0.001, 0.02)
    for cls, assets, trials in ((Asleep, 1, make_trials(1.0, 3.5, 0.001, 0.02)), (AsleepOfMany, 20, several)):
        bars = make_bars(20_000 // assets, assets, timedelta(minutes=1))
        asleep, awake = (evaluator(bars, ("entry", "distance"), each).evaluate(trials) for each in (cls, Bracket))
        if not all(np.array_equal(getattr(asleep, name), getattr(awake, name), equal_nan=True) for name in COMPARED):
            sys.exit("runs asleep and awake differ: no figure is worth anything")
    print(f"parity: {2 * TRIALS} trials asleep and awake have the same metrics and returns")


COMPARED = ("metrics", "returns")


def make_trials(lowest: float, highest: float, nearest: float, farthest: float) -> Chunk:
    """Make trials with thresholds and distances of their own within these bounds."""
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.uniform(lowest, highest, TRIALS), rng.uniform(nearest, farthest, TRIALS)])
    return Chunk(0, np.arange(TRIALS), values)


def best(function, *arguments: object) -> float:
    """Return the seconds of the fastest of many runs."""
    function(*arguments)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


@njit
def read_all(bars) -> float:
    total = 0.0
    for row in range(len(bars)):
        total += bars[row].close
    return total


def measure(bars: pl.DataFrame, entry: float, distance: float) -> tuple[float, float, int]:
    """Measure nanoseconds a bar, those of the floor, and the trades of the run."""
    market = pack(shard_from_frames(bars))
    runner = Runner(market, Bracket, Settings(ACCOUNT, costs=COSTS), params=("entry", "distance"))
    seconds = best(runner.run, np.array([entry, distance]))
    floor = best(read_all, market.bars)
    rows = len(market.bars)
    return seconds / rows * 1e9, floor / rows * 1e9, int(runner.tables.counters[0].trades)


def measure_asleep(bars: pl.DataFrame, trials: Chunk, cls: type[Bracket]) -> tuple[float, float]:
    """Measure nanoseconds of processor time for each bar of each trial, and the trades of a trial."""
    asleep = evaluator(bars, ("entry", "distance"), cls)
    trades = np.nanmean(asleep.evaluate(trials).metrics[..., METRICS.index("trades")])
    times = []
    for _ in range(REPEATS // 10):
        start = time.process_time()
        asleep.evaluate(trials)
        times.append(time.process_time() - start)
    return min(times) / TRIALS / bars.height * 1e9, float(trades)


def main() -> None:
    """Print the table; exit 1 if the headline figure is over its limit."""
    check_parity()
    minute = make_bars(200_000, 1, timedelta(minutes=1))
    panel = make_bars(2_000, 100, timedelta(days=1))
    table = Table(title="engine")
    for heading in ("case", "ns/bar", "floor", "ratio", "trades", "bars/trade"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    headline = 0.0
    for label, bars, entry, distance in (
        ("one asset, no trade", minute, 9.0, 0.01),
        ("one asset, brackets (headline)", minute, 2.0, 0.01),
        ("one asset, brackets, often", minute, 2.0, 0.002),
        ("100 assets, brackets", panel, 2.0, 0.01),
    ):
        cost, floor, trades = measure(bars, entry, distance)
        headline = cost if "headline" in label else headline
        rows = f"{bars.height / max(trades, 1):,.0f}"
        table.add_row(label, f"{cost:.1f}", f"{floor:.1f}", f"{cost / floor:.1f}", f"{trades:,}", rows)
    minutes = make_bars(2_000, 100, timedelta(minutes=1))
    for label, bars, bounds in (
        ("asleep, never woken", minute, (6.0, 9.0, 0.005, 0.02)),
        ("asleep, rare", minute, (3.9, 4.1, 0.005, 0.02)),
        ("asleep, now and then", minute, (3.3, 3.5, 0.002, 0.01)),
        ("asleep, often", minute, (2.2, 2.5, 0.002, 0.006)),
        ("100 assets, asleep, never woken", minutes, (6.0, 9.0, 0.005, 0.02)),
        ("100 assets, asleep, rare", minutes, (3.9, 4.1, 0.005, 0.02)),
        ("100 assets, asleep, now and then", minutes, (3.3, 3.5, 0.002, 0.01)),
    ):
        cls = Asleep if bars is minute else AsleepOfMany
        cost, trades = measure_asleep(bars, make_trials(*bounds), cls)
        rows = f"{bars.height / max(trades, 1.0):,.0f}"
        table.add_row(label, f"{cost:.2f}", "", "", f"{trades:,.0f}", rows)
    console = Console()
    console.print(table)
    tiny = evaluator(make_bars(252, 1, timedelta(days=1)), ("entry", "distance"))
    count = 2000
    chunk = Chunk(0, np.arange(count), np.tile([2.0, 0.01], (count, 1)))
    start = time.perf_counter()
    tiny.evaluate(chunk)
    console.print(f"a trial on 252 daily bars: {(time.perf_counter() - start) / count * 1e6:.0f} us")
    console.print(f"headline: {headline:.1f} ns a bar, limit {LIMIT:.0f}")
    if headline > LIMIT:
        sys.exit(1)


if __name__ == "__main__":
    main()
