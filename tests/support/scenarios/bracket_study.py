"""A study of brackets by daily and weekly bars, with finer bars and quotes beside them; as a script it kills itself.

`python bracket_study.py HOME NAME KIND MODE` runs a part of it, inline, and ends by SIGKILL after its first commit.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from backsweep.runtime.inline import InlineBackend
from backsweep.storage.sealed import sha256
from backsweep.strategy import load_strategy
from backsweep.study.results.study import open_study
from backsweep.study.run.driver import run_study
from backsweep.study.search.space import build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.sweepfile.load import load_sweep

KINDS = {
    "plain": (),
    "finer bars": ("data.detail=finer.parquet",),
    "quotes": ("execution.quotes=true", "data.signals=quotes.parquet"),
}
TRIALS = 120
PRICES = ("open", "high", "low", "close")
SWEEP = """\
study: brackets
data: {bars: bars.parquet}
strategy: brackets.py:Brackets
account: {mode: MODE, kind: margin, leverage: 2.0}
search: {sampler: tpe, seed: 5, trials: 120, batch: 12, objective: {maximize: sharpe}}
"""
STRATEGY = """\
import backsweep as bs
import polars as pl


class Brackets(bs.Strategy):
    entry: float = bs.param(-0.01, 0.01)
    stop: float = bs.param(0.005, 0.02)
    target: float = bs.param(0.005, 0.02)

    def features(self):
        return {"change": pl.col("close").pct_change(), "week": bs.higher("1w", pl.col("close"))}

    def on_data(self, timestamp, data, context, broker):
        for i in range(data.count):
            bar = data[i]
            if bar.close < bar.week:
                continue
            if broker.get_position(bar.asset).quantity == 0.0 and bar.change > self.entry:
                units = 0.1 * broker.get_equity() / bar.close
                stop, target = bar.close * (1.0 - self.stop), bar.close * (1.0 + self.target)
                broker.submit_bracket(bar.asset, units, stop_loss=stop, take_profit=target)
"""


def write_home(home: Path, assets: int = 18, days: int = 100, parts: int = 4) -> None:
    """Write bars, the finer bars that make them up, quotes, the strategy."""
    generator = np.random.default_rng(2)
    frames = []
    for asset in range(assets):
        path = 50 * np.exp(np.cumsum(generator.normal(0, 0.008, days * parts + 1)))
        times = [
            datetime(2020, 1, 1, 10, tzinfo=UTC) + timedelta(days=at // parts, hours=at % parts)
            for at in range(days * parts)
        ]
        opens, closes = path[:-1], path[1:]
        ends = {"open": opens, "high": np.maximum(opens, closes), "low": np.minimum(opens, closes), "close": closes}
        frames.append(pl.DataFrame({"timestamp": times, "asset": f"A{asset:02d}", **ends}))
    finer = pl.concat(frames)
    by_day = finer.group_by("asset", pl.col("timestamp").dt.truncate("1d"), maintain_order=True)
    bars = by_day.agg(pl.first("open"), pl.max("high"), pl.min("low"), pl.last("close"), volume=pl.lit(1e6))
    half = pl.col("close") * 0.0005
    quotes = bars.select(
        "timestamp",
        "asset",
        *((pl.col(price) - half).alias(f"bid_{price}") for price in PRICES),
        *((pl.col(price) + half).alias(f"ask_{price}") for price in PRICES),
    )
    for name, frame in {"bars": bars, "finer": finer, "quotes": quotes}.items():
        frame.write_parquet(home / f"{name}.parquet")
    (home / "brackets.py").write_text(STRATEGY)


def run(home: Path, name: str, backend: object, kind: str, mode: str) -> str:
    """Run the study, or go on with it; returns its digest."""
    path = home / f"{mode}.yaml"
    path.write_text(SWEEP.replace("MODE", mode))
    sweep = load_sweep(path, KINDS[kind])
    space = build_space(sweep, load_strategy(sweep.strategy).declared())
    folder = StudyFolder(home / name)
    run_study(sweep, space, backend, folder, identify(sweep, sha256(b"made")), chunk_size=4)
    return open_study(folder.path).digest()


class Killed(InlineBackend):
    """Slow, and killed once something is committed."""

    folder: Path

    def wait(self, timeout):
        time.sleep(0.1)
        if any(self.folder.glob("manifest/part-*")):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().wait(timeout)


if __name__ == "__main__":
    backend = Killed()
    place, study, *options = sys.argv[1:]
    backend.folder = Path(place) / study
    run(Path(place), study, backend, *options)
