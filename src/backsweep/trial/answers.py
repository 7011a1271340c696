"""What a strategy's `features` and `wake` answer, asked once for all trials that cannot be told apart by it.

Each depends on the parameters that it reads. So they are noted while the method runs, and trials that give these the
same values have the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from backsweep.strategy import Strategy, is_plain, modules_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEPT = 4096
"""Answers that are kept of a method."""

Answer = TypeVar("Answer")


class Answers(Generic[Answer]):
    """The answers of one method, which `ask` calls on an instance, under the values of `params`.

    `lasts` says of an answer whether it is the same for all trials with the same values of what the method has read.
    """

    def __init__(
        self,
        cls: type[Strategy],
        params: Sequence[str],
        ask: Callable[[Strategy], Answer],
        lasts: Callable[[Answer], bool] = lambda _: True,
    ) -> None:
        self._cls, self._ask, self._lasts = cls, ask, lasts
        self._columns = {name: column for column, name in enumerate(params)}
        self._kept: dict[bytes, Answer] = {}
        self.lasting = True  # as far as is known
        self._read: set[str] = set()
        self._tracing = trace(cls, self._read) if is_plain(cls) else None
        if self._tracing is None:
            self._read.update(params)

    def find(self, values: NDArray[np.float64], make: Callable[[], Strategy]) -> Answer:
        """Return the answer under a trial's values, float64[params]; `make` makes the strategy if it must be asked."""
        columns = self.columns
        key = values[columns].tobytes()
        if key in self._kept:
            return self._kept[key]
        strategy = make()
        if self._tracing is not None:
            strategy.__class__ = self._tracing
        try:
            with modules_of(self._cls):
                answer = self._ask(strategy)
        finally:
            strategy.__class__ = self._cls
        if self.columns != columns or len(self._kept) >= KEPT:
            self._kept.clear()
        self.lasting = self.lasting and self._lasts(answer)
        if self.lasting:
            self._kept[values[self.columns].tobytes()] = answer
        return answer

    @property
    def columns(self) -> list[int]:
        """Where the parameters that it reads stand among a trial's values."""
        return sorted(self._columns[name] for name in self._read if name in self._columns)


def trace(cls: type[Strategy], read: set[str]) -> type[Strategy] | None:
    """Return the class with instances that note in `read` which parameters are read; None where that cannot be."""
    names = set(cls.declared())

    def note(self: Any, name: str) -> Any:
        if name in names:
            read.add(name)
        elif name.startswith("__") and name != "__class__":  # what it gives may hold all of them
            read.update(names)
        return object.__getattribute__(self, name)

    own = {"__getattribute__": note, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    derive: Any = type(cls)
    try:
        return cast("type[Strategy]", derive(cls.__name__, (cls,), own))
    except Exception:  # noqa: BLE001 - whatever a user's class does when another is derived from it
        return None
