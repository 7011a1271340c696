"""The same backtests by other engines, side by side with this one: see `peers.__main__`."""

import os

# Before any engine is imported: each runs on one core, and none asks an index for its newest version.
os.environ |= dict.fromkeys(("RAYON_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "OMP_NUM_THREADS"), "1")
os.environ["RAPTORBT_NO_VERSION_CHECK"] = "1"
