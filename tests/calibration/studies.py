"""Whole studies on made-up markets: how often is noise believed, and how often is an edge found?

A market is one asset whose daily returns are normal, for five years, and a prediction `pred`, normal as well. Without
an edge the two have nothing to do with each other: prices are a random walk. With one, the return of a session is drawn
around a multiple of the prediction of the session before, such that the best parameters of the family `follow` have a
true annual Sharpe ratio of 1.5. Per session that of holding sign(pred) where |pred| > a is 2 phi(a) / sqrt(2 Q(a)) of
the multiple, Q the upper tail; it is largest, 0.900, at a = 0.61, where 2 a Q(a) = phi(a).

Each market is searched as a sweep file says: proposals, batches, trials, table, selection, statistics; only records of
what was selected are not written. What counts is the word of the verdict. Which test it rests on follows from the sweep
file alone: see `backsweep.statistics.findings`. TPE learns from ten trials at a time; the first ten are random.

How much can be found follows from the design. With the best parameters known in advance and y years of tests, z has
mean 1.5 sqrt(y): it passes 1.645 in 94 % of cases with 4.5 years, and in 91 % with 4. So the tests begin after half a
year, and what is chosen has to keep most of the edge: the mean of the ten best trials errs less than the best one
alone, which is best by luck in training, too.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from backsweep.runtime.inline import InlineBackend
from backsweep.statistics import Findings
from backsweep.storage.sealed import sha256
from backsweep.strategy import load_strategy
from backsweep.study.results.study import open_study
from backsweep.study.run.driver import run_study
from backsweep.study.search.space import build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.sweepfile.load import load_sweep

YEARS, SESSIONS_A_YEAR, SHARPE = 5, 252, 1.5
BEST_SHARE = 0.900
FOLLOW = Path(__file__).with_name("follow.py")
FOLDS = "walk_forward: {mode: anchored, train: 126s, test: 252s, select: %s}\n"
TEN = "top_k, top: 10"
HOLDOUT = "walk_forward: {mode: holdout, train: 252s}\n"
CROSSED = "walk_forward: {mode: cpcv, groups: 6, test_groups: 2}\n"


@dataclass(frozen=True)
class Design:
    """How a market is searched: a sampler, the walk-forward section of the sweep file, or nothing, and trials.

    Where the folds are searched each by itself, each has so many trials. `followed`: whether tests follow the choices.
    """

    name: str
    sampler: str
    folds: str = ""
    trials: int = 100
    followed: bool = False


DESIGNS = (
    Design("random, walk-forward, ten best", "random", FOLDS % TEN, followed=True),
    Design("TPE in each fold, ten best", "tpe", FOLDS % TEN, trials=40, followed=True),
    Design("random, whole record", "random"),
    Design("TPE, whole record", "tpe"),
    Design("TPE, holdout", "tpe", HOLDOUT),
    Design("random, walk-forward, best", "random", FOLDS % "best"),
    Design("random, cross-validation", "random", CROSSED),
)


def market(seed: int, sharpe: float) -> pl.DataFrame:
    """Make bars with the column `pred`; `sharpe` is the annual one of the best parameters, 0 for a random walk."""
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
        f"data: {{bars: bars.parquet, sessions_per_year: {SESSIONS_A_YEAR}}}\n"
        f"strategy: {FOLLOW}:Follow\n"
        "account: {kind: margin, leverage: 2.0}\n"
        f"search: {{sampler: {design.sampler}, seed: {seed}, trials: {trials}, batch: 10, lag: 1}}\n" + design.folds
    )
    return sweep


def search(design: Design, seed: int, sharpe: float, trials: int | None = None) -> Findings:
    """Run one study in a temporary folder and give its statistics."""
    with tempfile.TemporaryDirectory(prefix="backsweep-calibration-") as place:
        sweep = load_sweep(write(Path(place), design, seed, sharpe, trials or design.trials))
        space = build_space(sweep, load_strategy(sweep.strategy).declared())
        folder = Path(place) / "study"
        run_study(
            sweep, space, InlineBackend(), StudyFolder(folder), identify(sweep, sha256(f"market {seed}".encode()))
        )
        found = open_study(folder).statistics
        assert found is not None
        return found
