"""The actor: an evaluator in a process of its own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from backsweep.runtime.meters import WorkMeters
from backsweep.runtime.ray_session import ray
from backsweep.runtime.working_dir import relocate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backsweep.runtime.evaluators import EvaluatorBuilder
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.contract import Chunk, DataInfo, Outcome
    from backsweep.trial.evaluator import Evaluator
    from backsweep.trial.sleeves.evaluator import SleeveEvaluator
    from backsweep.trial.sleeves.partial_sums import PartialSums


@contextmanager
def _memory_needed() -> Iterator[None]:
    """End the process when it has no memory left: it could not even report it, and another replaces it."""
    try:
        yield
    except MemoryError:
        os._exit(1)


class Worker:
    """Holds what one builder makes. A method's error reaches the driver as it was raised.

    Files below `folder`, the driver's in a job, are found below this process's own.
    """

    def __init__(self, spec: TrialSpec, folder: Path | None, study: str) -> None:
        self._spec = spec if folder is None else relocate(spec, folder, Path.cwd())
        self._evaluator: Evaluator | None = None
        self._meters = WorkMeters(study)

    def join_node(self) -> str:
        """Return the id of the node on which this actor was placed."""
        return cast("str", ray.get_runtime_context().get_node_id())

    def fetch(self, builder: EvaluatorBuilder) -> Any:
        """Load the data for all workers of this node: what is returned lies in the node's shared memory."""
        return builder.load(self._spec)

    def load(self, builder: EvaluatorBuilder, data: Any = None) -> DataInfo:
        """Build the evaluator on data that were fetched, or load them for this worker alone.

        What trials will need is imported before, so that memory runs short here, if at all, and not in the middle.
        """
        import backsweep.trial.block_sums  # noqa: F401, PLC0415 - loads Polars, where trials run

        self._evaluator = builder.build(self._spec, builder.load(self._spec) if data is None else data)
        return self._evaluator.info

    def evaluate(self, chunk: Chunk) -> Outcome:
        """Run a chunk over all the data."""
        assert self._evaluator is not None  # noqa: S101 - `load` comes first
        with _memory_needed():
            outcome = self._with_record_sums(self._evaluator.evaluate(chunk))
        self._count_fills()
        return outcome

    def partial_sums(self, chunk: Chunk) -> tuple[None, PartialSums]:
        """Run a chunk over the shards held here; the driver asks for the first half of the answer alone."""
        with _memory_needed():
            part = cast("SleeveEvaluator", self._evaluator).partial_sums(chunk)
        self._count_fills()
        return None, part

    def join(self, *parts: PartialSums) -> PartialSums:
        """Join neighbouring parts of a chunk."""
        return cast("SleeveEvaluator", self._evaluator).join(parts)

    def finish(self, *parts: PartialSums) -> Outcome:
        """Join all parts of a chunk and compute the metrics."""
        return self._with_record_sums(cast("SleeveEvaluator", self._evaluator).finish(parts))

    def _with_record_sums(self, outcome: Outcome) -> Outcome:
        """Add what the study keeps of the records: the driver has many workers to serve."""
        from backsweep.trial.block_sums import sum_records  # noqa: PLC0415 - loads Polars, where trials run

        assert self._evaluator is not None  # noqa: S101 - `load` comes first
        return replace(
            outcome, record_sums=sum_records(outcome.returns, self._evaluator.info.of(outcome.folds).segments)
        )

    def _count_fills(self) -> None:
        self._meters.record(getattr(self._evaluator, "fills", 0))  # a stand-in for the engine has none
