"""How much of the result is left in a slightly worse world: what was selected is run again under changed conditions.

    costs x 2, costs x 3    every commission, slippage and financing rate, also those among the parameters
    one bar later           the strategy sees bars, signals and context a bar later (`execution.delay`)
    start a month later     the data begin 21 sessions later, and with them the folds

Nothing is chosen anew: without folds the selected trial runs over all the data, with folds each fold's choice runs in
that fold's test and the tests are stitched. Computed once, when a run ends, and kept in `selected/sensitivity.json`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep import metrics
from backsweep.errors import BacksweepError
from backsweep.section import Section
from backsweep.statistics.findings import Scenario
from backsweep.study.files import put, read_sealed, remove, sealed
from backsweep.study.space import trial_spec
from backsweep.trial.evaluate import make_evaluator
from backsweep.trial.exchange import Chunk
from backsweep.trial.folds import TEST

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from backsweep.dataset import Shard
    from backsweep.strategy import Strategy
    from backsweep.study.config import Sweep
    from backsweep.study.space import Space
    from backsweep.study.study import Study
    from backsweep.trial.spec import TrialSpec

LATER = 21
"""Sessions: a month of trading."""

_FIGURES = ("sharpe", "total_return", "max_drawdown")
_COSTS = "costs."
_SHARES = "limit"  # the numbers among the costs that are no cost: the volume's share up to which impact grows


def write_sensitivity(study: Study, sweep: Sweep, space: Space, shard: Shard | None, cls: type[Strategy]) -> None:
    """Run what was selected under each condition and keep the results, unless they are there.

    `shard` is the data where it is at hand already; otherwise it is loaded.
    """
    chosen = _chosen(study)
    path = _path(study.path)
    if path.exists() and read_sealed(path)["selected"] == chosen:
        return
    remove(path)
    scenarios = _Scenarios(study, sweep, space, chosen, shard, cls).run()
    put(path, sealed({"selected": chosen, "scenarios": [_plain(each) for each in scenarios]}))


def read_sensitivity(study: Study) -> tuple[Scenario, ...]:
    """Read what was kept; empty where nothing was, or where something else has been selected since.

    Raises StudyConflict for a damaged file.
    """
    path = _path(study.path)
    if not path.exists():
        return ()
    content = read_sealed(path)
    if content["selected"] != _chosen(study):
        return ()
    return tuple(_scenario(row) for row in content["scenarios"])


class _Scenarios:
    """Runs the selected trials again, scenario by scenario."""

    def __init__(
        self,
        study: Study,
        sweep: Sweep,
        space: Space,
        chosen: list[list[int]],
        shard: Shard | None,
        cls: type[Strategy],
    ) -> None:
        self._chosen, self._shard, self._cls = chosen, shard, cls
        self._numbers = sorted({number for numbers in chosen for number in numbers})
        self._spec = trial_spec(sweep, space)
        rows = [space.encode(study.describe(number)["params"]) for number in self._numbers]
        self._values = np.array(rows).reshape(len(rows), len(space.names))
        self._later = study.sessions.dt.date()[LATER] if len(study.sessions) > 2 * LATER else None

    def run(self) -> list[Scenario]:
        spec, values = self._spec, self._values
        found = [self._scenario("as it is", spec, values)]
        for factor in (2.0, 3.0):
            dearer, changed = scaled(spec, factor), values.copy()
            for column, name in enumerate(spec.params):
                if _is_cost(name):
                    changed[:, column] *= factor
            same = dearer == spec and (changed == values).all()
            reason = "the sweep file has no costs" if same else None
            found.append(self._scenario(f"costs x {factor:.0f}", dearer, changed, reason))
        execution = spec.execution.model_copy(update={"delay": spec.execution.delay + 1})
        found.append(self._scenario("one bar later", spec.model_copy(update={"execution": execution}), values))
        data = spec.data if self._later is None else spec.data.model_copy(update={"start": self._later})
        reason = "the data are too short" if self._later is None else None
        late = spec.model_copy(update={"data": data})
        found.append(self._scenario("start a month later", late, values, reason))
        return found

    def _scenario(self, name: str, spec: TrialSpec, values: NDArray[np.float64], reason: str | None = None) -> Scenario:
        """Run one scenario; one that does not apply, or fails, has a reason instead of figures."""
        if reason is None and not self._numbers:
            reason = "nothing was selected"
        if reason is None:
            try:
                returns = self._returns(spec, values)
            except BacksweepError as error:
                reason = error.problem
            else:
                sharpe, total, drawdown = (float(getattr(metrics, figure)(returns)) for figure in _FIGURES)
                return Scenario(name, sharpe, total, drawdown, len(returns), None)
        return Scenario(name, math.nan, math.nan, math.nan, 0, reason)

    def _returns(self, spec: TrialSpec, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the stitched returns; a session without one, as after ruin, earned nothing."""
        shard = self._shard if spec.data == self._spec.data else None
        evaluator = make_evaluator(spec, shard, self._cls)
        numbers = np.array(self._numbers, dtype=np.int64)
        outcome = evaluator.evaluate(Chunk(0, numbers, values))
        if outcome.errors:
            raise BacksweepError(next(iter(outcome.errors.values())).splitlines()[0])
        record: NDArray[np.float64] = np.nan_to_num(outcome.returns.astype(np.float64), nan=0.0)
        segments = evaluator.ready.segments
        if not segments:
            return np.asarray(record[0], dtype=np.float64)
        ends = np.cumsum([segment.sessions for segment in segments])
        stitched = []
        for segment, end in zip(segments, ends, strict=True):
            if segment.name == TEST and segment.fold < len(self._chosen):
                rows = [self._numbers.index(number) for number in self._chosen[segment.fold]]
                part = record[rows, end - segment.sessions : end]
                stitched.append(part.mean(axis=0) if rows else np.zeros(segment.sessions))
        return np.concatenate(stitched)


def scaled(spec: TrialSpec, factor: float) -> TrialSpec:
    """Return the specification with every cost, also the fixed ones, `factor` times as high."""
    fixed = {name: value * factor if _is_cost(name) else value for name, value in spec.fixed.items()}
    return spec.model_copy(update={"costs": _times(spec.costs, factor), "fixed": fixed})


def _times(section: Section, factor: float) -> Section:
    changed: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            changed[name] = _times(value, factor)
        elif isinstance(value, Mapping):
            changed[name] = {key: _times(inner, factor) for key, inner in value.items()}
        elif isinstance(value, float) and name != _SHARES:
            changed[name] = value * factor
    return section.model_copy(update=changed)


def _is_cost(name: str) -> bool:
    return name.startswith(_COSTS) and not name.endswith(f".{_SHARES}")


def _chosen(study: Study) -> list[list[int]]:
    """List what is judged: the trials that each fold chose, or the selected trial."""
    if len(study.folds):
        return [list(numbers) for numbers in study.walk_forward.folds["numbers"]]
    return [] if study.selected is None else [[study.selected]]


def _path(study: Path) -> Path:
    return study / "selected" / "sensitivity.json"


def _scenario(row: dict[str, Any]) -> Scenario:
    fields: dict[str, Any] = {name: math.nan if name in _FIGURES and row[name] is None else row[name] for name in row}
    return Scenario(**fields)


def _plain(scenario: Scenario) -> dict[str, Any]:
    """Give a scenario as JSON knows it: NaN is null."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in asdict(scenario).items()
    }
