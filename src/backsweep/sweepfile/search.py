"""The section `search`: what is searched, how, and for what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from backsweep.sweepfile.expressions import FUNCTIONS, Expression, Relation, parse, parse_relation
from backsweep.sweepfile.pruners.pruner import Pruner
from backsweep.sweepfile.pruning import Pruning
from backsweep.sweepfile.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

Number = float | int | bool
Value = Number | str | None


@dataclass(frozen=True)
class Sampler:
    """What a sweep file must know of a sampler.

    Attributes
    ----------
    learns : whether it learns from outcomes.
    ends : whether it has an end.
    grows : its first batches are smaller than the others: at most one trial for so many before them; 0 where all have
        one size. See `study.search.batch_sizes`.
    version : of the rules by which it proposes, part of a study's identity. It rises by one with every change after
        which the same outcomes lead to other proposals, or to batches of other trials.

    """

    learns: bool = False
    ends: bool = False
    grows: int = 0
    version: int = 1


SAMPLERS = {
    "auto": Sampler(learns=True, grows=32, version=4),
    "random": Sampler(),
    "sobol": Sampler(),
    "grid": Sampler(ends=True),
    "tpe": Sampler(learns=True, grows=16, version=3),
    "cmaes": Sampler(learns=True, version=2),
    "nsga2": Sampler(learns=True),
}
"""By name; each is the file of that name in `study.search.samplers`."""
_CUSTOM = Sampler(learns=True)
FORMER_SAMPLER = "tpe"
"""The default before `auto`."""
BOUNDS = {"<=": "_at_most", ">=": "_at_least"}
"""The comparisons of a constraint, with what is added to the name of a metric that has both."""


class ParamRange(Section):
    """One entry of `search.params`; what is left out is taken from the strategy's own declaration."""

    low: float | int | None = None
    """The smallest value, included."""
    high: float | int | None = None
    """The largest value, included where the steps reach it."""
    step: Annotated[float | int | None, Field(gt=0)] = None
    """The distance of neighbours, counted from `low`; continuous without one."""
    log: bool | None = None
    """Whether equal ratios are equally likely; needs `low` above 0 and no `step`."""
    integer: bool | None = None
    """Whether the values are whole."""
    choices: Annotated[tuple[Value, ...] | None, Field(min_length=1)] = None
    """The values themselves, each once: numbers, or true and false. Texts and null are those that the strategy declares
    with `bs.choice`, or some of them: `[sma, ema]`, `[null, 10, 20]`."""
    when: Annotated[str | None, Field(min_length=1)] = None
    """A comparison of other parameters without which this one is not searched: `kind == ema`, `stop != null`,
    `fast < 20`, as under `relations`. A trial that lacks it has the strategy's default, or the number that the file
    sets, and null in the study table; it binds no relation."""

    @model_validator(mode="after")
    def _one_kind(self) -> ParamRange:
        """Refuse `choices` beside `low`, `high`, `step`, `log` or `integer`."""
        if self.choices is not None and (self.low, self.high, self.step, self.log, self.integer) != (None,) * 5:
            raise ValueError("either choices, or a range with low and high")
        return self


class WarmStart(Section):
    """Trials of an earlier study as first trials of this one."""

    study: Annotated[str, Field(min_length=1)]
    """The folder or URL of a study of the same parameters: relative to the file, or to the current folder."""
    top: Annotated[int, Field(ge=1, le=10_000)] = 50
    """How many of its best trials are run again here, at most."""
    trials: tuple[dict[str, Value], ...] | None = None
    """Their values by name. Leave it out: a study that begins writes them into `study.json`, so that it goes on with
    them whatever becomes of the earlier one."""


class Objective(Section):
    """A metric or an expression of metrics, and whether more of it is better."""

    maximize: str | None = None
    """A metric of which more is better, or an expression of metrics, `sharpe - 0.5 * turnover`, with `+ - * / ( )`,
    `abs`, `min` and `max`. Where one of its metrics is undefined it is, too."""
    minimize: str | None = None
    """The same, of which less is better."""

    @model_validator(mode="after")
    def _one_direction(self) -> Objective:
        """Refuse both of `maximize` and `minimize`, and none of them."""
        if (self.maximize is None) == (self.minimize is None):
            raise ValueError("exactly one of `maximize: METRIC` and `minimize: METRIC`")
        return self

    @property
    def metric(self) -> str:
        """The metric's name, or the text of the expression."""
        return " ".join((self.maximize or self.minimize or "").split())

    @property
    def expression(self) -> Expression:
        """What is computed of the metrics."""
        return read_expression(self.metric)

    @property
    def sign(self) -> float:
        """1.0 where more is better, -1.0 where less is."""
        return 1.0 if self.maximize else -1.0


