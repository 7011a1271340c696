"""The compiled TPE as a sampler for Optuna's own studies."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import TrialState

from backsweep.study.search.dimension import Dimension
from backsweep.study.search.tpe.archive import COMPLETE
from backsweep.study.search.tpe.search import UNIFORM, Tpe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_NOT_PRUNED_AT_A_STEP = 1.0  # ranks behind every trial that was pruned at a step
_SPACES = 64  # are remembered at most: ranges that change with every trial are new spaces


class TPESampler(BaseSampler):
    """Optuna's TPE for any Optuna study: same semantics, compiled, at a cost that does not grow with the study.

    `optuna.create_study(sampler=bs.TPESampler(seed=1))`. One objective: parameters that all trials have are searched
    together, others each by itself. Several objectives: each by itself. Constraints, pruned, failed and running trials
    count as in `optuna.samplers.TPESampler` with its default settings, but bad trials are the latest 241 alone, and at
    most 25 trials are good with several objectives, too.

    Parameters
    ----------
    seed : all randomness follows from it; None = another one in every process.
    refined : whether proposals are crossed with the best trials, and from 270 trials on good kernels become narrower
        than Optuna's, the more so the more trials there are, and one trial in eight is uniform: as `sampler: tpe` of a
        sweep file does.

    """

    def __init__(self, *, seed: int | None = None, refined: bool = False) -> None:
        self._stream = np.random.default_rng(seed)
        self._refined = refined
        self._lock = threading.RLock()  # Optuna may ask from several threads
        self._forget(None)

    def _turn_to(self, study: Study) -> None:
        """Forget another study; a name alone does not tell two apart, since each storage may have it."""
        place = (study._storage, study._study_id)  # noqa: SLF001
        if place != self._place:
            self._forget(place)

    def _forget(self, place: tuple[BaseStorage, int] | None) -> None:
        self._place = place
        self._space = IntersectionSearchSpace(include_pruned=True)
        self._known: dict[tuple[tuple[str, BaseDistribution], ...], _Known] = {}
        self._asked: dict[int, dict[str, Any]] = {}  # of trials that do not have all of their parameters yet

    def __getstate__(self) -> dict[str, Any]:
        return {"_stream": self._stream, "_refined": self._refined}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()
        self._forget(None)

    def reseed_rng(self) -> None:
        """Go on with other random numbers than those that follow from the seed."""
        self._stream = np.random.default_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002 - Optuna's interface
        """Return the parameters that all finished trials have, but those of a single value."""
        with self._lock:
            self._turn_to(study)
            space = self._space.calculate(study)
        return {name: distribution for name, distribution in space.items() if not distribution.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values for the parameters of a space, proposed together."""
        if not search_space:
            return {}
        with self._lock:
            values = self._propose(study, trial, search_space)
            self._asked[trial.number] = values
        return values

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a value for one parameter."""
        with self._lock:
            return self._propose(study, trial, {param_name: param_distribution})[param_name]

    def after_trial(
        self,
        study: Study,  # noqa: ARG002 - Optuna's interface
        trial: FrozenTrial,
        state: TrialState,  # noqa: ARG002
        values: Sequence[float] | None,  # noqa: ARG002
    ) -> None:
        """Forget what was asked for a trial that has ended."""
        with self._lock:
            self._asked.pop(trial.number, None)

    def _propose(self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution]) -> dict[str, Any]:
        self._turn_to(study)
        key = tuple(space.items())
        known = self._known.pop(key, None) or _Known(space, study.directions, refined=self._refined)
        self._known[key] = known
        if len(self._known) > _SPACES:
            del self._known[next(iter(self._known))]
        trials = study.get_trials(deepcopy=False)
        known.observe(trials)
        if known.tpe.is_refined and trial.number % UNIFORM == UNIFORM - 1:
            row = known.tpe.draw(1, self._stream)[0]
        else:
            others = [other for other in known.running(trials) if other.number != trial.number]
            rows = [_row_of(self._asked.get(other.number, {}) | other.params, space) for other in others]
            row = known.tpe.propose(1, self._stream, [np.array(rows)] if rows else ())[0]
        pairs = zip(space.items(), row.tolist(), strict=True)
        return {name: distribution.to_external_repr(value) for (name, distribution), value in pairs}


class _Known:
    """What a study's trials say about one space."""

    def __init__(
        self, space: Mapping[str, BaseDistribution], directions: Sequence[StudyDirection], *, refined: bool
    ) -> None:
        self.tpe = Tpe([_axis_of(*item) for item in space.items()], len(directions), refined=refined)
        self._space = space
        self._signs = np.array([-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in directions])
        self._observed = 0  # all trials before this number are observed,
        self._ahead: set[int] = set()  # and these behind it

    def observe(self, trials: Sequence[FrozenTrial]) -> None:
        """Observe the trials that have finished since the last time."""
        new = [t for t in trials[self._observed :] if t.state.is_finished() and t.number not in self._ahead]
        self._ahead.update(trial.number for trial in new)
        while self._observed in self._ahead:
            self._ahead.remove(self._observed)
            self._observed += 1
        new = [trial for trial in new if trial.state != TrialState.FAIL]
        if new:
            progress, losses = zip(*(_result_of(trial, self._signs) for trial in new), strict=True)
            violations = [[sum(v for v in trial.constraints.values() if v > 0.0)] for trial in new]
            rows = np.array([_row_of(trial.params, self._space) for trial in new])
            self.tpe.observe(rows, np.array(losses), np.array(violations, np.float64), np.array(progress))

    def running(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return the trials that are running."""
        return [trial for trial in trials[self._observed :] if trial.state == TrialState.RUNNING]


def _result_of(trial: FrozenTrial, signs: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, Any]:
    """Return how far a trial came, as `Archive.add` has it, and its losses."""
    if trial.state == TrialState.COMPLETE:
        return COMPLETE, signs * np.array(trial.values)
    if not trial.intermediate_values:
        return _NOT_PRUNED_AT_A_STEP, 0.0 * signs
    step = max(trial.intermediate_values)
    return -float(step), signs * trial.intermediate_values[step]


def _row_of(params: Mapping[str, Any], space: Mapping[str, BaseDistribution]) -> list[float]:
    """Return a trial's values as Optuna holds them, NaN for those that it lacks or that lie outside of their range."""
    return [
        _internal_of(params[name], distribution) if name in params else math.nan for name, distribution in space.items()
    ]


def _internal_of(value: Any, distribution: BaseDistribution) -> float:
    try:
        internal = float(distribution.to_internal_repr(value))
    except ValueError:  # no choice of this distribution
        return math.nan
    if isinstance(distribution, FloatDistribution | IntDistribution):
        return internal if distribution.low <= internal <= distribution.high else math.nan
    return internal


def _axis_of(name: str, distribution: BaseDistribution) -> Dimension:
    """Return the axis of a distribution; choices are their places."""
    if isinstance(distribution, CategoricalDistribution):
        return Dimension(name, choices=tuple(float(place) for place in range(len(distribution.choices))))
    if isinstance(distribution, IntDistribution):
        low, high, step = float(distribution.low), float(distribution.high), float(distribution.step)
        return Dimension(name, low, high, step, distribution.log, integer=True)
    if isinstance(distribution, FloatDistribution):
        return Dimension(name, distribution.low, distribution.high, distribution.step, distribution.log)
    raise TypeError(f"no axis for {distribution}")
