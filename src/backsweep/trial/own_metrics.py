"""Metrics of the user's own: functions that are given what a run left and return a number, or None.

    def worst_year(run: bs.Run) -> float:
        years = run.dates.astype("datetime64[Y]")
        return min(np.prod(1.0 + run.returns[years == year]) - 1.0 for year in np.unique(years))

They are plain Python, called in the process that ran the trial, once for every run that has metrics: with folds for
each training and each test, with sleeves for the sum of all. What they are given has the same bits wherever that is,
and cannot be written to.
"""

from __future__ import annotations

import inspect
import math
import numbers
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.errors import StrategyError
from backsweep.metrics.reasons import DEFINED, NO_NUMBER, NOT_FINITE, REASONS, Measure
from backsweep.strategy import load_function, modules_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.strategy import Param, Strategy
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.result import Result
    from backsweep.trial.session_range import SessionRange
    from backsweep.trial.summaries import Curves


@dataclass(frozen=True)
class Trades:
    """What a run counted of its closed trades, money in account currency.

    Attributes
    ----------
    count, wins : trades that were closed, and those of them with a profit.
    gross_profit, gross_loss : the profits and the losses added up, both at least 0.
    traded : the value of all fills.

    """

    count: int
    wins: int
    gross_profit: float
    gross_loss: float
    traded: float


@dataclass(frozen=True, eq=False)
class Run:
    """What a run left, for metrics of one's own.

    Attributes
    ----------
    returns : float64[sessions], net; NaN after the session that takes equity to zero or below.
    equity : float64[sessions], account currency, at the sessions' ends.
    exposure : float64[sessions], gross value of the positions over equity at the sessions' ends.
    dates : datetime64[D][sessions], the sessions' dates on the clock of the data.
    trades : what it counted of its trades.
    metrics : all others by name, None where undefined.
    params : the trial's parameters by name, and what is fixed; of one that its condition rules out, the default.

    """

    returns: NDArray[np.float64]
    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]
    dates: NDArray[np.datetime64]
    trades: Trades
    metrics: Mapping[str, float | None]
    params: Mapping[str, Any]


class OwnMetrics:
    """The metrics that a trial specification names, computed after every run.

    `dates` are those of the data's sessions, days since 1970. Raises StrategyError for a function that is not there.
    """

    def __init__(self, spec: TrialSpec, cls: type[Strategy], dates: NDArray[np.int32]) -> None:
        self._functions = {name: load_metric(reference) for name, reference in spec.metrics.items()}
        self._others = spec.data.metrics
        self._dates = dates.astype("datetime64[D]")
        declared = cls.declared()
        self._kinds = {name: _kind_of(declared.get(name)) for name in spec.params}
        self._fixed = {name: param.default for name, param in declared.items()} | dict(spec.fixed)

    def write(
        self,
        ranges: Sequence[SessionRange],
        left: Curves,
        params: NDArray[np.float64],
        values: NDArray[np.float64],
        reasons: NDArray[np.uint8],
    ) -> None:
        """Write a run's own metrics into `values` and `reasons`, behind all others, which are there.

        `left` are the curves over the sessions of all `ranges`, one after the other; `params`, float64[p], are the
        trial's. Raises StrategyError where a function raises or returns no number.
        """
        known = (None if math.isnan(value) else value for value in values[: len(self._others)].tolist())
        found = self._measure(ranges, left, params, dict(zip(self._others, known, strict=True)))
        for place, (value, reason) in enumerate(found.values(), start=len(self._others)):
            values[place], reasons[place] = value, reason

    def added(self, result: Result, sessions: SessionRange, params: NDArray[np.float64]) -> Result:
        """Return a replay's result with its own metrics."""
        assert result.left is not None  # noqa: S101 - of a run
        found = self._measure([sessions], result.left, params, result.metrics)
        metrics = {name: value if reason == DEFINED else None for name, (value, reason) in found.items()}
        reasons = {name: REASONS[reason] for name, (_, reason) in found.items() if reason != DEFINED}
        return replace(result, metrics=result.metrics | metrics, reasons=result.reasons | reasons)

    def _measure(
        self,
        ranges: Sequence[SessionRange],
        left: Curves,
        params: NDArray[np.float64],
        metrics: Mapping[str, float | None],
    ) -> dict[str, Measure]:
        run = Run(
            returns=_sealed(left.returns),
            equity=_sealed(left.equity),
            exposure=_sealed(left.exposure),
            dates=_sealed(np.concatenate([self._dates[first:last] for first, last in ranges])),
            trades=_trades(left.counters),
            metrics=MappingProxyType(metrics),
            params=MappingProxyType(self._params(params)),
        )
        return {name: _measure(name, function, run) for name, function in self._functions.items()}

    def _params(self, values: NDArray[np.float64]) -> dict[str, Any]:
        pairs = zip(self._kinds.items(), values.tolist(), strict=True)
        return self._fixed | {name: kind(value) for (name, kind), value in pairs if not math.isnan(value)}


def check_metrics(references: Mapping[str, str] | None) -> None:
    """Raise StrategyError for a metric whose function is not there, or takes no run."""
    for reference in (references or {}).values():
        load_metric(reference)


def load_metric(reference: str) -> Callable[[Run], float | None]:
    """Import the function of a metric; raises StrategyError for one that takes anything but a run."""
    function = load_function(reference, "metric")
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        raise StrategyError(
            "a metric that is given something else than a run",
            where=reference,
            expected="def NAME(run: bs.Run) -> float",
            found=f"{function.__name__}{inspect.signature(function)}",
            remedy="take one argument, the run: it has returns, equity, exposure, dates, trades, metrics and params",
        ) from None
    return function


def _measure(name: str, function: Callable[[Run], Any], run: Run) -> Measure:
    """Return what a function makes of a run, NaN with a reason for what is no number."""
    try:
        with modules_of(function):
            found = function(run)
    except Exception as error:
        raise _failed(name, function, f"{type(error).__name__}: {error}", error) from error
    if found is None:
        return math.nan, NO_NUMBER
    if not isinstance(found, numbers.Real):
        raise _failed(name, function, f"it returned {type(found).__name__}, no number")
    value = float(found)
    if math.isnan(value):
        return math.nan, NO_NUMBER
    return (value, DEFINED) if math.isfinite(value) else (math.nan, NOT_FINITE)


def _failed(name: str, function: Callable[..., Any], found: str, error: BaseException | None = None) -> StrategyError:
    """Return the error of a function, with its last line of the traceback that lies in its file."""
    file, line = inspect.getfile(function), function.__code__.co_firstlineno
    frames = [] if error is None else traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if frame.filename == file and frame.lineno is not None]
    return StrategyError(
        f"the metric `{name}` failed",
        where=f"{Path(file).name}, line {own[-1] if own else line}",
        expected="a number, or None where there is none",
        found=found,
    )


def _kind_of(param: Param | None) -> Callable[[float], Any]:
    """Return what makes a parameter's value of a float."""
    if param is not None and param.coded:
        return param.value
    if param is not None and param.choices is not None and all(isinstance(each, bool) for each in param.choices):
        return bool
    return int if param is not None and param.integer else float


def _sealed(values: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that cannot be written to: what a function sorts is not the engine's."""
    copy = np.array(values)
    copy.flags.writeable = False
    return copy


def _trades(counters: Any) -> Trades:
    count, wins = int(counters["trades"]), int(counters["wins"])
    profit, loss, traded = (float(counters[name]) for name in ("gross_profit", "gross_loss", "traded_notional"))
    return Trades(count, wins, profit, loss, traded)
