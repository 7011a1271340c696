"""Where trials run: in this process, or in Ray workers on one machine or many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.errors import BadInput

if TYPE_CHECKING:
    from backsweep.trial.contract import Backend


def make_backend(
    name: str,
    workers: int = 1,
    address: str = "local",
    trial_timeout: float | None = None,
    shards: int | None = None,
    study: str = "",
) -> Backend:
    """Build the backend called `name`, not yet started.

    `name` is `inline` or `ray`; `workers` the number of Ray actors, one CPU each (`inline` has one by nature). With the
    `address` `local` Ray starts on this machine, with `auto` a cluster that runs here is found, `HOST:PORT` joins one.
    A trial that takes longer than `trial_timeout` seconds fails.
    Ray's metrics carry the name `study`.
    The assets of `account.mode: sleeves` are cut into `shards`, if they make as many.
    """
    if workers < 1:
        raise BadInput(
            "the number of workers is too small",
            where="runtime.workers",
            expected="at least 1",
            found=str(workers),
            remedy="pass --workers 1 or more",
        )
    if name == "inline":
        from backsweep.runtime.inline import InlineBackend  # noqa: PLC0415 - each backend loads only itself

        return InlineBackend(shards=shards, trial_timeout=trial_timeout)
    if name == "ray":
        from backsweep.runtime.ray_pool import RayBackend  # noqa: PLC0415 - Ray takes a while to import

        return RayBackend(workers, address, shards=shards, trial_timeout=trial_timeout, study=study)
    raise BadInput(
        "unknown backend",
        where="runtime.backend",
        expected="inline or ray",
        found=repr(name),
        remedy="pass --backend inline or --backend ray",
    )
