"""The files of a job's working directory, which Ray copies to every node and perhaps to another place on each.

A job starts with its working directory as the current one, and so does every worker. A path inside it that the driver
has made absolute is turned into the worker's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backsweep.runtime.ray_session import ray
from backsweep.sweepfile.costs import CostsSpec, custom_models

if TYPE_CHECKING:
    from backsweep.sweepfile.trial import TrialSpec


def job_folder() -> Path | None:
    """Return the working directory of the job that this driver is; None outside of a job."""
    return Path.cwd() if "working_dir" in ray.get_runtime_context().runtime_env else None


def relocate(spec: TrialSpec, there: Path, here: Path) -> TrialSpec:
    """Replace the folder `there` by `here` in every path of the data and the user's code that lies below it."""
    paths = {role: _move(file.path, there, here) for role, file in spec.data.files.items()}
    costs = spec.costs.model_dump()
    for model in custom_models(costs):
        model["model"] = _move(model["model"], there, here)
    return spec.model_copy(
        update={
            "data": spec.data.moved(paths),
            "strategy": _move(spec.strategy, there, here),
            "costs": CostsSpec.model_validate(costs) if spec.costs.custom else spec.costs,
        }
    )


def _move(place: str, there: Path, here: Path) -> str:
    return str(here / Path(place).relative_to(there)) if Path(place).is_relative_to(there) else place
