import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from backsweep.errors import BacksweepError, BadData, BadInput
from backsweep.metrics import METRICS
from backsweep.runtime import inline, make_backend
from backsweep.runtime.evaluators import failed_outcome
from backsweep.runtime.inline import InlineBackend
from backsweep.sweepfile.data import DataSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk, DataInfo


def spec(strategy="good:Strategy"):
    return TrialSpec(data=DataSpec(bars="/nowhere.parquet"), strategy=strategy, params=("a",))


def test_a_chunk_is_evaluated_in_wait(fake, tmp_path):
    backend = InlineBackend(fake(str(tmp_path)))
    assert backend.start(spec()).assets == ("A", "B")
    assert backend.wait(0.1) == []
    assert backend.capacity() == 1
    backend.submit(Chunk(3, np.array([7, 8]), np.array([[1.5], [-1.0]])))
    assert backend.capacity() == 0
    (outcome,) = backend.wait(0.1)
    assert outcome.batch == 3
    assert outcome.metrics[:, 0].tolist() == [1.5, -1.0]
    assert outcome.errors == {8: "negative"}
    assert backend.wait(0.1) == []
    backend.close()
    backend.close()


def test_bad_data_is_raised_by_start(fake, tmp_path):
    with pytest.raises(BadData, match="prices are not positive"):
        InlineBackend(fake(str(tmp_path))).start(spec("bad:Data"))


def test_an_inline_backend_never_imports_ray():
    code = "import sys; from backsweep.runtime import make_backend as f; f('inline'); sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own code


@pytest.mark.parametrize(("name", "workers"), [("dask", 1), ("ray", 0), ("inline", -1)])
def test_an_unknown_backend_or_too_few_workers_is_bad_input(name, workers):
    with pytest.raises(BadInput, match=r"runtime\."):
        make_backend(name, workers)


def _slow(_spec):
    """Stand in for an evaluator: a trial takes as many seconds as its value."""

    class Slow:
        info = DataInfo(sessions=np.arange(5, dtype=np.int64), assets=("A",))

        def evaluate(self, chunk):
            time.sleep(chunk.values.sum())
            outcome = failed_outcome(chunk, self.info, "")
            return replace(outcome, errors={}, metrics=np.repeat(chunk.values, len(METRICS), axis=1))

    return Slow()


def test_a_trial_that_takes_too_long_fails_and_the_others_of_its_chunk_do_not(caplog):
    backend = InlineBackend(_slow, trial_timeout=0.3)
    backend.start(spec())
    backend.submit(Chunk(1, np.array([4, 5, 6]), np.array([[0.0], [30.0], [0.01]])))
    outcomes = [outcome for _ in range(6) for outcome in backend.wait(0.1)]
    assert [outcome.numbers.tolist() for outcome in outcomes] == [[4], [5], [6]]
    assert [outcome.errors for outcome in outcomes] == [
        {},
        {5: "it took longer than 0.3 s; runtime.trial_timeout allows more (3 times)"},
        {},
    ]
    assert outcomes[2].metrics[0, 0] == 0.01
    assert caplog.messages == ["a chunk took longer than 0.3 s; its 3 trials run again by themselves"]
    assert backend.capacity() == 1


def test_a_run_of_trials_that_never_end_is_ended(monkeypatch):
    monkeypatch.setattr(inline, "MOST_LEFT", 4)
    backend = InlineBackend(_slow, trial_timeout=0.05)
    backend.start(spec())
    backend.submit(Chunk(1, np.array([4, 5]), np.array([[30.0], [30.0]])))
    assert [len(backend.wait(0.1)) for _ in range(4)] == [0, 0, 0, 1]
    with pytest.raises(BacksweepError, match="too many trials have not ended"):
        backend.wait(0.1)


def test_a_trial_that_is_slow_once_because_it_had_to_compile_does_not_fail():
    seconds = [0.6]

    def slow_once(_spec):
        evaluator = _slow(_spec)
        plain = evaluator.evaluate

        def evaluate(chunk):
            time.sleep(seconds.pop() if seconds else 0.0)
            return plain(chunk)

        evaluator.evaluate = evaluate
        return evaluator

    backend = InlineBackend(slow_once, trial_timeout=0.3)
    backend.start(spec())
    backend.submit(Chunk(1, np.array([4]), np.array([[0.0]])))
    assert backend.wait(0.1) == []
    assert [outcome.errors for outcome in backend.wait(0.1)] == [{}]
