"""Trials side by side: each is what it is alone, bit for bit, whoever has the turns between its own."""

import numpy as np
import pytest
from numba import config
from scenarios.restless import Restless, market, panel, rules
from scenarios.scripted import evaluator

import backsweep as bs
from backsweep.engine.codes import LIMIT
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.pruning import PruningSpec
from backsweep.trial import runner
from backsweep.trial.contract import Chunk
from backsweep.trial.lanes import SIDE_BY_SIDE, UNBOUNDED, widen

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="interpreted trials run one by one")
NAMES = ("seed", "flat", "held", "account.leverage", "account.per_asset.A.multiplier", "costs.slippage.rate")
FOLDS = {
    "without": {},
    "flat": {"folds": FoldSpec(train="30s", test="10s"), "pruning": PruningSpec(max_drawdown=0.2, min_trades=3)},
    "continuous": {"folds": FoldSpec(mode="anchored", train="20s", test="10s", state="continuous")},
}


def trials(seed, count=21):
    generator = np.random.default_rng(seed)
    codes = np.stack([generator.integers(1, 2**30, count), *generator.integers(30, size=(2, count)) // 5.5])
    money = [generator.uniform(1.0, 4.0, count), generator.uniform(0.5, 2.0, count), generator.uniform(0, 0.002, count)]
    return np.vstack([codes, *money]).T


def evaluate(monkeypatch, window, frame, cls, values, **spec):
    """Evaluate trials that take turns of `window` bars; returns their outcome, and what ran them."""
    monkeypatch.setattr(runner, "WINDOW", window)
    built = evaluator(frame, cls, **spec)
    outcome = built.evaluate(Chunk(0, np.arange(len(values)), values))
    return outcome, built


def same(one, other):
    figures = ("metrics", "reasons", "returns", "segments", "segment_reasons")
    return {name for name in figures if getattr(one, name).tobytes() != getattr(other, name).tobytes()} == set()


def compare(monkeypatch, frame, cls, values, window=13, **spec):
    """Insist that trials leave the same alone and side by side; returns as `evaluate` does."""
    alone, _ = evaluate(monkeypatch, UNBOUNDED, frame, cls, values, **spec)
    together, built = evaluate(monkeypatch, window, frame, cls, values, **spec)
    assert same(alone, together)
    assert alone.errors == together.errors
    return together, built


def with_own_numbers(spec):
    """Return a scenario in which everything in NAMES can be swept."""
    account = {**spec["account"], "kind": "margin", "leverage": 4.0}
    account.pop("settlement", None)
    own = {**account.get("per_asset", {}).get("A", {}), "multiplier": 1.5}
    costs = {**spec["costs"], "slippage": {"kind": "percentage", "rate": 0.0005}}
    return {**spec, "account": {**account, "per_asset": {"A": own}}, "costs": costs}


@pytest.mark.parametrize("folds", FOLDS)
@pytest.mark.parametrize("make", [market, panel])
def test_trials_side_by_side_leave_what_each_leaves_alone(make, folds, monkeypatch):
    fills = 0
    for seed in range(6) if folds == "without" else range(3, 27, 4):  # every fourth has a bar a day
        frame = make(seed)
        spec = with_own_numbers(rules(np.random.default_rng(seed), frame)) | FOLDS[folds]
        outcome, built = compare(monkeypatch, frame, Restless, trials(seed), params=NAMES, **spec)
        assert not outcome.errors
        fills += built.fills
    assert fills > 1_000


@pytest.mark.long
@pytest.mark.parametrize("folds", FOLDS)
@pytest.mark.parametrize("make", [market, panel])
def test_many_trials_side_by_side_leave_what_each_leaves_alone(make, folds, monkeypatch):
    for seed in range(100, 160) if folds == "without" else range(103, 343, 4):
        frame = make(seed)
        spec = with_own_numbers(rules(np.random.default_rng(seed), frame)) | FOLDS[folds]
        compare(monkeypatch, frame, Restless, trials(seed), window=int(5 + seed % 40), params=NAMES, **spec)


def test_sleeves_side_by_side_leave_what_each_leaves_alone(monkeypatch):
    for seed in range(3):
        frame = panel(seed)
        spec = with_own_numbers(rules(np.random.default_rng(seed), frame))
        spec["account"]["mode"] = "sleeves"
        outcome, built = compare(monkeypatch, frame, Restless, trials(seed), params=NAMES, **spec)
        assert not outcome.errors
        assert built.fills > 0


class Remembers(bs.Strategy):
    """Buys an asset at every so many of its bars, as it counts them; fails at one count, and asks for too much."""

    every: int = bs.param(2, 1000, default=5)
    trouble: int = bs.param(0, 1000, default=0)
    orders: int = bs.param(0, 1, default=0)
    seen: int = bs.state(0, per_asset=True)
    upwards: bool = bs.state(False, per_asset=True)
    total: float = bs.state(1.0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for index in range(data.count):
            bar = data[index]
            self.seen[bar.asset] += 1
            self.total *= 0.999
            if self.seen[bar.asset] == self.trouble:
                raise ValueError("the count is reached")
            if self.seen[bar.asset] % self.every == 0:
                self.upwards[bar.asset] = not self.upwards[bar.asset]
                broker.order_target_quantity(bar.asset, 10.0 * self.total if self.upwards[bar.asset] else 0.0)
            elif self.orders == 1:
                broker.submit_order(bar.asset, 1.0, LIMIT, 0.01)


def test_variables_stay_with_their_trial(monkeypatch):
    values = np.arange(2.0, 40.0)[:, None]
    for make in (market, panel):
        outcome, built = compare(monkeypatch, make(3), Remembers, values, params=("every",))
        assert built.fills > 500
        assert len(np.unique(outcome.metrics[:, 0])) > 20


def test_a_trial_that_fails_beside_others_fails_alone(monkeypatch):
    # Numbers 5 and 6 raise at their 200th bar, 17 has more live orders than there is room for.
    values = np.zeros((40, 3))
    values[:, 0] = np.arange(2, 42)
    values[[5, 6], 1] = 200
    values[17, 2] = 1
    names = ("every", "trouble", "orders")
    outcome, built = compare(monkeypatch, market(3), Remembers, values, params=names)
    assert list(outcome.errors) == [5, 6, 17]
    assert "the count is reached" in outcome.errors[6]
    assert "live orders" in outcome.errors[17]
    healthy = np.delete(np.arange(40), [5, 6, 17])
    whole, well = evaluate(monkeypatch, 13, market(3), Remembers, values[healthy], params=names)
    assert outcome.metrics[healthy].tobytes() == whole.metrics.tobytes()
    assert built.fills == well.fills > 0
    assert np.isnan(outcome.metrics[[5, 6, 17]]).all()


class Charges(bs.CommissionModel):
    rate: float = bs.param(0.0, 2.0, default=0.01)

    def charge(self, fill, bar):  # noqa: ARG002 - the protocol
        return np.nan if self.rate > 1.0 and fill.quantity > 0.0 else self.rate * abs(fill.quantity)


class Slips(bs.SlippageModel):
    away: float = bs.param(-1.0, 1.0, default=0.01)

    def slip(self, fill, bar):  # noqa: ARG002 - the protocol
        return self.away


def test_the_model_that_fails_is_that_of_its_own_trial(monkeypatch):
    costs = {"commission": {"kind": "custom", "model": Charges}, "slippage": {"kind": "custom", "model": Slips}}
    names = ("every", "costs.commission.rate", "costs.slippage.away")
    values = np.column_stack([np.arange(2, 14), np.full(12, 0.01), np.full(12, 0.02)])
    values[3, 2], values[7, 1] = -1.0, 1.5
    outcome, _ = compare(monkeypatch, market(3), Remembers, values, params=names, costs=costs)
    assert list(outcome.errors) == [3, 7]
    assert "Slips.slip gave -1.0" in outcome.errors[3]
    assert "Charges.charge gave nan" in outcome.errors[7]


def test_lanes_have_a_bound_in_memory(monkeypatch):
    monkeypatch.setattr(runner, "WINDOW", 50)
    one = evaluator(market(1), Restless)._runner
    assert len(one._lanes.standing) == SIDE_BY_SIDE
    assert len(one._lanes.first.standing) == 1
    tables = one.tables
    tables.arrays["orders"] = np.zeros(40_000, tables.orders.dtype)  # 12 megabytes
    assert len(widen(tables, several=True)["orders"]) == 2
    assert len(widen(tables, several=False)["orders"]) == 1
