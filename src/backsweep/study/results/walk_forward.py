"""The result of a walk-forward study: what each fold selected, and its results in the test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep import metrics as plain
from backsweep.errors import BadInput
from backsweep.metrics.summary import ALL_METRICS
from backsweep.metrics.table import BENCHMARK_METRICS
from backsweep.statistics.paths import cpcv_assignment
from backsweep.study.results.asset_groups import OF_GROUP, groups_together, shares_of
from backsweep.study.results.selection import Selector
from backsweep.study.table.columns import ASSET_GROUP, PARAMS, USER_ATTRS
from backsweep.study.table.trials import losses, nullable, read_objective, violations
from backsweep.trial.benchmark import Benchmark
from backsweep.trial.folds import FINAL, TEST, TRAIN, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from backsweep.sweepfile.folds import WalkForward
    from backsweep.sweepfile.search import Search
    from backsweep.sweepfile.sweep import Sweep

Parts = Callable[[str, Collection[int] | None], Iterable[pl.DataFrame]]
"""Reads a table of the study part by part: all of it, or the parts that have some trials, and at least one."""

_RATIOS = ("total_return", "volatility", "sharpe", "sortino", "max_drawdown", "max_drawdown_sessions", "skew", "cagr")
_YEARLY = {"volatility", "sharpe", "sortino", "cagr"}


@dataclass(frozen=True, eq=False)
class WalkForwardResult:
    """What the folds selected and the results of their tests; in cross-validation these are no out-of-sample record.

    Attributes
    ----------
    folds : one row per fold: `fold, number` (the chosen trial, null for none), `numbers` (with top_k all, each of its
        own parameters; fewer where there are no more), `params_*`, `train_start, train_end, test_start, test_end,
        short`, `train_<metric>` and `test_<metric>` of trial `number`, also of objectives that are expressions, and
        `test_return`, what the fold's choice earned in its test: the mean of the trials' returns with top_k, 0 where
        nothing was chosen. Before a holdout the last fold has no test: what it chose is for the holdout. With groups of
        assets there is a row for each fold and `asset_group`, in whose test `test_return` is earned on its own cash.
    final : the final choice, trained to the end of the data or up to the holdout: a row with the columns of `folds` but
        those of a test, which it does not have. Empty in a study that makes none (`walk_forward.final`), or not yet.
        Nothing else here depends on it, but that before a holdout it is in `folds` as well.
    equity : `timestamp, fold, return, equity`: the tests' returns compounded from the account's cash. Groups of assets
        are put together as `groups_together` says. In
        cross-validation there is one such curve for every path, with `path` in front.
    paths : `path` and the metrics of each path; one row without cross-validation.
    drift : one row per parameter, and per `asset_group` where there are groups: `param, lowest, highest, mean_change`
        from fold to fold, and `mean_change_of_range`, as a fraction of the range that was tried.
    metrics : of the stitched returns, with the sessions a year of the data and `sessions`, their number; None where
        undefined.
        `efficiency` is their annualised return over the mean of the trainings', None unless that is positive: a noisy
        figure. With a benchmark also `alpha, beta, information_ratio, up_capture, down_capture`. In cross-validation
        they are the means over the paths, with `sharpe_lowest, sharpe_median,
        sharpe_highest` and `sharpe_deviation`; the paths share their data, so that does not measure an error.

    """

    folds: pl.DataFrame
    final: pl.DataFrame
    equity: pl.DataFrame
    paths: pl.DataFrame
    drift: pl.DataFrame
    metrics: dict[str, float | None]

    @property
    def record(self) -> NDArray[np.float64]:
        """The out-of-sample return of every tested session, once: the mean over the paths where there are several."""
        mean = self.equity.group_by("timestamp", maintain_order=True).agg(pl.col("return").mean())
        return mean.sort("timestamp")["return"].to_numpy()


def walk_forward(
    sweep: Sweep,
    parts: Parts,
    sessions: pl.Series,
    segments: Sequence[Segment],
    levels: NDArray[np.float64] | None = None,
) -> WalkForwardResult:
    """Select in every fold and combine the tests.

    Only parameters and training scores of all trials are in memory at once; other data of the chosen ones is read from
    their `parts`. `sessions` are the ends of the study's sessions, `segments` its folds. With several
    objectives, the first is the score. `levels`, float64[sessions + 1], are the benchmark's. Raises BadInput for a
    cross-validation that is not finished.
    """
    rules = sweep.walk_forward
    assert rules is not None  # noqa: S101 - `Study.walk_forward` has asked
    rows_of_trials = [part.select("number", OF_GROUP, pl.col("^params_.*$")) for part in parts("trials", None)]
    groups, params = _apart(pl.concat(rows_of_trials))
    scores = pl.concat([_scores(part, sweep.search) for part in parts("folds", None)])
    chosen = dict(_choices(scores.join(groups, on="number", how="left"), params, rules))
    pairs = [(fold, number) for (fold, _), numbers in chosen.items() for number in numbers]
    wanted = pl.DataFrame(pairs, schema={"fold": pl.Int32, "number": pl.Int64}, orient="row")
    returns, measured = (_rows_of(wanted, parts(table, set(wanted["number"]))) for table in ("returns", "folds"))
    trainings = {segment.fold: segment for segment in segments if segment.is_training}
    spans = {segment.fold: segment for segment in segments if segment.name == TEST}
    shares, rows = shares_of(sweep.search), []
    tested: dict[int, dict[str | None, NDArray[np.float64]]] = {}
    for (fold, group), numbers in chosen.items():
        train, test = trainings[fold], spans.get(fold)
        earned = None if test is None else _mean_returns(test, returns, numbers)
        if earned is not None:
            tested.setdefault(fold, {})[group] = earned
        row = _row(train, test, sessions, measured, params, numbers, earned, sweep.metric_names)
        rows.append(row if group is None else {"fold": fold, ASSET_GROUP: group, **row})
    tests = [(spans[fold], groups_together(each, shares)) for fold, each in tested.items()]
    curves = _paths(tests, rules) if rules.mode == "cpcv" else [tests]
    equity = pl.concat([_curve(curve, sessions, sweep.account.cash) for curve in curves])
    table = pl.DataFrame(
        rows, infer_schema_length=None, schema_overrides=_types(params.drop("number"), sweep.metric_names)
    )
    table = _with_objectives(table, sweep.search)
    table, final = _divided(table, trainings)
    tried = params.join(scores.filter(pl.col("fold").is_in(table["fold"].implode())), on="number", how="semi")
    tried = tried.join(groups, on="number", how="left").drop("number")
    per_year = sweep.sessions_per_year
    figures = [record_metrics(curve, per_year, levels) for curve in curves]
    columns = [{"path": path, **each} for path, each in enumerate(figures)]
    paths = pl.DataFrame(columns, infer_schema_length=None, schema_overrides=dict.fromkeys(figures[0], pl.Float64()))
    if rules.mode == "cpcv":
        each = np.arange(len(curves), dtype=np.int32).repeat(len(equity) // len(curves))
        equity = equity.select(pl.Series("path", each), pl.all())
    return WalkForwardResult(table, final, equity, paths, _drift_by_group(table, tried), _combine(table, paths))


def _apart(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the groups of trials, null where there are none, and their parameters."""
    if ASSET_GROUP not in rows.columns:
        return rows.select("number", pl.lit(None, pl.String).alias(ASSET_GROUP)), rows
    return rows.select("number", ASSET_GROUP), rows.drop(ASSET_GROUP)


