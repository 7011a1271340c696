"""A strategy's memory of each asset, as `on_data` sees it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from backsweep.engine.compile.kernel import record_at
from backsweep.engine.compile.views import View, view

Value = TypeVar("Value", bound=float)


@view
class PerAsset(View, Generic[Value]):
    """A variable of the run for each asset, read and written as `self.name[asset]`; made by `bs.state`."""

    __slots__ = ("_first",)
    _first: Any

    def __getitem__(self, asset: int) -> Value:
        """Return the asset's value."""
        return record_at(self._first, asset).value

    def __setitem__(self, asset: int, value: Value) -> None:
        """Set the asset's value."""
        record_at(self._first, asset).value = value
