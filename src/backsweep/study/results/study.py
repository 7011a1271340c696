"""A study as its users have it: its data, its charts, trials run again, and the forms of other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.errors import BadInput
from backsweep.study.results import record_charts, trial_charts
from backsweep.study.results.replay import replay_groups, replay_values, unchanged_spec
from backsweep.study.results.stored_study import StoredStudy
from backsweep.study.results.study_card import study_card

if TYPE_CHECKING:
    from pathlib import Path

    import optuna
    import pandas as pd
    from plotly.graph_objects import Figure

    from backsweep.figures.style import Chart
    from backsweep.trial.result import Result


class Study(StoredStudy):
    """A study's folder, or the URL of one, as data.

    Data is read once and cached: open the study again to see later changes. The methods `plot_*` return Plotly figures,
    those of the report; what a figure shows, and what it does not, stands in it.
    """

    def backtest(self, trial: int | None = None) -> Result:
        """Run a trial again, the selected one by default, with full records: a result as of `bs.backtest`.

        It runs over all data before the holdout; without folds it has the bits of the trial's row. With groups of
        assets a trial runs on those of its group, and what is selected on all of them, each with the parameters of its
        group. Raises BadInput where there is no such trial, StudyConflict where data or code have changed since.
        """
        if trial is None and self.groups:
            return replay_groups(unchanged_spec(self.path)[0], self.best_params)[0]
        params = self.best_params if trial is None else self.describe(trial)["params"]
        group = None if trial is None else self.group_of(trial)
        return replay_values(unchanged_spec(self.path)[0], params, group=group)

    def to_optuna(self) -> optuna.Study:
        """Return the study as one of Optuna's, in memory, for its plots and tools; see `results.optuna_study`."""
        from backsweep.study.results.optuna_study import to_optuna  # noqa: PLC0415 - loads Optuna

        return to_optuna(self.sweep, self.space, self.trials)

    def to_quantstats(self) -> pd.Series:
        """Return `record` by date, as QuantStats reads it; raises BadInput where pandas is not installed."""
        try:
            import pandas as pd  # noqa: PLC0415 - optional
        except ImportError:
            remedy = "pip install pandas, which QuantStats needs as well"
            raise BadInput("pandas is not installed", where="to_quantstats", remedy=remedy) from None
        rows = self.record_by_date
        dates = pd.DatetimeIndex(rows["date"].to_list())
        return pd.Series(rows["return"].to_numpy(), index=dates, name=self.sweep.study)

    def plot_equity(self) -> Figure:
        """Return growth and drawdown of what was selected, beside the benchmark; raises BadInput without a record."""
        return _plotly(record_charts.equity_chart(self))

    def plot_drawdown(self) -> Figure:
        """Return the drawdown of what was selected, and of the benchmark; raises BadInput without a record."""
        return _plotly(record_charts.drawdown_chart(self))

    def plot_folds(self) -> Figure:
        """Return the objective of each fold's choice in training and test; raises BadInput where there are no folds."""
        return _plotly(record_charts.folds_chart(self))

    def plot_slice(self, name: str | None = None) -> Figure:
        """Return the objective by a parameter, the most important one by default; raises BadInput for any other."""
        return _plotly(trial_charts.slice_chart(self, name))

    def plot_surface(self, x: str, y: str) -> Figure:
        """Return the objective over two parameters, the median of the trials in each cell.

        Raises BadInput for a name that is not searched, and where no trial is complete.
        """
        return _plotly(trial_charts.surface_chart(self, x, y))

    def plot_parallel(self) -> Figure:
        """Return a line for each trial across all parameters, the best tenth in another colour."""
        return _plotly(trial_charts.parallel_chart(self))

    def plot_importances(self) -> Figure:
        """Return `importances` as bars; raises BadInput below 20 trials."""
        return _plotly(trial_charts.importances_chart(self))

    def plot_front(self) -> Figure:
        """Return the trials by the first two objectives, the front marked; raises BadInput with a single objective."""
        return _plotly(trial_charts.front_chart(self))

    def _repr_html_(self) -> str:
        """Return the study as notebooks show it: its verdict before its figures."""
        return study_card(self)


def open_study(path: str | Path) -> Study:
    """Open a study by its folder or its URL, such as s3://bucket/study; raises StudyConflict if there is none."""
    return Study(path)


def _plotly(chart: Chart) -> Figure:
    from backsweep.figures.notebook import to_plotly  # noqa: PLC0415 - loads Plotly

    return to_plotly(chart)
