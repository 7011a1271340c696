"""The base of proposers that ask one of Optuna's samplers.

For every batch a new sampler with a seed of its own is given a new in-memory study that is filled from the past, so
that nothing but the past can matter. Trials of earlier batches that are still running are in the study as running: TPE
counts them among the bad ones (its constant liar), so that a batch spreads instead of proposing one point many times.

How trials are shown to Optuna: a failed one as FAIL, which samplers ignore; an undefined objective as worse than the
worst that was defined up to its batch, so that its surroundings are avoided (as FAIL while nothing is defined yet). A
pruned trial is shown like that, and as one that breaks every constraint by far: not as Optuna's PRUNED, which TPE ranks
by how far a trial came, because here a trial is pruned for its results and not for its speed.

A parameter with a condition is suggested after those that it depends on, and only where it holds: Optuna's way for
such a space.
"""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from backsweep.errors import BadInput
from backsweep.strategy import modules_of
from backsweep.study.search.proposals import Proposals, Proposer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

    from backsweep.strategy import Value
    from backsweep.study.search.dimension import Dimension
    from backsweep.study.search.proposals import Observations
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

_OPTUNA = 4  # keeps the streams of one seed apart
_GIVEN = (0, 1)  # the key of the batch of given trials
_ASKS = 16  # for a trial that satisfies the relations
_WORST = 1e100  # stands for an infinite violation: samplers add violations up, and sums must be finite
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # samplers do not look at times


