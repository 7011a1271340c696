from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from backsweep.errors import BadInput, StudyConflict
from backsweep.metrics.summary import METRICS, REASONS
from backsweep.storage.sealed import sealed
from backsweep.study.results.study import open_study


@pytest.fixture
def study(bench):
    bench.run("study", bench.sweep())
    return open_study(bench.folder / "study")


def test_some_trials_rows_are_read_from_their_files_alone(bench):
    bench.run("study", bench.sweep(), chunk_size=16)
    whole = open_study(bench.folder / "study").returns
    for first in (0, 48):
        next((bench.folder / "study" / "returns").glob(f"part-{first:09d}-*")).unlink()
    study = open_study(bench.folder / "study")
    assert study.rows("returns", [33, 17, 40]).equals(whole.filter(whole["number"].is_in([17, 33, 40])))
    assert study.rows("trials", []).height == 0
    with pytest.raises(StudyConflict, match="part-000000048"):
        study.rows("returns", [50])


def test_the_table_has_optuna_s_column_names_and_ours(study):
    names = study.trials.columns
    assert names[:4] == ["number", "batch", "state", "value"]
    assert [name for name in names if name.startswith("params_")] == [
        "params_entry",
        "params_stop",
        "params_window",
        "params_long_only",
        "params_costs.slippage.rate",
    ]
    assert [name for name in names if name.startswith("user_attrs_")] == [f"user_attrs_{name}" for name in METRICS]
    assert names[-7:] == [
        "constraints_max_drawdown",
        "constraints_trades",
        "error",
        "system_attrs",
        "datetime_start",
        "datetime_complete",
        "duration",
    ]
    kinds = study.trials.schema
    assert (kinds["params_window"], kinds["params_long_only"], kinds["params_stop"]) == (
        pl.Int64,
        pl.Boolean,
        pl.Float64,
    )


def test_undefined_is_null_with_its_reason_and_never_nan(study):
    undefined = study.trials.filter((pl.col("state") == "COMPLETE") & pl.col("value").is_null())
    assert len(undefined) > 0
    for text in undefined["system_attrs"]:
        assert json.loads(text)["undefined"]["sharpe"] == REASONS[1]
    floats = study.trials.select(pl.col(pl.Float64))
    assert not any(column.is_nan().any() for column in floats)


def test_a_failed_trial_has_its_error_and_nothing_else(study):
    failed = study.trials.filter(pl.col("state") == "FAIL")
    assert len(failed) > 0
    assert set(failed["error"]) == {"window too long"}
    assert failed.select(pl.col("^user_attrs_.*$", "value")).null_count().sum_horizontal()[0] == len(failed) * (
        len(METRICS) + 1
    )
    assert study.returns.filter(pl.col("number").is_in(failed["number"].to_list()))["returns"].null_count() == len(
        failed
    )


def test_returns_are_one_list_per_trial_beside_the_sessions(study):
    assert study.returns["number"].to_list() == list(range(100))
    assert study.returns.schema["returns"] == pl.List(pl.Float32)
    assert set(study.returns["returns"].drop_nulls().list.len()) == {len(study.sessions)}
    assert study.folds.is_empty()


def test_constraints_are_at_most_zero_where_they_hold(study):
    rows = study.trials.filter(pl.col("state") == "COMPLETE")
    assert np.allclose(rows["constraints_max_drawdown"], rows["user_attrs_max_drawdown"] - 0.35)
    assert np.allclose(rows["constraints_trades"], 3 - rows["user_attrs_trades"])


def test_the_best_trial_is_feasible_and_comes_first(study):
    best = study.best
    assert set(best) == {"number", "value", "params", "metrics"}
    assert best["metrics"]["max_drawdown"] <= 0.35
    assert best["metrics"]["trades"] >= 3
    assert isinstance(best["params"]["window"], int)
    top = study.top(100)
    assert top["number"][0] == best["number"]
    assert top["state"][-1] == "FAIL"
    assert study.describe(best["number"]) == best
    with pytest.raises(BadInput, match="no such trial"):
        study.describe(100)


def test_a_study_without_a_feasible_trial_has_no_best(bench):
    bench.run("study", bench.sweep(constraints="['max_drawdown <= 0.0']", trials=16))
    assert open_study(bench.folder / "study").best is None


def test_the_state_and_the_sweep_can_be_read_back(bench, study):
    state = study.state
    assert (state.study, state.done, state.total, state.batches) == ("formula", 100, 100, 7)
    assert state.failed == (study.trials["state"] == "FAIL").sum()
    assert len(state.hash) == 64
    assert study.sweep.model_dump() == bench.sweep().with_sessions_per_year(252.0).model_dump()
    content = json.loads((study.path / "study.json").read_text())
    assert content["hash"] == state.hash
    assert {"numpy", "polars", "python"} <= set(content["versions"])


def test_the_hash_does_not_depend_on_where_the_files_lie(bench, study, tmp_path_factory):
    other = type(bench)(tmp_path_factory.mktemp("elsewhere"))
    other.run("study", other.sweep())
    assert open_study(other.folder / "study").state.hash == study.state.hash


def test_a_study_json_of_something_else_is_named(tmp_path):
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(StudyConflict, match=r"study\.json: the file is not what was written"):
        _ = open_study(tmp_path).identity
    (tmp_path / "study.json").write_bytes(sealed({"x": 1}))
    with pytest.raises(StudyConflict, match=r"study\.json: missing field `study`"):
        _ = open_study(tmp_path).identity


def test_the_total_is_what_the_last_run_was_to_reach(bench, make_backend):
    bench.run("study", bench.sweep(trials=32))
    with pytest.raises(KeyboardInterrupt):
        bench.run("study", bench.sweep(trials=96), make_backend(interrupt_after=12), chunk_size=4)
    state = open_study(bench.folder / "study").state
    assert 32 < state.done < 96 == state.total
    bench.run("study", bench.sweep(trials=16))
    assert open_study(bench.folder / "study").state.total == 96


def test_the_search_space_is_recorded_and_an_older_study_spans_its_trials(study, bench):
    declared = bench.space(bench.sweep())
    assert study.space == declared
    raw = json.loads((study.path / "study.json").read_text())
    del raw["space"]
    (study.path / "study.json").write_bytes(sealed({key: value for key, value in raw.items() if key != "sha256"}))
    older = open_study(study.path)
    assert older.identity == study.identity
    assert older.space.names == declared.names
    entry, window = older.space.dimensions[0], older.space.dimensions[2]
    assert (entry.low, entry.high) == (older.trials["params_entry"].min(), older.trials["params_entry"].max())
    assert window.integer
    assert older.space.dimensions[3].choices == (False, True)


def test_importances_are_shares_of_what_parts_the_best_trials(study):
    shares = study.importances
    assert sum(shares.values()) == pytest.approx(1.0)
    assert set(shares) == set(study.space.names)
    assert next(iter(shares)) in {"entry", "window", "stop"}


def test_trials_with_the_parameters_of_an_earlier_one_are_counted(bench):
    few = "{entry: {choices: [1.0, 2.0]}, stop: {choices: [2.0]}, window: {choices: [10]}"
    few += ", costs.slippage.rate: {choices: [0.0, 0.0002]}}"  # with long_only 8 combinations for 20 trials
    bench.run("study", bench.sweep(trials=20, params=few))
    study = open_study(bench.folder / "study")
    distinct = study.trials.select("^params_.*$").n_unique()
    assert study.state.duplicates == 20 - distinct >= 12
