"""The sweep file: its sections, and how it is read, overridden and resolved.

A sweep file is strict. An unknown or duplicate key, a wrong type and a value out of range are errors that name the
line, what was expected and the nearest known word. Paths are relative to the file; an address
with `://` stays as written.
"""

from __future__ import annotations

import json
import re
from math import comb
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from backsweep.dataset.spec import DataSpec
from backsweep.errors import BadInput
from backsweep.metrics.summary import METRICS
from backsweep.section import Section
from backsweep.study.messages import dotted, nearest, translate
from backsweep.study.overrides import override
from backsweep.study.yamlfile import KeyPath, read_yaml
from backsweep.trial.folds import FoldSpec
from backsweep.trial.spec import AccountSpec, CostsSpec, ExecutionSpec, PruningSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


PLAIN_SAMPLERS = ("random", "sobol", "grid")
"""Those that do not learn from the trials."""
SAMPLERS = (*PLAIN_SAMPLERS, "tpe", "cmaes", "nsga2")
_CONSTRAINT = re.compile(r"\s*([a-z_]+)\s*(<=|>=)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
_MOST_SPLITS = 1000  # folds of a cross-validation
_PATHS = ("bars", "signals", "context", "actions")

Number = float | int | bool


class ParamRange(Section):
    """One entry of `search.params`; what is left out is taken from the strategy's own declaration."""

    low: float | int | None = None
    high: float | int | None = None
    step: Annotated[float | int | None, Field(gt=0)] = None
    log: bool | None = None
    integer: bool | None = None
    choices: Annotated[tuple[Number, ...] | None, Field(min_length=1)] = None

    @model_validator(mode="after")
    def _one_kind(self) -> ParamRange:
        if self.choices is not None and (self.low, self.high, self.step, self.log, self.integer) != (None,) * 5:
            raise ValueError("either choices, or a range with low and high")
        return self


class Objective(Section):
    """One metric, and whether more of it is better."""

    maximize: str | None = None
    minimize: str | None = None

    @model_validator(mode="after")
    def _one_direction(self) -> Objective:
        if (self.maximize is None) == (self.minimize is None):
            raise ValueError("exactly one of `maximize: METRIC` and `minimize: METRIC`")
        return self

    @property
    def metric(self) -> str:
        """The metric's name."""
        return self.maximize or self.minimize or ""

    @property
    def sign(self) -> float:
        """1.0 where more is better, -1.0 where less is."""
        return 1.0 if self.maximize else -1.0


class Constraint(Section):
    """A bound on a metric: `sign * (metric - bound) <= 0` where it holds."""

    name: str
    metric: str
    sign: float
    bound: float


class Search(Section):
    """What is searched, how, and for what."""

    sampler: str = "tpe"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    trials: Annotated[int | None, Field(ge=1)] = None
    batch: Annotated[int, Field(ge=1, le=100_000)] = 64
    lag: Annotated[int, Field(ge=1, le=1000)] = 2
    params: dict[str, ParamRange] = Field(default_factory=dict)
    fixed: dict[str, Number] = Field(default_factory=dict)
    objective: Annotated[tuple[Objective, ...], Field(min_length=1)] = (Objective(maximize="sharpe"),)
    constraints: tuple[str, ...] = ()
    pruning: PruningSpec | None = None

    @field_validator("objective", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if isinstance(value, dict):
            return (value,)
        return tuple(value) if isinstance(value, list) else value

    @property
    def bounds(self) -> tuple[Constraint, ...]:
        """The constraints, parsed; a metric with a bound on both sides gets two names."""
        parts = [match.groups() for match in map(_CONSTRAINT.fullmatch, self.constraints) if match]
        metrics = [metric for metric, _, _ in parts]
        suffix = {"<=": "_at_most", ">=": "_at_least"}
        return tuple(
            Constraint(
                name=metric + (suffix[relation] if metrics.count(metric) > 1 else ""),
                metric=metric,
                sign=1.0 if relation == "<=" else -1.0,
                bound=float(bound),
            )
            for metric, relation, bound in parts
        )


class WalkForward(FoldSpec):
    """The folds, and how each chooses among its trials by their score in training, under the constraints.

    `best` takes the best score; `neighbourhood` the best mean over the `neighbours` nearest trials, itself included;
    `top_k` the `top` best, with equal weights.

    With `share_proposals` every trial runs on every fold. Without, every fold is a search of its own, of
    `search.trials` trials, rounded up to whole batches, that run on this fold alone: a sampler learns from this fold's
    training and nothing else.
    Left out, folds have proposals of their own if the sampler learns and there may be several folds.
    """

    share_proposals: bool | None = None
    select: Literal["best", "neighbourhood", "top_k"] = "best"
    neighbours: Annotated[int, Field(ge=1)] = 9
    top: Annotated[int, Field(ge=1)] = 5


class Runtime(Section):
    """Where trials run; nothing here can change a result, but a trial that exceeds its time has none.

    `trial_timeout` is the longest that one trial may take, in seconds, in a worker; null means for ever. `shards` cuts
    the assets of `account.mode: sleeves`, at most into blocks of four; null makes as many as there are workers with a
    CPU. A worker holds one shard, or several where workers are few, and a trial visits them all.
    """

    workers: Annotated[int, Field(ge=1)] = 1
    backend: Literal["inline", "ray"] | None = None
    address: str = "local"
    trial_timeout: Annotated[float, Field(gt=0)] | None = 600.0
    shards: Annotated[int, Field(ge=1)] | None = None


class Sweep(Section):
    """A whole sweep file, valid and with absolute paths."""

    study: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    data: DataSpec
    strategy: str
    account: AccountSpec = AccountSpec()
    execution: ExecutionSpec = ExecutionSpec()
    costs: CostsSpec = CostsSpec()
    search: Search = Search()
    walk_forward: WalkForward | None = None
    runtime: Runtime = Runtime()
    _places: dict[KeyPath, tuple[int, str]] = PrivateAttr(default_factory=dict)

    @property
    def learns(self) -> bool:
        """Whether the sampler learns from outcomes."""
        return self.search.sampler not in PLAIN_SAMPLERS

    @property
    def searches_by_fold(self) -> bool:
        """Whether every fold has trials of its own."""
        walk = self.walk_forward
        if walk is None or (walk.mode == "holdout" and walk.holdout is None):
            return False
        return self.learns if walk.share_proposals is None else not walk.share_proposals

    def remember(self, places: Mapping[KeyPath, tuple[int, str]]) -> None:
        """Keep the place that set each key, for messages."""
        self._places.update(places)

    def where(self, *path: str | int) -> str:
        """Name the place that set a key, or the nearest place above it: `sweep.yaml:12`."""
        return _place(self._places, path)[1]

    def locate(self, error: BadInput) -> BadInput:
        """Give an error about a key that this file sets, `account.per_asset.ES`, the key's place in the file."""
        for key, (_, place) in self._places.items():
            if key and dotted(key) == error.where:
                texts = {name: getattr(error, name) for name in ("expected", "found", "remedy")}
                return type(error)(error.problem, where=place, **texts)
        return error


def load_sweep(path: Path, overrides: Sequence[str] = ()) -> Sweep:
    """Read a sweep file, apply `dotted.key=value` overrides, resolve its paths; raises BadInput."""
    document = read_yaml(path)
    places: dict[KeyPath, tuple[int, str]] = {(): (0, document.name)}
    places |= {key: (line, f"{document.name}:{line}") for key, line in document.lines.items()}
    for text in overrides:
        changed = override(document.data, text)
        place = (0, f"--set {dotted(changed)}")
        places |= {changed[:n]: place for n in range(1, len(changed)) if changed[:n] not in places}
        places[changed] = place
    _resolve_paths(document.data, path.resolve().parent)
    try:
        sweep = Sweep.model_validate_json(json.dumps(document.data, default=_iso), strict=True)
    except ValidationError as error:
        raise translate(error, Sweep, document.data, lambda key: _place(places, key)) from None
    sweep.remember(places)
    _check_search(sweep)
    _check_pruning(sweep)
    _check_walk(sweep)
    _check_shards(sweep)
    return sweep


def _iso(value: Any) -> str:
    return str(value.isoformat())


def _place(places: dict[KeyPath, tuple[int, str]], path: KeyPath) -> tuple[int, str]:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, (0, ""))


def _resolve_paths(data: dict[str, Any], folder: Path) -> None:
    section = data.get("data")
    if isinstance(section, dict):
        for key in _PATHS:
            value = section.get(key)
            if isinstance(value, str) and "://" not in value:
                section[key] = str(folder / value)
    strategy = data.get("strategy")
    if isinstance(strategy, str):
        file, _, name = strategy.rpartition(":")
        if file.endswith(".py"):
            data["strategy"] = f"{folder / file}:{name}"


def _check_search(sweep: Sweep) -> None:
    search = sweep.search
    if search.sampler not in SAMPLERS and ":" not in search.sampler:
        raise BadInput(
            "unknown sampler",
            where=sweep.where("search", "sampler"),
            expected=", ".join(SAMPLERS) + ", or an Optuna sampler as module:Class",
            found=search.sampler,
            remedy=nearest(search.sampler, SAMPLERS),
        )
    if search.trials is None and search.sampler != "grid":
        raise BadInput(
            "missing key `search.trials`",
            where=sweep.where("search"),
            expected="how many trials to run (only a grid has an end of its own)",
            remedy="add `trials: 500` under `search`",
        )
    for i, objective in enumerate(search.objective):
        _check_metric(objective.metric, sweep.where("search", "objective", i))
    metrics = [objective.metric for objective in search.objective]
    if len(set(metrics)) < len(metrics):
        raise BadInput(
            "the same objective twice",
            where=sweep.where("search", "objective"),
            found=", ".join(metrics),
            remedy="keep one of them",
        )
    for i, text in enumerate(search.constraints):
        match = _CONSTRAINT.fullmatch(text)
        if match is None:
            raise BadInput(
                "a constraint that cannot be read",
                where=sweep.where("search", "constraints", i),
                expected="`metric <= number` or `metric >= number`",
                found=text,
                remedy='write, for instance, "max_drawdown <= 0.35"',
            )
        _check_metric(match.group(1), sweep.where("search", "constraints", i))
    names = [bound.name for bound in search.bounds]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise BadInput(
                "two constraints of the same kind on one metric",
                where=sweep.where("search", "constraints", i),
                found=search.constraints[i],
                remedy="keep the tighter one",
            )


def _check_pruning(sweep: Sweep) -> None:
    if sweep.search.pruning is None:
        return
    crossed = sweep.walk_forward is not None and sweep.walk_forward.mode == "cpcv"
    if crossed or sweep.account.mode == "sleeves":
        raise BadInput(
            "pruning is not supported here by this version",
            where=sweep.where("search", "pruning"),
            expected="one account for all assets, and trainings that are one run each",
            found="walk_forward.mode: cpcv" if crossed else "account.mode: sleeves",
            remedy="leave `pruning` out",
        )


def _check_walk(sweep: Sweep) -> None:
    walk = sweep.walk_forward
    if walk is None:
        return
    if walk.mode == "cpcv":
        _check_cross_validation(sweep, walk)
    else:
        _check_spans(sweep, walk)
    if walk.holdout is not None and sweep.account.mode == "sleeves":
        raise BadInput(
            "a holdout of sleeves is not supported by this version",
            where=sweep.where("walk_forward", "holdout"),
            expected="`mode: shared` under `account`",
            found="mode: sleeves",
            remedy="end the data before it with `data.end`, and run another study on it later",
        )
    if sweep.searches_by_fold:
        _check_searches(sweep, walk)
    elif sweep.learns and (walk.mode != "holdout" or walk.holdout is not None):
        raise BadInput(
            "a sampler that learns cannot propose for several folds at once",
            where=sweep.where("walk_forward", "share_proposals"),
            expected="false: what later trainings teach it would leak into the tests before them",
            found="true",
            remedy="leave `share_proposals` out, or write `sampler: sobol`",
        )


def _check_spans(sweep: Sweep, walk: WalkForward) -> None:
    if walk.train is None:
        raise BadInput(
            "missing key `walk_forward.train`",
            where=sweep.where("walk_forward"),
            expected="the length of a training",
            remedy="add `train: 4y` under `walk_forward`",
        )
    if walk.test is None and walk.mode != "holdout":
        raise BadInput(
            "missing key `walk_forward.test`",
            where=sweep.where("walk_forward"),
            expected="the length of a test (only a holdout may reach to the end of the data)",
            remedy="add `test: 1y` under `walk_forward`",
        )
    for key in ("groups", "test_groups"):
        if getattr(walk, key) is not None:
            raise BadInput(
                f"`walk_forward.{key}` in mode {walk.mode}",
                where=sweep.where("walk_forward", key),
                expected="groups in `mode: cpcv` alone",
                remedy="write `mode: cpcv`, or leave it out",
            )


def _check_cross_validation(sweep: Sweep, walk: WalkForward) -> None:
    for key, example in (("groups", 6), ("test_groups", 2)):
        if getattr(walk, key) is None:
            raise BadInput(
                f"missing key `walk_forward.{key}`",
                where=sweep.where("walk_forward"),
                expected="how many groups of sessions there are, and how many of them a fold tests",
                remedy=f"add `{key}: {example}` under `walk_forward`",
            )
    for key in ("train", "test", "step"):
        if getattr(walk, key) is not None:
            raise BadInput(
                f"`walk_forward.{key}` in mode cpcv",
                where=sweep.where("walk_forward", key),
                expected="groups instead of spans: each choice of `test_groups` of the `groups` is a fold",
                remedy="leave it out",
            )
    groups, tested = walk.groups or 0, walk.test_groups or 0
    if tested >= groups or comb(groups, tested) > _MOST_SPLITS:
        raise BadInput(
            "groups that make no cross-validation",
            where=sweep.where("walk_forward", "test_groups"),
            expected=f"fewer than {groups} test groups, and at most {_MOST_SPLITS} folds",
            found=f"{tested} of {groups}: {comb(groups, tested)} folds",
            remedy="write `groups: 6` and `test_groups: 2`",
        )
    if sweep.account.mode == "sleeves":
        raise BadInput(
            "cross-validation of sleeves is not supported by this version",
            where=sweep.where("walk_forward", "mode"),
            expected="rolling, anchored or holdout, or `mode: shared` under `account`",
            found="cpcv",
            remedy="write `mode: anchored` with `train` and `test`",
        )
    if walk.state == "continuous":
        raise BadInput(
            "cross-validation cannot carry positions on",
            where=sweep.where("walk_forward", "state"),
            expected="flat: its tests do not follow each other",
            found="continuous",
            remedy="leave `state` out",
        )


def _check_shards(sweep: Sweep) -> None:
    if sweep.runtime.shards is not None and sweep.account.mode == "shared":
        raise BadInput(
            "one account for all assets cannot be cut into shards",
            where=sweep.where("runtime", "shards"),
            expected="account.mode: sleeves, where every asset has an account of its own",
            found=f"account.mode: shared, runtime.shards: {sweep.runtime.shards}",
            remedy="leave `shards` out, or write `mode: sleeves` under `account`",
        )


def _check_searches(sweep: Sweep, walk: WalkForward) -> None:
    """Refuse what folds with trials of their own cannot do."""
    search = sweep.search
    if walk.state == "continuous":
        raise BadInput(
            "tests cannot carry on where every fold has trials of its own",
            where=sweep.where("walk_forward", "state"),
            expected="flat: a test carries on with the positions of the same parameters in the test before it",
            found="continuous",
            remedy="write `state: flat`, or `sampler: sobol` with `share_proposals: true`",
        )
    if search.sampler == "grid":
        raise BadInput(
            "a grid has the same points in every fold",
            where=sweep.where("walk_forward", "share_proposals"),
            expected="true, which runs each of them on every fold",
            found="false",
            remedy="leave `share_proposals` out",
        )


def _check_metric(name: str, where: str) -> None:
    if name not in METRICS:
        raise BadInput("unknown metric", where=where, expected="a metric", found=name, remedy=nearest(name, METRICS))