@dataclass(frozen=True)
class Constraint:
    """A bound: one expression of metrics at most, or at least, another, which mostly is a number.

    `name` is that of its column: the metric or expression that has the bound.
    """

    name: str
    relation: Relation

    def excess(self, metrics: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return by how much metrics exceed it, at most 0 where it holds and NaN where a side is undefined."""
        left, right = (side.evaluate(metrics) for side in (self.relation.left, self.relation.right))
        return left - right if self.relation.comparison == "<=" else -(left - right)


GroupName = Annotated[str, Field(min_length=1)]


class Search(Section):
    """What is searched, how, and for what."""

    sampler: str = "auto"
    """`random`, `sobol` and `grid` do not learn from outcomes; `auto`, `tpe`, `cmaes` and `nsga2` do. Or an Optuna
    sampler, as `module:Class` or `file.py:Class`."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """All randomness of the search follows from it."""
    trials: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = None
    """How many trials; needed but by `grid`, which has an end of its own. Groups of assets, and folds with proposals of
    their own: each."""
    patience: Annotated[int | None, Field(ge=1)] = None
    """The study ends after so many trials without a better one, with the batch in which they are full. Better is what
    holds the constraints and, in some objective, beats every earlier trial that is as good in the others. Groups of
    assets, and folds with proposals of their own: when each of them had none for so long. With a larger number the
    study goes on."""
    batch: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Trials that are proposed together. With `auto` and `tpe` the first batches have 8, and batches grow with the
    study, so that early outcomes count early: each has at most a 32nd (`tpe`: a sixteenth) of the trials before it."""
    lag: Annotated[int, Field(ge=1, le=1000)] = 2
    """Batch k is proposed from the outcomes of batches 0 to k - lag, so that workers do not wait for the last trials of
    a batch."""
    params: dict[str, ParamRange] = Field(default_factory=dict)
    """Ranges by name: of the strategy's parameters, whose own ranges hold without an entry, and of any number that the
    file sets under `costs`, `account` or `execution`, by its dotted key: `costs.slippage.rate`."""
    fixed: dict[str, Value] = Field(default_factory=dict)
    """Values by name, which are not searched."""
    relations: tuple[str, ...] | None = None
    """Comparisons of parameters that every proposal satisfies, such as `fast < slow` or `stop <= 0.5 * target`:
    expressions with `+ - * /`, parentheses, `abs`, `min` and `max`, and one of `<`, `<=`, `>`, `>=`, `==` and `!=`. A
    text is compared with one of its choices, `kind != sma`, and whatever may be null with null."""
    enqueue: Annotated[tuple[dict[str, Value] | Literal["default"], ...] | None, Field(min_length=1)] = None
    """The first trials, whatever the sampler: values by name, `{fast: 10, slow: 100}`, or `default`. What an entry
    leaves out has the default that the strategy declares, or the number that the file sets."""
    warm_start: WarmStart | None = None
    """Further first trials, behind those of `enqueue`: the best of an earlier study that lie in this search space."""
    asset_groups: Literal["per_asset"] | dict[GroupName, tuple[GroupName, ...]] | None = None
    """Groups of assets that are searched each by itself, and traded together with the parameters of each: the assets of
    each by its name, `{tech: [AAPL, MSFT], energy: [XOM]}`, or `per_asset`, where every asset is a group of its own.
    Needs `account.mode: sleeves`. Every group has `trials` of its own, rounded up to whole batches, on its own assets
    and their part of the cash; the number tried counts the trials of all."""
    objective: Annotated[tuple[Objective, ...], Field(min_length=1)] = (Objective(maximize="sharpe"),)
    """What is better: `{maximize: sharpe}`, or a list for several objectives."""
    constraints: tuple[str, ...] = ()
    """`METRIC <= NUMBER` or `METRIC >= NUMBER`, or such a comparison of two expressions, `trades / sessions >= 0.1`;
    trials that break one rank behind all that hold them."""
    pruning: Pruning | None = None
    """When trials end early."""

    @field_validator("objective", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        """Accept one objective as it is, and several as a list; refuse a metric without a direction."""
        if isinstance(value, str):
            raise ValueError("write `{maximize: METRIC}` or `{minimize: METRIC}`")  # noqa: TRY004 - pydantic lists ValueErrors
        if isinstance(value, dict):
            return (value,)
        return tuple(value) if isinstance(value, list) else value

    @property
    def known_sampler(self) -> Sampler:
        """What is known of the sampler; one that is named by its class is taken to learn."""
        return SAMPLERS.get(self.sampler, _CUSTOM)

    @property
    def named_groups(self) -> dict[str, tuple[str, ...]]:
        """The groups in the order of their names, once those of `per_asset` are known; empty without."""
        return dict(sorted(self.asset_groups.items())) if isinstance(self.asset_groups, dict) else {}

    def with_groups(self, groups: dict[str, tuple[str, ...]]) -> Self:
        """Return the same with these groups."""
        return self.model_copy(update={"asset_groups": groups})

    @property
    def given(self) -> int:
        """How many first trials there are, as far as those of an earlier study are known."""
        return len(self.enqueue or ()) + len(self.warm_trials)

    @property
    def warm_trials(self) -> tuple[dict[str, Value], ...]:
        """The first trials of an earlier study, as far as they are known."""
        return (self.warm_start.trials if self.warm_start is not None else None) or ()

    def with_warm_trials(self, trials: tuple[dict[str, Value], ...] | None) -> Self:
        """Return the same with these trials of the earlier study."""
        assert self.warm_start is not None  # noqa: S101 - whose trials they are
        return self.model_copy(update={"warm_start": self.warm_start.model_copy(update={"trials": trials})})

    @property
    def between_folds(self) -> Pruner | None:
        """How trials of a batch are compared between folds, if they are."""
        return None if self.pruning is None else self.pruning.between_folds

    @property
    def bounds(self) -> tuple[Constraint, ...]:
        """The constraints, parsed; a metric with a bound on both sides gets two names."""
        relations = [read_relation(" ".join(text.split())) for text in self.constraints]
        names = [each.text if each.right.names else each.left.text for each in relations]
        return tuple(
            Constraint(name + (BOUNDS[relation.comparison] if names.count(name) > 1 else ""), relation)
            for name, relation in zip(names, relations, strict=True)
        )


@lru_cache
def read_expression(text: str, where: str = "") -> Expression:
    """Read an expression of metrics, whatever their names; raises BadInput for what is none."""
    return parse(text, _words(text), where=where, kind="metric")


@lru_cache
def read_relation(text: str, where: str = "") -> Relation:
    """Read a comparison of two expressions of metrics, whatever their names; raises BadInput for what is none."""
    return parse_relation(text, _words(text), where=where, kind="metric")


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W\d]\w*", text)) - FUNCTIONS
