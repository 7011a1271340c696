from backsweep.study.run.batches import Batches
from backsweep.study.search.batch_sizes import BatchSizes


def test_batches_are_fixed_ranges_of_numbers():
    batches = Batches(BatchSizes(16), lag=2, total=70)
    assert batches.count == 5
    assert list(batches.numbers(4)) == list(range(64, 70))
    assert [batches.known(batch) for batch in range(4)] == [0, 0, 1, 2]
    assert batches.of(63) == 3
    assert [batches.begun(trials) for trials in (0, 1, 16, 17)] == [0, 1, 1, 2]


def test_a_batch_has_one_fold_only_where_every_fold_has_trials_of_its_own():
    assert Batches(BatchSizes(16), lag=2, total=70).fold(3) is None
    assert [Batches(BatchSizes(16, folds=3), 6, 96, by_fold=True).fold(batch) for batch in range(4)] == [0, 1, 2, 0]
