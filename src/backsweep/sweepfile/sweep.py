"""The sweep file as a whole: the study's name, its sections, and where each key was set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, PrivateAttr

from backsweep.errors import BadInput
from backsweep.metrics.table import SESSIONS_PER_YEAR
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.data import DataSpec
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.sweepfile.folds import WalkForward
from backsweep.sweepfile.messages import dotted
from backsweep.sweepfile.search import Search
from backsweep.sweepfile.section import Section, matching
from backsweep.sweepfile.strict_yaml import KeyPath

if TYPE_CHECKING:
    from collections.abc import Mapping


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TIME = "a time is a number of seconds, minutes, hours or days, such as 90s, 30m, 2h or 1d"

NAME = (r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "a name of letters, digits, dots, _ and -, at most 100")
"""Pattern and rule of a study's name."""


class Runtime(Section):
    """Where trials run; nothing here can change a result, but a trial that exceeds its time has none."""

    workers: Annotated[int, Field(ge=1)] = 1
    """Processes that run trials."""
    backend: Literal["inline", "ray"] | None = None
    """`inline` runs in this process and never imports Ray. Left out: `ray` for several workers, else `inline`."""
    address: str = "local"
    """Where Ray is: `local` starts it here, `auto` finds a running one, or `HOST:PORT`."""
    trial_timeout: Annotated[float, Field(gt=0)] | None = 600.0
    """Seconds that one trial may take at most; null: for ever."""
    time_limit: Annotated[str, matching(r"[1-9]\d{0,5}[smhd]", _TIME)] | None = None
    """Time after which a run pauses, loading of the data included: `90s`, `30m`, `2h`, `1d`. Trials that are complete
    are kept, the exit code is 130, and the same command goes on for as long again."""
    shards: Annotated[int, Field(ge=1)] | None = None
    """Parts that the assets of `account.mode: sleeves` are cut into, at most in blocks of four. A worker holds one, or
    several where workers are few, and a trial visits them all. Null: as many as there are workers with a CPU."""

    @property
    def seconds(self) -> float | None:
        """The time limit in seconds."""
        return None if self.time_limit is None else float(self.time_limit[:-1]) * _SECONDS[self.time_limit[-1]]

    @property
    def resolved_backend(self) -> Literal["inline", "ray"]:
        """The backend, where the file names none: Ray for several workers."""
        return self.backend or ("ray" if self.workers > 1 else "inline")


class Sweep(Section):
    """A whole sweep file, valid and with absolute paths."""

    study: Annotated[str, matching(*NAME)]
    """The study's name, and that of its folder under `studies/`."""
    data: DataSpec
    """Where the market data lie, and how they are read."""
    strategy: str
    """The strategy's class: `file.py:Class` or `package.module:Class`."""
    account: AccountSpec = AccountSpec()
    """What a trial begins with, and what it may do."""
    execution: ExecutionSpec = ExecutionSpec()
    """How orders fill."""
    costs: CostsSpec = CostsSpec()
    """What trading costs."""
    search: Search = Search()
    """What varies, how values are proposed, and what is better."""
    metrics: dict[str, str] | None = None
    """Metrics of your own by name, each a function, `file.py:function` or `module:function`, that is given what a run
    left (`bs.Run`) and returns a number, or None where there is none. They are columns, and may be objectives and
    constraints, like all others."""
    walk_forward: WalkForward | None = None
    """The folds; without this section there are none, and a trial runs once over all data."""
    runtime: Runtime = Runtime()
    """Where trials run; no part of the study's identity."""
    _places: dict[KeyPath, tuple[int, str]] = PrivateAttr(default_factory=dict)

    @property
    def sessions_per_year(self) -> float:
        """The sessions a year of a study; those that were begun before the key was recorded have 252."""
        return self.data.sessions_per_year or SESSIONS_PER_YEAR

    def with_sessions_per_year(self, count: float) -> Self:
        """Return the same with so many sessions a year."""
        return self.model_copy(update={"data": self.data.with_sessions_per_year(count)})

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that a trial has, in the order of their columns; those of the user's own are the last."""
        return (*self.data.metrics, *(self.metrics or ()))

    @property
    def learns(self) -> bool:
        """Whether the sampler learns from outcomes."""
        return self.search.known_sampler.learns

    @property
    def searches_by_fold(self) -> bool:
        """Whether every fold has trials of its own."""
        walk = self.walk_forward
        if walk is None or (walk.mode == "holdout" and walk.holdout is None):
            return False
        return self.learns if walk.share_proposals is None else not walk.share_proposals

    def remember(self, places: Mapping[KeyPath, tuple[int, str]]) -> None:
        """Keep the place that set each key, for messages."""
        self._places.update(places)

    def where(self, *path: str | int) -> str:
        """Name the place that set a key, or the nearest place above it: `sweep.yaml:12`."""
        return place_of(self._places, path)[1]

    def locate(self, error: BadInput) -> BadInput:
        """Return an error with its key's place in the file, where it is about a key that the file sets."""
        for key, (_, place) in self._places.items():
            if key and dotted(key) == error.where:
                texts = {name: getattr(error, name) for name in ("expected", "found", "remedy")}
                return type(error)(error.problem, where=place, **texts)
        return error


def place_of(places: dict[KeyPath, tuple[int, str]], path: KeyPath) -> tuple[int, str]:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, (0, ""))
