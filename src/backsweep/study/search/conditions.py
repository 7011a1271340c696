"""Which parameters a trial has: one with `when` is searched where its comparison holds, and else is not there.

In arrays of values NaN marks a parameter that is not there; the strategy then has its default, a dotted key the number
of the sweep file. Null as a choice has a code of its own, like a text.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.dimension import from_unit
from backsweep.sweepfile.comparisons import Words, parse_comparison
from backsweep.sweepfile.messages import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.dimension import Dimension
    from backsweep.sweepfile.comparisons import Comparison
    from backsweep.sweepfile.sweep import Sweep

_NEVER = 10  # keeps the streams of one seed apart
_SAMPLE = 2**14  # points that are drawn at a time
_MOST = 2**20  # points at which a condition is looked at


class Conditions:
    """The conditions of some axes.

    Parameters
    ----------
    axes : of the space.
    fixed : numbers by name, which conditions may name, too.
    when : comparisons by the names of the axes that have one.

    """

    def __init__(
        self, axes: Sequence[Dimension], fixed: Mapping[str, float], when: Mapping[str, Comparison] | None = None
    ) -> None:
        self._axes, self._fixed, self.when = tuple(axes), dict(fixed), dict(when or {})
        places = {axis.name: j for j, axis in enumerate(axes)}
        needs = {name: self.when[name].names for name in self.when}
        order = TopologicalSorter(needs).static_order() if needs else ()
        self._steps = [
            (places[name], self.when[name], [places[each] for each in needs[name] if each in places])
            for name in order
            if name in self.when
        ]
        self.places = [place for place, _, _ in self._steps]
        """Where the axes with a condition are, each behind those that it depends on."""

    def columns(self, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Return what comparisons compare, by name: numbers, of texts their codes, NaN where there is none."""
        columns = {name: np.full(len(values), float(value)) for name, value in self._fixed.items()}
        return columns | {axis.name: axis.quantities(values[:, j]) for j, axis in enumerate(self._axes)}

    def active(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which parameters trials have, bool[k, p], by their values, float64[k, p]."""
        active = np.ones(values.shape, np.bool_)
        columns = self.columns(values) if self._steps else {}
        for place, comparison, needed in self._steps:
            active[:, place] = comparison.holds(columns) & active[:, needed].all(axis=1)
        return active

    def masked(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values, float64[k, p], with NaN for the parameters that trials do not have."""
        return np.where(self.active(values), values, np.nan) if self._steps else values

    def never(self) -> list[str]:
        """Return the names of axes whose condition holds at none of many random points."""
        stream, ever = np.random.default_rng(_NEVER), np.zeros(len(self._axes), np.bool_)
        drawn = 0
        while not ever[self.places].all() and drawn < _MOST:
            ever |= self.active(from_unit(self._axes, stream.random((_SAMPLE, len(self._axes))))).any(axis=0)
            drawn += _SAMPLE
        return [self._axes[place].name for place in self.places if not ever[place]]


def words_of(axes: Sequence[Dimension]) -> dict[str, Words]:
    """Return what comparisons may call the values of axes besides numbers: texts, null, true and false."""
    found = {}
    for axis in axes:
        words = {} if axis.choices is None or not (axis.text or axis.boolean or axis.nullable) else _words_of(axis)
        if words:
            found[axis.name] = Words(words, axis.text)
    return found


def _words_of(axis: Dimension) -> dict[str, float]:
    numbers = axis.quantities(axis.numbers).tolist()
    pairs = zip(axis.choices or (), numbers, strict=True)
    named = {each if isinstance(each, str) else shown(each): number for each, number in pairs}
    return named if axis.text or axis.boolean else {"null": np.nan}


def read_conditions(
    sweep: Sweep, axes: Sequence[Dimension], single: Sequence[Dimension], constants: Mapping[str, float]
) -> dict[str, Comparison]:
    """Read the `when` of axes, by their names; `single` are the fixed values as axes, `constants` as numbers.

    Raises BadInput for one that cannot be read, for conditions that need each other in a circle, for one that never
    holds, and for one of a parameter with a null choice, whose null could not be told from its absence.
    """
    names, words = [axis.name for axis in (*axes, *single)], words_of((*axes, *single))
    when, places = {}, {}
    for axis in axes:
        entry = sweep.search.params.get(axis.name)
        if entry is None or entry.when is None:
            continue
        where = places[axis.name] = sweep.where("search", "params", axis.name, "when")
        when[axis.name] = parse_comparison(entry.when, names, words, where)
        if axis.nullable:
            raise BadInput(
                f"`{axis.name}` has a condition and a null choice",
                where=where,
                expected="one of the two: in the study table null says that a trial does not have the parameter",
                remedy="take null out of its choices, or give null a text of its own",
            )
    _check_circles(when, places)
    for name in Conditions(axes, constants, when).never():
        raise BadInput(
            f"`{name}` is never searched",
            where=places[name],
            expected="a condition that holds somewhere in the search space",
            found=f"`{when[name].text}` at none of {_MOST:,} random points",
            remedy="correct the condition, or put the parameter under `fixed`",
        )
    return when


def _check_circles(when: Mapping[str, Comparison], where: Mapping[str, str]) -> None:
    """Raise BadInput where conditions need each other in a circle; `where` are their places in the file."""
    try:
        TopologicalSorter({name: comparison.names for name, comparison in when.items()}).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        name = next(name for name in circle if name in where)
        raise BadInput(
            "conditions that need each other in a circle",
            where=where[name],
            expected="a `when` that names parameters which do not depend on its own",
            found=" needs ".join(circle),
            remedy="take one `when` out",
        ) from None
