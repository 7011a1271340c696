"""Features of a strategy with `fit`: its model is trained on each fold's training, and used nowhere before its test.

A training reads the features of its own fold's model. Every bar from the first test on reads those of the fold whose
training ended last before it, as a trader would have them; the bars before the first test have none (NaN). So a model
is never asked about bars that are older than the end of its training, except in that training itself.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.errors import StrategyError
from backsweep.strategy import ask, fits, head_of, is_plain, modules_of
from backsweep.trial.answers import trace
from backsweep.trial.features import FeaturePart, Features, Wanted, joined, renamed
from backsweep.trial.market import locked
from backsweep.trial.part_features import features_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.strategy import Strategy
    from backsweep.strategy.fields import Number
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.folds import Segment
    from backsweep.trial.market import Market
    from backsweep.trial.session_range import SessionRange

MODELS = 256
"""How many models are kept at most, over all folds; more of them than folds, always."""


def check_fit(cls: type[Strategy], spec: TrialSpec) -> None:
    """Raise StrategyError where a strategy has `fit` and the trial cannot train it for each fold."""
    if not fits(cls):
        return
    found = None
    if spec.folds is None:
        found = "no walk_forward section"
        remedy = "add walk_forward: {train: 4y, test: 1y}, or mode: holdout; rename a `fit` that trains no model"
    elif spec.folds.mode == "cpcv":
        found, remedy = "mode: cpcv, where one run is training in one fold and test in another", "use mode: rolling"
    elif spec.account.mode == "sleeves":
        found, remedy = (
            "account.mode: sleeves, where no worker holds the bars of all assets",
            "use account.mode: shared",
        )
    elif spec.pruning is not None:
        found, remedy = "search.pruning, which `fit` does not support", "remove search.pruning"
    if found is not None:
        raise StrategyError(
            f"{cls.__name__}.fit cannot be used in this study",
            where=head_of(cls, "fit"),
            expected="folds whose training ends before their test, one account for all assets, and no pruning",
            found=found,
            remedy=remedy,
        )


def make_features(market: Market, cls: type[Strategy], segments: Sequence[Segment], end: int) -> Features:
    """Return the features of a class, with models of the folds in `segments` where it has `fit`.

    `end` is the session after the last one that folds may see, from which a last training without a test is used.
    """
    return FoldFeatures(market, segments, end) if fits(cls) else features_of(market, cls)


class FoldFeatures(Features):
    """The feature columns of one market as tests read them: of each bar by the last model trained before it, else NaN.

    An expression's name is, until it is computed, that of the feature after the number of the fold.
    """

    def __init__(self, market: Market, segments: Sequence[Segment], end: int) -> None:
        super().__init__(market)
        self._trainings = {each.fold: each.ranges[0] for each in segments if each.is_training}
        tests = {each.fold: each.first for each in segments if not each.is_training}
        self._first_rows = np.append(market.groups["first_row"], len(market.bars))
        starts = [int(self._first_rows[self._group(tests.get(fold, end))]) for fold in self._trainings]
        edges = itertools.pairwise([*starts, len(market.bars)])
        known = zip(self._trainings, edges, strict=True)
        self._rows = {fold: slice(*rows) for fold, rows in known if rows[0] < rows[1] or fold == 0}
        self._models: OrderedDict[tuple[int, tuple[tuple[str, Number], ...]], Any] = OrderedDict()
        self._capacity = max(MODELS, 2 * len(self._trainings))

    def check(self, cls: type[Strategy]) -> None:
        """Accept every class."""

    def ask(self, strategy: Strategy) -> Wanted:
        """Return what the strategy wants under the model of every fold; raises StrategyError as `Features.ask` does."""
        asked = {fold: self.ask_fold(strategy, fold) for fold in self._rows}
        for fold, wanted in asked.items():
            if wanted.expressions.keys() != asked[0].expressions.keys():
                raise StrategyError(
                    f"{type(strategy).__name__}.features has other names in fold {fold} than in fold 0",
                    where=head_of(type(strategy), "features"),
                    expected=", ".join(asked[0].expressions),
                    found=", ".join(wanted.expressions),
                    remedy="return the same names, whatever `fit` has returned",
                )
        named = [
            renamed(wanted, {name: f"{fold} {name}" for name in wanted.expressions}) for fold, wanted in asked.items()
        ]
        return joined(named)

    def compute(self, cls: type[Strategy], wanted: Wanted) -> dict[str, NDArray[np.float64]]:
        """Return the columns of what was asked, each bar's under the model that was trained last before it."""
        whole: dict[str, NDArray[np.float64]] = {}
        for fold, rows in self._rows.items():
            own = {name: name.partition(" ")[2] for name in wanted.expressions if name.startswith(f"{fold} ")}
            found = self.compute_fold(cls, renamed(wanted, own))
            for name, values in found.items():
                whole.setdefault(name, np.full(len(values), np.nan))[rows] = values[rows]
        return {name: locked(values) for name, values in whole.items()}

    def ask_fold(self, strategy: Strategy, fold: int) -> Wanted:
        """Return what the strategy wants under the model of a fold."""
        object.__setattr__(strategy, "fitted", self._model(strategy, fold))
        return super().ask(strategy)

    def compute_fold(self, cls: type[Strategy], wanted: Wanted) -> dict[str, NDArray[np.float64]]:
        """Return the columns of what was asked under the model of a fold, for every bar."""
        return super().compute(cls, wanted)

    def training(self, fold: int) -> TrainingFeatures:
        """Return the features as a fold's training reads them."""
        return TrainingFeatures(self, fold)

    def _model(self, strategy: Strategy, fold: int) -> Any:
        """Return what `fit` makes of a fold's training, at once where it read no parameter that has changed.

        What `fit` has read is read of `strategy` again, which may be one that notes what is read of it.
        """
        values = {name: object.__getattribute__(strategy, name) for name in type(strategy).declared()}
        for key in self._models:
            if key[0] == fold and all(values[name] == value for name, value in key[1]):
                break
        else:
            model, read = _train(type(strategy), values, self._frame(self._trainings[fold]))
            key = (fold, tuple((name, values[name]) for name in sorted(read)))
            self._models[key] = model
        for name, _ in key[1]:
            getattr(strategy, name)
        self._models.move_to_end(key)
        while len(self._models) > self._capacity:
            self._models.popitem(last=False)
        return self._models[key]

    def _frame(self, sessions: SessionRange) -> pl.DataFrame:
        """Return the bars of some sessions as users know them: all assets by name, on the clock of the data."""
        first, last = (int(self._first_rows[self._group(session)]) for session in sessions)
        rows = self._known_rows[first:last]
        names = pl.Series(self._market.assets, dtype=pl.String)
        return rows.with_columns(names.gather(rows["asset"].cast(pl.UInt32)).alias("asset"))

    def _group(self, session: int) -> int:
        """Return the number of the first timestamp of a session, or of those after it."""
        return int(np.searchsorted(self._market.groups["session"], session))


class TrainingFeatures(FeaturePart):
    """The feature columns of a market under the model of one fold."""

    def __init__(self, whole: FoldFeatures, fold: int) -> None:
        super().__init__(whole, slice(None))
        self._models = whole
        self._fold = fold

    def ask(self, strategy: Strategy) -> Wanted:
        """Return what the strategy wants under the model of the fold."""
        return self._models.ask_fold(strategy, self._fold)

    def compute(self, cls: type[Strategy], wanted: Wanted) -> dict[str, NDArray[np.float64]]:
        """Return the columns of what was asked."""
        return self._models.compute_fold(cls, wanted)


def _train(cls: type[Strategy], values: dict[str, Number], train: pl.DataFrame) -> tuple[Any, set[str]]:
    """Return what `fit` returns under these parameters, and the names of those that it read."""
    read: set[str] = set()
    traced = trace(cls, read) if is_plain(cls) else None
    instance = (traced or cls)(**values)
    read.clear()
    with modules_of(cls):
        model = ask(instance, "fit", train)
    return model, set(values) if traced is None else read
