"""Trials that run on one group of assets: an evaluator of sleeves for each group, all with the sessions of all assets.

A group's account is the sum of its assets' sleeves, each with the part of the cash that it has among all assets: so the
results of groups add up to those of one run in which every asset has the parameters of its group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backsweep.strategy import load_strategy
from backsweep.trial.binding import check_named
from backsweep.trial.evaluator import Evaluator
from backsweep.trial.sleeves.evaluator import SleeveEvaluator, load_markets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from backsweep.dataset.calendar import Calendar
    from backsweep.strategy import Strategy
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.benchmark import Levels
    from backsweep.trial.contract import Chunk, Outcome
    from backsweep.trial.recording import ReplayPlan
    from backsweep.trial.result import Result
    from backsweep.trial.sleeves.runner import SleeveMarket

Markets = tuple["SleeveMarket", ...]


def load_groups(spec: TrialSpec, calendar: Calendar) -> tuple[Markets, ...]:
    """Load each group's assets and lay them out for the engine; raises BadInput or BadData."""
    return tuple(load_markets(spec, own, own.divide(1)) for own in _calendars(spec, calendar))


def _calendars(spec: TrialSpec, calendar: Calendar) -> list[Calendar]:
    return [calendar.of(assets) for assets in spec.asset_groups.values()]


class GroupEvaluator(Evaluator):
    """The evaluator of groups of assets: runs each chunk on the assets of its group.

    Parameters
    ----------
    spec : with `asset_groups` and `account.mode: sleeves`.
    calendar : assets and sessions of the whole data.
    markets : what `load_groups` returned; None to load the data of a group when it is first needed.

    Raises BadInput or BadData where the data cannot be used, StrategyError where the strategy cannot.

    """

    def __init__(
        self,
        spec: TrialSpec,
        calendar: Calendar,
        markets: Sequence[Markets] | None = None,
        cls: type[Strategy] | None = None,
    ) -> None:
        cls = cls or load_strategy(spec.strategy)
        check_named("account", spec.account.per_asset, calendar.assets)
        check_named("costs", spec.costs.per_asset, calendar.assets)
        self._spec, self._calendar, self._cls = spec, calendar, cls
        self._groups = [
            SleeveEvaluator(
                _own(spec, own), own, own.divide(1), markets=None if markets is None else markets[place], cls=cls
            )
            for place, own in enumerate(_calendars(spec, calendar))
        ]
        notes = dict.fromkeys([*calendar.notes, *(note for each in self._groups for note in each.info.notes)])
        super().__init__(spec, cls, calendar.sessions, calendar.assets, tuple(notes))

    @property
    def fills(self) -> int:
        """How many fills all trials so far have had here."""
        return sum(each.fills for each in self._groups)

    def prepare(self) -> None:
        """Load the data and compile the strategy, so that what is wrong with either is one error."""
        for each in self._groups:
            each.prepare()

    def evaluate(self, chunk: Chunk) -> Outcome:
        """Run a chunk's trials on its group; one that fails leaves its text in `errors` and the others untouched."""
        assert chunk.asset_group is not None  # noqa: S101 - the driver proposes for each group
        return self._groups[chunk.asset_group].evaluate(chunk)

    def of(self, name: str) -> SleeveEvaluator:
        """Return the evaluator of one group."""
        return self._groups[list(self._spec.asset_groups).index(name)]

    def benchmarks(self) -> Levels:
        """Return what the benchmark, and all assets bought and held, are worth; nothing without a benchmark."""
        return self._whole().benchmarks()

    def _record(self, values: NDArray[np.float64], plan: ReplayPlan, *, compiled: bool = True) -> Result:
        """Run all assets as planned with full records; `values` are float64[assets, p], a row for each of them."""
        return self._whole()._record(values, plan, compiled=compiled)  # noqa: SLF001 - the same interface

    def _whole(self) -> SleeveEvaluator:
        return SleeveEvaluator(self._spec.of_all_assets(), self._calendar, self._calendar.divide(1), cls=self._cls)


def _own(spec: TrialSpec, calendar: Calendar) -> TrialSpec:
    """Return what a group's trials share: of `per_asset` what is about its assets."""

    def kept(per_asset: dict[str, Any]) -> dict[str, Any]:
        return {asset: given for asset, given in per_asset.items() if asset in calendar.assets}

    account = spec.account.model_copy(update={"per_asset": kept(spec.account.per_asset)})
    costs = spec.costs.model_copy(update={"per_asset": kept(spec.costs.per_asset)})
    return spec.model_copy(update={"account": account, "costs": costs, "asset_groups": {}})
