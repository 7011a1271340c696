"""The user's cost models of one run: their classes, their parameters' records, and where the engine finds them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config

from backsweep.engine.codes import BAD_COST
from backsweep.engine.costs.custom import Source
from backsweep.engine.tables import MODEL
from backsweep.errors import StrategyError
from backsweep.strategy import BoundModel, CommissionModel, CostModel, SlippageModel, bind_model, load_class
from backsweep.trial.binding import Place, rows_of
from backsweep.trial.market import columns_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.engine.state import Tables
    from backsweep.sweepfile.cost_kinds import Custom
    from backsweep.sweepfile.costs import CostsSpec


class Models:
    """The models that the costs name, written into the tables; `set_costs` comes first, `Tables.handle` afterwards.

    `signals` are the columns that they may look at, by name; the market keeps them alive. Raises StrategyError where a
    class is missing or wrong.
    """

    def __init__(
        self, tables: Tables, costs: CostsSpec, assets: Sequence[str], signals: Mapping[str, NDArray[np.float64]]
    ) -> None:
        self._places = list(costs.custom)
        self._bound = [_bind(place, section) for place, section in costs.custom.items()]
        self._compiled = not self._places
        if not self._places:
            return
        self._columns = columns_record(signals)
        sections = list(costs.custom.values())
        self._values = [_values(place, section) for place, section in costs.custom.items()]
        self._sources = [
            Source(bound.source(values[0], self._columns[0]))
            for bound, values in zip(self._bound, self._values, strict=True)
        ]
        self._table = np.zeros(len(self._places), MODEL)
        self._table["source"] = [source.number for source in self._sources]
        self._table["values"] = [values.ctypes.data for values in self._values]
        self._table["columns"] = self._columns.ctypes.data
        self._table["times"] = [section.times for section in sections]
        tables.arrays["models"] = self._table
        for index, place in enumerate(self._places):
            owner, _, part = place.rpartition(".")
            asset = owner.removeprefix("per_asset.")
            rows = rows_of(asset, assets) if asset else list(range(len(assets)))
            tables.assets[part]["model"][rows] = index  # those of all assets come first

    def place_of(self, key: str) -> Place | None:
        """Find the number of a model under a dotted key, such as `costs.slippage.impact`; None if there is none."""
        place, _, name = key.removeprefix("costs.").rpartition(".")
        if place not in self._places:
            return None
        index = self._places.index(place)
        if name == "times":
            return Place(self._table["times"], np.array([index]))
        return Place(self._values[index][name], slice(None)) if name in self._bound[index].cls.declared() else None

    def compile(self) -> None:
        """Compile the models, once; raises StrategyError where one does not compile."""
        if not self._compiled and not config.DISABLE_JIT:
            self._table["code"] = [bound.address(self._columns.dtype) for bound in self._bound]
        self._compiled = True

    def move(self, signals: Mapping[str, NDArray[np.float64]]) -> None:
        """Write the new addresses of the same columns."""
        for name, values in signals.items() if self._places else ():
            self._columns[0][name] = values.ctypes.data

    def forget(self) -> None:
        """Forget which models have failed."""
        if self._places:
            self._table["failed"] = 0

    def check(self, tables: Tables) -> None:
        """Raise StrategyError if the last run ended because of what a model answered."""
        cursor = tables.cursor[0]
        if cursor.failure != BAD_COST:
            return
        index = int(np.flatnonzero(self._table["failed"])[0])
        answer, fill, cls = self._table[index]["answer"], tables.fill[0], self._bound[index].cls
        self.forget()
        raise StrategyError(
            f"{cls.__name__}.{cls.method} gave {answer}",
            where=_home(cls),
            expected="a finite number" + (", 0 or more" if issubclass(cls, SlippageModel) else ""),
            found=f"{answer} for {fill.quantity} units at {fill.price}, {np.datetime64(int(cursor.timestamp), 'ns')}",
            remedy="correct the model; compiled, an exception in it gives nan too: run with --interpreted to see it",
        )


def check_models(costs: CostsSpec) -> None:
    """Raise StrategyError where a model's class is missing or wrong, or does not take the parameters given."""
    for place, section in costs.custom.items():
        _values(place, section)


def _bind(place: str, section: Custom) -> BoundModel:
    part = place.rpartition(".")[2]
    base: type[CostModel] = CommissionModel if part == "commission" else SlippageModel
    return bind_model(load_class(section.model, base, f"{part} model"))


def _values(place: str, section: Custom) -> NDArray[Any]:
    """Return the record of a model's parameters; an error about one of them names the class."""
    bound = _bind(place, section)
    try:
        return bound.new_values(section.params)
    except StrategyError as error:
        texts = {name: getattr(error, name) for name in ("expected", "found", "remedy")}
        raise StrategyError(error.problem, where=section.model, **texts) from error


def _home(cls: type[Any]) -> str:
    function = getattr(cls, cls.method)
    return f"{inspect.getsourcefile(function)}, line {function.__code__.co_firstlineno}"
