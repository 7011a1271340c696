"""Runs that end early: when, what is left of them, and that nobody else notices."""

import numpy as np
from scenarios.scripted import bars, evaluator

from backsweep.dataset import shard_from_frames
from backsweep.metrics.reasons import REASONS
from backsweep.metrics.summary import METRICS
from backsweep.strategy import Strategy, param
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.pruning import PruningSpec
from backsweep.trial.contract import Chunk, DataInfo
from backsweep.trial.evaluator import Figures
from backsweep.trial.fold_runner import FoldRunner
from backsweep.trial.market import pack
from backsweep.trial.runner import Runner, Settings
from backsweep.trial.segment_plan import plan_segments
from backsweep.trial.summaries import new_metrics

PRICES = (100, 100, 90, 80, 95, 60, 70, 80, 90, 100)
FALLING = bars(*[(price,) * 4 for price in PRICES])
UNITS = np.array([[0.0], [20.0], [50.0], [100.0]])


class Held(Strategy):
    """Buys so many units on its first bar and keeps them."""

    units: float = param(0.0, 200.0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            if self.units > 0.0 and broker.get_position(data[i].asset).quantity == 0.0:
                broker.submit_order(data[i].asset, self.units)


def run(pruning=None, values=UNITS, market=FALLING, cls=Held, **options):
    engine = evaluator(
        market, cls, params=("units",), pruning=None if pruning is None else PruningSpec(**pruning), **options
    )
    outcome = engine.evaluate(Chunk(0, np.arange(len(values)), values))
    assert not outcome.errors
    return outcome


def of(outcome, name):
    return outcome.metrics[:, METRICS.index(name)]


def reasons(outcome, name="sharpe"):
    return [REASONS[code] for code in outcome.reasons[:, METRICS.index(name)]]


def test_a_run_ends_at_the_session_whose_end_is_too_far_below_the_peak():
    outcome = run({"max_drawdown": 0.1})
    # 10,000, bought at 100: 50 units lose 5 % at 90, 10 % at 80, which is the limit itself, and 20 % at 60; 100 units
    # lose 10 % at 90 and 20 % at 80
    assert of(outcome, "sessions").tolist() == [10.0, 10.0, 6.0, 4.0]
    assert reasons(outcome, "cagr") == ["", "", *["pruned: the drawdown passed its limit"] * 2]
    assert np.isnan(of(outcome, "total_return")[2:]).all()
    assert np.isnan(outcome.returns[2:]).all()


def test_a_run_that_is_not_pruned_is_the_same_to_the_bit():
    pruned, whole = run({"max_drawdown": 0.1}), run()
    assert pruned.metrics[:2].tobytes() == whole.metrics[:2].tobytes()
    assert pruned.returns[:2].tobytes() == whole.returns[:2].tobytes()
    assert run({"max_drawdown": 1.0}).metrics.tobytes() == whole.metrics.tobytes()


def test_exactly_the_runs_that_break_the_same_bound_are_pruned(market, averages):
    windows = np.arange(2.0, 21.0)[:, None]
    chunk = Chunk(0, np.arange(19), windows)
    depths = of(evaluator(market, averages, params=("window",)).evaluate(chunk), "max_drawdown")
    limit = float(np.median(depths))  # that of a trial, which just holds it
    pruned = evaluator(market, averages, params=("window",), pruning=PruningSpec(max_drawdown=limit)).evaluate(chunk)
    assert 0 < (depths > limit).sum() < 19
    assert np.array_equal(np.isnan(of(pruned, "total_return")), depths > limit)


def test_too_few_trades_by_the_checkpoint_end_a_run():
    outcome = run({"min_trades": 1, "checkpoint": 0.35})
    assert of(outcome, "sessions").tolist() == [4.0] * 4
    assert set(reasons(outcome)) == {"pruned: too few trades by the checkpoint"}


def test_ruin_ends_a_run():
    ruin = bars(*[(price,) * 4 for price in (100, 100, 40, 100, 100)])
    account = {"cash": 10_000.0, "kind": "margin", "leverage": 2.0}
    outcome = run({}, np.array([[190.0]]), ruin, account=account)
    assert of(outcome, "sessions").tolist() == [3.0]
    assert reasons(outcome) == ["pruned: equity fell to zero or below"]


def test_the_training_of_one_fold_ends_early_without_a_word_to_the_others():
    folds = FoldSpec(train="3s", test="2s", purge="0s")
    pruned, whole = (run(each, folds=folds) for each in ({"max_drawdown": 0.05}, None))
    places = [f"{s.name} {s.fold}" for s in evaluator(FALLING, Held, params=("units",), folds=folds).info.segments]
    ended = pruned.segment_reasons[3].max(axis=1)
    for place, name in enumerate(places):
        mine, theirs = (each.segments[3, place].tobytes() for each in (pruned, whole))
        assert (mine == theirs) == (ended[place] < REASONS.index("pruned: the drawdown passed its limit")), name
        if name.startswith("test") and REASONS[ended[place - 1]].startswith("pruned"):
            assert REASONS[ended[place]] == "pruned: so was the training before this test"
    assert any(REASONS[code].startswith("pruned") for code in ended)
    assert not all(REASONS[code].startswith("pruned") for code in ended)


def test_the_order_of_the_trials_changes_nothing():
    straight, turned = run({"max_drawdown": 0.1}), run({"max_drawdown": 0.1}, UNITS[::-1])
    assert straight.metrics.tobytes() == turned.metrics[::-1].tobytes()
    assert straight.reasons.tobytes() == turned.reasons[::-1].tobytes()


def test_compiled_and_interpreted_watch_alike():
    ended = []
    market = pack(shard_from_frames(FALLING))
    plan = plan_segments(DataInfo(market.sessions.ends), flat=False)
    for compiled in (True, False):
        runner = Runner(market, Held, Settings(), params=("units",), compiled=compiled)
        figures = Figures(*(each[:, None] for each in new_metrics(1)), np.full((1, len(PRICES)), np.nan, np.float32))
        pruning = PruningSpec(max_drawdown=0.001)
        assert FoldRunner(runner, plan, pruning=pruning).run(np.array([[100.0]]), figures) == {}
        ended.append((figures.metrics[0, 0, METRICS.index("sessions")], figures.reasons.tolist()))
        assert np.isnan(figures.returns).all()
    assert ended[0] == ended[1]
