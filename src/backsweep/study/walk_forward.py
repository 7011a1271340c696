"""The result of a walk-forward study: what each fold chose, and how that fared in the test that followed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from backsweep.study.config import Search, Sweep, WalkForward

Parts = Callable[[str], Iterable[pl.DataFrame]]

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


def walk_forward(sweep: Sweep, parts: Parts, sessions: pl.Series) -> WalkForwardResult:
    """Choose in every fold and stitch the tests together.

    `parts` reads a table of the study part by part, and is called again for every pass: of all trials only parameters
    and training scores are in memory at once. `sessions` are the ends of the study's sessions. With several objectives,
    the first is the score.
    """
    rules = sweep.walk_forward
    assert rules is not None  # noqa: S101 - `Study.walk_forward` has asked
    params = pl.concat([part.select("number", pl.col("^params_.*$")) for part in parts("trials")])
    scores = pl.concat([_scores(part, sweep.search) for part in parts("folds")])
    chosen = dict(_choices(scores, params, rules))
    pairs = [(fold, number) for fold, numbers in chosen.items() for number in numbers]
    wanted = pl.DataFrame(pairs, schema={"fold": pl.Int32, "number": pl.Int64}, orient="row")
    returns = _rows_of(wanted, parts("returns"))
    measured = _rows_of(wanted, parts("folds"))
    rows, curves = [], []
    for (fold,), spans in _spans(parts("folds")).group_by("fold", maintain_order=True):
        numbers = chosen[fold]
        curve = _curve(spans, returns, sessions, numbers)
        curves.append(curve)
        rows.append(_row(spans, measured, params, numbers, curve))
    table = pl.DataFrame(rows, infer_schema_length=None)
    equity = pl.concat(curves)
    growth = np.maximum(1.0 + equity["return"].to_numpy(), 0.0)
    equity = equity.with_columns(equity=sweep.account.cash * np.cumprod(growth))
    drift = _drift(table, params.drop("number"))
    return WalkForwardResult(table, equity, drift, _metrics(table, equity["return"].to_numpy()))


def _scores(part: pl.DataFrame, search: Search) -> pl.DataFrame:
    """Give what a choice depends on: fold, number, loss in training, and whether it may be chosen."""
    train = part.filter(pl.col("segment") == TRAIN)
    feasible = (violations(train, search) <= 0).all(axis=1) & (train["state"] == "COMPLETE").to_numpy()
    return train.select("fold", "number").with_columns(loss=losses(train, search)[:, 0], feasible=feasible)


def _choices(scores: pl.DataFrame, params: pl.DataFrame, rules: WalkForward) -> Iterator[tuple[int, list[int]]]:
    """Give each fold with the numbers of the trials that it chooses, best first."""
    numbers, selector = pl.Series(dtype=pl.Int64), None
    for (fold,), part in scores.sort("fold", "number").group_by("fold", maintain_order=True):
        if selector is None or not part["number"].equals(numbers):  # folds that share their trials share the selector
            numbers = part["number"]
            own = params.join(part.select("number"), on="number", how="semi", maintain_order="left").drop("number")
            selector = Selector(own.cast(pl.Float64).to_numpy(), rules)
        chosen = selector.choose(part["loss"].to_numpy(), part["feasible"].to_numpy())
        yield int(fold), numbers.to_numpy()[chosen].tolist()


def _rows_of(wanted: pl.DataFrame, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([part.join(wanted, on=["fold", "number"], how="semi") for part in parts])


def _spans(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Give every fold's segments: fold, segment, start, end, short; training before test."""
    columns = ("fold", "segment", "start", "end", "short")
    return pl.concat([part.select(columns).unique() for part in parts]).unique().sort("fold", "start")


def _curve(spans: pl.DataFrame, returns: pl.DataFrame, sessions: pl.Series, numbers: Sequence[int]) -> pl.DataFrame:
    """Give the test's sessions with the mean return of the chosen trials; 0 after ruin, and where none was chosen."""
    fold, start, end = spans.filter(pl.col("segment") == TEST).select("fold", "start", "end").row(0)
    times = sessions.filter((sessions >= start) & (sessions <= end))
    own = returns.filter((pl.col("fold") == fold) & (pl.col("segment") == TEST))
    total = np.zeros(len(times))
    for number in numbers:
        values = own.row(by_predicate=pl.col("number") == number, named=True)["returns"]
        total += np.nan_to_num(np.array(values, np.float64), nan=0.0)
    mean = total / max(len(numbers), 1)
    return pl.DataFrame({"timestamp": times, "fold": np.full(len(times), fold, np.int32), "return": mean})


def _row(
    spans: pl.DataFrame, measured: pl.DataFrame, params: pl.DataFrame, numbers: list[int], curve: pl.DataFrame
) -> dict[str, Any]:
    best = numbers[0] if numbers else None
    train, test = (spans.row(by_predicate=pl.col("segment") == name, named=True) for name in (TRAIN, TEST))
    values = params.drop("number").clear(1) if best is None else params.filter(pl.col("number") == best).drop("number")
    row: dict[str, Any] = {
        "fold": train["fold"],
        "number": best,
        "numbers": numbers,
        **values.row(0, named=True),
        "train_start": train["start"],
        "train_end": train["end"],
        "test_start": test["start"],
        "test_end": test["end"],
        "short": test["short"],
        "test_return": float(np.prod(np.maximum(1.0 + curve["return"].to_numpy(), 0.0))) - 1.0,
    }
    own = measured.filter((pl.col("fold") == train["fold"]) & (pl.col("number") == best))
    for name in (TRAIN, TEST):
        part = own.filter(pl.col("segment") == name)
        row |= {f"{name}_{each}": None if best is None else part[f"user_attrs_{each}"][0] for each in METRICS}
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
