"""The result of a walk-forward study: what each fold chose, and how that fared in the test that followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep import metrics as plain
from backsweep.metrics.summary import METRICS
from backsweep.study.selection import Selector
from backsweep.study.table import losses, violations
from backsweep.trial.folds import TEST, TRAIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.study.config import Sweep

_SESSIONS_PER_YEAR = 252.0
_RATIOS = ("total_return", "volatility", "sharpe", "sortino", "max_drawdown", "max_drawdown_sessions", "skew")


@dataclass(frozen=True, eq=False)
class WalkForwardResult:
    """Out-of-sample, as far as the folds go.

    Attributes
    ----------
    folds : one row per fold: `fold, number` (the chosen trial, null for none), `numbers` (all of them with top_k),
        `params_*`, `train_start, train_end, test_start, test_end, short`, `train_<metric>` and `test_<metric>` of trial
        `number`, and `test_return`, what the fold's choice earned in its test: the mean of the trials' returns with
        top_k, 0 where nothing was chosen.
    equity : `timestamp, fold, return, equity`: the tests' returns compounded from the account's cash.
    drift : one row per parameter: `param, lowest, highest, mean_change` from fold to fold, and `mean_change_of_range`,
        as a fraction of the range that was tried.
    metrics : of the stitched returns, with 252 sessions a year and `sessions`, their number; None where undefined.
        `efficiency` is their annualised return over the mean of the trainings', None unless that is positive: a noisy
        figure.

    """

    folds: pl.DataFrame
    equity: pl.DataFrame
    drift: pl.DataFrame
    metrics: dict[str, float | None]


def walk_forward(
    sweep: Sweep, trials: pl.DataFrame, folds: pl.DataFrame, returns: pl.DataFrame, sessions: pl.Series
) -> WalkForwardResult:
    """Choose in every fold and stitch the tests together; the arguments are those of a study, with all its rows.

    With several objectives, the first is the score.
    """
    rules = sweep.walk_forward
    assert rules is not None  # noqa: S101 - `Study.walk_forward` has asked
    params = trials.select(pl.col("^params_.*$"))
    selector = Selector(params.cast(pl.Float64).to_numpy(), rules)
    rows, curves = [], []
    for (_,), part in folds.sort("fold", "number").group_by("fold", maintain_order=True):
        train, test = (part.filter(pl.col("segment") == name) for name in (TRAIN, TEST))
        feasible = (violations(train, sweep.search) <= 0).all(axis=1) & (train["state"] == "COMPLETE").to_numpy()
        chosen = selector.choose(losses(train, sweep.search)[:, 0], feasible)
        curve = _curve(test, returns, sessions, train["number"].to_numpy()[chosen])
        curves.append(curve)
        rows.append(_row(train, test, params, chosen, curve))
    table = pl.DataFrame(rows, infer_schema_length=None)
    equity = pl.concat(curves)
    growth = np.maximum(1.0 + equity["return"].to_numpy(), 0.0)
    equity = equity.with_columns(equity=sweep.account.cash * np.cumprod(growth))
    return WalkForwardResult(table, equity, _drift(table, params), _metrics(table, equity["return"].to_numpy()))


def _curve(test: pl.DataFrame, returns: pl.DataFrame, sessions: pl.Series, numbers: NDArray[np.int64]) -> pl.DataFrame:
    """Give the test's sessions with the mean return of the chosen trials; 0 after ruin, and where none was chosen."""
    fold, start, end = test.select("fold", "start", "end").row(0)
    times = sessions.filter((sessions >= start) & (sessions <= end))
    own = returns.filter((pl.col("fold") == fold) & (pl.col("segment") == TEST))
    total = np.zeros(len(times))
    for number in numbers:
        values = own.row(by_predicate=pl.col("number") == number, named=True)["returns"]
        total += np.nan_to_num(np.array(values, np.float64), nan=0.0)
    mean = total / max(len(numbers), 1)
    return pl.DataFrame({"timestamp": times, "fold": np.full(len(times), fold, np.int32), "return": mean})


def _row(
    train: pl.DataFrame, test: pl.DataFrame, params: pl.DataFrame, chosen: NDArray[np.int64], curve: pl.DataFrame
) -> dict[str, Any]:
    best = int(chosen[0]) if len(chosen) else None
    first, last = train.row(0, named=True), test.row(0, named=True)
    row: dict[str, Any] = {
        "fold": first["fold"],
        "number": None if best is None else train["number"][best],
        "numbers": train["number"].to_numpy()[chosen].tolist(),
        **(dict.fromkeys(params.columns) if best is None else params.row(best, named=True)),
        "train_start": first["start"],
        "train_end": first["end"],
        "test_start": last["start"],
        "test_end": last["end"],
        "short": last["short"],
        "test_return": float(np.prod(np.maximum(1.0 + curve["return"].to_numpy(), 0.0))) - 1.0,
    }
    for name, part in ((TRAIN, train), (TEST, test)):
        row |= {f"{name}_{each}": None if best is None else part[f"user_attrs_{each}"][best] for each in METRICS}
    return row


def _drift(table: pl.DataFrame, params: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for name in params.columns:
        values = table[name].drop_nulls().cast(pl.Float64).to_numpy()
        tried = params[name].cast(pl.Float64).to_numpy()
        spread = float(np.ptp(tried)) if len(tried) else 0.0
        change = float(np.abs(np.diff(values)).mean()) if len(values) > 1 else None
        rows.append(
            {
                "param": name.removeprefix("params_"),
                "lowest": float(values.min()) if len(values) else None,
                "highest": float(values.max()) if len(values) else None,
                "mean_change": change,
                "mean_change_of_range": change / spread if change is not None and spread > 0 else None,
            }
        )
    figures = ("lowest", "highest", "mean_change", "mean_change_of_range")
    return pl.DataFrame(rows, schema={"param": pl.String(), **{name: pl.Float64() for name in figures}})


def _metrics(table: pl.DataFrame, returns: NDArray[np.float64]) -> dict[str, float | None]:
    figures = {name: float(getattr(plain, name)(returns)) for name in _RATIOS}
    figures["cagr"] = float(plain.cagr(returns, years=len(returns) / _SESSIONS_PER_YEAR))
    trained = table["train_cagr"].drop_nulls().to_list()
    mean = float(np.mean(trained)) if trained else np.nan
    figures["efficiency"] = figures["cagr"] / mean if mean > 0 else np.nan
    figures["sessions"] = float(len(returns))
    return {name: None if np.isnan(value) else value for name, value in figures.items()}
