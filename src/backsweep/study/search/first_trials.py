"""The first trials that a sweep file names: their values on the axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.section_numbers import check_value, number_at
from backsweep.sweepfile.messages import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.strategy import Param, Value
    from backsweep.study.search.conditions import Conditions
    from backsweep.study.search.dimension import Dimension
    from backsweep.study.search.region import Region
    from backsweep.sweepfile.sweep import Sweep


def read_given(
    sweep: Sweep, axes: Sequence[Dimension], region: Region, declared: Mapping[str, Param]
) -> Iterator[tuple[float, ...]]:
    """Yield the values of each trial under `search.enqueue` and `search.warm_start`, in the order of the axes.

    What an entry leaves out has the default that the strategy declares, or the number that the file sets. Raises
    BadInput for an unknown name, a value that is not on its axis, and one that breaks a relation.
    """
    search = sweep.search
    enqueued = [(entry, sweep.where("search", "enqueue", i)) for i, entry in enumerate(search.enqueue or ())]
    warm = [(entry, sweep.where("search", "warm_start", "trials", i)) for i, entry in enumerate(search.warm_trials)]
    for entry, where in (*enqueued, *warm):
        named: Mapping[str, Value] = {} if isinstance(entry, str) else entry
        _check_names(sweep, named, axes, where)
        row = _read_row(sweep, axes, region.conditions, named, declared, where)
        broken = [relation.text for relation in region.broken(row[None])]
        if broken:
            pairs = [(axis, value) for axis, value in zip(axes, row.tolist(), strict=True) if not math.isnan(value)]
            raise BadInput(
                "a first trial that breaks a relation",
                where=where,
                expected=broken[0],
                found=", ".join(f"{axis.name} {shown(axis.plain(value))}" for axis, value in pairs),
                remedy="correct its values, or the relation",
            )
        yield tuple(row.tolist())


def _read_row(
    sweep: Sweep,
    axes: Sequence[Dimension],
    conditions: Conditions,
    named: Mapping[str, Value],
    declared: Mapping[str, Param],
    where: str,
) -> NDArray[np.float64]:
    """Return the values of a first trial, float64[p]: NaN for those that conditions rule out, which it may not name."""
    row = np.full(len(axes), math.nan)
    for j in (*sorted({*range(len(axes))} - {*conditions.places}), *conditions.places):
        name = axes[j].name
        if conditions.active(row[None])[0, j]:
            row[j] = _value_of(sweep, axes[j], named, declared.get(name), where)
        elif name in named:
            raise BadInput(
                f"a first trial with `{name}`, which its other values rule out",
                where=where,
                expected=f"`{name}` where `{conditions.when[name].text}`",
                found=f"{name} {shown(named[name])}",
                remedy=f"leave `{name}` out there, or correct the others",
            )
    return row


def _check_names(sweep: Sweep, named: Mapping[str, Value], axes: Sequence[Dimension], where: str) -> None:
    names = [axis.name for axis in axes]
    for name in named:
        if name in sweep.search.fixed:
            remedy = f"leave `{name}` out there, or take it out of `fixed`"
            raise BadInput(f"a first trial with `{name}`, which is fixed", where=where, remedy=remedy)
        if name not in names:
            expected = "one of " + ", ".join(names)
            raise BadInput(f"unknown parameter `{name}`", where=where, expected=expected, remedy=nearest(name, names))


def default_of(sweep: Sweep, name: str, param: Param | None) -> Value:
    """Return the default that the strategy declares, or the number that the file sets; None also if there is none."""
    return param.default if param is not None else number_at(sweep, name)


def _value_of(sweep: Sweep, axis: Dimension, named: Mapping[str, Value], param: Param | None, where: str) -> float:
    """Return the value of one axis as the axis has it."""
    name = axis.name
    value = named.get(name, default_of(sweep, name, param))
    if value is None and not axis.nullable and name not in named:
        problem = f"a first trial without `{name}`, which has no default"
        raise BadInput(problem, where=where, remedy=f"give `{name}` a value")
    check_value(sweep, name, value, param, where)
    found = axis.nearest(value)
    if found is None:
        is_default = "" if name in named else ", the default"
        raise BadInput(
            f"a first trial with a value of `{name}` that is not searched",
            where=where,
            expected=_describe(axis),
            found=shown(value) + is_default,
            remedy=f"give `{name}` a value that it may have there" if is_default else "correct it, or the range",
        )
    return found


def _describe(axis: Dimension) -> str:
    if axis.choices is not None:
        return "one of " + ", ".join(map(shown, axis.choices))
    step = "" if axis.step is None else f", in steps of {axis.step:g}"
    return f"{axis.low:g} to {axis.high:g}{step}"
