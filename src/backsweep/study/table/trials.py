"""The study table: from arrays to rows and back.

One row per trial, with the column names of Optuna's `trials_dataframe`. Undefined is null, never NaN and never 0; the
reason stands in `system_attrs`, next to what the sampler must find again. All columns but `TIMING` are reproducible.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.metrics.reasons import NOT_FINITE
from backsweep.metrics.summary import METRICS, REASONS
from backsweep.study.search.fronts import fronts
from backsweep.study.search.proposals import Observations, Proposals, by_name, judge, ranked
from backsweep.study.table.columns import ASSET_GROUP, CONSTRAINTS, PARAMS, USER_ATTRS, VALUE, VALUES
from backsweep.study.table.outcomes import SESSIONS, Outcomes
from backsweep.study.table.params import param_column, param_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from backsweep.study.search.batch_sizes import BatchSizes
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Objective, Search

TIMING = ("datetime_start", "datetime_complete", "duration")
"""Columns that differ from run to run."""

WHOLE = "train"
"""The segment of a study without walk-forward: all of it is in-sample."""


@dataclass(frozen=True)
class Table:
    """The columns of one study's table."""

    search: Search
    space: Space
    sizes: BatchSizes
    metrics: tuple[str, ...] = METRICS

    def trials(
        self, proposals: Proposals, results: Outcomes, fold: int | None = None, group: str | None = None
    ) -> pl.DataFrame:
        """Rows of some trials, `results.numbers`; `fold` and `group` are the only ones that they ran on, if any are."""
        failed = results.failed
        metrics = np.where(failed[:, None], np.nan, results.metrics)
        numbers = np.asarray(results.numbers, dtype=np.int64)
        columns: dict[str, pl.Series] = {
            "number": pl.Series(numbers),
            "batch": pl.Series(self.sizes.of(numbers)),
            **({} if fold is None else {"fold": pl.Series(np.full(len(failed), fold, dtype=np.int32))}),
            **({} if group is None else {ASSET_GROUP: pl.Series([group] * len(failed), dtype=pl.String)}),
            "state": pl.Series(states(failed, results.pruned).tolist(), dtype=pl.String),
        }
        named = by_name(metrics, self.metrics)
        for name, objective in zip(value_columns(self.search), self.search.objective, strict=True):
            columns[name] = nullable(objective.expression.evaluate(named))
        for j, axis in enumerate(self.space.dimensions):
            columns[f"{PARAMS}{axis.name}"] = param_column(axis, proposals.values[:, j])
        for j, metric in enumerate(self.metrics):
            columns[f"{USER_ATTRS}{metric}"] = nullable(metrics[:, j])
        for bound in self.search.bounds:
            columns[f"{CONSTRAINTS}{bound.name}"] = nullable(bound.excess(named))
        errors = [results.errors.get(number) for number in results.numbers] if results.errors else [None] * len(numbers)
        columns["error"] = pl.Series(errors, dtype=pl.String)
        unreached = dict(_unreached(self.search, named))
        columns["system_attrs"] = pl.Series(_system_attrs(proposals, results, self.metrics, unreached), dtype=pl.String)
        start, end = (pl.Series(np.round(results.times[:, i] * 1e6).astype(np.int64)) for i in (0, 1))
        columns["datetime_start"] = start.cast(pl.Datetime("us", "UTC"))
        columns["datetime_complete"] = end.cast(pl.Datetime("us", "UTC"))
        columns["duration"] = pl.Series(np.round(results.seconds * 1e6).astype(np.int64)).cast(pl.Duration("us"))
        return pl.DataFrame(columns)

    def returns(self, results: Outcomes) -> pl.DataFrame:
        """Per-session returns of some trials; null for a failed or pruned trial."""
        count, sessions = results.returns.shape
        rows = pl.Series(results.returns.reshape(-1), dtype=pl.Float32).reshape((count, sessions))
        frame = pl.DataFrame(
            {
                "number": np.asarray(results.numbers, dtype=np.int64),
                "fold": np.zeros(count, dtype=np.int32),
                "segment": pl.Series([WHOLE] * count, dtype=pl.String),
                "returns": rows.cast(pl.List(pl.Float32)),
                "ended": results.failed | results.pruned,
            }
        )
        if frame["ended"].any():
            frame = frame.with_columns(pl.when(~pl.col("ended")).then("returns").alias("returns"))
        return frame.drop("ended")

    def observations(self, proposals: Proposals, results: Outcomes) -> Observations:
        """Return what a proposer sees of some trials; `proposals` are those of `results.numbers`."""
        failed = results.failed
        metrics = np.where(failed[:, None], np.nan, results.metrics)
        return Observations(proposals, *judge(metrics, self.metrics, self.search), failed)

    def read_observations(self, rows: pl.DataFrame) -> Observations:
        """Read the same back from rows."""
        params = [param_numbers(axis, rows[f"{PARAMS}{axis.name}"]) for axis in self.space.dimensions]
        texts = rows["system_attrs"].to_list()
        return Observations(
            proposals=Proposals(np.column_stack(params), tuple(_sampler_text(text) for text in texts)),
            losses=losses(rows, self.search),
            violations=violations(rows, self.search),
            failed=(rows["state"] == "FAIL").to_numpy(),
        )


def states(failed: NDArray[np.bool_], pruned: NDArray[np.bool_]) -> NDArray[np.str_]:
    """Name the states of trials, or of their segments."""
    return np.where(failed, "FAIL", np.where(pruned, "PRUNED", "COMPLETE"))


def value_columns(search: Search) -> list[str]:
    """Return the names of the objectives' columns."""
    metrics = [objective.metric for objective in search.objective]
    return [VALUE] if len(metrics) == 1 else [f"{VALUES}{metric}" for metric in metrics]


