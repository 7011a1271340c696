"""Whole studies on made-up markets: how often is noise believed, and how often is an edge found?

A market is one asset whose daily returns are normal, for five years, and a prediction `pred`, normal as well. Without
an edge the two have nothing to do with each other: prices are a random walk. With one, the return of a session is drawn
around a multiple of the prediction of the session before, such that the best parameters of the family `follow` have a
true annual Sharpe ratio of 1.5. Per session that of holding sign(pred) where |pred| > a is 2 phi(a) / sqrt(2 Q(a)) of
the multiple, Q the upper tail; it is largest, 0.900, at a = 0.61, where 2 a Q(a) = phi(a).

Each market is searched by `backsweep.run` as any sweep file is, and what counts is the word of its verdict. Which test
the verdict rests on follows from the sweep file alone: see `backsweep.statistics.findings`.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

import backsweep as bs
from backsweep.statistics import Findings

YEARS, SESSIONS_A_YEAR, SHARPE = 5, 252, 1.5
BEST_SHARE = 0.900
FOLLOW = Path(__file__).with_name("follow.py")
FOLDS = "walk_forward: {mode: anchored, train: 252s, test: 126s}\n"
HOLDOUT = "walk_forward: {mode: holdout, train: 252s}\n"


@dataclass(frozen=True)
class Design:
    """How a market is searched: a sampler, and the walk-forward section of the sweep file, or nothing."""

    name: str
    sampler: str
    folds: str = ""


DESIGNS = (
    Design("random, walk-forward", "random", FOLDS),
    Design("TPE, holdout", "tpe", HOLDOUT),
    Design("random, whole record", "random"),
    Design("TPE, whole record", "tpe"),
)


def market(seed: int, sharpe: float) -> pl.DataFrame:
    """Give bars with the column `pred`; `sharpe` is the annual one of the best parameters, 0 for a random walk."""
    chance = np.random.default_rng((seed, round(100 * sharpe)))
    count = YEARS * SESSIONS_A_YEAR
    pred = chance.normal(size=count)
    edge = sharpe / BEST_SHARE / math.sqrt(SESSIONS_A_YEAR)
    returns = 0.01 * (edge * np.append(0.0, pred[:-1]) + chance.normal(size=count))
    close = 100.0 * np.cumprod(1.0 + returns)
    opened = np.append(100.0, close[:-1])
    first = datetime(2001, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "timestamp": [first + timedelta(days=day) for day in range(count)],
            "asset": ["AAA"] * count,
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": np.full(count, 1e6),
            "pred": pred,
        }
    )


def write(folder: Path, design: Design, seed: int, sharpe: float, trials: int) -> Path:
    """Write a market and its sweep file into a folder; gives the sweep file."""
    market(seed, sharpe).write_parquet(folder / "bars.parquet")
    sweep = folder / "sweep.yaml"
    sweep.write_text(
        "study: market\n"
        "data: {bars: bars.parquet}\n"
        f"strategy: {FOLLOW}:Follow\n"
        "account: {kind: margin, leverage: 2.0}\n"
        f"search: {{sampler: {design.sampler}, seed: {seed}, trials: {trials}, batch: 20}}\n" + design.folds
    )
    return sweep


def search(design: Design, seed: int, sharpe: float, trials: int = 100) -> Findings:
    """Run one study in a temporary folder and give its statistics."""
    with tempfile.TemporaryDirectory(prefix="backsweep-calibration-") as place:
        folder = Path(place)
        found = bs.run(write(folder, design, seed, sharpe, trials), out=folder / "study").statistics
        assert found is not None
        return found
