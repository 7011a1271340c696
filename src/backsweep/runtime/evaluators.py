"""How a backend makes its evaluators, and the outcome of a chunk that none could run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from backsweep.trial.contract import Outcome

if TYPE_CHECKING:
    from backsweep.dataset.calendar import Calendar
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.contract import Chunk, DataInfo
    from backsweep.trial.evaluator import Evaluator
    from backsweep.trial.sleeves.evaluator import SleeveEvaluator


TOO_LONG = "it took longer than {:g} s; runtime.trial_timeout allows more"
"""Why a trial that took too many seconds has failed."""

ATTEMPTS = 3
"""How often a trial may take too long, or lose the worker that runs it, before that is a failure."""

EvaluatorFactory = Callable[["TrialSpec"], "Evaluator"]


class EvaluatorBuilder(Protocol):
    """Makes evaluators that hold the same data, in two steps: those of one node may share what `load` gives."""

    def load(self, spec: TrialSpec) -> Any:
        """Load the data as arrays; raises BadInput or BadData."""
        ...

    def build(self, spec: TrialSpec, data: Any) -> Evaluator:
        """Make an evaluator on what `load` gave and compile the strategy; raises as `load`, and StrategyError."""
        ...


@dataclass(frozen=True)
class PlainBuilder:
    """Makes evaluators that load their own data."""

    factory: EvaluatorFactory

    def load(self, _spec: TrialSpec) -> None:
        """Load nothing."""

    def build(self, spec: TrialSpec, _data: Any) -> Evaluator:
        """Make the evaluator by the factory."""
        return self.factory(spec)


@dataclass(frozen=True)
class SharedBuilder:
    """Makes evaluators of one account for all assets: each holds all the data."""

    def load(self, spec: TrialSpec) -> Any:
        """Load the data and lay it out for the engine."""
        from backsweep.trial.evaluate import load_market  # noqa: PLC0415 - loads Polars and Numba, where trials run

        return load_market(spec)

    def build(self, spec: TrialSpec, data: Any) -> Evaluator:
        """Make an evaluator on a market."""
        from backsweep.trial.evaluate import SharedEvaluator  # noqa: PLC0415 - the same

        evaluator = SharedEvaluator(spec, data)
        evaluator.prepare()
        return evaluator


@dataclass(frozen=True)
class SleeveBuilder:
    """Makes evaluators of sleeves that hold some shards: consecutive ranges of the calendar's blocks."""

    calendar: Calendar
    shards: tuple[range, ...]

    def load(self, spec: TrialSpec) -> Any:
        """Load each shard and lay it out for the engine."""
        from backsweep.trial.sleeves.evaluator import load_markets  # noqa: PLC0415 - loads Polars and Numba, where trials run

        return load_markets(spec, self.calendar, self.shards)

    def build(self, spec: TrialSpec, data: Any) -> SleeveEvaluator:
        """Make an evaluator on the shards' markets."""
        from backsweep.trial.sleeves.evaluator import SleeveEvaluator  # noqa: PLC0415 - the same

        evaluator = SleeveEvaluator(spec, self.calendar, self.shards, markets=data)
        evaluator.prepare()
        return evaluator


@dataclass(frozen=True)
class GroupBuilder:
    """Makes evaluators of groups of assets: each holds all of them."""

    calendar: Calendar

    def load(self, spec: TrialSpec) -> Any:
        """Load each group's assets and lay them out for the engine."""
        from backsweep.trial.sleeves.asset_groups import load_groups  # noqa: PLC0415 - loads Polars and Numba, where trials run

        return load_groups(spec, self.calendar)

    def build(self, spec: TrialSpec, data: Any) -> Evaluator:
        """Make an evaluator on the groups' markets."""
        from backsweep.trial.sleeves.asset_groups import GroupEvaluator  # noqa: PLC0415 - the same

        evaluator = GroupEvaluator(spec, self.calendar, data)
        evaluator.prepare()
        return evaluator


def failed_outcome(chunk: Chunk, info: DataInfo, reason: str) -> Outcome:
    """Make the outcome of a chunk whose trials have all failed."""
    count = len(chunk.numbers)
    now = np.full(count, time.time())
    return Outcome(
        batch=chunk.batch,
        numbers=chunk.numbers,
        metrics=np.full((count, len(info.metrics)), np.nan),
        reasons=np.zeros((count, len(info.metrics)), np.uint8),
        returns=np.full((count, info.of(chunk.folds).width), np.nan, np.float32),
        errors=dict.fromkeys(chunk.numbers.tolist(), reason),
        started=now,
        completed=now,
        folds=chunk.folds,
    )


def make_builders(spec: TrialSpec, shards: int, workers: int) -> tuple[EvaluatorBuilder, ...]:
    """Divide the data among so many workers at most: one builder for each part, which together have everything.

    One account needs all data at once, so it is one part, and so are groups of assets. Other sleeves are cut into
    `shards`, of which each part has one or, where workers are few, several neighbours. Raises BadInput or BadData where
    there is nothing to divide.
    """
    if spec.account.mode == "shared":
        return (SharedBuilder(),)
    from backsweep.dataset.calendar import survey  # noqa: PLC0415 - loads Polars

    calendar = survey(spec.data)
    if spec.asset_groups:
        return (GroupBuilder(calendar),)
    ranges = calendar.divide(shards)
    count = min(workers, len(ranges))
    cuts = [len(ranges) * part // count for part in range(count + 1)]
    return tuple(SleeveBuilder(calendar, ranges[cuts[part] : cuts[part + 1]]) for part in range(count))