class Finished(FrozenTrial):
    """A finished trial; it does not change any more, so that studies may share it instead of copying it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Finished:
        return self


class OptunaProposer(Proposer):
    """Proposals of an Optuna sampler that sees the whole past."""

    build: Callable[..., BaseSampler]
    """Optuna's class."""

    def __init__(self, space: Space, search: Search, where: str) -> None:
        self._space, self._search, self._where = space, search, where
        self._axes = {axis.name: distribution(axis) for axis in space.dimensions}
        self._always = {name: each for name, each in self._axes.items() if name not in space.when}
        self._names = [bound.name for bound in search.bounds]
        self._worst = np.full(len(search.objective), -np.inf)
        self.trials: list[Finished] = []
        self._attrs: dict[str, Any] = {}

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:
        """Ask a new sampler for a batch, given a new study of the past."""
        return self._ask((batch,), size, running)

    def adopt(self, values: NDArray[np.float64]) -> Proposals:
        """Enqueue given trials, so that the sampler keeps of them what it keeps of its own."""
        return self._ask(_GIVEN, len(values), (), [self._space.decode(row) for row in values])

    def _ask(
        self, key: tuple[int, ...], size: int, running: Sequence[Proposals], given: Sequence[dict[str, Value]] = ()
    ) -> Proposals:
        """Ask for a batch with the seed of a key; raises BadInput where the sampler refuses."""
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Optuna's many, none says anything about this study
            try:
                with modules_of(self.build):
                    study, seen = self._study(key, running)
                    for params in given:
                        study.enqueue_trial(params)
                    return self._ask_all(study, size, seen)
            except (TypeError, ValueError, ImportError, RuntimeError) as error:
                remedy = "use another sampler, or change what it cannot take"
                found = f"{type(error).__name__}: {error}"
                raise BadInput("the sampler refuses", where=self._where, found=found, remedy=remedy) from error

    def _study(self, key: tuple[int, ...], running: Sequence[Proposals]) -> tuple[optuna.Study, dict[str, Any]]:
        """Return a new study of the past, and the attributes that samplers have left in it."""
        seed = int(np.random.SeedSequence([_OPTUNA, self._search.seed, *key]).generate_state(1)[0])
        storage = optuna.storages.InMemoryStorage()
        directions = [optuna.study.StudyDirection.MINIMIZE] * len(self._search.objective)
        study = optuna.create_study(storage=storage, sampler=self.build(seed=seed), directions=directions)
        for seen in self.trials:
            storage.create_new_trial(study._study_id, seen)  # noqa: SLF001
        attrs = dict(self._attrs)
        for proposals in running:
            for row in range(len(proposals.values)):
                storage.create_new_trial(study._study_id, self._running(proposals, row))  # noqa: SLF001
                attrs |= _unpack(proposals.attr(row)).get("study", {})
        for name, value in attrs.items():
            storage.set_study_system_attr(study._study_id, name, value)  # noqa: SLF001
        return study, attrs

    def _ask_all(self, study: optuna.Study, size: int, attrs: dict[str, Any]) -> Proposals:
        """Ask for so many trials; `attrs` are those of the study before."""
        values = np.empty((size, len(self._axes)))
        texts: list[str] = []
        for row in range(size):
            values[row], trial = self._ask_one(study)
            now = study._storage.get_study_system_attrs(study._study_id)  # noqa: SLF001
            new = {name: value for name, value in now.items() if name not in attrs or attrs[name] != value}
            attrs |= new
            texts.append(_pack(trial, new))
        return Proposals(values, tuple(texts))

    def _ask_one(self, study: optuna.Study) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Ask for a trial that satisfies the relations; returns its values, and what the sampler must find again.

        One that does not counts as failed, which samplers ignore; the last of several is moved until it does.
        """
        for attempt in range(_ASKS):
            trial = study.ask(self._always)
            _ = trial.relative_params  # an enqueued trial does without: a genetic sampler would not know its generation
            values = self._read(trial)
            attrs = study._storage.get_trial(trial._trial_id).system_attrs  # noqa: SLF001
            if self._space.region.holds(values[None]).all():
                break
            study.tell(trial, state=TrialState.FAIL)
            if attempt == _ASKS - 1:
                values = self._space.moved(values[None])[0]
                study.add_trial(self._running(Proposals(values[None], (_pack(attrs, {}),)), 0))
        return values, attrs

    def _read(self, trial: optuna.Trial) -> NDArray[np.float64]:
        """Return a trial's values, float64[p], once what has a condition that holds was suggested, too."""
        axes, conditions = self._space.dimensions, self._space.region.conditions
        values = np.full(len(axes), np.nan)
        for j, axis in enumerate(axes):
            if axis.name in self._always:
                values[j] = axis.snap(axis.number(trial.params[axis.name]))
        for j in conditions.places:
            if conditions.active(values[None])[0, j]:
                values[j] = axes[j].snap(axes[j].number(_suggest(trial, axes[j].name, self._axes[axes[j].name])))
        return values

    def observe(self, observed: Observations) -> None:
        """Add one more batch to the past."""
        defined = observed.losses[np.isfinite(observed.losses).all(axis=1)]
        self._worst = np.max([self._worst, *defined], axis=0)
        for row in range(len(observed.failed)):
            self.trials.append(self._finished(observed, row))
            self._attrs |= _unpack(observed.proposals.attr(row)).get("study", {})

    def _finished(self, observed: Observations, row: int) -> Finished:
        losses = observed.losses[row]
        defined = np.isfinite(losses).all()
        failed = bool(observed.failed[row]) or not (defined or np.isfinite(self._worst).all())
        if not defined and not failed:
            losses = self._worst + 1.0 + np.abs(self._worst)
        params = self._space.decode(observed.proposals.values[row])
        trial = Finished(
            number=0,
            trial_id=0,
            state=TrialState.FAIL if failed else TrialState.COMPLETE,
            value=None,
            values=None if failed else losses.tolist(),
            datetime_start=_NEVER,
            datetime_complete=_NEVER,
            params=params,
            distributions=self._axes if len(params) == len(self._axes) else {name: self._axes[name] for name in params},
            user_attrs={},
            system_attrs=_unpack(observed.proposals.attr(row)).get("trial", {}),
            intermediate_values={},
        )
        for name, violation in zip(self._names, observed.violations[row], strict=True):
            trial.set_constraint(name, min(float(violation), _WORST))
        return trial

    def _running(self, proposals: Proposals, row: int) -> FrozenTrial:
        params = self._space.decode(proposals.values[row])
        return create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions={name: self._axes[name] for name in params},
            system_attrs=_unpack(proposals.attr(row)).get("trial", {}),
        )


def distribution(axis: Dimension) -> BaseDistribution:
    """Return an axis as Optuna's distribution."""
    if axis.choices is not None:
        return CategoricalDistribution(axis.choices)
    if axis.integer:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=int(axis.step or 1))
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def _suggest(trial: optuna.Trial, name: str, kind: BaseDistribution) -> Any:
    """Return the value of a parameter that only some trials have."""
    if isinstance(kind, CategoricalDistribution):
        return trial.suggest_categorical(name, kind.choices)
    if isinstance(kind, IntDistribution):
        return trial.suggest_int(name, kind.low, kind.high, step=kind.step, log=kind.log)
    assert isinstance(kind, FloatDistribution)  # noqa: S101 - `distribution` makes no others
    return trial.suggest_float(name, kind.low, kind.high, step=kind.step, log=kind.log)


def _pack(trial: dict[str, Any], study: dict[str, Any]) -> str:
    content = {name: attrs for name, attrs in (("trial", trial), ("study", study)) if attrs}
    return json.dumps(content, sort_keys=True, separators=(",", ":")) if content else ""


def _unpack(text: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(text) if text else {}
    return content
