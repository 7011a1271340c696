"""How a shard is laid out for the engine, and sent to workers."""

import pickle

import numpy as np
import polars as pl

from backsweep.dataset import shard_from_frames
from backsweep.trial.market import pack


def test_finer_bars_are_sent_as_buffers_that_workers_share(market):
    later = market.with_columns(pl.col("timestamp") + pl.duration(minutes=1), open="close", high="close", low="close")
    packed = pack(shard_from_frames(market, detail=pl.concat([market, later])))
    assert packed.finer_ranges["count"].tolist() == [2] * market.height
    buffers = []
    text = pickle.dumps(packed, protocol=5, buffer_callback=buffers.append)
    assert len(text) < packed.finer_bars.nbytes
    read = pickle.loads(text, buffers=[each.raw() for each in buffers])  # noqa: S301 - written above
    for name in ("finer_bars", "finer_ranges"):
        mine, theirs = getattr(packed, name), getattr(read, name)
        assert np.shares_memory(mine, theirs)
        assert mine.dtype == theirs.dtype
    assert pack(shard_from_frames(market)).finer_bars is None
