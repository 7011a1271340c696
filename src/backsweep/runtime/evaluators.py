"""What a backend runs: anything that turns a chunk of parameters into its outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from backsweep.trial.exchange import Chunk, Outcome, Ready
    from backsweep.trial.spec import TrialSpec


class EvaluatorLike(Protocol):
    """A trial's data and compiled strategy, held ready for any number of chunks."""

    @property
    def ready(self) -> Ready:
        """What is known once the data is loaded."""
        ...

    def evaluate(self, chunk: Chunk) -> Outcome:
        """Run every trial of the chunk; a trial that fails is named in `Outcome.errors`."""
        ...


EvaluatorFactory = Callable[["TrialSpec"], EvaluatorLike]


def build_evaluator(spec: TrialSpec, shards: int | None = None) -> EvaluatorLike:
    """Load the data, in sleeves as so many shards, and compile the strategy.

    Raises BadInput, BadData or StrategyError.
    """
    from backsweep.trial.evaluate import make_evaluator  # noqa: PLC0415 - loads Polars and Numba, where trials run

    evaluator = make_evaluator(spec, shards=shards)
    evaluator.prepare()
    return evaluator
