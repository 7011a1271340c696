"""A loop that was kept on disk leaves the bits of one that is compiled, and of no other strategy."""

import sys

import numpy as np
import pytest
from numba import config
from scenarios.scripted import assert_same_bits, bars

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.engine.compile import store
from backsweep.strategy import bind, load_strategy
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.chunk_loop import chunk_loop
from backsweep.trial.evaluate import SharedEvaluator

SOURCE = """
import backsweep as bs

BELOW = 0.0

class Reverting(bs.Strategy):
    share: float = bs.param(0.0, 1.0, default=0.5)

    def on_data(self, timestamp, data, context, broker):
        for i in range(data.count):
            if data[i].close < data[i].open - BELOW:
                broker.order_target_percent(i, self.share)
            else:
                broker.close_position(i)
"""


@pytest.mark.slow
@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_a_kept_loop_leaves_the_same_bits_and_a_changed_source_is_compiled(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the two sources may be of one second
    path = tmp_path / "reverting.py"
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.02, 200)))
    opens = np.append(100.0, close[:-1])
    frame = bars(*zip(opens, np.maximum(opens, close), np.minimum(opens, close), close, strict=True))
    shard = shard_from_frames(frame)

    def play(source):
        path.write_text(source)
        for name in [name for name in sys.modules if name.startswith("backsweep_user_reverting")]:
            del sys.modules[name]
        cls = load_strategy(f"{path}:Reverting")
        spec = TrialSpec(data=DataSpec(bars="none.parquet"), strategy=f"{path}:Reverting", account={"kind": "margin"})
        evaluator = SharedEvaluator(spec, shard, cls)
        result, plain = (evaluator.replay(np.empty(0), compiled=compiled) for compiled in (True, False))
        assert_same_bits(result, plain)
        kept = chunk_loop(bind(cls), compiled=True).overloads.values()
        return result, sum(overload.metadata is None for overload in kept)

    first, hits = play(SOURCE)
    assert first.fills.height > 50
    assert hits == 0
    again, hits = play(SOURCE)
    assert_same_bits(first, again)
    assert hits == 1
    other, hits = play(SOURCE.replace("BELOW = 0.0", "BELOW = 2.0"))
    assert other.fills.height < first.fills.height
    assert hits == 0
