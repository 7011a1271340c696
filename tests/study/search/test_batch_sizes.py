import numpy as np
import pytest

from backsweep.study.search.batch_sizes import BatchSizes, batch_sizes
from backsweep.sweepfile.search import SAMPLERS, Search


def test_batches_have_one_size_or_grow_from_8_to_it():
    """A batch of 64 would be a sixteenth of 1,024 trials before it; 16 batches of 32 begin at trial 512."""
    assert [BatchSizes(64).start(batch) for batch in (0, 1, 100)] == [0, 64, 6400]
    sizes = BatchSizes(64, share=16)
    assert [sizes.start(batch) for batch in (0, 1, 31, 32, 33, 48, 64, 65)] == [0, 8, 248, 256, 272, 512, 1024, 1088]
    assert [sizes.size(batch) for batch in (0, 31, 32, 47, 48, 63, 64, 10**9)] == [8, 8, 16, 16, 32, 32, 64, 64]
    assert sizes.of(np.array([0, 7, 8, 255, 256, 1023, 1024, 1087, 1088])).tolist() == [0, 0, 1, 31, 32, 63, 64, 64, 65]


@pytest.mark.parametrize("largest", [1, 5, 8, 12, 64, 100, 4096])
@pytest.mark.parametrize(("folds", "share"), [(1, 16), (3, 16), (1, 32)])
def test_the_size_of_a_batch_follows_from_the_trials_before_it_in_its_fold(largest, folds, share):
    """Counted through batch by batch."""
    sizes, starts, before = BatchSizes(largest, share=share, searches=folds), [], 0
    while before < 70_000:
        most = before // share  # and then rounded down to a power of two
        size = min(largest, max(8, 1 << most.bit_length() - 1 if most else 0))
        starts += [before * folds + fold * size for fold in range(folds)]
        before += size
    kept = range(0, len(starts), max(1, len(starts) // 500))
    assert [sizes.start(batch) for batch in kept] == [starts[batch] for batch in kept]
    numbers = np.arange(before * folds)
    assert np.array_equal(sizes.of(numbers), np.searchsorted(starts, numbers, side="right") - 1)


def test_batches_grow_with_a_sampler_that_says_so_since_its_second_version():
    """CMA-ES has a generation in each batch, and a sampler without a memory gains nothing."""
    first = {name: batch_sizes(Search(sampler=name), known.version).size(0) for name, known in SAMPLERS.items()}
    assert first == dict.fromkeys(SAMPLERS, 64) | {"auto": 8, "tpe": 8}
    assert batch_sizes(Search(sampler="tpe"), 1).size(0) == 64
    assert batch_sizes(Search(sampler="tpe"), 2).start(48) == 512
    assert batch_sizes(Search(sampler="auto"), 3).start(96) == 1024
    assert batch_sizes(Search(sampler="auto"), 2) == batch_sizes(Search(sampler="tpe"), 2)
    assert batch_sizes(Search(sampler="optuna.samplers:TPESampler"), 1).size(0) == 64
