"""The search space of a study: what varies, within which limits, and what is held fixed.

A strategy's declared parameters vary within their declared ranges; `search.params` narrows or replaces a range, and
adds any number under `costs`, `account` or `execution` by its dotted key; `search.fixed` takes a name out of the
search.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn, TypeVar

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.conditions import read_conditions, words_of
from backsweep.study.search.dimension import Dimension, from_unit
from backsweep.study.search.first_trials import read_given
from backsweep.study.search.region import Region
from backsweep.study.search.section_numbers import check_number, check_section, check_value
from backsweep.study.search.tpe.axes import Axes
from backsweep.sweepfile.comparisons import parse_comparison
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.messages import nearest, shown
from backsweep.sweepfile.pruning import PruningSpec
from backsweep.sweepfile.search import ParamRange
from backsweep.sweepfile.section import Section
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.code import code_digests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from backsweep.strategy import Param, Value
    from backsweep.sweepfile.comparisons import Comparison
    from backsweep.sweepfile.sweep import Sweep

_MOST_STEPS = 2**53
"""Of a range: as many as a float can count."""

Kind = TypeVar("Kind", bound=Section)


@dataclass(frozen=True)
class Space:
    """The axes in column order, the fixed values by name, the relations that hold for every proposal, and first trials.

    Attributes
    ----------
    given : the values of the first trials on the axes, before those that a sampler proposes.
    when : the conditions of axes by their names.
    constants : the fixed values as numbers, as `Region` has them.
    conditional : the names of the axes that have a condition, also where it is not known.

    """

    dimensions: tuple[Dimension, ...]
    fixed: dict[str, Value]
    relations: tuple[Comparison, ...] = ()
    given: tuple[tuple[float, ...], ...] = ()
    when: dict[str, Comparison] = field(default_factory=dict)
    constants: dict[str, float] = field(default_factory=dict, compare=False)
    conditional: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the value arrays."""
        return tuple(dimension.name for dimension in self.dimensions)

    def from_unit(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[k, p] in [0, 1) to float64[k, p] on the axes, NaN for what conditions rule out."""
        return self.masked(from_unit(self.dimensions, unit))

    def masked(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values on the axes, float64[k, p], with NaN for what conditions rule out."""
        return self.region.conditions.masked(values)

    @cached_property
    def region(self) -> Region:
        """Where the relations hold."""
        return Region(self.dimensions, self.constants, self.relations, self.when)

    def to_unit(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[k, p] on the axes to float64[k, p] in [0, 1): the middles of parts that stand for one value.

        What is ruled out is in the middle of its axis.
        """
        unit = self._axes.to_unit(self._axes.to_latent(values))
        return np.where(np.isnan(unit), 0.5, unit)

    @cached_property
    def _axes(self) -> Axes:
        return Axes(self.dimensions)

    def moved(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move points, float64[k, p] on the axes, straight towards known ones until the relations hold."""
        return self.from_unit(self.region.moved(self.to_unit(values)))

    def decode(self, row: NDArray[np.float64]) -> dict[str, Value]:
        """One row of values to a mapping as a reader sees it, without what conditions rule out."""
        return {axis.name: axis.plain(row[j]) for j, axis in enumerate(self.dimensions) if not math.isnan(row[j])}

    def encode(self, values: Mapping[str, Value]) -> NDArray[np.float64]:
        """Return a mapping with a value for every axis as a row; raises BadInput for missing or unknown names.

        An axis with a condition may be missing, and is NaN then.
        """
        for name in values:
            if name not in self.names:
                raise BadInput(f"unknown parameter `{name}`", remedy=nearest(name, self.names))
        missing = [name for name in self.names if name not in values and name not in self.conditional]
        if missing:
            raise BadInput(f"no value for `{missing[0]}`", expected="a value for " + ", ".join(self.names))
        pairs = ((axis, axis.name) for axis in self.dimensions)
        return np.array([axis.number(values[name]) if name in values else math.nan for axis, name in pairs], np.float64)


def trial_spec(sweep: Sweep, space: Space) -> TrialSpec:
    """Name what every trial of this study shares."""
    return TrialSpec(
        data=sweep.data,
        strategy=sweep.strategy,
        account=sweep.account,
        execution=sweep.execution,
        costs=sweep.costs,
        fixed=space.fixed,
        params=space.names,
        pruning=_part_of(PruningSpec, sweep.search.pruning),
        folds=_part_of(FoldSpec, sweep.walk_forward),
        metrics=sweep.metrics or {},
        asset_groups=sweep.search.named_groups,
        code=code_digests(sweep.strategy, sweep.costs, (sweep.metrics or {}).values()),
    )


def _part_of(kind: type[Kind], section: Kind | None) -> Kind | None:
    """Return what a section has of the simpler one that it extends."""
    return None if section is None else kind(**{name: getattr(section, name) for name in kind.model_fields})


def build_space(sweep: Sweep, declared: Mapping[str, Param]) -> Space:
    """Join the strategy's declared parameters with `search.params` and `search.fixed`; raises BadInput."""
    search = sweep.search
    for key in ("params", "fixed"):
        for name in getattr(search, key):
            where = sweep.where("search", key, name)
            if name not in declared:
                check_number(sweep, name, declared, where)
            if key == "fixed" and name in search.params:
                problem = f"`{name}` is both searched and fixed"
                raise BadInput(problem, where=where, remedy="keep it under `params` or under `fixed`")
    for name, value in search.fixed.items():
        check_value(sweep, name, value, declared.get(name), sweep.where("search", "fixed", name))
    free = [name for name in declared if name not in search.fixed]
    free += [name for name in search.params if name not in declared]
    axes = tuple(_dimension(sweep, name, declared.get(name)) for name in free)
    single = tuple(_single(name, value, declared.get(name)) for name, value in search.fixed.items())
    constants = {axis.name: float(axis.quantities(axis.numbers)[0]) for axis in single}
    when = read_conditions(sweep, axes, single, constants)
    relations = _relations(sweep, axes, single, constants, when)
    given = tuple(read_given(sweep, axes, Region(axes, constants, relations, when), declared))
    return Space(axes, dict(search.fixed), relations, given, when, constants, frozenset(when))


def _single(name: str, value: Value, param: Param | None) -> Dimension:
    """Return a fixed value as an axis that has no other."""
    place = param.place(value) if param is not None and param.coded else None
    return Dimension(name, choices=(value,), codes=None if place is None else (place,))


def _relations(
    sweep: Sweep,
    axes: tuple[Dimension, ...],
    single: tuple[Dimension, ...],
    constants: Mapping[str, float],
    when: Mapping[str, Comparison],
) -> tuple[Comparison, ...]:
    """Read the relations; raises BadInput for one that cannot be read, and where no point satisfies all."""
    texts = sweep.search.relations or ()
    names, words = [axis.name for axis in (*axes, *single)], words_of((*axes, *single))
    places = [sweep.where("search", "relations", i) for i in range(len(texts))]
    found = [parse_comparison(text, names, words, at) for text, at in zip(texts, places, strict=True)]
    if axes and Region(axes, constants, found, when).share == 0.0:
        pairs = zip(found, places, strict=True)
        alone = (at for each, at in pairs if Region(axes, constants, [each], when).share == 0.0)
        raise BadInput(
            "nothing satisfies the relations",
            where=next(alone, sweep.where("search", "relations")),
            expected="relations that part of the search space satisfies",
            found="; ".join(texts) + ": none of 4 million random points",
            remedy="correct the relation or the ranges; of equal parameters keep one, and compute the others from it",
        )
    return tuple(found)


def _dimension(sweep: Sweep, name: str, param: Param | None) -> Dimension:
    entry = sweep.search.params.get(name, ParamRange())
    where = sweep.where("search", "params", name) if name in sweep.search.params else f"{sweep.strategy}: `{name}`"
    if param is not None and param.coded:
        return _coded(name, entry, param, where)
    replaced = (entry.low, entry.high) != (None, None)
    choices = entry.choices or (None if param is None or replaced else param.choices)
    axis = _choice(name, choices, param, where) if choices is not None else _range(name, entry, param, where)
    if param is None:
        for value in axis.choices or (axis.low, axis.high):
            check_section(sweep, name, value, where)
    elif param.least is not None and (axis.low if axis.choices is None else axis.numbers.min()) < param.least:
        _bad(name, where, expected=f"{param.least:g} or more", found=shown(entry.model_dump(exclude_none=True)))
    elif param.integer and not axis.integer:
        _bad(name, where, expected="whole numbers, as the strategy declares", found=shown(axis.choices))
    return axis


def _coded(name: str, entry: ParamRange, param: Param, where: str) -> Dimension:
    """Return the axis of a parameter that declares texts or null: all of its choices, or those that the file names."""
    declared = param.choices or ()
    given = entry.model_dump(exclude_none=True, exclude={"choices", "when"})
    if given:
        _bad(name, where, expected="`choices`, as the strategy declares", found=shown(given))
    places = [param.place(value) for value in entry.choices or declared]
    if None in places:
        wrong = (entry.choices or ())[places.index(None)]
        raise BadInput(
            f"`{name}` has no choice {shown(wrong)}",
            where=where,
            expected="some of " + ", ".join(map(shown, declared)),
            found=shown(entry.choices),
            remedy=f"correct it, or add it to bs.choice of `{name}` in the strategy, whose code compares with it",
        )
    codes = tuple(place for place in places if place is not None)
    if len(set(codes)) < len(codes):
        _bad(name, where, expected="every choice once", found=shown(entry.choices))
    return Dimension(name, choices=tuple(declared[code] for code in codes), codes=codes)


def _choice(name: str, choices: tuple[Value, ...], param: Param | None, where: str) -> Dimension:
    numbers = tuple(each for each in choices if each is not None and not isinstance(each, str))
    if len(numbers) < len(choices):
        raise BadInput(
            f"bad range of `{name}`",
            where=where,
            expected="numbers" if param is None else "numbers, as the strategy declares",
            found=shown(choices),
            remedy="write numbers: texts and null are for parameters of the strategy"
            if param is None
            else f"declare `{name}` with bs.choice in the strategy, with these texts or None among its choices",
        )
    kinds = {bool if isinstance(c, bool) else float for c in numbers}
    if len(kinds) > 1:
        _bad(name, where, expected="numbers, or true and false, not both", found=shown(choices))
    whole = (
        kinds == {float} and all(float(c).is_integer() for c in numbers) and not any(type(c) is float for c in numbers)
    )
    plain = numbers if whole or kinds == {bool} else tuple(float(c) for c in numbers)
    if len(set(plain)) < len(plain):
        _bad(name, where, expected="every choice once", found=shown(choices))
    return Dimension(name, integer=whole, choices=plain)


def _range(name: str, entry: ParamRange, param: Param | None, where: str) -> Dimension:
    low = entry.low if entry.low is not None else getattr(param, "low", None)
    high = entry.high if entry.high is not None else getattr(param, "high", None)
    if low is None or high is None:
        _bad(name, where, expected="low and high, or choices", found=shown(entry.model_dump(exclude_none=True)))
    integer = entry.integer if entry.integer is not None else bool(getattr(param, "integer", False))
    log = entry.log if entry.log is not None else entry.step is None and bool(getattr(param, "log", False))
    inherited = None if entry.log else getattr(param, "step", None)
    step = entry.step if entry.step is not None else inherited
    if low > high:
        _bad(name, where, expected="low not above high", found=f"low {low}, high {high}")
    if log and low <= 0:
        _bad(name, where, expected="low above 0 with log", found=f"low {low}")
    if log and step is not None and not (integer and step == 1):
        _bad(name, where, expected="either step or log", found=f"step {step} and log")
    width = float(high) - float(low)
    steps = width / (step or 1.0) if integer or step is not None else 0.0
    if not math.isfinite(width) or steps >= _MOST_STEPS:
        found = f"low {low}, high {high}, step {step}"
        _bad(name, where, expected="a width below 1.7e308, and fewer than 9e15 steps", found=found)
    if integer and any(float(number) != int(number) for number in (low, high, step or 1)):
        _bad(name, where, expected="whole low, high and step", found=f"low {low}, high {high}, step {step or 1}")
    if integer and step is None:
        step = 1.0
    axis = Dimension(name, float(low), float(high), None if step is None else float(step), log, integer)
    if axis.size is not None:  # the last value that the steps reach
        axis = Dimension(name, axis.low, float(axis.at(np.asarray(axis.size - 1))), axis.step, log, integer)
    return axis


def _bad(name: str, where: str, *, expected: str, found: str) -> NoReturn:
    raise BadInput(f"bad range of `{name}`", where=where, expected=expected, found=found, remedy="correct the range")
