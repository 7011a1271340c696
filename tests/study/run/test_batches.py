from backsweep.study.run.batches import Batches
from backsweep.study.search.batch_sizes import BatchSizes
from backsweep.study.search.in_turns import Searches


def test_batches_are_fixed_ranges_of_numbers():
    batches = Batches(BatchSizes(16), lag=2, total=70)
    assert batches.count == 5
    assert list(batches.numbers(4)) == list(range(64, 70))
    assert [batches.known(batch) for batch in range(4)] == [0, 0, 1, 2]
    assert batches.of(63) == 3
    assert [batches.begun(trials) for trials in (0, 1, 16, 17)] == [0, 1, 1, 2]


def test_a_batch_has_one_fold_only_where_every_fold_has_trials_of_its_own():
    assert Batches(BatchSizes(16), lag=2, total=70).fold(3) is None
    batches = Batches(BatchSizes(16, searches=3), 6, 96, Searches(folds=3))
    assert [batches.fold(batch) for batch in range(4)] == [0, 1, 2, 0]


def test_the_groups_of_a_fold_take_turns_before_those_of_the_next():
    batches = Batches(BatchSizes(16, searches=6), 12, 192, Searches(folds=3, groups=("a", "b")))
    assert [(batches.fold(batch), batches.group(batch)) for batch in range(7)] == [
        (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (0, 0),
    ]  # fmt: skip
