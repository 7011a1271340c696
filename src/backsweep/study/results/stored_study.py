"""What a study selected, its record, and what they are worth."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.errors import BadInput
from backsweep.storage.open import open_files
from backsweep.study.results.asset_groups import best_by_group, groups_together, shares_of
from backsweep.study.results.benchmarks import compare_benchmarks, read_benchmarks
from backsweep.study.results.findings import study_findings
from backsweep.study.results.scenarios import Chosen, read_scenarios
from backsweep.study.results.study_data import StudyData
from backsweep.study.results.walk_forward import WalkForwardResult, record_metrics, walk_forward
from backsweep.study.store.looks import read_looks
from backsweep.study.store.null_results import rank, read_histories
from backsweep.study.store.records import read_records
from backsweep.study.table.blocks import gather_records, summarise_records
from backsweep.study.table.columns import ASSET_GROUP
from backsweep.study.table.trials import WHOLE, best_row
from backsweep.trial.folds import Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.statistics.blocks import Records
    from backsweep.statistics.findings import Findings
    from backsweep.statistics.study_records import NullRank
    from backsweep.trial.benchmark import Levels

_NONE = -1  # in place of a trial where no fold chose one


class StoredStudy(StudyData):
    """A study's folder, or the URL of one, with what was selected, read once and cached."""

    @cached_property
    def _levels(self) -> Levels:
        return read_benchmarks(open_files(self.path), self.sessions)

    @cached_property
    def benchmark(self) -> pl.DataFrame | None:
        """The figures of the benchmark and of all assets bought and held, over the sessions that count.

        `fold, benchmark, total_return, volatility, sharpe, max_drawdown`: with folds over all tests, where `fold` is
        null, and over each; without over everything. None without a benchmark, and before a run has ended.
        """
        if not self._levels:
            return None
        walk = self.sweep.walk_forward
        segments = () if walk is None else self._folder.segments(walk)
        return compare_benchmarks(self._levels, len(self.sessions), segments, self.sweep.sessions_per_year)

    @property
    def benchmark_returns(self) -> pl.DataFrame | None:
        """`timestamp, benchmark, buy_and_hold` per session, as returns; None as with `benchmark`."""
        if not self._levels:
            return None
        returns = {name: levels[1:] / levels[:-1] - 1.0 for name, levels in self._levels.items()}
        return pl.DataFrame({"timestamp": self.sessions, **returns})

    @cached_property
    def chosen(self) -> Chosen:
        """Each fold with the trials that it chose, or None with the selected trial; empty where nothing was."""
        if self.has_folds:
            rows = self.walk_forward.folds.group_by("fold", maintain_order=True).agg(pl.col("numbers").explode())
            return [(fold, [each for each in numbers if each is not None]) for fold, numbers in rows.rows()]
        numbers = [*self.selected_by_group.values()] if self.groups else [self.selected]
        chosen = [number for number in numbers if number is not None]
        return [(None, chosen)] if chosen else []

    @cached_property
    def statistics(self) -> Findings | None:
        """The findings on the study, corrected for all trials of it and of earlier studies in this folder.

        Those are studies on the same data with a strategy of the same name, also deleted ones that the registry knows.
        Studies made after the run ended are listed as `later` and change nothing; see `backsweep.study.store.looks`.
        None if no trial has returns of four sessions or more.
        """
        if not len(self.trials):
            return None
        stitched = self.walk_forward.record if self.has_folds else None
        return study_findings(
            self.trials,
            self._records(),
            read_looks(self.path),
            self.sweep,
            selected=self._judged,
            stitched=stitched,
            null=self.null,
            sensitivity=read_scenarios(open_files(self.path), self.chosen) or (),
            chose=self._chose,
        )

    @property
    def selected_by_group(self) -> dict[str, int]:
        """The number of each group's selected trial, as `selected` without groups; without those that have none."""
        if not self.groups or not self.has_folds:
            return best_by_group(self.trials, self.sweep.search)
        made = self.walk_forward.final
        last = made if len(made) else self.walk_forward.folds.filter(pl.col("fold") == pl.col("fold").max())
        return {name: number for name, number in last.select(ASSET_GROUP, "number").rows() if number is not None}

    @cached_property
    def null(self) -> NullRank | None:
        """The rank of the result among those of a null study with as many trials; None without one."""
        return rank(self.result, read_histories(self.path, self.identity.hash, len(self.trials)))

    @property
    def result(self) -> float | None:
        """The annual Sharpe ratio of the study: of the stitched tests, or of the selected trial."""
        return self.selected_metrics.get("sharpe")

    @cached_property
    def selected_metrics(self) -> dict[str, float | None]:
        """The metrics of the stitched tests, or of the selected trial; of groups, those of their returns together.

        Empty where nothing is selected.
        """
        if self.has_folds:
            return self.walk_forward.metrics
        if self.groups and self.selected_by_group:
            whole = Segment(0, WHOLE, 0, len(self.record))
            returns = self.record["return"].to_numpy()
            return record_metrics([(whole, returns)], self.sweep.sessions_per_year, self._levels.get("benchmark"))
        metrics: dict[str, float | None] = {} if self.selected is None else self.describe(self.selected)["metrics"]
        return metrics

    @property
    def selected(self) -> int | None:
        """The number of the selected trial: the best one, with walk-forward the final choice.

        In a study that makes none, as those before `walk_forward.final`, it is the choice of the last fold. None where
        groups of assets select trials of their own: see `selected_by_group`.
        """
        return None if self.groups else self._last_choice(final=True)

    @property
    def _judged(self) -> int | None:
        """The number of the trial that the statistics judge: with walk-forward the choice of the last fold."""
        return None if self.groups else self._last_choice(final=False)

    def _last_choice(self, *, final: bool) -> int | None:
        if self.has_folds:
            made = self.walk_forward.final if final else self.walk_forward.final.clear()
            number = (made if len(made) else self.walk_forward.folds)["number"][-1]
            return None if number is None else int(number)
        row = best_row(self.trials, self.sweep.search) if len(self.trials) else None
        return None if row is None else int(row["number"])

    @property
    def _chose(self) -> bool:
        """Whether there is a selection to judge: of any fold or, where the tests are no record, of the last one."""
        if self.has_folds and (self.sweep.walk_forward is None or self.sweep.walk_forward.mode != "cpcv"):
            return bool(self.walk_forward.folds["number"].is_not_null().any())
        return bool(self.selected_by_group) if self.groups else self._judged is not None

    def _records(self) -> Records | None:
        """Read the block sums of the trials; where folds or groups have trials of their own, those of their choices.

        Trials of different folds, or of different groups, have no common record.
        """
        if self.groups and not self.has_folds:
            last = [_NONE]
            returns = self.record["return"].to_numpy() if self.selected_by_group else np.zeros(len(self.sessions))
        elif self.groups or self.sweep.searches_by_fold:
            last = [_NONE] if self.groups else self.walk_forward.folds["number"].drop_nulls().tail(1).to_list()
            returns = self.walk_forward.record
        else:
            return read_records(self._folder, self._entries)
        rows = summarise_records(np.array(last or [_NONE]), np.atleast_2d(returns.astype(np.float32)))
        return gather_records([rows])

    @cached_property
    def walk_forward(self) -> WalkForwardResult:
        """What each fold selected and its out-of-sample results; raises BadInput where there are no folds."""
        if self.sweep.walk_forward is None:
            remedy = "add a `walk_forward` section to the sweep file and run it under a new name"
            raise BadInput("the study has no folds", where=str(self.path), remedy=remedy)
        if not self._entries:
            remedy = "run it until the first batch is committed"
            raise BadInput("no fold has a trial yet", where=str(self.path), remedy=remedy)
        segments = self._folder.segments(self.sweep.walk_forward)
        return walk_forward(self.sweep, self._parts, self.sessions, segments, self._levels.get("benchmark"))

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of the selected trial by name; raises BadInput where none is selected.

        That is the best feasible trial, and with folds the final choice, trained to the end of the data. Where groups
        of assets select trials of their own, these are the parameters of each group by its name.
        """
        if self.groups and self.selected_by_group:
            return {name: self.describe(number)["params"] for name, number in self.selected_by_group.items()}
        if self.selected is None:
            raise BadInput("no trial is selected", where=str(self.path), remedy="run the study, or loosen its limits")
        params: dict[str, Any] = self.describe(self.selected)["params"]
        return params

    @property
    def record_by_date(self) -> pl.DataFrame:
        """`date, return` per session of `record`, by the sessions' dates."""
        sessions = self._folder.sessions()
        return self.record.join(sessions, on="timestamp", how="left", maintain_order="left").select("date", "return")

    @cached_property
    def record(self) -> pl.DataFrame:
        """`timestamp, return` per session: the stitched tests, or the selected trial; raises BadInput without one."""
        if self.has_folds:
            return self.walk_forward.equity.group_by("timestamp", maintain_order=True).agg(pl.col("return").mean())
        if self.groups and self.selected_by_group:
            earned = {name: self._returns_of(number) for name, number in self.selected_by_group.items()}
            together = groups_together(earned, shares_of(self.sweep.search))
            return pl.DataFrame({"timestamp": self.sessions[: len(together)], "return": together})
        if self.selected is None:
            raise BadInput("no trial is selected", where=str(self.path), remedy="run the study, or loosen its limits")
        returns = self._returns_of(self.selected)
        return pl.DataFrame({"timestamp": self.sessions[: len(returns)], "return": returns})

    def _returns_of(self, number: int) -> NDArray[np.float64]:
        """Return the returns of a trial that ran on all sessions."""
        return self.rows("returns", [number])["returns"].explode().cast(pl.Float64).to_numpy()