def losses(rows: pl.DataFrame, search: Search) -> NDArray[np.float64]:
    """float64[k, m], the objectives turned so that smaller is better; NaN = undefined."""
    return np.column_stack([-each.sign * read_objective(rows, each) for each in search.objective])


def read_objective(rows: pl.DataFrame, objective: Objective, prefix: str = USER_ATTRS) -> NDArray[np.float64]:
    """Compute an objective, float64[k], from columns of metrics; NaN = undefined."""
    expression = objective.expression
    columns = {name: rows[prefix + name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in expression.names}
    return expression.evaluate(columns)


def violations(rows: pl.DataFrame, search: Search) -> NDArray[np.float64]:
    """float64[k, c], at most 0 where a constraint holds; inf = undefined, which does not hold."""
    columns = [rows[f"{CONSTRAINTS}{bound.name}"].fill_null(np.inf).to_numpy() for bound in search.bounds]
    return np.column_stack(columns) if columns else np.zeros((len(rows), 0))


def best_first(rows: pl.DataFrame, search: Search) -> pl.DataFrame:
    """Order rows from best to worst: feasible by objective, undefined objectives, infeasible, failed.

    With several objectives they come by non-dominated fronts, and `front` has the number of each trial's among `rows`:
    1 for those that no other beats in every objective, null where a trial is not feasible, completed and defined.
    """
    loss, violation, failed = losses(rows, search), violations(rows, search), (rows["state"] != "COMPLETE").to_numpy()
    order = ranked(loss, violation, failed)
    if loss.shape[1] > 1:
        good = ~failed & (violation <= 0).all(axis=1) & np.isfinite(loss).all(axis=1)
        number = np.zeros(len(rows), np.int64)
        number[good] = fronts(loss[good]) + 1
        rows = rows.with_columns(pl.when(pl.Series(good)).then(pl.Series(number)).alias("front"))
    return rows[order]


def best_row(rows: pl.DataFrame, search: Search, best: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Return the best feasible completed trial with a defined objective, as column to value; None if there is none.

    `best` is one from earlier rows. With several objectives it is the one with the best first objective.
    """
    if best is not None:
        rows = pl.concat([pl.DataFrame([best], schema=rows.schema), rows])
    loss, feasible = standing(rows, search)
    if not feasible.any():
        return None
    keys = [np.where(feasible, loss[:, j], np.inf) for j in reversed(range(loss.shape[1]))]
    return rows.row(int(np.lexsort(keys)[0]), named=True)


def standing(rows: pl.DataFrame, search: Search) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the objectives, as `losses` does, and which trials count: complete, feasible and with all of them."""
    loss = losses(rows, search)
    return loss, usable(loss, violations(rows, search), (rows["state"] == "COMPLETE").to_numpy())


def usable(
    losses: NDArray[np.float64], violations: NDArray[np.float64], complete: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which trials can be the best: complete ones that hold the constraints and have all objectives."""
    counts: NDArray[np.bool_] = complete & (violations <= 0).all(axis=1) & np.isfinite(losses).all(axis=1)
    return counts


def nullable(values: NDArray[np.float64]) -> pl.Series:
    """Return float64[k] as a column, with null for NaN."""
    return pl.Series(np.ascontiguousarray(values), dtype=pl.Float64, nan_to_null=True)


def _unreached(search: Search, named: Mapping[str, NDArray[np.float64]]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the expressions that come to no number in some trials though their metrics are defined, with bool[k]."""
    sides = [side for bound in search.bounds for side in (bound.relation.left, bound.relation.right)]
    for expression in (*(objective.expression for objective in search.objective), *sides):
        if len(expression.steps) > 1 and expression.names:
            known = ~np.isnan([named[name] for name in expression.names]).any(axis=0)
            missing = known & np.isnan(expression.evaluate(named))
            if missing.any():
                yield expression.text, missing


def _system_attrs(
    proposals: Proposals, results: Outcomes, names: tuple[str, ...], unreached: Mapping[str, NDArray[np.bool_]]
) -> list[str | None]:
    """One JSON text per trial: the sampler's attributes, and why a metric is undefined or the trial was pruned.

    `unreached` are expressions, and the trials in which they come to no number.
    """
    texts: list[str | None] = [None] * len(results.numbers)
    explained = (results.reasons != 0).any(axis=1) & ~results.failed
    for missing in unreached.values():
        explained |= missing
    pruned = results.pruned
    for row in range(len(texts)) if proposals.attrs else np.flatnonzero(explained).tolist():
        content: dict[str, Any] = {}
        if sampler := proposals.attr(row):
            content["sampler"] = json.loads(sampler)
        if pruned[row] and explained[row]:
            reason = results.pruned_between.get(results.numbers[row], REASONS[int(results.reasons[row].max())])
            content["pruned"] = {"reason": reason, "sessions": float(results.metrics[row, SESSIONS])}
        elif explained[row]:
            divided = {text: REASONS[NOT_FINITE] for text, missing in unreached.items() if missing[row]}
            content["undefined"] = {**undefined(results.reasons[row].tobytes(), names), **divided}
        if content:
            texts[row] = compact(content)
    return texts


@lru_cache(maxsize=1024)
def undefined(codes: bytes, names: tuple[str, ...]) -> Mapping[str, str]:
    """Name what is undefined, and why; `codes` are the reason codes of the metrics with these `names`."""
    return {names[j]: REASONS[code] for j, code in enumerate(codes) if code}


def _sampler_text(text: str | None) -> str:
    sampler = json.loads(text).get("sampler") if text else None
    return compact(sampler) if sampler else ""


def compact(content: Any) -> str:
    """Write plain data as JSON, equal for equal content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))
