"""The same study table, byte for byte but for the times, however it is run; `make determinism` tries every way."""

import pytest
from universe import SAMPLERS, Kept, run_universe, write_universe

from backsweep.runtime.inline import InlineBackend

WAYS = [(1, None, None), (2, 5, None), (4, 1, 3), (7, 12, 2)]
"""Shards, trials in a chunk, and after how many chunks the run is interrupted."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("universe")
    write_universe(home / "bars.parquet")
    return home


@pytest.fixture(scope="module")
def backends():
    return {shards: Kept(InlineBackend(shards=shards)) for shards, _, _ in WAYS}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_shards_chunks_and_interruptions_leave_the_same_bytes(home, backends, sampler):
    found = {
        run_universe(home, f"{sampler}-{shards}", sampler, backends[shards], chunk=chunk, interrupt_after=stop)
        for shards, chunk, stop in WAYS
    }
    assert len(found) == 1
