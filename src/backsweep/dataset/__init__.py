"""Market data: lazy scans of Parquet, Arrow IPC and CSV, their checks, and the shards that trials run on."""

from backsweep.dataset.fingerprint import fingerprint, sealed
from backsweep.dataset.shards import Shard, load, shard_from_frames
from backsweep.sweepfile.data import DataSpec

__all__ = ["DataSpec", "Shard", "fingerprint", "load", "sealed", "shard_from_frames"]
