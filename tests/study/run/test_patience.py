import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from backsweep.study.results.study import open_study
from backsweep.study.results.watch import Watch
from backsweep.study.run.batches import Batches
from backsweep.study.run.patience import Patience
from backsweep.study.search.batch_sizes import BatchSizes
from backsweep.study.search.in_turns import Searches
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.registry import describe_study
from backsweep.study.table.trials import TIMING


def end(losses, limit, batch=2, folds=1, usable=None):
    losses = np.array(losses, np.float64)
    losses = losses[:, None] if losses.ndim == 1 else losses
    usable = np.ones(len(losses), np.bool_) if usable is None else np.array(usable)
    found = []
    for size in (1, 3, len(losses)):  # in pieces of any size
        patience = Patience(limit, Batches(BatchSizes(batch, searches=folds), 1, len(losses), Searches(folds)))
        for begin in range(0, len(losses), size):
            patience.add(losses[begin : begin + size], usable[begin : begin + size])
        found.append(patience.end)
    assert len(set(found)) == 1
    return found[0]


def test_the_end_is_that_of_the_batch_in_which_patience_is_over():
    """The best is number 1; three more are in by number 4, in the batch of numbers 4 and 5."""
    assert end([3, 1, 2, 2, 2, 0, 0, 0], 3) is None  # number 5 is in time
    assert end([3, 1, 2, 2, 2, 2, 0, 0], 3) == 6
    assert end([3, 1, 2, 2, 2, 2, 0, 0], 4) == 6
    assert end([3, 1, 2, 2, 2, 2, 0, 0], 5) is None
    assert end([3, 1, 2, 2, 2, 2, 0, 0], None) is None


def test_an_equal_trial_is_not_better_and_one_that_cannot_be_the_best_does_not_count():
    assert end([1, 1, 1, 1], 3) == 4
    assert end([2, 2, 2, 1], 3) is None
    assert end([2, 2, 2, 1], 3, usable=[True, True, True, False]) == 4
    assert end([np.nan] * 4, 4, usable=[False] * 4) == 4


def test_with_several_objectives_a_trial_that_no_other_beats_is_better():
    """The last one is beaten by the first: (1, 4) is nowhere better than (1, 3)."""
    assert end([[1, 3], [3, 1], [2, 2], [1, 4]], 2, batch=1) is None
    assert end([[1, 3], [3, 1], [1, 4], [3, 1]], 2, batch=1) == 4
    assert end([[1, 3], [3, 1], [0, 0], [1, 1], [9, -1]], 2, batch=1) is None


def test_folds_that_search_by_themselves_end_together_once_each_has_waited():
    """Batches of two take turns: numbers 0, 1 are fold 0's, 2, 3 fold 1's; fold 1 finds its best in its second."""
    assert end([1, 2, 5, 5, 2, 2, 4, 5, 2, 2, 5, 5], 2, folds=2) == 12
    assert end([1, 2, 5, 5, 2, 2, 5, 5, 0, 0, 0, 0], 2, folds=2) == 8


@pytest.fixture
def impatient(bench):
    """The formula's study with a patience of 40: it has 16 trials in a batch, and ends long before 400."""
    sweep = bench.sweep(sampler="tpe", batch=16, trials=400, patience=40)
    summary = bench.run("study", sweep)
    return sweep, summary, open_study(bench.folder / "study")


def test_a_study_ends_without_a_better_trial_and_says_so(bench, impatient):
    sweep, summary, study = impatient
    assert 40 < summary.done < 400
    assert summary.done == len(study.trials)
    assert not summary.paused
    assert study.state.finished
    assert study.state.ended == "after 40 trials without a better one (search.patience)"
    assert study.best["number"] < summary.done - 40
    again = bench.run("study", sweep)
    assert (again.done, again.resumed) == (summary.done, summary.done)
    assert Watch(bench.folder / "study", 3).look()[0].done == summary.done


def test_the_end_is_the_same_in_every_order_and_resumed_and_a_longer_patience_goes_on(bench, impatient, make_backend):
    sweep, summary, study = impatient
    bench.run("other", sweep, make_backend(order=np.random.default_rng(3), room=7, twice=True), chunk_size=5)
    assert open_study(bench.folder / "other").digest() == study.digest()
    with pytest.raises(KeyboardInterrupt):
        bench.run("cut", sweep, make_backend(interrupt_after=9), chunk_size=4)
    assert open_study(bench.folder / "cut").state.ended == ""
    bench.run("cut", sweep)
    assert open_study(bench.folder / "cut").digest() == study.digest()
    more = bench.run("study", bench.sweep(sampler="tpe", batch=16, trials=400, patience=80))
    assert more.done > summary.done
    assert describe_study(StudyFolder(bench.folder / "study")).looks == 2  # its result was there to be looked at
    bench.run("longer", bench.sweep(sampler="tpe", batch=16, trials=400, patience=80))
    assert open_study(bench.folder / "longer").digest() == open_study(bench.folder / "study").digest()


@pytest.mark.usefixtures("commit_at_once")
def test_batches_that_ran_together_are_cut_at_the_end(bench):
    """A sampler that does not learn proposes many batches at a time."""
    bench.run("alone", bench.sweep(sampler="random", trials=400, patience=30), chunk_size=16)
    bench.run("together", bench.sweep(sampler="random", trials=400, patience=30))
    alone, together = (open_study(bench.folder / name) for name in ("alone", "together"))
    assert alone.digest() == together.digest()
    assert len(alone.trials) < 400


def test_a_run_whose_time_is_over_keeps_what_is_complete_and_goes_on_where_it_was(bench, make_backend, monkeypatch):
    """Each look at this clock is a second: the run pauses inside a batch, again and again."""
    sweep = bench.sweep(sampler="tpe", trials=60)
    whole = bench.run("whole", sweep)
    assert not whole.paused
    clock = iter(range(10**9))
    monkeypatch.setattr("backsweep.study.run.driver.time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    done = [0]
    while (summary := bench.run("paused", sweep, make_backend(room=1), chunk_size=3, seconds=3.0)).paused:
        state = open_study(bench.folder / "paused").state
        assert (summary.done, state.finished) == (state.done, False)
        done.append(summary.done)
    assert len(done) > 5
    assert any(count % 8 for count in done)
    assert all(after > before for before, after in itertools.pairwise(done))
    rows = [open_study(bench.folder / name).trials.drop(TIMING) for name in ("whole", "paused")]
    assert rows[0].equals(rows[1])
