"""The files of a job's working directory, which Ray copies to every node and perhaps to another place on each.

A job starts with its working directory as the current one, and so does every worker. A path inside it that the driver
has made absolute is turned into the worker's own.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backsweep.runtime.ray_session import ray

if TYPE_CHECKING:
    from backsweep.runtime.evaluators import EvaluatorFactory, EvaluatorLike
    from backsweep.trial.spec import TrialSpec


def at_home(build: EvaluatorFactory) -> EvaluatorFactory:
    """Let a factory find the files of the job's working directory in the worker's; as it is outside of a job."""
    if "working_dir" not in ray.get_runtime_context().runtime_env:
        return build
    return partial(_build_here, build, Path.cwd())


def relocate(spec: TrialSpec, there: Path, here: Path) -> TrialSpec:
    """Replace the folder `there` by `here` in every path of the data and the strategy that lies below it."""
    places = {role: getattr(spec.data, role) for role in ("bars", "signals", "context")}
    data = {role: _move(place, there, here) for role, place in places.items() if place is not None}
    return spec.model_copy(
        update={"data": spec.data.model_copy(update=data), "strategy": _move(spec.strategy, there, here)}
    )


def _build_here(build: EvaluatorFactory, there: Path, spec: TrialSpec) -> EvaluatorLike:
    return build(relocate(spec, there, Path.cwd()))


def _move(place: str, there: Path, here: Path) -> str:
    return str(here / Path(place).relative_to(there)) if Path(place).is_relative_to(there) else place
