"""Studies of each kind in the programs that they are exported to: Optuna's dashboard and QuantStats themselves.

The dashboard is asked as a browser asks it, in this process and without a socket.
"""

import io
import json
import math
import warnings

import numpy as np
import polars as pl
import pytest
from scenarios.walks import run

from backsweep.api.exports import export

pytestmark = pytest.mark.long

MISSING = "the extra `dashboards` is not installed"

KINDS = {
    "plain": ("walk_forward=null",),
    "two objectives": (
        "walk_forward=null",
        "search.objective=[{maximize: sharpe}, {minimize: max_drawdown}]",
        "search.sampler=nsga2",
    ),
    "folds": (),
    "a search for each fold": ("search.sampler=tpe", "search.trials=8", "walk_forward.test=3y"),
    "cross-validation": ("walk_forward={mode: cpcv, groups: 3, test_groups: 1}",),
    "holdout": ("walk_forward.holdout=2y",),
}


@pytest.fixture(scope="module", params=KINDS)
def study(request, tmp_path_factory):
    return run(tmp_path_factory.mktemp("kind"), "search.constraints=['trades >= 10']", *KINDS[request.param])


def get(app, path):
    """Return what the dashboard answers to a request, its status and its content."""
    status = []
    asked = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    content = b"".join(app(asked, lambda line, *_: status.append(line)))
    return status[0], json.loads(content)


@pytest.mark.filterwarnings("ignore")
def test_optunas_dashboard_shows_every_trial(study, tmp_path):
    optuna_dashboard = pytest.importorskip("optuna_dashboard", reason=MISSING)
    from optuna_dashboard._storage_url import get_storage  # noqa: PLC0415 - optional, and what its command opens

    path = export(study, "optuna", tmp_path / "study.journal")
    app = optuna_dashboard.wsgi(get_storage(str(path)))
    status, listed = get(app, "/api/studies")
    assert status == "200 OK"
    (summary,) = listed["study_summaries"]
    assert summary["study_name"] == study.sweep.study
    goals = study.sweep.search.objective
    assert summary["directions"] == ["maximize" if goal.maximize else "minimize" for goal in goals]
    status, detail = get(app, f"/api/studies/{summary['study_id']}")
    assert status == "200 OK"
    columns = ["value"] if len(goals) == 1 else [f"values_{goal.metric}" for goal in goals]
    names = [name for name in study.trials.columns if name.startswith("params_")]
    assert len(detail["trials"]) == len(study.trials)
    for shown, row in zip(detail["trials"], study.trials.iter_rows(named=True), strict=True):
        assert shown["number"] == row["number"]
        values = [row[name] for name in columns]
        assert (shown["state"] == "Complete") == (None not in values)
        if None not in values:
            assert shown["values"] == values
        params = {param["name"]: float(param["param_internal_value"]) for param in shown["params"]}
        assert params.keys() == {name.removeprefix("params_") for name in names}
        for name in ("params_entry", "params_stop_multiple"):
            assert params[name.removeprefix("params_")] == row[name]
    status, importances = get(app, f"/api/studies/{summary['study_id']}/param_importances")
    assert status == "200 OK"
    assert len(importances["param_importances"]) == len(goals)


def test_quantstats_finds_the_figures_of_the_record(study, tmp_path):
    pytest.importorskip("quantstats", reason=MISSING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # QuantStats' own
        import pandas as pd  # noqa: PLC0415 - as QuantStats
        import quantstats as qs  # noqa: PLC0415 - optional

        file = pd.read_csv(export(study, "quantstats", tmp_path / "r.csv"), index_col="date", parse_dates=True)[
            "return"
        ]
        series = study.to_quantstats()
        np.testing.assert_array_equal(file.to_numpy(), series.to_numpy())
        record = study.record["return"].to_numpy()
        assert len(series) == len(record) > 500
        per_year = study.sweep.sessions_per_year
        sharpe, drawdown = qs.stats.sharpe(series, periods=per_year), qs.stats.max_drawdown(series)
        table = qs.reports.metrics(series, mode="full", display=False, periods_per_year=int(per_year))
    total = float(np.prod(1.0 + record))
    assert sharpe == pytest.approx(record.mean() / record.std(ddof=1) * math.sqrt(per_year))
    equity = np.cumprod(np.append(1.0, 1.0 + record))
    assert drawdown == pytest.approx(float((equity / np.maximum.accumulate(equity)).min()) - 1.0)
    assert pl.Series(table.index).str.contains("Sharpe").any()
    assert qs.stats.comp(series) == pytest.approx(total - 1.0)
