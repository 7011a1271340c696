from pathlib import Path

from backsweep.dataset import DataSpec
from backsweep.runtime.working_dir import relocate
from backsweep.sweepfile.trial import TrialSpec


def test_paths_below_the_working_directory_move_and_others_stay():
    data = DataSpec(
        bars="/a/job/data/bars",
        actions="/a/job/data/actions",
        signals="/a/jobs/signals.parquet",
        context="s3://prices/vix.parquet",
    )
    spec = TrialSpec(data=data, strategy="/a/job/strategy/toy.py:Toy")
    moved = relocate(spec, Path("/a/job"), Path("/b/ray/pkg"))
    assert moved.data.bars == "/b/ray/pkg/data/bars"
    assert moved.data.actions == "/b/ray/pkg/data/actions"
    assert moved.data.signals == "/a/jobs/signals.parquet"
    assert moved.data.context == "s3://prices/vix.parquet"
    assert moved.strategy == "/b/ray/pkg/strategy/toy.py:Toy"


def test_a_module_is_not_a_path():
    spec = TrialSpec(data=DataSpec(bars="/a/job/bars"), strategy="alphas.toy:Toy")
    assert relocate(spec, Path("/a/job"), Path("/b")).strategy == "alphas.toy:Toy"


def test_the_cost_models_of_a_job_move_with_it():
    costs = {"commission": {"kind": "custom", "model": "/a/job/models/0/costs.py:Model", "rate": 0.5, "times": 2.0}}
    spec = TrialSpec(data=DataSpec(bars="/a/job/bars"), strategy="alphas.toy:Toy", costs=costs)
    moved = relocate(spec, Path("/a/job"), Path("/b")).costs.commission
    assert (moved.model, moved.params, moved.times) == ("/b/models/0/costs.py:Model", {"rate": 0.5}, 2.0)
