"""Comparisons of parameters, as `relations` and `when` have them: `fast < slow`, `kind == ema`, `stop != null`.

A relation compares two expressions of numbers. A match compares a parameter whose values are no numbers - texts, true
and false - with one of its choices, or asks for null.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.sweepfile.expressions import Relation, parse_relation
from backsweep.sweepfile.messages import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

_EQUALITY = re.compile(r"(.+?)\s*(==|!=)\s*(.+)")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_NONE = "null"


@dataclass(frozen=True)
class Match:
    """Whether a parameter has a certain choice.

    Attributes
    ----------
    text : as it was written.
    name : of the parameter.
    number : of the choice in the parameter's column; NaN for null among numbers, which is no number.
    equal : whether it must have the choice, or any other.

    """

    text: str
    name: str
    number: float
    equal: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the parameter."""
        return (self.name,)

    def holds(self, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Return where it holds, bool[k], of columns by their names, float64[k]."""
        column = columns[self.name]
        has: NDArray[np.bool_] = np.isnan(column) if np.isnan(self.number) else column == self.number
        return has if self.equal else ~has


Comparison = Relation | Match


@dataclass(frozen=True)
class Words:
    """What a parameter may be compared with besides numbers: the number of each word in its column.

    `is_text` says that nothing can be computed with it.
    """

    numbers: Mapping[str, float]
    is_text: bool


def parse_comparison(text: str, names: Collection[str], words: Mapping[str, Words], where: str) -> Comparison:
    """Read a comparison of parameters with these `names`, some of which have `words`.

    Raises BadInput for what cannot be read, for an unknown name, and for a word that is no choice.
    """
    if (found := _EQUALITY.fullmatch(text.strip())) is not None:
        left, sign, right = found.groups()
        name, word = (left, right) if left in words else (right, left)
        if name in words:
            quoted = _QUOTED.fullmatch(word)
            word = word if quoted is None else quoted[1] if quoted[1] is not None else quoted[2]
            known = words[name].numbers
            if word in known:
                return Match(text, name, known[word], sign == "==")
            if words[name].is_text or quoted is not None:
                raise BadInput(
                    f"`{text}` compares `{name}` with what is no choice of it",
                    where=where,
                    expected="one of " + ", ".join(known),
                    found=word,
                    remedy=nearest(word, known),
                )
    relation = parse_relation(text, names, where=where, kind="parameter")
    for name in relation.names:
        if name in words and words[name].is_text:
            raise BadInput(
                f"`{text}` computes with `{name}`, whose values are texts",
                where=where,
                expected=f"`{name} == TEXT` or `{name} != TEXT`, with one of " + ", ".join(words[name].numbers),
                remedy="compare it so, in an entry of its own",
            )
    return relation
