import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backsweep.strategies.fitted_returns import FittedReturns
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.evaluate import SharedEvaluator

FOLDS = FoldSpec(train="4y", test="1y", purge="5d")
PAGE = Path(__file__).parents[2] / "docs" / "fitted-models.md"


def folds_of(cls, shard, **fixed):
    account = AccountSpec(kind="margin", leverage=2.0)
    spec = TrialSpec(data={"bars": "memory"}, strategy="in:Memory", account=account, fixed=fixed, folds=FOLDS)
    return SharedEvaluator(spec, shard, cls)


def test_without_a_penalty_the_model_is_least_squares():
    """Against numpy's own solver, up to the scale that gives the forecasts deviation 1."""
    returns = np.random.default_rng(2).normal(0.0, 0.01, 400)
    frame = pl.DataFrame({"asset": "A", "close": np.exp(np.cumsum(returns))})
    close = np.log(frame["close"].to_numpy())
    model = FittedReturns(horizon=1, penalty=1e-9).fit(frame)
    rows = np.arange(21, 399)
    x = np.column_stack([np.ones(len(rows)), *(close[rows] - close[rows - lag] for lag in (1, 2, 5, 10, 21))])
    expected = np.linalg.lstsq(x, close[rows + 1] - close[rows], rcond=None)[0]
    np.testing.assert_allclose(model, expected / (x @ expected).std(), rtol=1e-6)


@pytest.mark.thorough
def test_it_trades_in_every_test_compiled_and_interpreted_the_same(shipped):
    engine = folds_of(FittedReturns, shipped, entry=0.2)
    compiled, interpreted = (engine.replay(np.zeros(0), compiled=each) for each in (True, False))
    assert compiled.fills.equals(interpreted.fills)
    assert set(compiled.trades["exit_timestamp"].dt.year()) == set(range(2004, 2014))


def test_the_boosted_model_of_the_page_trades(shipped):
    pytest.importorskip("lightgbm", reason="the extra `models` is not installed")
    place = {}
    for block in re.findall(r"(?ms)^```python\n(.*?)^```", PAGE.read_text()):
        exec(block, place)  # noqa: S102 - the page's own text
    place["Boosted"].__module__ = __name__
    result = folds_of(place["Boosted"], shipped, entry=0.0).replay(np.zeros(0), compiled=False)
    assert result.trades.height > 0
