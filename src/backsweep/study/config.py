"""The sweep file: its sections, and how it is read, overridden and resolved.

A sweep file is strict. An unknown or duplicate key, a wrong type and a value out of range are errors that name the
line, what was expected and the nearest known word. Paths are relative to the file; an address
with `://` stays as written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from backsweep.dataset.spec import ROLES, DataSpec
from backsweep.errors import BadInput
from backsweep.section import Section, matching
from backsweep.study.messages import dotted, translate
from backsweep.study.overrides import override
from backsweep.study.pruning import Between, Halving, Wilcoxon
from backsweep.study.rules import CONSTRAINT, PLAIN_SAMPLERS, check_together
from backsweep.study.secrets import refuse_secret
from backsweep.study.yamlfile import KeyPath, read_yaml
from backsweep.trial.folds import FoldSpec
from backsweep.trial.spec import AccountSpec, CostsSpec, ExecutionSpec, PruningSpec, custom_models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


NAME = (r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "a name of letters, digits, dots, _ and -, at most 100")
"""Pattern and rule of a study's name."""

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


class Pruning(PruningSpec):
    """When hopeless trials end early: inside a run, and with `between_folds` between the folds that trials share.

    A pruned trial counts in the number tried, keeps the results of the folds that it ran on, and is told to a sampler
    as worse than every other. Sleeves are pruned between folds alone, not even by ruin inside a run.
    """

    between_folds: Between | None = None


class Search(Section):
    """What is searched, how, and for what."""

    sampler: str = "tpe"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    trials: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = None
    batch: Annotated[int, Field(ge=1, le=100_000)] = 64
    lag: Annotated[int, Field(ge=1, le=1000)] = 2
    params: dict[str, ParamRange] = Field(default_factory=dict)
    fixed: dict[str, Number] = Field(default_factory=dict)
    objective: Annotated[tuple[Objective, ...], Field(min_length=1)] = (Objective(maximize="sharpe"),)
    constraints: tuple[str, ...] = ()
    pruning: Pruning | None = None

    @field_validator("objective", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if isinstance(value, dict):
            return (value,)
        return tuple(value) if isinstance(value, list) else value

    @property
    def between_folds(self) -> Halving | Wilcoxon | None:
        """How trials of a batch are compared between folds, if they are."""
        return None if self.pruning is None else self.pruning.between_folds

    @property
    def bounds(self) -> tuple[Constraint, ...]:
        """The constraints, parsed; a metric with a bound on both sides gets two names."""
        parts = [match.groups() for match in map(CONSTRAINT.fullmatch, self.constraints) if match]
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

    `best` takes the best score; `neighbourhood` the best mean over the `neighbours` nearest trials, itself included, of
    which a pruned one counts as the worst; `top_k` the `top` best, with equal weights. Trials of the same
    parameters are one choice and one neighbour.

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

    `trial_timeout` is the longest that one trial may take, in seconds; null means for ever. `shards` cuts
    the assets of `account.mode: sleeves`, at most into blocks of four; null makes as many as there are workers with a
    CPU. A worker holds one shard, or several where workers are few, and a trial visits them all.
    """

    workers: Annotated[int, Field(ge=1)] = 1
    backend: Literal["inline", "ray"] | None = None
    address: str = "local"
    trial_timeout: Annotated[float, Field(gt=0)] | None = 600.0
    shards: Annotated[int, Field(ge=1)] | None = None

    @property
    def resolved_backend(self) -> Literal["inline", "ray"]:
        """The backend, where the file names none: Ray for several workers."""
        return self.backend or ("ray" if self.workers > 1 else "inline")


class Sweep(Section):
    """A whole sweep file, valid and with absolute paths."""

    study: Annotated[str, matching(*NAME)]
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
    for key, text in _texts(document.data, ()):
        refuse_secret(text, _place(places, key)[1])
    _resolve_paths(document.data, path.resolve().parent)
    try:
        sweep = Sweep.model_validate_json(json.dumps(document.data, default=_iso), strict=True)
    except ValidationError as error:
        raise translate(error, Sweep, document.data, lambda key: _place(places, key)) from None
    sweep.remember(places)
    check_together(sweep)
    return sweep


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield every text in a file's content, with its path of keys."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*path, key))


def _iso(value: Any) -> str:
    return str(value.isoformat())


def _place(places: dict[KeyPath, tuple[int, str]], path: KeyPath) -> tuple[int, str]:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, (0, ""))


def _resolve_paths(data: dict[str, Any], folder: Path) -> None:
    section = data.get("data")
    if isinstance(section, dict):
        for owner, key in ((section, role) for role in ROLES):
            if isinstance(owner.get(key), dict):
                owner, key = owner[key], "path"  # noqa: PLW2901 - a role's own mapping
            value = owner.get(key)
            if isinstance(value, str) and value and "://" not in value:
                owner[key] = str(folder / value)
    search = data.get("search")
    owners = [(data, "strategy"), *((model, "model") for model in custom_models(data.get("costs")))]
    for owner, key in [*owners, (search if isinstance(search, dict) else {}, "sampler")]:
        file, _, name = str(owner.get(key)).rpartition(":")
        file = _find_module(file, folder)
        if isinstance(owner.get(key), str) and file.endswith(".py"):
            owner[key] = f"{folder / file}:{name}"


def _find_module(place: str, folder: Path) -> str:
    """Return the file of a module that lies in the sweep file's folder or the current one, or else what was given."""
    parts = place.split(".")
    if all(map(str.isidentifier, parts)) and parts[0] != "backsweep" and not place.endswith(".py"):
        for home in (folder, Path.cwd()):
            path = home.joinpath(*parts)
            packages = [home.joinpath(*parts[:count]) / "__init__.py" for count in range(1, len(parts))]
            for file in (path / "__init__.py", path.with_suffix(".py")):
                if file.is_file() and all(package.is_file() for package in packages):
                    return str(file)
    return place