def _divided(table: pl.DataFrame, trainings: Mapping[int, Segment]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of the folds, and that of the final choice, which before a holdout is the last fold's too."""
    apart = [fold for fold, training in trainings.items() if training.name == FINAL]
    folds = table.filter(~pl.col("fold").is_in(apart))
    final = table.filter(pl.col("test_start").is_null())
    return folds, final.drop("short", "test_start", "test_end", pl.selectors.starts_with("test_"))


Tested = tuple["Segment", "NDArray[np.float64]"]
"""A test, or a part of one, and the return of each of its sessions."""


def _paths(tests: Sequence[Tested], rules: WalkForward) -> list[list[Tested]]:
    """Combine the paths of a cross-validation: each takes every group from one of the folds that test it."""
    groups = [dict(zip(test.ranges, np.split(earned, _edges(test)), strict=True)) for test, earned in tests]
    spans = sorted({run for each in groups for run in each})
    assignment = cpcv_assignment(rules.groups or 2, rules.test_groups or 1)
    if assignment.max() >= len(groups):
        raise BadInput(
            "the cross-validation is not finished",
            expected=f"trials in all of its {assignment.max() + 1} folds",
            found=f"trials in {len(groups)}",
            remedy="run the same command again: it resumes the study",
        )
    return [
        [(Segment(int(fold), TEST, *span), groups[fold][span]) for span, fold in zip(spans, folds, strict=True)]
        for folds in assignment
    ]


def _edges(segment: Segment) -> NDArray[np.int64]:
    return np.cumsum([each.sessions for each in segment.ranges])[:-1]


def _scores(part: pl.DataFrame, search: Search) -> pl.DataFrame:
    """Return what a choice depends on: fold, number, loss in training, and whether the trial is feasible or pruned."""
    train = part.filter(pl.col("segment") != TEST)
    feasible = (violations(train, search) <= 0).all(axis=1) & (train["state"] == "COMPLETE").to_numpy()
    loss = losses(train, search)[:, 0]
    return train.select("fold", "number", pruned=pl.col("state") == "PRUNED").with_columns(loss=loss, feasible=feasible)


def _choices(
    scores: pl.DataFrame, params: pl.DataFrame, rules: WalkForward
) -> Iterator[tuple[tuple[int, str | None], list[int]]]:
    """Yield each fold, and each group in it, with the numbers of the trials that it chooses, best first."""
    texts = np.array([kind == pl.String for kind in params.drop("number").dtypes], np.bool_)
    numbers, selector = pl.Series(dtype=pl.Int64), None
    keys = ("fold", ASSET_GROUP)
    for (fold, group), part in scores.sort(*keys, "number").group_by(*keys, maintain_order=True):
        if selector is None or not part["number"].equals(numbers):  # folds that share their trials share the selector
            numbers = part["number"]
            own = params.join(part.select("number"), on="number", how="semi", maintain_order="left").drop("number")
            selector = Selector(_as_numbers(own), rules, texts)
        loss = part["loss"].to_numpy()
        worst = np.max(loss, initial=-np.inf, where=np.isfinite(loss))
        chosen = selector.choose(np.where(part["pruned"], worst, loss), part["feasible"].to_numpy())
        yield (int(fold), group), numbers.to_numpy()[chosen].tolist()


def _as_numbers(params: pl.DataFrame) -> NDArray[np.float64]:
    """Return the parameters of trials, float64[trials, p]: of texts their places in order, NaN for null."""
    columns = [
        column.cast(pl.Enum(column.drop_nulls().unique().sort())).to_physical() if column.dtype == pl.String else column
        for column in params.iter_columns()
    ]
    return np.column_stack([column.cast(pl.Float64).fill_null(np.nan).to_numpy() for column in columns])


def _rows_of(wanted: pl.DataFrame, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([part.join(wanted, on=["fold", "number"], how="semi") for part in parts])


def _mean_returns(test: Segment, returns: pl.DataFrame, numbers: Sequence[int]) -> NDArray[np.float64]:
    """Compute the mean return of the chosen trials in each session of the test; 0 after ruin, and without a choice."""
    own = returns.filter((pl.col("fold") == test.fold) & (pl.col("segment") == TEST))
    total = np.zeros(test.sessions)
    for number in numbers:
        values = own.row(by_predicate=pl.col("number") == number, named=True)["returns"]
        total += np.nan_to_num(np.array(values, np.float64), nan=0.0)
    return total / max(len(numbers), 1)


def _curve(tests: Sequence[Tested], sessions: pl.Series, cash: float) -> pl.DataFrame:
    places = np.concatenate([np.arange(*run) for test, _ in tests for run in test.ranges])
    earned = np.concatenate([each for _, each in tests])
    folds = np.repeat([test.fold for test, _ in tests], [test.sessions for test, _ in tests]).astype(np.int32)
    equity = cash * np.cumprod(np.maximum(1.0 + earned, 0.0))
    return pl.DataFrame({"timestamp": sessions.gather(places), "fold": folds, "return": earned, "equity": equity})


def _row(
    train: Segment,
    test: Segment | None,
    sessions: pl.Series,
    measured: pl.DataFrame,
    params: pl.DataFrame,
    numbers: list[int],
    earned: NDArray[np.float64] | None,
    metrics: Sequence[str],
) -> dict[str, Any]:
    best = numbers[0] if numbers else None
    values = params.drop("number").clear(1) if best is None else params.filter(pl.col("number") == best).drop("number")
    row: dict[str, Any] = {
        "fold": train.fold,
        "number": best,
        "numbers": numbers,
        **values.row(0, named=True),
        "train_start": sessions[train.first],
        "train_end": sessions[train.last - 1],
        "test_start": None if test is None else sessions[test.first],
        "test_end": None if test is None else sessions[test.last - 1],
        "short": test is not None and test.short,
        "test_return": None if earned is None else float(np.prod(np.maximum(1.0 + earned, 0.0))) - 1.0,
    }
    own = measured.filter((pl.col("fold") == train.fold) & pl.col("number").is_in(numbers[:1]))
    for name, segment in ((TRAIN, train.name), (TEST, TEST)):
        part = own.filter(pl.col("segment") == segment)
        row |= {f"{name}_{each}": part[f"{USER_ATTRS}{each}"][0] if len(part) else None for each in metrics}
    return row


def _with_objectives(table: pl.DataFrame, search: Search) -> pl.DataFrame:
    """Add what objectives that are no metrics come to in the folds' trainings and tests."""
    goals = [(f"{name}_", goal) for goal in search.objective for name in (TRAIN, TEST)]
    columns = {prefix + goal.metric: nullable(read_objective(table, goal, prefix)) for prefix, goal in goals}
    return table.with_columns(**{name: values for name, values in columns.items() if name not in table.columns})


def _types(params: pl.DataFrame, metrics: Sequence[str]) -> dict[str, pl.DataType]:
    """Return the types of the folds' columns that may be all null, where no fold chose anything."""
    figures = ["test_return", *(f"{name}_{each}" for name in (TRAIN, TEST) for each in metrics)]
    whole: dict[str, pl.DataType] = {"number": pl.Int64(), "numbers": pl.List(pl.Int64)}
    times = dict.fromkeys(("test_start", "test_end"), pl.Datetime("us", "UTC"))
    return {**whole, **params.schema, **times, **dict.fromkeys(figures, pl.Float64())}


def _drift_by_group(table: pl.DataFrame, params: pl.DataFrame) -> pl.DataFrame:
    """Return the drift of each parameter, and with groups of each of them by itself."""
    if ASSET_GROUP not in table.columns:
        return _drift(table, params.drop(ASSET_GROUP))
    parts = [
        _drift(part, params.filter(pl.col(ASSET_GROUP) == group).drop(ASSET_GROUP)).select(
            pl.lit(group).alias(ASSET_GROUP), pl.all()
        )
        for (group,), part in table.group_by(ASSET_GROUP, maintain_order=True)
    ]
    return pl.concat(parts)


def _drift(table: pl.DataFrame, params: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for name in params.columns:
        numeric = params.schema[name] != pl.String  # texts have no distances
        values = table[name].drop_nulls().cast(pl.Float64).to_numpy() if numeric else np.empty(0)
        tried = params[name].drop_nulls().cast(pl.Float64).to_numpy() if numeric else np.empty(0)
        spread = float(np.ptp(tried)) if len(tried) else 0.0
        change = float(np.abs(np.diff(values)).mean()) if len(values) > 1 else None
        rows.append(
            {
                "param": name.removeprefix(PARAMS),
                "lowest": float(values.min()) if len(values) else None,
                "highest": float(values.max()) if len(values) else None,
                "mean_change": change,
                "mean_change_of_range": change / spread if change is not None and spread > 0 else None,
            }
        )
    figures = ("lowest", "highest", "mean_change", "mean_change_of_range")
    return pl.DataFrame(rows, schema={"param": pl.String(), **{name: pl.Float64() for name in figures}})


def record_metrics(
    curve: Sequence[Tested], per_year: float, levels: NDArray[np.float64] | None
) -> dict[str, float | None]:
    """Return the metrics of parts of a record, one after the other; `levels` are the benchmark's, if there is one."""
    returns = np.concatenate([earned for _, earned in curve])
    years = {name: {"periods_per_year": per_year} for name in _YEARLY}
    figures = {name: float(getattr(plain, name)(returns, **years.get(name, {}))) for name in _RATIOS}
    figures["sessions"] = float(len(returns))
    if levels is not None:
        values, reasons = np.full(len(ALL_METRICS), np.nan), np.zeros(len(ALL_METRICS), np.uint8)
        Benchmark(levels, per_year).write([each for test, _ in curve for each in test.ranges], returns, values, reasons)
        figures |= {name: float(values[ALL_METRICS.index(name)]) for name in BENCHMARK_METRICS}
    return {name: None if np.isnan(value) else value for name, value in figures.items()}


def _combine(table: pl.DataFrame, paths: pl.DataFrame) -> dict[str, float | None]:
    """Compute the metrics of all tests: those of the only path, or means and dispersion over several."""
    columns = {name: paths[name].cast(pl.Float64).drop_nulls().to_numpy() for name in paths.columns if name != "path"}
    figures: dict[str, float | None] = {
        name: float(values.mean()) if len(values) else None for name, values in columns.items()
    }
    trained = table["train_cagr"].drop_nulls().to_list()
    mean, earned = float(np.mean(trained)) if trained else np.nan, figures["cagr"]
    figures["efficiency"] = earned / mean if earned is not None and mean > 0 else None
    if len(paths) > 1 and len(sharpe := columns["sharpe"]) > 1:
        figures |= {
            "paths": float(len(paths)),
            "sharpe_lowest": float(sharpe.min()),
            "sharpe_median": float(np.median(sharpe)),
            "sharpe_highest": float(sharpe.max()),
            "sharpe_deviation": float(sharpe.std(ddof=1)),
        }
    return figures
