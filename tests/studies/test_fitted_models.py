"""A model trained for each fold leaves the same study wherever it is trained."""

from pathlib import Path

import pytest

import backsweep as bs

SWEEP = Path(__file__).parents[2] / "sweeps" / "fitted_returns.yaml"
QUICK = ("search.trials=24", "search.batch=8", "runtime.workers=1")

pytestmark = pytest.mark.long


def test_two_ray_workers_an_inline_run_and_one_that_goes_on_give_the_same_study(tmp_path):
    inline = bs.run(SWEEP, out=tmp_path / "inline", overrides=QUICK)
    spread = bs.run(SWEEP, out=tmp_path / "ray", overrides=(*QUICK, "runtime.workers=2", "runtime.backend=ray"))
    bs.run(SWEEP, out=tmp_path / "later", overrides=(*QUICK, "search.trials=8"))
    resumed = bs.run(SWEEP, out=tmp_path / "later", overrides=QUICK)
    assert inline.trials["user_attrs_trades"].min() > 0
    assert inline.digest() == spread.digest() == resumed.digest()
    assert inline.walk_forward.equity.equals(spread.walk_forward.equity)
