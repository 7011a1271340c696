"""Expressions of names and numbers, as a sweep file writes them: `sharpe - 0.5 * turnover`, `fast < slow`.

An expression has numbers, known names, `+ - * /`, parentheses, and `abs`, `min`, `max`; a relation is one comparison of
two expressions. They are read by a parser of their own and never by Python's: nothing in them can run. Names may have
dots and whatever else a known name has. All operations are exact in IEEE arithmetic, so that a result has the same bits
on every machine; there is no power for that reason.
"""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from backsweep.errors import BadInput
from backsweep.sweepfile.messages import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from numpy.typing import NDArray

_Step = float | str | tuple[str, int]
_MOST_CHARACTERS = 1000
_MOST_NESTED = 50
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_ARGUMENTS = {"abs": 1, "min": 2, "max": 2}
"""Of functions: how many each takes at least; `min` and `max` take more."""
FUNCTIONS = frozenset(_ARGUMENTS)
_OPERATIONS: dict[str, Callable[..., NDArray[np.float64]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "negative": operator.neg,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
}
_COMPARISONS: dict[str, Callable[..., NDArray[np.bool_]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Expression:
    """An arithmetic expression.

    Attributes
    ----------
    text : as it was written.
    names : those that it has, each once, in their order.
    steps : its numbers, names and operations in postfix order; an operation comes with how many values
        it takes.

    """

    text: str
    names: tuple[str, ...]
    steps: tuple[_Step, ...]

    def evaluate(self, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the values, float64[k], of columns by their names, float64[k] each; NaN where there is none.

        There is none where a column has none, where something is divided by zero, and where a number is too large, also
        inside: 1 / (1 / 0) has none, and neither has min(1 / 0, 5).
        """
        stack: list[NDArray[np.float64]] = []
        with np.errstate(all="ignore"):
            for step in self.steps:
                if isinstance(step, tuple):
                    name, count = step
                    result = _OPERATIONS[name](*stack[-count:])
                    stack[-count:] = [np.where(np.isfinite(result), result, np.nan)]
                else:
                    stack.append(columns[step] if isinstance(step, str) else np.float64(step))  # type: ignore[arg-type] # broadcasts
        return np.where(np.isfinite(stack[0]), stack[0], np.nan)


@dataclass(frozen=True)
class Relation:
    """A comparison of two expressions.

    Attributes
    ----------
    text : as it was written.
    left, right : the expressions.
    comparison : `<`, `<=`, `>`, `>=`, `==` or `!=`.

    """

    text: str
    left: Expression
    right: Expression
    comparison: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names of both sides, each once."""
        return tuple(dict.fromkeys(self.left.names + self.right.names))

    def holds(self, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Return where it holds, bool[k], of columns by their names, float64[k]; not where a side has no value."""
        left, right = self.left.evaluate(columns), self.right.evaluate(columns)
        known = ~(np.isnan(left) | np.isnan(right))
        return known & _COMPARISONS[self.comparison](left, right)


def parse(text: str, names: Collection[str], *, where: str = "", kind: str = "name") -> Expression:
    """Read an expression of some names; `kind` is what these are, `metric`, and `where` the place for messages.

    Raises BadInput for what cannot be read, for an unknown name, and for an expression without any.
    """
    reader = _Reader(text, names, where, kind)
    found = reader.expression()
    reader.end("one expression of names, numbers and + - * / ( ) abs min max")
    reader.need_names(found.names)
    return found


def parse_relation(text: str, names: Collection[str], *, where: str = "", kind: str = "name") -> Relation:
    """Read a comparison of two expressions; the arguments and errors are those of `parse`."""
    reader = _Reader(text, names, where, kind)
    left = reader.expression()
    comparison = reader.take(_COMPARISONS)
    if comparison is None:
        reader.refuse("one comparison of two expressions, with < <= > >= == or !=")
    relation = Relation(text, left, reader.expression(), comparison)
    reader.end("one comparison of two expressions")
    reader.need_names(relation.names)
    return relation


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, text: str, names: Collection[str], where: str, kind: str) -> None:
        if len(text) > _MOST_CHARACTERS:
            expected, found = f"at most {_MOST_CHARACTERS} characters", str(len(text))
            raise BadInput("an expression too long", where=where, expected=expected, found=found, remedy="shorten it")
        self._text, self._names, self._where, self._kind = text, names, where, kind
        self._tokens = list(_tokens(text, names))
        self._at = self._nested = 0

    def expression(self) -> Expression:
        """Read as far as an expression goes."""
        begin = self._place
        steps = tuple(self._sum())
        names = dict.fromkeys(step for step in steps if isinstance(step, str))
        return Expression(self._text[begin : self._place].strip(), tuple(names), steps)

    def take(self, tokens: Collection[str]) -> str | None:
        """Return the next token if it is one of some, and go on behind it."""
        if self._next not in tokens or self._next == "":
            return None
        self._at += 1
        return self._tokens[self._at - 1][0]

    def end(self, expected: str) -> None:
        """Refuse a text that goes on."""
        if self._next:
            chained = self._next in {*_COMPARISONS, "and"}
            self.refuse(expected, "write each comparison as an entry of its own" if chained else "")

    def need_names(self, found: tuple[str, ...]) -> None:
        """Refuse a text without any name."""
        if not found:
            self.refuse(f"at least one {self._kind}")

    def refuse(self, expected: str, remedy: str = "") -> NoReturn:
        """Raise BadInput."""
        raise BadInput(
            f"`{self._text}` cannot be read",
            where=self._where,
            expected=expected,
            found=f"`{self._next}` at character {self._place + 1}" if self._next else "its end",
            remedy=remedy or "correct it there",
        )

    @property
    def _next(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _place(self) -> int:
        return self._tokens[self._at][1]

    def _sum(self) -> list[_Step]:
        steps = self._product()
        while (sign := self.take("+-")) is not None:
            steps += [*self._product(), (sign, 2)]
        return steps

    def _product(self) -> list[_Step]:
        steps = self._signed()
        while (sign := self.take("*/")) is not None:
            steps += [*self._signed(), (sign, 2)]
        return steps

    def _signed(self) -> list[_Step]:
        negative = False
        while (sign := self.take("+-")) is not None:
            negative ^= sign == "-"
        return [*self._atom(), ("negative", 1)] if negative else self._atom()

    def _atom(self) -> list[_Step]:
        token = self._next
        if token in _ARGUMENTS and self._tokens[self._at + 1][0] == "(":  # also where a name is that of a function
            self._at += 2
            return self._inside(token)
        if token in self._names:
            self._at += 1
            return [token]
        if re.fullmatch(_NUMBER, token):
            if not math.isfinite(float(token)):
                self.refuse("a number below 1.7e308")
            self._at += 1
            return [float(token)]
        if self.take("("):
            return self._inside()
        word = re.match(r"[^\W\d]", token)
        return self.refuse(
            f"a {self._kind}" if word else f"a {self._kind}, a number or a parenthesis",
            nearest(token, [*self._names, *_ARGUMENTS]) if word else "",
        )

    def _inside(self, function: str = "") -> list[_Step]:
        """Read as far as the closing parenthesis; a function of several arguments takes two at a time."""
        self._nested += 1
        if self._nested > _MOST_NESTED:
            self.refuse(f"at most {_MOST_NESTED} parentheses inside each other")
        least = _ARGUMENTS.get(function, 0)
        steps, count = self._sum(), 1
        while least > 1 and self.take(","):
            steps += [*self._sum(), (function, 2)]
            count += 1
        if count < least:
            self.refuse(f"at least {least} arguments of {function}, with commas between them")
        if not self.take(")"):
            self.refuse("a closing parenthesis")
        self._nested -= 1
        return [*steps, (function, 1)] if least == 1 else steps


def _tokens(text: str, names: Collection[str]) -> Iterator[tuple[str, int]]:
    """Yield the tokens of a text with their places, of known names the longest, and an empty one at its end."""
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    words = rf"(?:{known})(?![\w.])|" if known else ""
    pattern = rf"{words}{_NUMBER}|[^\W\d][\w.]*|<=|>=|==|!=|\S"
    for match in re.finditer(pattern, text):
        yield match.group(), match.start()
    yield "", len(text)
