"""The stress test: what was selected runs again under worse conditions.

    costs x 2, costs x 3    every commission, slippage and financing rate, also those among the parameters; the spread
                            of quotes is data, and stays as it is
    one bar later           the strategy sees bars, signals and context a bar later (`execution.delay`)
    start a month later     the data begin a twelfth of a year's sessions later, and with them the folds

Nothing is selected again: without folds the selected trial runs on all the data, with folds each fold's choice runs in
that fold's test, and the tests are combined as in `walk_forward`. A fold that begins later is still tested after its
training, so its test stays out of sample; the groups of a cross-validation would move into its trainings and are not
shifted. The holdout belongs to no fold and is not used. These runs are never pruned. They are computed once, when a run
ends, and stored (see `scenarios`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep import metrics
from backsweep.dataset.fingerprint import unchanged
from backsweep.errors import BacksweepError, StrategyError
from backsweep.statistics.study_records import Scenario
from backsweep.storage.open import open_files
from backsweep.study.results.asset_groups import groups_together, shares_of
from backsweep.study.results.scenarios import read_scenarios, write_scenarios
from backsweep.sweepfile.section import Section
from backsweep.trial.code import check_code
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import load_unless_large, make_evaluator
from backsweep.trial.folds import TEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from backsweep.dataset import Shard
    from backsweep.study.results.study import Study
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.evaluator import Evaluator
    from backsweep.trial.folds import Segment

MONTHS = 12
"""Of a year."""

_COSTS = "costs."
_NO_COSTS = ("limit", "above", "short_credit")  # the limit of impact, the starts of tiers, income


def run_stress_test(study: Study, spec: TrialSpec, space: Space) -> None:
    """Run what was selected in each scenario and store the results, unless they are stored.

    `spec` is that of the run. Raises BadInput, and stores nothing, where data or code have changed since.
    """
    files = open_files(study.path)
    if read_scenarios(files, study.chosen) is None:
        write_scenarios(files, study.chosen, _Scenarios(study, spec, space).run())


class _Scenarios:
    """Runs the selected trials again, scenario by scenario."""

    def __init__(self, study: Study, spec: TrialSpec, space: Space) -> None:
        numbers = sorted({number for _, each in study.chosen for number in each})
        self._chosen: list[tuple[Any, list[int]]] = [
            (fold, [numbers.index(number) for number in each]) for fold, each in study.chosen
        ]
        folds = None if spec.folds is None else spec.folds.model_copy(update={"final": False})
        self._spec = spec.model_copy(update={"pruning": None, "folds": folds})
        self._groups = [study.group_of(number) for number in numbers]
        self._shares = shares_of(study.sweep.search)
        rows = [space.encode(study.describe(number)["params"]) for number in numbers]
        self._values = np.array(rows).reshape(len(rows), len(space.names))
        self._shard: Shard | None = None
        self._per_year = study.sweep.sessions_per_year
        month = max(1, round(self._per_year / MONTHS))
        self._later = study.session_dates[month] if len(study.session_dates) > 2 * month else None

    def run(self) -> list[Scenario]:
        spec, values = self._spec, self._values
        if len(values):
            self._shard = load_unless_large(spec)
        found = [self._scenario("as it is", spec, values)]
        for factor in (2.0, 3.0):
            dearer, changed = scaled(spec, factor), values.copy()
            for column, name in enumerate(spec.params):
                if _is_cost(spec, name):
                    changed[:, column] *= np.where(changed[:, column] > 0.0, factor, 1.0)  # below 0 it is a rebate
            same = dearer == spec and np.array_equal(changed, values, equal_nan=True)
            reason = None
            if same:
                reason = "the sweep file has no costs" + (" beside the quotes" if spec.execution.quotes else "")
            found.append(self._scenario(f"costs x {factor:.0f}", dearer, changed, reason))
        execution = spec.execution.model_copy(update={"delay": spec.execution.delay + 1})
        found.append(self._scenario("one bar later", spec.model_copy(update={"execution": execution}), values))
        reason = "the data are too short" if self._later is None else None
        if spec.folds is not None and spec.folds.mode == "cpcv":
            reason = "the groups would move into what was trained on"
        late = spec.model_copy(update={"data": spec.data.model_copy(update={"start": self._later or spec.data.start})})
        found.append(self._scenario("start a month later", late, values, reason))
        check_code(spec)
        return found

    def _scenario(self, name: str, spec: TrialSpec, values: NDArray[np.float64], reason: str | None = None) -> Scenario:
        """Run one scenario; one that does not apply, or fails, has a reason instead of figures."""
        if reason is None and not len(values):
            reason = "nothing was selected"
        if reason is None:
            try:
                returns = self._returns(spec, values)
            except BacksweepError as error:
                if isinstance(error, StrategyError) and spec.data == self._spec.data:
                    raise  # the study ran on these data: the code has changed since
                with unchanged(self._spec.data):  # data that have changed are no reason
                    reason = error.problem
            else:
                sharpe = float(metrics.sharpe(returns, periods_per_year=self._per_year))
                total, drawdown = float(metrics.total_return(returns)), float(metrics.max_drawdown(returns))
                return Scenario(name, sharpe, total, drawdown, len(returns), None)
        return Scenario(name, math.nan, math.nan, math.nan, 0, reason)

    def _returns(self, spec: TrialSpec, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each tested session's return once: the mean over the folds that test it, of all groups together."""
        evaluator = make_evaluator(spec, self._shard if spec.data == self._spec.data else None, streams=True)
        if spec.folds is None:
            (record,) = self._run(evaluator, values, [(None, range(len(values)))])
            return self._together(record, list(range(len(values))))
        total = np.zeros(len(evaluator.info.sessions))
        times = np.zeros(len(total))
        for test, earned in self._tests(evaluator, values, by_fold=spec.folds.state == "flat"):
            places = np.concatenate([np.arange(*run) for run in test.ranges])
            total[places] += earned
            times[places] += 1.0
        return np.asarray(total[times > 0.0] / times[times > 0.0])

    def _tests(
        self, evaluator: Evaluator, values: NDArray[np.float64], *, by_fold: bool
    ) -> Iterator[tuple[Segment, NDArray[np.float64]]]:
        """Yield each fold's test, and the mean return of the fold's choice in each of its sessions.

        Tests that carry on with the positions of those before need all folds, other folds run `by_fold`.
        """
        if by_fold:
            wanted = [(range(fold, fold + 1), rows) for fold, rows in self._chosen if rows]
            own = dict(zip((only.start for only, _ in wanted), self._run(evaluator, values, wanted), strict=True))
        else:
            (together,) = self._run(evaluator, values, [(None, range(len(values)))])
        for fold, rows in self._chosen:
            part = evaluator.info.of(range(fold, fold + 1)) if by_fold else evaluator.info
            ends = np.cumsum([segment.width for segment in part.segments])
            for test, end in zip(part.segments, ends, strict=True):
                if test.fold == fold and test.name == TEST:
                    earned = np.zeros(test.sessions)
                    if rows:
                        record = own[fold] if by_fold else together[rows]
                        earned = self._together(record[:, end - test.width : end], rows)
                    yield test, earned

    def _run(
        self,
        evaluator: Evaluator,
        values: NDArray[np.float64],
        wanted: Sequence[tuple[range | None, Sequence[int]]],
    ) -> list[NDArray[np.float64]]:
        """Return the returns of some rows of values in some folds, for each that is wanted; each row on its group.

        All of it runs at once, so that data that are loaded for it are loaded once. NaN, as after ruin, counts as 0.
        """
        parts = [(folds, own, group) for folds, rows in wanted for group, own in self._by_group(rows).items()]
        chunks = [
            Chunk(0, np.arange(len(own), dtype=np.int64), values[own], folds, self._place_of(group))
            for folds, own, group in parts
        ]
        outcomes = iter(evaluator.evaluate_all(chunks))
        records = []
        for _, rows in wanted:
            found: dict[int, NDArray[np.float64]] = {}
            for own in self._by_group(rows).values():
                outcome = next(outcomes)
                if outcome.errors:
                    raise BacksweepError(next(iter(outcome.errors.values())).splitlines()[0])
                found |= dict(zip(own, np.nan_to_num(outcome.returns.astype(np.float64), nan=0.0), strict=True))
            records.append(np.array([found[row] for row in rows]))
        return records

    def _place_of(self, group: str | None) -> int | None:
        return None if group is None else list(self._spec.asset_groups).index(group)

    def _together(self, record: NDArray[np.float64], rows: Sequence[int]) -> NDArray[np.float64]:
        """Return what rows of values earned together, whose returns `record` has: the mean, of groups their sum."""
        place = {row: at for at, row in enumerate(rows)}
        means = {group: record[[place[row] for row in own]].mean(axis=0) for group, own in self._by_group(rows).items()}
        return groups_together(means, self._shares)

    def _by_group(self, rows: Iterable[int]) -> dict[str | None, list[int]]:
        found: dict[str | None, list[int]] = {}
        for row in rows:
            found.setdefault(self._groups[row], []).append(row)
        return found


def scaled(spec: TrialSpec, factor: float) -> TrialSpec:
    """Return the specification with every cost, also the fixed ones, `factor` times as high."""
    fixed = {
        name: value * factor if _is_cost(spec, name) and isinstance(value, int | float) and value > 0 else value
        for name, value in spec.fixed.items()
    }
    return spec.model_copy(update={"costs": _times(spec.costs, factor), "fixed": fixed})


def _times(section: Section, factor: float) -> Section:
    changed: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            changed[name] = _times(value, factor)
        elif isinstance(value, Mapping):
            changed[name] = {key: _times(inner, factor) for key, inner in value.items()}
        elif isinstance(value, tuple):
            changed[name] = tuple(_times(inner, factor) for inner in value)
        elif isinstance(value, float) and value > 0.0 and name not in _NO_COSTS:
            changed[name] = value * factor
    return section.model_copy(update=changed)


def _is_cost(spec: TrialSpec, name: str) -> bool:
    """Return whether a swept number is a cost; of a user's cost model only `times` is, which scales its result."""
    place, _, last = name.removeprefix(_COSTS).rpartition(".")
    custom = spec.costs.custom.get(place)
    return name.startswith(_COSTS) and last not in _NO_COSTS and (custom is None or last in type(custom).model_fields)
